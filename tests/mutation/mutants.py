"""One small change at a time to the text of a module: operators, numbers, conditions, arguments, calls."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.USub: ast.UAdd,
}  # fmt: skip
"""What stands for what; the same for comparisons, arithmetic and logic."""

LEFT_OUT = ("annotation", "returns", "decorator_list")
"""Parts of a node that do not compute."""

KEYWORDS_LEFT_OUT = ("description", "strict", "device")
"""Arguments that say something to people, or guard what no test gets to: unequal lengths, a second device."""

Change = Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one change.

    Attributes:
        line: where.
        change: what, for people.
        source: the whole text.
    """

    line: int
    change: str
    source: str


def mutants(source: str) -> list[Mutant]:
    """All mutants of a module, in the order of its text."""
    found = []
    for index, node in enumerate(_nodes(ast.parse(source))):
        for number, (change, _) in enumerate(_changes(node)):
            tree = ast.parse(source)
            target = next(each for i, each in enumerate(_nodes(tree)) if i == index)
            before = ast.unparse(target)
            list(_changes(target))[number][1](target)
            after = ast.unparse(ast.fix_missing_locations(target))
            if not change:
                change = f"{_short(before)}  ->  {_short(after)}"
            found.append(Mutant(getattr(node, "lineno", 0), change, ast.unparse(tree)))
    return found


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """What computes; errors are left out, for their texts are for people."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in LEFT_OUT:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not isinstance(child, ast.Raise | ast.JoinedStr):
                yield from _nodes(child)


def _changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in OPERATORS:
            yield "", lambda n: n.ops.__setitem__(0, OPERATORS[type(n.ops[0])]())
        case ast.BinOp() | ast.BoolOp() | ast.AugAssign() | ast.UnaryOp(op=ast.USub()) if type(node.op) in OPERATORS:
            yield "" if isinstance(node, ast.expr) else f"{_short(ast.unparse(node))}  the other way", _swap
        case ast.UnaryOp(op=ast.Not()):
            yield "", lambda n: setattr(n, "operand", _negated(n.operand))
        case ast.Constant(value=bool() | int() | float()):
            yield "", lambda n: setattr(n, "value", _other(n.value))
        case ast.Expr(value=ast.Call()):
            yield f"without  {_short(ast.unparse(node))}", lambda n: setattr(n, "value", ast.Constant(None))
        case ast.If() | ast.While() | ast.IfExp() if not isinstance(node.test, ast.UnaryOp | ast.Compare):
            yield f"if not  {_short(ast.unparse(node.test))}", lambda n: setattr(n, "test", _negated(n.test))
        case ast.comprehension(ifs=[_, *_]):
            yield f"every one, not only if  {_short(ast.unparse(node.ifs[0]))}", lambda n: n.ifs.clear()
        case ast.Call():
            for place, keyword in enumerate(node.keywords):
                if keyword.arg and keyword.arg not in KEYWORDS_LEFT_OUT:
                    name = f"{_short(ast.unparse(node.func))}(...)  without  {_short(ast.unparse(keyword))}"
                    yield name, lambda n, place=place: n.keywords.pop(place)


def _swap(node: Any) -> None:
    node.op = OPERATORS[type(node.op)]()


def _negated(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), test)


def _other(value: bool | int | float) -> bool | int | float:
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) or not value else value * 2


def _short(text: str, width: int = 70) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else f"{line[: width - 3]}..."
