"""``bench stats``: second moments of keys, ahead of a run."""

from __future__ import annotations

from bench.cli import options
from bench.cli.echo import complain, echo
from bench.ground.errors import BenchError
from bench.ground.layers import layer_numbers


def stats_command(
    model: options.Model,
    layers: options.Layers,
    corpus: options.Corpus = None,
    token_budget: options.TokenBudget = None,
    dtype: options.Dtype = None,
    device: options.Device = options.DeviceChoice.auto,
    data_dir: options.DataDir = None,
    cache_dir: options.CacheDir = None,
) -> None:
    """Compute second moments of keys ahead of a run; they are kept in the cache folder."""
    from bench.cli.display import PlainDisplay
    from bench.config.settings import resolve
    from bench.data import corpora, datasets
    from bench.model import devices
    from bench.model.loading import load_editable
    from bench.model.stats import Stats
    from bench.model.threads import steady_threads
    from bench.plan import planning
    from bench.plan.texts import is_embedded, text_for, unsuited_line

    chosen = _layers(layers)
    flags = {"models": [model], "corpus": corpus, "token_budget": token_budget, "dtype": dtype}
    spec = resolve(None, None, flags)
    cache, place = cache_dir or planning.default_cache_dir(), devices.choose_device(device.value)
    corpus, token_budget = text_for(spec, model)
    if corpora.is_atlas(corpus) and not is_embedded(model):
        complain(unsuited_line(model))
    editable = load_editable(model, spec.dtype, place, cache)
    with PlainDisplay().board(1) as board:
        progress = board.cell(f"statistics of {model} on {corpus}")
        stats = Stats(
            cache,
            corpora.corpus(corpus, datasets.data_folder(data_dir)),
            token_budget,
            lambda done, budget: progress.step(done, budget, "tokens"),
        )
        with steady_threads(editable):
            moments = stats.moments(editable, chosen)
        for layer, moment in moments.items():
            echo(f"layer {layer}: {moment.count} tokens of {corpus}")


def _layers(written: str) -> list[int]:
    """Layers as ``--layers`` gives them.

    Raises:
        BenchError: they are none.
    """
    try:
        return list(dict.fromkeys(layer_numbers(written)))
    except ValueError as error:
        raise BenchError(f"--layers: {error}") from error
