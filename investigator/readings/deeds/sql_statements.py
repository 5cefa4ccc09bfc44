"""What SQL does, by its verbs, in any dialect that a lexer can take apart.

Comments and strings hide nothing and trigger nothing: a verb counts where it is a word of the
statement itself. SQL inside a string counts where the statement runs it (`EXEC('DROP …')`, a `DO`
block), and a comment counts where MySQL does (`/*! … */`). A verb that is not known is of unknown
effect.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed
from investigator.readings.deeds.deed import Deed, DeedEffect, Means

if TYPE_CHECKING:
    from sqlparse.tokens import _TokenType

_WINDOW = 20_000
_DEPTH = 3
_SHOWN = 80

_VERBS = {
    DeedEffect.READ: "SELECT SHOW DESCRIBE DESC VALUES TABLE PRAGMA LIST HELP PRINT",
    DeedEffect.WRITE: "INSERT UPDATE MERGE UPSERT REPLACE CREATE ALTER COMMENT RENAME LOAD IMPORT "
    "VACUUM ANALYZE REINDEX OPTIMIZE ATTACH DETACH REFRESH CLUSTER UNDROP CACHE BULK LOCK"
    " CHECKPOINT",
    DeedEffect.DELETE: "DELETE DROP TRUNCATE PURGE",
    DeedEffect.GRANT: "GRANT REVOKE DENY",
    DeedEffect.EXECUTE: "KILL SHUTDOWN",
}
_EFFECTS = {verb: effect for effect, verbs in _VERBS.items() for verb in verbs.split()}
_SILENT = frozenset(
    [
        "BEGIN",
        "START",
        "COMMIT",
        "ROLLBACK",
        "END",
        "SAVEPOINT",
        "RELEASE",
        "SET",
        "USE",
        "DECLARE",
        "RESET",
        "GO",
        "PREPARE",
        "DEALLOCATE",
        "OPEN",
        "FETCH",
        "CLOSE",
        "ABORT",
    ]
)
"""They change a session or end a transaction, and are followed by what counts."""

_RUNS = frozenset(["EXEC", "EXECUTE", "CALL", "DO"])
_NESTED = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "DROP", "TRUNCATE", "ALTER", "CREATE"})
_CLAUSE = frozenset({"ON", "FOR", "BEFORE", "AFTER", "OR", "OF", "INSTEAD"})
"""A verb behind one of these is part of a clause: `FOR UPDATE`, `ON DELETE CASCADE`."""

_ACTING_FUNCTIONS = {
    "XP_CMDSHELL": DeedEffect.EXECUTE,
    "SYS_EXEC": DeedEffect.EXECUTE,
    "SYS_EVAL": DeedEffect.EXECUTE,
    "PG_TERMINATE_BACKEND": DeedEffect.EXECUTE,
    "PG_CANCEL_BACKEND": DeedEffect.EXECUTE,
    "DBLINK_EXEC": DeedEffect.EXECUTE,
    "LO_IMPORT": DeedEffect.WRITE,
    "LO_EXPORT": DeedEffect.WRITE,
    "LO_UNLINK": DeedEffect.DELETE,
    "SETVAL": DeedEffect.WRITE,
    "PG_FILE_WRITE": DeedEffect.WRITE,
    "PG_FILE_UNLINK": DeedEffect.DELETE,
    "LOAD_EXTENSION": DeedEffect.EXECUTE,
    "WRITEFILE": DeedEffect.WRITE,
}
"""Functions of databases that do more than compute, whatever statement they stand in."""

_LEADS_TO_NAME = frozenset(
    ["FROM", "INTO", "TABLE", "UPDATE", "JOIN", "DATABASE", "SCHEMA", "VIEW", "INDEX", "TRUNCATE"]
)
_STATEMENT = re2.compile(
    r"(?is)^\s*(?:--[^\n]*\n|/\*.*?\*/|\()*\s*(?:"
    r"select\b.+\bfrom\b|select\s+[\w.]+\s*\(|select\s+\d|insert\s+(?:or\s+\w+\s+)?into\b"
    r"|replace\s+into\b|update\s+[^\n]+?\bset\b"
    r"|delete\s+from\b|merge\s+into\b|truncate\s+(?:table\s+)?[\w.\"`\[\]]+\s*(?:;|,|cascade"
    r"|restart|$)"
    r"|(?:drop|alter|create)\s+(?:(?:or\s+replace|temp|temporary|global|local|unique|materialized"
    r"|external)\s+)*(?:table|database|schema|view|index|user|role|function"
    r"|procedure|trigger|column|sequence|extension|policy|login|type|domain|server|keyspace"
    r"|collection|materialized)\b"
    r"|with\s+(?:recursive\s+)?[\w\"`]+\s*(?:\([^)]*\)\s*)?as\s*(?:not\s+)?(?:materialized\s+)?\("
    r"|grant\s+.+\bto\b|revoke\s+.+\bfrom\b"
    r"|explain\s+(?:analyze\s+|verbose\s+|query\s+plan\s+|\(.*?\)\s*)?(?:select|insert|update"
    r"|delete|with|drop)\b"
    r"|exec(?:ute)?\s+(?:immediate\b|sp_\w+|\(|xp_\w+)|do\s+\$|copy\s+[\w.\"]+\s+(?:from|to)\b"
    r"|copy\s*\(|show\s+(?:tables|databases|columns|create)\b|describe\s+\w+\s*;?\s*$"
    r"|pragma\s+\w+|vacuum\b|begin\s*;)"
)


class _Word(NamedTuple):
    """A word of a statement; `text` is upper case where it may be a verb."""

    text: str
    raw: str
    is_name: bool
    is_string: bool


def is_sql(text: str) -> bool:
    """Whether a text has the form of a statement, so that no other reading of it makes sense."""
    return _STATEMENT.search(well_formed(text[:_WINDOW])) is not None


def deeds_in_sql(text: str, depth: int = 0) -> tuple[Deed, ...]:
    """What each statement does; statements that do nothing by themselves are left out."""
    if len(text) > _WINDOW:
        return (_act(DeedEffect.UNKNOWN, text),)
    found = [act for words in _statements(text, depth) if words for act in _statement(words, depth)]
    return tuple(found)


def _act(effect: DeedEffect, what: str, things: Sequence[str] = (), *, grave: bool = False) -> Deed:
    return Deed(effect, " ".join(what.split())[:_SHOWN], Means.SQL, tuple(things), grave)


def _statements(text: str, depth: int) -> Iterator[list[_Word]]:
    # Imported by the first text that may be SQL: many traces have none.
    from sqlparse import lexer
    from sqlparse import tokens as sql_tokens

    words: list[_Word] = []
    tokens: Iterator[tuple[_TokenType, str]]
    tokens = lexer.tokenize(well_formed(text))  # type: ignore[no-untyped-call]
    for kind, value in tokens:
        if kind in sql_tokens.Comment and value.startswith("/*!") and depth < _DEPTH:
            inner = value[3:-2].lstrip("0123456789")
            words += [word for statement in _statements(inner, depth + 1) for word in statement]
        elif kind in sql_tokens.Whitespace or kind in sql_tokens.Comment:
            continue
        elif kind is sql_tokens.Punctuation and value == ";":
            yield words
            words = []
        else:
            words += _words_of(kind, value)
    yield words


def _words_of(kind: _TokenType, value: str) -> list[_Word]:
    """One word; several where the lexer takes a phrase (`IF EXISTS`) for one keyword."""
    from sqlparse import tokens as sql_tokens

    quoted = kind in sql_tokens.Literal
    is_name = kind in sql_tokens.Name or kind in sql_tokens.Literal.String.Symbol
    parts = [value] if quoted or is_name else value.split()
    return [_Word(part.upper(), part, is_name, quoted and not is_name) for part in parts]


def _statement(words: list[_Word], depth: int) -> Iterator[Deed]:
    while words and words[0].raw in ("(", "{"):
        words = words[1:]
    if not words:
        return
    first = words[0].text
    what = " ".join(word.raw for word in words)
    yield from _functions(words, what)
    if first.startswith("\\"):
        yield from _client_command(what)
    elif first == "EXPLAIN":
        runs = any(word.text == "ANALYZE" for word in words[:6])
        inner = next((i for i, w in enumerate(words) if w.text in _EFFECTS and i), len(words))
        yield from (
            _statement(words[inner + (words[inner].text == "ANALYZE") :], depth)
            if (runs and inner < len(words))
            else [_act(DeedEffect.READ, what)]
        )
    elif first in _RUNS:
        yield from _run_text(words, what, depth)
    elif first in ("COPY", "UNLOAD"):
        yield _copied(words, what)
    elif first in ("BEGIN", "IF", "WHILE", "DECLARE", "CASE") or first == "WITH":
        yield from _block(words, what, depth)
    elif first in _SILENT:
        return
    elif first in _EFFECTS:
        yield from _verb(first, words, what)
    else:
        yield _act(DeedEffect.UNKNOWN, what)


def _block(words: list[_Word], what: str, depth: int) -> Iterator[Deed]:
    """The verbs inside a block or behind common table expressions, and what it runs as text."""
    run = [place for place, word in enumerate(words) if word.text in ("EXECUTE", "EXEC")]
    for place in run:
        yield from _run_text(words[place : place + 4], what, depth)
    places = [
        place
        for place, word in enumerate(words)
        if word.text in _EFFECTS and not word.is_string and _is_verb(words, place)
    ]
    changing = [place for place in places if _EFFECTS[words[place].text] is not DeedEffect.READ]
    for place in changing:
        yield from _verb(words[place].text, words[place:], what)
    if places and not changing:
        yield _act(DeedEffect.READ, what, _things(words))


def _is_verb(words: list[_Word], place: int) -> bool:
    """`REPLACE(` is a function, `FOR UPDATE` and `ON DELETE` are clauses, `.delete` is a name."""
    before = words[place - 1].text if place else ""
    after = words[place + 1].raw if place + 1 < len(words) else ""
    return before not in _CLAUSE and before != "." and not (after == "(" or words[place].is_name)


def _verb(verb: str, words: list[_Word], what: str) -> Iterator[Deed]:
    effect, things = _EFFECTS[verb], _things(words)
    texts = {word.text for word in words if not word.is_string}
    if verb in ("SELECT", "TABLE", "VALUES"):
        yield _selected(words, what, things)
    elif verb == "PRAGMA":
        effect = DeedEffect.WRITE if "=" in texts else DeedEffect.READ
        yield _act(effect, what, things)
    elif verb == "ALTER" and any(
        w.text in ("DROP", "DELETE") and _is_verb(words, i) for i, w in enumerate(words)
    ):
        yield _act(DeedEffect.DELETE, what, things, grave=True)
    elif verb == "MERGE":
        deletes = "DELETE" in texts
        yield _act(DeedEffect.DELETE if deletes else DeedEffect.WRITE, what, things, grave=deletes)
    elif verb == "UPDATE":
        yield _act(effect, what, things, grave="WHERE" not in texts)
    elif verb in ("ALTER", "CREATE") and texts & {"USER", "ROLE", "LOGIN", "POLICY"}:
        yield _act(DeedEffect.GRANT, what, things, grave=True)
    elif verb == "CREATE" and "TRIGGER" in texts:
        yield _act(effect, what, things, grave=True)
    else:
        grave = effect in (DeedEffect.DELETE, DeedEffect.GRANT, DeedEffect.EXECUTE)
        yield _act(effect, what, things, grave=grave)


def _selected(words: list[_Word], what: str, things: Sequence[str]) -> Deed:
    """A query; `SELECT … INTO table` makes one, into a variable it does not."""
    for place, word in enumerate(words[:-1]):
        target = words[place + 1].raw
        if word.text == "INTO" and not word.is_string and target[:1] not in ("@", ":"):
            return _act(DeedEffect.WRITE, what, things)
    verbs = [i for i, w in enumerate(words) if w.text in _NESTED and _is_verb(words, i) and i]
    if verbs and words[verbs[0]].text in ("DELETE", "DROP", "TRUNCATE"):
        return _act(DeedEffect.DELETE, what, things, grave=True)
    return _act(DeedEffect.WRITE if verbs else DeedEffect.READ, what, things)


def _copied(words: list[_Word], what: str) -> Deed:
    texts = [word.text for word in words]
    if "PROGRAM" in texts:
        return _act(DeedEffect.EXECUTE, what, _things(words), grave=True)
    return _act(DeedEffect.WRITE if "FROM" in texts else DeedEffect.READ, what, _things(words))


def _run_text(words: list[_Word], what: str, depth: int) -> Iterator[Deed]:
    """What a statement runs that it holds as text; a procedure by name is not known."""
    inner = [
        act
        for word in words
        if word.is_string and depth < _DEPTH
        for act in deeds_in_sql(word.raw.strip("'\"$"), depth + 1)
        if act.effect is not DeedEffect.UNKNOWN
    ]
    yield from inner
    if not inner:
        yield _act(DeedEffect.UNKNOWN, what)


def _client_command(what: str) -> Iterator[Deed]:
    """Commands of a database's own shell: `\\dt` lists, `\\! rm` runs."""
    text = what.replace(" ", "")
    if text.startswith("\\!"):
        yield _act(DeedEffect.EXECUTE, what, grave=True)
    elif text.startswith(
        ("\\d", "\\l", "\\z", "\\s", "\\conninfo", "\\h", "\\?", "\\timing", "\\x")
    ):
        yield _act(DeedEffect.READ, what)
    elif text.startswith(("\\c", "\\q", "\\set", "\\pset")) and not text.startswith("\\copy"):
        return
    else:
        yield _act(DeedEffect.UNKNOWN, what)


def _functions(words: list[_Word], what: str) -> Iterator[Deed]:
    for word in words:
        effect = None if word.is_string else _ACTING_FUNCTIONS.get(word.text)
        if effect is not None:
            yield _act(effect, what, _things(words), grave=effect is not DeedEffect.WRITE)


def _things(words: Sequence[_Word]) -> tuple[str, ...]:
    """The tables (or databases, views, …) that it names."""
    found: list[str] = []
    for place, word in enumerate(words):
        if word.is_string or (word.text not in _LEADS_TO_NAME and word.raw != ","):
            continue
        if word.raw == "," and not found:
            continue
        name = _name_at(words, place + 1)
        if name is not None:
            found.append(name)
    return tuple(dict.fromkeys(found))


def _name_at(words: Sequence[_Word], place: int) -> str | None:
    while place < len(words) and words[place].text in ("IF", "EXISTS", "NOT", "ONLY", "TABLE"):
        place += 1
    parts: list[str] = []
    while place < len(words) and (words[place].is_name or words[place].raw == "."):
        parts.append(words[place].raw.strip('"`[]'))
        place += 1
        if len(parts) > 1 and parts[-1] != "." and parts[-2] != ".":
            parts.pop()
            break
    return "".join(parts) or None
