"""Which tests are asked about which module; the quickest to notice stand first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def _built(*names: str) -> tuple[str, ...]:
    return tuple(f"tests/golden/test_methods.py::test_{name}" for name in names)


def _conforms(name: str) -> str:
    return f"tests/conformance/test_methods.py::test_method_conforms[{name}-llama]"


COVERING: dict[str, Sequence[str]] = {
    "methods/alphaedit.py": ("tests/methods/test_options.py", *_built("alphaedit")),
    "methods/alphaedit_multilingual.py": ("tests/methods/test_variants.py", _conforms("alphaedit-multilingual")),
    "methods/alphaedit_all_translations.py": (
        "tests/methods/test_variants.py",
        _conforms("alphaedit-all-translations"),
    ),
    "methods/alphaedit_translation.py": ("tests/methods/test_variants.py", _conforms("alphaedit-translation")),
    "methods/alphaedit_nas.py": ("tests/methods/test_anchors.py",),
    "methods/emmet.py": ("tests/methods/test_sphere_emmet.py",),
    "methods/encore.py": ("tests/methods/test_encore.py", _conforms("encore")),
    "methods/ft.py": (
        "tests/methods/test_options.py",
        "tests/methods/test_ft.py",
        "tests/golden/test_ft.py",
        _conforms("ft"),
    ),
    "methods/langedit.py": (
        "tests/methods/test_options.py",
        "tests/methods/test_solve.py",
        *_built("langedit_after_its_paper"),
    ),
    "methods/langedit_released.py": ("tests/methods/test_solve.py", *_built("langedit_released")),
    "methods/ft_inner.py": ("tests/methods/test_hyper_apart.py", _conforms("ft-inner")),
    "methods/grace.py": ("tests/methods/test_grace.py",),
    "methods/ke.py": ("tests/methods/test_hyper_ke.py", _conforms("ke")),
    "methods/memoir.py": ("tests/methods/test_memoir.py",),
    "methods/mend.py": ("tests/methods/test_hyper_mend.py", _conforms("mend")),
    "methods/retrieval.py": ("tests/methods/test_retrieval.py",),
    "methods/locft_bf.py": ("tests/methods/test_locft_bf.py",),
    "methods/locft_bf_joint.py": ("tests/methods/test_locft_bf.py",),
    "methods/lora.py": ("tests/methods/test_lora.py",),
    "methods/memit.py": ("tests/methods/test_options.py", *_built("memit")),
    "methods/memit_seq.py": ("tests/methods/test_sequential.py",),
    "methods/memit_seq_nas.py": ("tests/methods/test_anchors.py",),
    "methods/none.py": (_conforms("none"),),
    "methods/prune.py": (
        "tests/methods/test_options.py",
        "tests/methods/test_solve.py",
        *_built("prune", "prune_after_its_formula"),
        _conforms("prune"),
    ),
    "methods/prune_released.py": _built("prune", "prune_after_its_formula"),
    "methods/prune_seq.py": ("tests/methods/test_sequential.py",),
    "methods/rect_seq.py": ("tests/methods/test_sequential.py",),
    "methods/sphere.py": ("tests/methods/test_sphere_emmet.py", _conforms("sphere")),
    "methods/rect.py": ("tests/methods/test_options.py", "tests/methods/test_solve.py", *_built("rect")),
    "methods/rome.py": (*_built("rome"), _conforms("rome")),
    "methods/stableedit.py": ("tests/methods/test_lifelong.py",),
    "methods/ultraedit.py": ("tests/methods/test_lifelong.py",),
    "methods/_lifelong/editor.py": ("tests/methods/test_lifelong.py", _conforms("ultraedit")),
    "methods/_lifelong/features.py": ("tests/methods/test_lifelong.py",),
    "methods/_lifelong/moments.py": ("tests/methods/test_lifelong.py",),
    "methods/_hyper/factors.py": ("tests/methods/test_hyper_factors.py",),
    "methods/_hyper/ke.py": ("tests/methods/test_hyper_ke.py",),
    "methods/_hyper/losses.py": ("tests/methods/test_hyper_losses.py",),
    "methods/_hyper/lowrank.py": ("tests/methods/test_hyper_lowrank.py",),
    "methods/_hyper/mend.py": ("tests/methods/test_hyper_mend.py",),
    "methods/_locate/anchors.py": ("tests/methods/test_anchors.py",),
    "methods/_locate/layers.py": ("tests/methods/test_layers.py",),
    "methods/_locate/editor.py": (
        "tests/methods/test_options.py",
        *_built("rome", "rect", "memit"),
        _conforms("memit"),
    ),
    "methods/_locate/keys.py": ("tests/golden/test_pieces.py", *_built("memit"), "tests/model/test_batching.py"),
    "methods/null_space.py": ("tests/methods/test_null_space.py", _conforms("null-space")),
    "methods/_locate/moving.py": ("tests/methods/test_null_space.py", *_built("langedit_released")),
    "methods/_locate/null_space.py": ("tests/methods/test_null_space.py",),
    "methods/_locate/prefixes.py": ("tests/methods/test_drawn_prefixes.py", "tests/methods/test_prefixes.py"),
    "methods/_locate/prompts.py": ("tests/golden/test_pieces.py", "tests/methods/test_prompts.py"),
    "methods/_locate/rules.py": (
        *_built("memit", "alphaedit", "langedit_released", "langedit_after_its_paper"),
        "tests/methods/test_sequential.py",
    ),
    "methods/_locate/solve.py": (
        "tests/methods/test_solve.py",
        "tests/methods/test_sequential.py",
        "tests/golden/test_algebra.py",
    ),
    "methods/_locate/values.py": ("tests/golden/test_pieces.py", *_built("rome"), "tests/methods/test_encore.py"),
    "evaluators/edits.py": ("tests/evaluators/test_edits.py",),
    "evaluators/fluency.py": ("tests/evaluators/test_fluency.py",),
    "evaluators/generation.py": ("tests/evaluators/test_generation.py",),
    "evaluators/locality.py": ("tests/evaluators/test_locality.py",),
    "evaluators/truth.py": ("tests/evaluators/test_truth.py",),
    "evaluators/_generation/controls.py": ("tests/evaluators/test_generation.py",),
    "evaluators/_generation/endings.py": ("tests/evaluators/test_generation_text.py",),
    "evaluators/_generation/rules.py": ("tests/evaluators/test_generation_text.py",),
    "evaluators/_generation/words.py": ("tests/evaluators/test_generation_text.py",),
    "bench/compute/recording.py": ("tests/compute/test_recording.py", "tests/compute/test_driver.py"),
    "bench/compute/silent.py": ("tests/compute/test_silent.py",),
    "bench/model/changes.py": ("tests/model/test_changes.py",),
    "bench/store/agreement.py": ("tests/store/test_judging.py",),
    "bench/store/judging.py": ("tests/store/test_judging.py",),
    "bench/ground/archives.py": ("tests/hostile/test_packs.py", "tests/store/test_packing.py"),
    "bench/store/nameless.py": ("tests/store/test_nameless.py",),
    "bench/store/packable.py": ("tests/hostile/test_packs.py",),
    "bench/store/packing.py": ("tests/hostile/test_packs.py", "tests/store/test_packing.py"),
    "bench/store/looking.py": ("tests/reports/test_answers.py", "tests/cli/test_show.py"),
    "reports/documents/answers.py": ("tests/reports/test_answers.py",),
    "reports/experiments/retention.py": ("tests/reports/test_experiments_retention.py",),
    "reports/parts/flips.py": ("tests/reports/test_flips.py",),
    "reports/numbers/significance.py": ("tests/reports/test_significance.py",),
    "reports/numbers/aggregate.py": ("tests/reports/test_aggregate.py", "tests/reports/test_significance.py"),
    "reports/numbers/scripts.py": ("tests/reports/test_xme_numbers.py",),
    "reports/numbers/variants.py": ("tests/reports/test_xme_numbers.py",),
    "reports/numbers/overlap.py": ("tests/reports/test_xme_numbers.py",),
    "reports/numbers/xme_published.py": ("tests/reports/test_experiments_xme_claims.py",),
    "bench/data/passes.py": ("tests/data/test_passes.py",),
    "bench/data/cldr/spelling.py": ("tests/data/test_cldr_further.py",),
    "bench/data/sources/_cases.py": ("tests/data/test_layouts.py",),
    "bench/data/sources/babeledits.py": ("tests/data/test_layouts.py",),
    "bench/data/sources/bmike.py": ("tests/data/test_layouts.py",),
    "bench/data/sources/clm_bench.py": ("tests/data/test_layouts.py",),
    "bench/data/sources/easyedit.py": ("tests/data/test_layouts.py",),
    "bench/data/sources/multi_counterfact.py": ("tests/data/test_layouts.py",),
    "reports/experiments/cycles.py": ("tests/reports/test_experiments_cycles.py",),
    "bench/export/answers.py": ("tests/export/test_taking.py",),
    "bench/export/delta.py": ("tests/export/test_delta.py", "tests/hostile/test_fuzz_deltas.py"),
    "bench/export/folder.py": ("tests/export/test_taking.py",),
    "bench/export/guard.py": ("tests/export/test_taking.py",),
    "bench/export/loading.py": ("tests/cli/test_edit.py",),
    "bench/export/lowrank.py": ("tests/export/test_lowrank.py",),
    "bench/export/session.py": ("tests/cli/test_edit.py",),
    "bench/export/taking.py": ("tests/export/test_taking.py", "tests/export/test_delta.py", "tests/cli/test_edit.py"),
    "bench/model/stats.py": ("tests/model/test_stats.py",),
}
"""Tests by module."""


def chosen(root: Path, paths: Sequence[str]) -> list[str]:
    """The modules of these files and folders, or all."""
    wanted = [Path(path).resolve().relative_to(root) for path in paths]
    return [name for name in COVERING if not wanted or any(Path(name).is_relative_to(path) for path in wanted)]
