"""Small faults of the kinds that people make, put into a source text one at a time.

Each is one a reviewer could overlook: a threshold just missed, `any` for `all`, a condition turned
round or dropped, a second branch that is never taken, an item or an effect left out, unknown for
zero. Only the code of functions is changed; docstrings, annotations and messages stay.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple


class Mutation(NamedTuple):
    """One change of a source text: bytes `start` to `end` become `after`."""

    kind: str
    line: int
    start: int
    end: int
    before: str
    after: str

    def applied_to(self, source: str) -> str:
        """The source with the change in it."""
        text = source.encode()
        return (text[: self.start] + self.after.encode() + text[self.end :]).decode()


_NEAR: dict[type[ast.cmpop], tuple[type[ast.cmpop], str]] = {
    ast.Lt: (ast.LtE, "<="),
    ast.LtE: (ast.Lt, "<"),
    ast.Gt: (ast.GtE, ">="),
    ast.GtE: (ast.Gt, ">"),
    ast.Eq: (ast.NotEq, "!="),
    ast.NotEq: (ast.Eq, "=="),
    ast.Is: (ast.IsNot, "is not"),
    ast.IsNot: (ast.Is, "is"),
    ast.In: (ast.NotIn, "not in"),
    ast.NotIn: (ast.In, "in"),
}
_SWAPPED = {"any": "all", "all": "any", "min": "max", "max": "min"}


def mutations_of(source: str) -> Iterator[Mutation]:
    """Every change of a source text, in its order; the text must be valid Python."""
    tree = ast.parse(source)
    place = _Places(source)
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for statement in function.body:
                if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield from _in_statement(statement, place)


class _Places:
    """Where nodes stand in the bytes of a source text."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._bytes = source.encode()
        self._lines = [0]
        for line in self._bytes.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))

    def change(self, kind: str, node: ast.expr | ast.stmt, after: str) -> Mutation:
        """The node replaced by other words."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self._lines[node.lineno - 1] + node.col_offset
        end = self._lines[node.end_lineno - 1] + node.end_col_offset
        before = self._bytes[start:end].decode()
        return Mutation(kind, node.lineno, start, end, before, after)


def _in_statement(statement: ast.stmt, place: _Places) -> Iterator[Mutation]:
    for node in _parts(statement):
        match node:
            case ast.Compare() | ast.BoolOp() | ast.UnaryOp() | ast.Call() | ast.Constant():
                yield from _of_expression(node, place)
            case ast.If() | ast.While() | ast.IfExp():
                turned = f"(not ({ast.unparse(node.test)}))"
                yield place.change("condition turned round", node.test, turned)
            case ast.comprehension() if node.ifs:
                yield place.change("filter dropped", node.ifs[0], "True")
            case ast.Expr(value=ast.Call() | ast.Await()) | ast.AugAssign():
                yield place.change("effect dropped", node, "pass")
            case ast.Return(value=ast.expr() as value) if not _is_plain(value):
                yield place.change("result dropped", value, "None")
            case ast.Continue():
                yield place.change("break for continue", node, "break")
            case ast.Break():
                yield place.change("continue for break", node, "continue")
            case _:
                continue


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """A statement and all that it is made of, but for texts, annotations and inner functions."""
    yield node
    for name, value in ast.iter_fields(node):
        for part in value if isinstance(value, list) else [value]:
            is_code = isinstance(part, ast.AST) and not isinstance(part, _LEFT_ALONE)
            if is_code and name not in ("annotation", "returns"):
                yield from _parts(part)


_LEFT_ALONE = (ast.JoinedStr, ast.FunctionDef, ast.AsyncFunctionDef, ast.Raise, ast.Assert)


def _is_plain(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _of_expression(node: ast.expr, place: _Places) -> Iterator[Mutation]:
    match node:
        case ast.Compare(ops=[op], left=left, comparators=[right]):
            _, words = _NEAR[type(op)]
            after = f"{ast.unparse(left)} {words} {ast.unparse(right)}"
            yield place.change("comparison", node, f"({after})")
        case ast.BoolOp(op=op, values=values):
            joined = " or " if isinstance(op, ast.And) else " and "
            yield place.change(
                "and for or", node, f"({joined.join(f'({ast.unparse(v)})' for v in values)})"
            )
            yield place.change("condition dropped", node, f"({ast.unparse(values[0])})")
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield place.change("not dropped", node, f"({ast.unparse(operand)})")
        case ast.Call(func=ast.Name(id=name)) if name in _SWAPPED:
            yield place.change(f"{_SWAPPED[name]} for {name}", node.func, _SWAPPED[name])
        case ast.Constant(value=bool() as value):
            yield place.change("constant", node, str(not value))
        case ast.Constant(value=int() as value):
            yield place.change("constant", node, str(value + 1))
        case _:
            return
