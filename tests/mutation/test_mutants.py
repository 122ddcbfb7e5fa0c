"""The mutation tool: what it changes, and that it tells a test that notices from one that does not."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.mutation.covering import COVERING, chosen
from tests.mutation.mutants import mutants

ROOT = Path(__file__).resolve().parents[2]

SOURCE = '''
"""A module of 3 lines."""

LIMIT: int = 3


def share(values, whole=True):
    """Of 1."""
    if not values:
        raise ValueError(f"no values, {len(values)} of {1}")
    parts = [each / sum(values, start=0) for each in values if each > LIMIT and whole]
    parts.sort(reverse=True)
    return parts
'''


def test_every_change_is_one_and_texts_stay() -> None:
    assert [mutant.change for mutant in mutants(SOURCE)] == [
        "3  ->  4",
        "True  ->  False",
        "not values  ->  not not values",
        "each / sum(values, start=0)  ->  each * sum(values, start=0)",
        "sum(...)  without  start=0",
        "0  ->  1",
        "every one, not only if  each > LIMIT and whole",
        "each > LIMIT and whole  ->  each > LIMIT or whole",
        "each > LIMIT  ->  each >= LIMIT",
        "without  parts.sort(reverse=True)",
        "parts.sort(...)  without  reverse=True",
        "True  ->  False",
    ]
    plain = ast.unparse(ast.parse(SOURCE))
    for mutant in mutants(SOURCE):
        assert mutant.source != plain
        assert "no values" in mutant.source
        compile(mutant.source, "mutant", "exec")


def test_every_module_has_tests_that_exist() -> None:
    for module, tests in COVERING.items():
        assert (ROOT / module).is_file()
        for test in tests:
            file, _, name = test.partition("::")
            text = (ROOT / file).read_text(encoding="utf-8")
            assert f"def {name.partition('[')[0]}(" in text or not name


def test_a_folder_stands_for_its_modules() -> None:
    assert chosen(ROOT, ["evaluators"]) == [module for module in COVERING if module.startswith("evaluators/")]
    assert chosen(ROOT, []) == list(COVERING)
    own = {f"methods/{path.name}" for path in (ROOT / "methods").glob("[a-z]*.py")}
    assert own <= set(chosen(ROOT, ["methods"]))
