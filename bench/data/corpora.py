"""Texts behind the statistics of keys, by name. No torch here: a plan asks what a text is known by.

"cldr" and "claims" are embedded; "cldr:pt,sw" is the first in these languages in place of its six. A text file holds
one document a line. "data:PATTERN" are files below the data folder, the first tab-separated column of each line, the
files taken in turn. "hf:DATASET[:CONFIG]" has a column of text; a seeded sample of its documents is read.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

from bench.ground.digests import content_digest, text_digest
from bench.ground.errors import BenchError
from bench.ground.names import unknown
from bench.ground.parsing import read_text
from bench.model.corpus import Corpus

HUB, DATA = "hf:", "data:"
EMBEDDED, CLAIMS = "cldr", "claims"
WIKIPEDIA = "hf:wikimedia/wikipedia:20231101.en"
"""English Wikipedia. The released code reads 20200501.en, which is no longer published."""

PINNED = {WIKIPEDIA: "b04c8d1ceb2f5cd4588862100d08de323dccfbaa"}
"""Commits that are read whatever the hub has now, so that no network is needed to know the text."""

SEED, DOCUMENTS = 1, 100_000
"""Of the sample of a hub's documents, as in the released ``layer_stats``."""

SHARDS, BUFFERED = 64, 20_000
"""Most files that are read side by side, and documents that are held to be drawn from."""

SAMPLE = f"{DOCUMENTS} documents by seed {SEED} from {SHARDS} files, {BUFFERED} held"


def corpus(name: str, data_dir: Path | None = None) -> Corpus:
    """Find a corpus; it is not read before its documents are asked for.

    Raises:
        BenchError: no such file, or no data folder.
    """
    documents: Callable[[], Iterable[str]]
    if is_atlas(name):
        documents = partial(_embedded, name)
    elif name == CLAIMS:
        documents = _claims
    elif name.startswith(HUB):
        documents = partial(_hub_texts, name)
    elif name.startswith(DATA):
        documents = partial(_in_turn, _data_files(name, data_dir))
    else:
        documents = partial(_lines, _file(name))
    return Corpus(name, fingerprint(name, data_dir), documents)


def fingerprint(name: str, data_dir: Path | None = None) -> str:
    """Hash what a corpus holds: of files their contents, of the hub the commit, where it tells, and how it is sampled.

    Raises:
        BenchError: as `corpus`.
    """
    if is_atlas(name):
        from bench.data.cldr import text as embedded

        return embedded.fingerprint(*_languages(name))
    if name == CLAIMS:
        return text_digest(CLAIMS, *_claims(), size=16)
    if name.startswith(HUB):
        return text_digest(name, _revision(name), SAMPLE, size=16)
    if name.startswith(DATA):
        return text_digest(DATA, *map(content_digest, _data_files(name, data_dir)), size=16)
    return content_digest(_file(name))


def is_atlas(name: str) -> bool:
    """Whether a text is the embedded one, in its six languages or in others."""
    return name == EMBEDDED or name.startswith(f"{EMBEDDED}:")


def _embedded(name: str) -> Sequence[str]:
    from bench.data.cldr.text import statistics_text

    return statistics_text(*_languages(name))


def _languages(name: str) -> tuple[tuple[str, ...], ...]:
    """What "cldr:pt,sw" names, as the one argument; () for the six.

    Raises:
        BenchError: it is in no such language, or in none.
    """
    from bench.data.cldr.phrasings import EVERY

    if name == EMBEDDED:
        return ()
    named = tuple(dict.fromkeys(code.strip() for code in name.partition(":")[2].split(",")))
    for code in named:
        if code not in EVERY:
            raise unknown(f"language of the text '{EMBEDDED}':", code, EVERY)
    return (named,)


def _claims() -> Sequence[str]:
    from bench.data.claims.facts import statistics_text

    return statistics_text()


def _file(name: str) -> Path:
    path = Path(name).expanduser()
    if not path.is_file():
        raise BenchError(
            "no such corpus: give 'cldr', 'cldr:LANGUAGES', 'claims', a text file, data:GLOB or hf:DATASET[:CONFIG]",
            file=name,
        )
    return path


def _data_files(name: str, data_dir: Path | None) -> list[Path]:
    if data_dir is None:
        raise BenchError(f"the corpus '{name}' needs a data folder: give --data-dir or set BENCH_DATA_DIR")
    try:
        files = sorted(path for path in data_dir.glob(name.removeprefix(DATA)) if path.is_file())
    except (ValueError, NotImplementedError) as error:  # empty, or not below the folder
        raise BenchError(f"'{name}' is no pattern of files below the data folder") from error
    if not files:
        raise BenchError(f"no file matches the corpus '{name}'", file=data_dir)
    return files


def _in_turn(files: Sequence[Path]) -> Iterator[str]:
    columns = [[line.split("\t")[0] for line in _lines(file)] for file in files]
    return (text for row in zip_longest(*columns) for text in row if text)


def _lines(path: Path) -> list[str]:
    return [line for line in read_text(path).splitlines() if line.strip()]


def _hub_texts(name: str) -> Iterator[str]:
    """A seeded sample of a data set's documents.

    The released code shuffles the whole index and takes 100,000 documents, which takes all of the data set on the disk.
    This one streams: all files (of many a seeded choice) in turn, then through a shuffled buffer, so that the sample
    comes from the whole breadth of the data set, but from the first part of each file. The draws are made here, for
    those of the library differ between its versions.
    """
    import datasets

    path, config = _hub_place(name)
    try:
        data = datasets.load_dataset(path, config, split="train", streaming=True, revision=_revision(name) or None)
    except Exception as error:  # the library raises many kinds; all mean that the corpus is not to be had
        raise _out_of_reach(name, error) from error
    return _column(name, _sample(data))


def _sample(data: Any) -> Iterator[Mapping[str, Any]]:
    whole, draw = data.num_shards, random.Random(SEED)
    files = [data.shard(whole, place) for place in draw.sample(range(whole), min(whole, SHARDS))]
    rows = (row for together in zip_longest(*files) for row in together if row is not None)
    return islice(_shuffled(rows, draw), DOCUMENTS)


def _shuffled(rows: Iterator[Mapping[str, Any]], draw: random.Random) -> Iterator[Mapping[str, Any]]:
    held = list(islice(rows, BUFFERED))
    for row in rows:
        place = draw.randrange(len(held))
        yield held[place]
        held[place] = row
    draw.shuffle(held)
    yield from held


def _out_of_reach(name: str, error: Exception) -> BenchError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return BenchError(f"corpus '{name}' cannot be loaded: {reason}; give a text that lies here: --corpus FILE.txt")


def _column(name: str, rows: Iterator[Mapping[str, Any]]) -> Iterator[str]:
    while True:
        try:
            row = next(rows, None)
        except Exception as error:  # as in `_hub_texts`: the stream has ended early
            raise _out_of_reach(name, error) from error
        if row is None:
            return
        if not isinstance(row.get("text"), str):
            raise BenchError(f"corpus '{name}' has no column of text named 'text'; it has: {', '.join(row)}")
        yield row["text"]


def _hub_place(name: str) -> tuple[str, str | None]:
    path, _, config = name.removeprefix(HUB).partition(":")
    return path, config or None


def _revision(name: str) -> str:
    """Commit that is pinned, else that the hub has now; empty if it cannot be asked."""
    from huggingface_hub import HfApi

    if name in PINNED:
        return PINNED[name]
    try:
        return HfApi().dataset_info(_hub_place(name)[0], timeout=10).sha or ""
    except Exception:  # the kinds of network error differ between versions of the client
        return ""
