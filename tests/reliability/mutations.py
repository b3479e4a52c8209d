"""One small change of a source at a time: what a mutant is.

Inside functions, and in the values of a module's constants: a comparison turned round
or moved by its border, an operator, a number or a truth value, a condition, a statement
that is a call, two arguments or two members of a tuple that change places.

What stays as it is: wordings, messages of errors, docstrings and annotations, with them a
module's names for types that say `Any` or `Callable`, which nothing is decoded by; looks
of pictures (`LOOKS`: line widths, sizes of marks and letters, transparency, what is drawn
on top), which are wordings for the eye; and ``strict`` of zip, which guards against
mistakes in the code around it and changes no result.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

TURNED: dict[type, type] = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
MOVED: dict[type, type] = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
OPERATORS: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
LOOKS = {"lw", "ms", "fontsize", "alpha", "zorder"}
COMMUTE = {"max", "min", "maximum", "minimum", "allclose", "array_equal", "isclose", "samefile"}


@dataclass(frozen=True)
class Mutant:
    """A changed source.

    Parameters
    ----------
    line : where.
    what : before and after, in Markdown.
    function : the name of the function that it is in; empty: in none.
    source : the whole file.
    """

    line: int
    what: str
    function: str
    source: str


def count_mutants(source: str) -> int:
    """How many mutants a source has."""
    return sum(1 for _ in _places(ast.parse(source)))


def make_mutant(source: str, number: int) -> Mutant:
    """One of the mutants of a source, from 0 on."""
    tree = ast.parse(source)
    node, change, function = next(itertools.islice(_places(tree), number, None))
    line, before = node.lineno, ast.unparse(node)  # type: ignore[attr-defined]
    after = change(tree)
    return Mutant(line, f"`{_short(before)}` → `{_short(after)}`", function, ast.unparse(tree))


def _short(text: str) -> str:
    text = " ".join(text.split()).replace("|", "\\|")
    return text if len(text) <= 80 else text[:77] + "..."


Change = Callable[[ast.Module], str]


def _places(tree: ast.Module) -> Iterator[tuple[ast.AST, Change, str]]:
    sets = {id(node) for node in _sets(tree)}
    for node, change, function in _all_places(tree):
        if id(node) not in sets:
            yield node, change, function


def _sets(tree: ast.Module) -> Iterator[ast.AST | None]:
    """Tuples whose order means nothing: of exceptions, of classes, of what something is looked for in."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            yield node.type
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance":
            yield node.args[1]
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)):
            yield node.comparators[0]


def _all_places(tree: ast.Module) -> Iterator[tuple[ast.AST, Change, str]]:
    for statement in tree.body:
        if (
            isinstance(statement, (ast.Assign, ast.AnnAssign))
            and statement.value
            and not _names_a_type(statement.value)
        ):
            yield from ((node, change, "") for node in _walk([statement.value]) for change in _changes(node))
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
        yield from ((node, change, function.name) for node in _walk(function.body) for change in _changes(node))


def _names_a_type(value: ast.expr) -> bool:
    names = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
    return isinstance(value, ast.Subscript) and not names.isdisjoint({"Any", "Callable"})


def _walk(body: list[ast.AST] | list[ast.stmt] | list[ast.expr]) -> Iterator[ast.AST]:
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, (ast.Raise, ast.JoinedStr, ast.FunctionDef)):
            continue  # messages; functions inside are visited on their own
        if isinstance(node, ast.keyword) and node.arg in {*LOOKS, "strict"}:
            continue
        if isinstance(node, ast.AnnAssign):
            waiting = [node.value, *waiting] if node.value else waiting
            continue
        yield node
        waiting = [*ast.iter_child_nodes(node), *waiting]


def _changes(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Compare):
        yield lambda tree: _set_operator(node, TURNED)
        if type(node.ops[0]) in MOVED:
            yield lambda tree: _set_operator(node, MOVED)
    elif isinstance(node, (ast.BinOp, ast.AugAssign, ast.BoolOp)):
        yield lambda tree: _set(node, "op", OPERATORS.get(type(node.op), ast.Add)())
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float, bool):
        value = node.value
        yield lambda tree: _set(node, "value", not value if isinstance(value, bool) else value + 1)  # type: ignore[operator]
    elif isinstance(node, (ast.If, ast.IfExp)):
        yield lambda tree: _set(node, "test", ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield lambda tree: _remove(tree, node)
    elif isinstance(node, ast.Call) and _may_swap(node):
        yield lambda tree: _set(node, "args", [node.args[1], node.args[0], *node.args[2:]])
    elif isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load) and _differ(node.elts):
        yield lambda tree: _set(node, "elts", [node.elts[1], node.elts[0], *node.elts[2:]])


def _may_swap(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    plain = not any(isinstance(arg, ast.Starred) for arg in call.args[:2])
    return plain and name not in COMMUTE and _differ(call.args)


def _differ(parts: list[ast.expr]) -> bool:
    """Whether there are two that would make a change by taking each other's place."""
    return len(parts) > 1 and ast.unparse(parts[0]) != ast.unparse(parts[1])


def _set_operator(node: ast.Compare, into: dict[type, type]) -> str:
    node.ops[0] = into[type(node.ops[0])]()
    return ast.unparse(node)


def _set(node: ast.AST, field: str, value: object) -> str:
    setattr(node, field, value)
    return ast.unparse(ast.fix_missing_locations(node))


def _remove(tree: ast.Module, node: ast.Expr) -> str:
    for parent in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(parent, field, None)
            if isinstance(block, list) and node in block:
                block[block.index(node)] = ast.copy_location(ast.Pass(), node)
    return "removed"
