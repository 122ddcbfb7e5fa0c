"""What is searched: the choices of every method's options on the embedded model."""

from __future__ import annotations

from collections.abc import Mapping

from bench.polyglot.trials import Space

VALUES: Space = {
    "value_steps": (25,),
    "value_lr": (0.5,),
    "value_decay": (1e-3,),
    "clamp": (0.5, 0.75, 1.0, 1.5, 2.0, 3.0),
    "kl_weight": (0.0625,),
    "prefix_lengths": ([],),
}
"""Value optimisation has the same space in all methods that have it.

Without context prefixes: with the published five, one MEMIT batch of each of three languages had the same generality
(99.7 %) and took three times as long.
"""

PEAK = (2,)
"""Where MLPs at the subject's last token have most effect, and keys lie off ordinary text as in a real model.

Only there: of the layers beside it, which the trace advises, too, one has less of a key's energy off the text, one more
(docs/testbed.md).
"""

FAMILY: Space = {**VALUES, "layers": (list(PEAK),)}
RIDGE: Space = {**FAMILY, "moment_weight": (10, 30, 100, 300, 1000, 3000, 10_000)}
NULL: Space = {**FAMILY, "threshold": (0.003, 0.01, 0.03, 0.1, 0.3), "l2": (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)}
ANCHORED: Space = {"anchor_facts": (300,)}
"""Fifty practice facts in each language: the mean of so many norms is sure to a percent or two."""

LIFELONG: Space = {
    "layers": ([1], [2], [3], [4], [5], [4, 5], [3, 4, 5]),
    "lr": (1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3),
    "l2": (0.3, 1.0, 3.0, 10.0, 30.0),
    "mini_batch": (10,),
}
"""Output projections; those of gates and ups, which UltraEdit edits in some models, reached less in a few trials."""

RATES = (2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2)
SPACES: Mapping[str, Space] = {
    # what a method reaches that does nothing
    "none": {},
    "ft": {
        "layer": (1, 2, 3, 4, 5),
        "steps": (25,),
        "lr": RATES,
        "weight_decay": (0.0,),
        "norm_constraint": (None, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
        "batch_size": (64,),
        "objective": ("prompt_last",),
    },
    "rome": {**VALUES, "layer": PEAK, "use_moment": (True, False)},
    "memit": RIDGE,
    "prune": {**RIDGE, "log_base": (1.05, 1.1, 1.2, 1.5, 2.0, 2.718281828459045)},
    "rect": {**RIDGE, "keep": (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)},
    "alphaedit": NULL,
    "langedit": {**NULL, "prior": (100, 1000, 10_000, 100_000, 1_000_000)},
    "langedit-released": NULL,
    "memit-seq": RIDGE,
    "memit-seq-nas": {**RIDGE, **ANCHORED},
    "alphaedit-nas": {**NULL, **ANCHORED},
    "encore": {**RIDGE, "norm_weight": (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0), "probable": (1, 2, 4, 8)},
    "sphere": {**NULL, "energy": (0.25, 0.5, 0.75), "strength": (0.25, 0.5, 0.75, 1.0)},
    "ultraedit": LIFELONG,
    "stableedit": {**LIFELONG, "warm_steps": (20,), "warm_batch": (20,)},
    "locft-bf": {"layer": (1, 2, 3, 4, 5), "steps": (25,), "lr": RATES, "batch_size": (100,)},
    "lora": {
        "layers": ([2], [3], [4], [5], [1, 2, 3, 4, 5]),
        "rank": (2, 8),
        "alpha": (32,),
        "dropout": (0.0, 0.1),
        "steps": (25,),
        "lr": RATES,
        "batch_size": (100,),
    },
    "mend": {
        "layers": ([1, 2], [2, 3], [3, 4], [4, 5], [1, 2, 3, 4, 5]),
        "training_steps": (300,),
        "edits_per_step": (20,),
        "together": (20,),
        "unrelated": (2,),
        "c_edit": (0.1, 0.5, 1.0),
        "c_loc": (1.0, 3.0, 10.0, 30.0, 100.0),
        "lr": (1e-3,),
        "validate_every": (50,),
        "patience": (3,),
        "rank": (128,),
        "edit_rate": (-5e-5, -2e-4, -6e-4, -2e-3, -6e-3),
        "rate_lr": (1e-6, 1e-5, 1e-4),
        "divided": (True,),
    },
    "retrieval": {"block": (1, 2, 3, 4, 5), "pooling": ("last", "mean"), "stray": (0.003, 0.01, 0.03, 0.1)},
    "memoir": {
        "layer": (1, 2, 3, 4, 5),
        "steps": (30,),
        "lr": (0.3, 1.0, 3.0, 10.0),
        "top_k": (64, 146, 293, 400, 600),
        "overlap": (0.5, 0.55, 0.6, 0.63, 0.66, 0.7, 0.75),
        "prefix_lengths": ([],),
    },
    "grace": {
        "layer": (1, 2, 3, 4, 5),
        "steps": (50,),
        "lr": (0.1, 0.3, 1.0, 3.0),
        "radius": (1.0, 3.0, 10.0, 15.0, 20.0, 30.0),
    },
}
