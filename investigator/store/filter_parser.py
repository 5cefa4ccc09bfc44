"""What does not parse is an error with its position, never a filter that lets all pass.

or    = and { "or" and }
and   = not { "and" not }
not   = "not" not | "(" or ")" | test
test  = field op literal | literal op field
      | field ["not"] "in" "[" literal, … "]" | literal ["not"] "in" field
      | field "is" ["not"] "None"
field = column | "attributes" { "[" key "]" } | dotted.name
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from investigator.errors import FilterSyntaxError
from investigator.ground.patterns import well_formed
from investigator.store.filter import (
    And,
    Attribute,
    Compare,
    Comparison,
    Contains,
    Field,
    Filter,
    IsNone,
    Literal,
    Negation,
    Or,
    SpanColumn,
    SpanColumnType,
)
from investigator.traces.model import parse_time

_DEEPEST = 50
_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<number>-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
      | (?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
      | (?P<name>[A-Za-z_]\w*(?:\.\w+)*)
      | (?P<symbol>==|!=|<=|>=|<|>|[()\[\],])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_WORDS = frozenset({"and", "or", "not", "in", "is", "None", "True", "False"})
_COMPARISONS = frozenset(op.value for op in Comparison)
_ALIASES = {"context.span_id": SpanColumn.SPAN_ID, "context.trace_id": SpanColumn.TRACE_ID}
_KNOWN = ", ".join(column.value for column in SpanColumn)


@dataclass(frozen=True, slots=True)
class _Token:
    sort: str
    text: str
    position: int


def parse_filter(expression: str) -> Filter:
    """The meaning of a filter expression.

    Raises:
        FilterSyntaxError: it does not parse, names an unknown field, or compares a column
            with a literal of another type.
    """
    return _Parser(expression).whole()


class _Parser:
    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._tokens = self._scan()
        self._index = 0
        self._depth = 0

    def whole(self) -> Filter:
        found = self._any_of()
        if self._here.sort != "end":
            raise self._error("expected 'and', 'or' or the end")
        return found

    def _scan(self) -> list[_Token]:
        tokens: list[_Token] = []
        position = 0
        while position < len(self._expression):
            found = _TOKEN.match(self._expression, position)
            if found is None:
                reason = "not a part of the filter language"
                if self._expression[position] in "'\"":
                    reason = "the text is not closed"
                raise FilterSyntaxError(self._expression, position, reason)
            if found.lastgroup not in (None, "space"):
                tokens.append(_Token(str(found.lastgroup), found.group(), position))
            position = found.end()
        return [*tokens, _Token("end", "", position)]

    @property
    def _here(self) -> _Token:
        return self._tokens[self._index]

    def _take(self, *texts: str) -> bool:
        """Step over these tokens, if they come next."""
        upcoming = self._tokens[self._index : self._index + len(texts)]
        if [token.text for token in upcoming if token.sort in ("name", "symbol")] != [*texts]:
            return False
        self._index += len(texts)
        return True

    def _need(self, text: str) -> None:
        if not self._take(text):
            raise self._error(f"expected '{text}'")

    def _error(self, reason: str, at: _Token | None = None) -> FilterSyntaxError:
        token = at or self._here
        found = f", found {token.text}" if token.text else ""
        return FilterSyntaxError(self._expression, token.position, reason + found)

    def _any_of(self) -> Filter:
        parts = [self._all_of()]
        while self._take("or"):
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _all_of(self) -> Filter:
        parts = [self._negation()]
        while self._take("and"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _negation(self) -> Filter:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error(f"nested deeper than {_DEEPEST}")
        if self._take("not"):
            found: Filter = Negation(self._negation())
        elif self._take("("):
            found = self._any_of()
            self._need(")")
        else:
            found = self._test()
        self._depth -= 1
        return found

    def _test(self) -> Filter:
        start = self._here
        if self._at_literal():
            return self._literal_first(start)
        field = self._field()
        if self._take("is", "not"):
            self._need("None")
            return Negation(IsNone(field))
        if self._take("is"):
            self._need("None")
            return IsNone(field)
        if self._take("not", "in"):
            return _present(field, Negation(self._one_of(field)))
        if self._take("in"):
            return self._one_of(field)
        op = self._comparison()
        return self._compare(field, op, self._here, self._literal())

    def _literal_first(self, start: _Token) -> Filter:
        value = self._literal()
        negated = self._take("not", "in")
        if negated or self._take("in"):
            field = self._field()
            if isinstance(field, SpanColumn) and not self._is_text(field, value):
                raise self._error("'in' looks for text in a column of text", start)
            found = Contains(field, value)
            return _present(field, Negation(found)) if negated else found
        op = self._comparison()
        if self._at_literal():
            raise self._error("expected a field, since one side must be one")
        return self._compare(self._field(), op.mirrored, start, value)

    def _comparison(self) -> Comparison:
        token = self._here
        if token.text not in _COMPARISONS or token.sort != "symbol":
            raise self._error("expected a comparison (==, !=, <, <=, >, >=, in, is)")
        self._index += 1
        return Comparison(token.text)

    def _one_of(self, field: Field) -> Filter:
        closing = ")" if self._take("(") else "]"
        if closing == "]":
            self._need("[")
        parts: list[Filter] = []
        while not self._take(closing):
            value_at = self._here
            parts.append(self._compare(field, Comparison.EQ, value_at, self._literal()))
            if self._here.text != closing:
                self._need(",")
        return Or(tuple(parts))

    def _compare(self, field: Field, op: Comparison, at: _Token, value: Literal) -> Filter:
        if isinstance(value, bool) and op not in (Comparison.EQ, Comparison.NE):
            raise self._error("True and False have no order", at)
        if isinstance(field, Attribute) or self._is_text(field, value):
            return Compare(field, op, value)
        match field.type:
            case SpanColumnType.TIME if isinstance(value, str):
                try:
                    return Compare(field, op, parse_time(value))
                except ValueError:
                    reason = f"{field} is a time, such as '2025-03-01T12:00:00Z'"
                    raise self._error(reason, at) from None
            case SpanColumnType.NUMBER if isinstance(value, float):
                return Compare(field, op, value)
            case _:
                raise self._error(f"{field} is a {field.type}", at)

    def _is_text(self, column: SpanColumn, value: Literal) -> bool:
        return column.type is SpanColumnType.TEXT and isinstance(value, str)

    def _at_literal(self) -> bool:
        token = self._here
        return token.sort in ("number", "string") or token.text in ("True", "False", "None")

    def _literal(self) -> Literal:
        token = self._here
        self._index += 1
        match token.sort, token.text:
            case "number", text:
                return float(text)
            case "string", text:
                return _unquoted(text)
            case "name", "True" | "False":
                return token.text == "True"
            case "name", "None":
                raise self._error("None is asked for with 'is None'", token)
            case _:
                raise self._error("expected text in quotes, a number, True or False", token)

    def _field(self) -> Field:
        token = self._here
        if token.sort != "name" or token.text in _WORDS:
            raise self._error("expected a field")
        self._index += 1
        if token.text == "attributes":
            return Attribute(self._key())
        if token.text in _ALIASES:
            return _ALIASES[token.text]
        if "." in token.text:
            return Attribute(token.text.removeprefix("attributes."))
        if token.text not in {column.value for column in SpanColumn}:
            raise self._error(f"unknown field; known are {_KNOWN} and attributes['…']", token)
        return SpanColumn(token.text)

    def _key(self) -> str:
        parts: list[str] = []
        while self._take("["):
            token = self._here
            if token.sort == "string":
                parts.append(_unquoted(token.text))
            elif token.sort == "number" and token.text.isdecimal():
                parts.append(token.text)
            else:
                raise self._error("expected an attribute key in quotes")
            self._index += 1
            self._need("]")
        if not parts:
            raise self._error("expected [ and an attribute key in quotes")
        return ".".join(parts)


def _present(field: Field, then: Filter) -> Filter:
    return And((Negation(IsNone(field)), then))


def _unquoted(text: str) -> str:
    plain = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text[1:-1], flags=re.DOTALL)
    return well_formed(plain)
