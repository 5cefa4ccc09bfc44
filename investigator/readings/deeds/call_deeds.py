"""What a call of a tool does: by the statement, command, request or code that it is given; else by
the operation its arguments name; else by the tool's name, what the tool was offered as doing, and
what came back. Where none of these tells, it is an act of unknown effect.

An envelope (`call_tool`, `use_mcp_tool`, JSON-RPC) is opened: the tool inside is the tool.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import JsonValue, canonical_json, json_object
from investigator.ground.patterns import well_formed
from investigator.readings.deeds.deed import Deed, DeedEffect, Means
from investigator.readings.deeds.program_deeds import is_system_path
from investigator.readings.deeds.program_effects import (
    DEPLOYING_WORDS,
    DESTROYING_WORDS,
    LOOKING_WORDS,
)
from investigator.readings.deeds.shell_deeds import (
    begins_with_program,
    deeds_in_code,
    deeds_in_shell,
)
from investigator.readings.deeds.sql_statements import deeds_in_sql, is_sql
from investigator.readings.deeds.web_requests import request_act
from investigator.readings.directives import kinds_of, tool_words
from investigator.readings.languages import word_set
from investigator.readings.utterances import Action
from investigator.traces.model import REDACTED, Trace
from investigator.traces.openinference import tool_definitions_of

_SHOWN = 80
_LEAVES = 200
_DEPTH = 4

SHELL_WORDS = word_set("shell bash sh zsh terminal powershell pwsh cmd console ssh subprocess")
SQL_WORDS = word_set(
    "sql sqlite postgres postgresql mysql snowflake bigquery duckdb db database redshift clickhouse"
    " mariadb oracle mssql warehouse supabase"
)
_RUNS = word_set("run execute exec eval invoke")
_COMMAND_KEYS = word_set("command commands cmd shell script cmdline commandline")
_STATEMENT_KEYS = word_set("sql statement statements query queries")
_CODE_KEYS = word_set("code python source program")
_URL_KEYS = word_set("url uri endpoint link href address path")
_CONTENT_KEYS = word_set(
    "content contents body text message note notes description comment title subject answer prompt"
    " new old file_text new_str old_str html markdown data summary reason question instructions"
)
_OPERATION_KEYS = ("action", "operation", "op", "command", "verb", "method", "mode", "act", "task")
_NAME_KEYS = ("tool_name", "tool", "toolName", "name", "function", "function_name", "method")
_ARGUMENT_KEYS = ("arguments", "args", "parameters", "params", "input", "tool_input", "kwargs")
_METHODS = frozenset(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
_BODY_KEYS = word_set("body data json payload form files content")
_PATH_KEYS = word_set(
    "path file filename filepath file_path target destination dest directory folder"
)
_SEARCHES = word_set("search find lookup web google wiki docs knowledge ask think translate")

_EFFECT_OF_KIND = {
    "delete": DeedEffect.DELETE,
    "pay": DeedEffect.PAY,
    "buy": DeedEffect.PAY,
    "send": DeedEffect.SEND,
    "share": DeedEffect.SEND,
    "change": DeedEffect.WRITE,
    "create": DeedEffect.WRITE,
    "read": DeedEffect.READ,
}
_ORDER = (
    DeedEffect.DELETE,
    DeedEffect.GRANT,
    DeedEffect.PAY,
    DeedEffect.SEND,
    DeedEffect.WRITE,
    DeedEffect.READ,
)
_WORKING_OUT = word_set(
    "calculate compute summarize summarise translate recommend suggest rate rank choose select pick"
    " print output say return repeat think reason plan wait sleep classify extract parse convert"
    " compare count estimate predict score detect analyze analyse evaluate validate verify check"
    " test"
    " tests lint format sort filter render preview simulate reflect consider continue finish end"
    " complete final answer respond speak ask clarify request embed tokenize normalize route decide"
    " calculator weather time clock date today status history info information detail details"
    " profile"
    " balance retrieve retriever retrieval lookup query inspect echo help noop ping sum add_numbers"
    " get list describe explain docs documentation metadata schema summary report stats statistics"
    " dry simulate sandbox explain poll watch monitor observe browse screenshot scroll ocr"
)
"""Words of tools that change nothing, among them those that hand in an answer or ask for one."""

_STARTS = word_set("run execute exec start launch trigger invoke call perform apply process handle")
_GIVES_RIGHTS = word_set(
    "grant elevate escalate permission permissions role roles admin privilege"
    " privileges access credentials credential password acl sudo"
)
_RIGHTS_VERBS = word_set("grant elevate escalate revoke set update change reset make add assign")
_STOPS = word_set("suspend deactivate disable ban terminate shutdown reboot restart")
_TOLD = re2.compile(
    r"(?i)\b(dropped|deleted|removed|destroyed|wiped|erased|purged|truncated|terminated"
    r"|overwritten|irreversibl[ey])\b"
)
_TOLD_WRITE = re2.compile(
    r"(?i)\b(applied|created|updated|saved|written|wrote|inserted|modified|deployed|published"
    r"|installed|changes? made|scheduled|booked|started|queued)\b"
)
_NOTHING = re2.compile(
    r"(?i)\b(?:no|0|zero|nothing|not|none|never|would be|wasn't|weren't)\b[^.\n]{0,20}$"
)
_WINDOW = 2_000
_DESCRIPTION = 400


class CallDeeds:
    """The acts of each call of a trace, read when first asked for."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._read: dict[int, tuple[Deed, ...]] = {}

    def of(self, action: Action) -> tuple[Deed, ...]:
        """What a call does; at least one act."""
        if action.position not in self._read:
            self._read[action.position] = self._acts(action)
        return self._read[action.position]

    def _acts(self, action: Action) -> tuple[Deed, ...]:
        if action.hidden:
            named = by_name(action.tool, ())
            only = named if named.effect is not DeedEffect.READ or _is_plain(action) else None
            return (only or _unknown(action.tool),)
        if action.hands_over:
            return (Deed(DeedEffect.READ, action.tool, Means.NAME),)
        arguments = action.parsed
        acts = deeds_of_tool_call(action.tool, action.arguments if arguments is None else arguments)
        if all(act.effect is not DeedEffect.UNKNOWN for act in acts):
            return acts
        told = self._described(action)
        return tuple(_resolved(act, action, told) for act in acts)

    def _described(self, action: Action) -> DeedEffect | None:
        return self._offered.get(action.tool)

    @cached_property
    def _offered(self) -> Mapping[str, DeedEffect]:
        """What tools are offered as doing, by their annotations and the first verb described."""
        found: dict[str, DeedEffect] = {}
        texts = {d.json_schema for span in self._trace.spans for d in tool_definitions_of(span)}
        for text in sorted(texts):
            value = json_object(text) or {}
            inner = value.get("function")
            definition = inner if isinstance(inner, dict) else value
            name, effect = definition.get("name"), _described_effect(definition)
            if isinstance(name, str) and effect is not None:
                found.setdefault(name, effect)
        return found


def _is_plain(action: Action) -> bool:
    """Whether what is hidden cannot be a statement or a command, by the tool's name."""
    words = set(tool_words(action.tool))
    return not words & (SHELL_WORDS | SQL_WORDS | _RUNS)


def _unknown(what: str) -> Deed:
    return Deed(DeedEffect.UNKNOWN, what[:_SHOWN], Means.NAME)


def _described_effect(definition: Mapping[str, JsonValue]) -> DeedEffect | None:
    hints = definition.get("annotations")
    if isinstance(hints, dict):
        if hints.get("readOnlyHint") is True:
            return DeedEffect.READ
        if hints.get("destructiveHint") is True:
            return DeedEffect.DELETE
    described = definition.get("description")
    words = (
        tool_words(described[:_DESCRIPTION].partition(".")[0]) if isinstance(described, str) else []
    )
    for word in words[:6]:
        effect = _effect_of_words([word])
        if effect is not None:
            return effect
    return None


def _resolved(act: Deed, action: Action, told: DeedEffect | None) -> Deed:
    """An act of unknown effect by what came back, or by what the tool was offered as doing."""
    if act.effect is not DeedEffect.UNKNOWN:
        return act
    text = "" if action.result is None else well_formed(action.result.text[:_WINDOW])
    for pattern, effect in ((_TOLD, DeedEffect.DELETE), (_TOLD_WRITE, DeedEffect.WRITE)):
        hits = (hit for hit in pattern.finditer(text))
        if any(not _NOTHING.search(text[max(hit.start() - 40, 0) : hit.start()]) for hit in hits):
            return Deed(effect, act.what, act.means, act.things, effect is DeedEffect.DELETE)
    if told is not None and act.means is Means.NAME:
        return Deed(
            told, act.what, act.means, act.things, told in (DeedEffect.DELETE, DeedEffect.PAY)
        )
    return act


def deeds_of_tool_call(tool: str, arguments: JsonValue, depth: int = 0) -> tuple[Deed, ...]:
    """The acts of a call by its tool's name and its arguments (a text where they are no JSON)."""
    inner = _opened(arguments) if depth < _DEPTH else None
    if inner is not None:
        return deeds_of_tool_call(inner[0], inner[1], depth + 1)
    words = tool_words(tool)
    leaves = list(_leaves(arguments))
    for reader in (_statements, _commands, _requests, _code):
        found = reader(words, leaves, arguments)
        if found:
            return found
    return _of_operation(tool, words, leaves, arguments)


_Leaves = list[tuple[str, str]]


def _leaves(arguments: JsonValue) -> Iterator[tuple[str, str]]:
    """Each text with the key it stands under, as far as lists and objects go a few levels down."""
    pending: list[tuple[str, JsonValue]] = [("", arguments)]
    count = 0
    while pending and count < _LEAVES:
        key, value = pending.pop()
        if isinstance(value, dict):
            pending += list(value.items())[::-1]
        elif isinstance(value, list):
            if value and all(isinstance(one, str) for one in value) and _key(key) & _COMMAND_KEYS:
                yield key, " ".join(str(one) for one in value)
            else:
                pending += [(key, one) for one in value][::-1]
        elif isinstance(value, str):
            count += 1
            yield key, value


def _key(name: str) -> set[str]:
    return {*tool_words(name), name.lower()}


def _opened(arguments: JsonValue) -> tuple[str, JsonValue] | None:
    """The call inside an envelope; None where the arguments are no envelope."""
    if not isinstance(arguments, dict):
        return None
    params = arguments.get("params")
    if arguments.get("method") == "tools/call" and isinstance(params, dict):
        return _opened(params)
    name = next((v for k in _NAME_KEYS if isinstance(v := arguments.get(k), str) and v), None)
    given = next((arguments[k] for k in _ARGUMENT_KEYS if k in arguments), None)
    if name is None or len(name) > _SHOWN or " " in name.strip() or name.upper() in _METHODS:
        return None
    if isinstance(given, str):
        given = json_object(given)
    return (name, given) if isinstance(given, dict) else None


def _statements(words: list[str], leaves: _Leaves, _arguments: JsonValue) -> tuple[Deed, ...]:
    """SQL: whatever has its form and is not text to be kept, and all that a database is given."""
    is_database = bool(set(words) & SQL_WORDS)
    searches = bool(set(words[:2]) & _SEARCHES) and not is_database
    found: list[Deed] = []
    for key, text in leaves:
        keys = _key(key)
        named = bool(
            keys & (_STATEMENT_KEYS if is_database or "sql" in keys else {"sql", "statement"})
        )
        plain = text.strip()
        if not plain or searches or (keys & _CONTENT_KEYS and not named):
            continue
        if _graph(plain) is not None:
            found.append(_graph(plain) or _unknown(plain))
        elif (named and " " in plain) or (named and is_database) or is_sql(plain):
            found += deeds_in_sql(plain)
    return tuple(found)


_MUTATION = re2.compile(r"(?is)^\s*(mutation|subscription|query)\b[^{]*\{\s*(\w+)")
_CYPHER = re2.compile(
    r"(?is)^\s*(?:optional\s+)?(?:match|unwind|call)\s*[({\w].*\b(return|delete|set|create|merge"
    r"|remove)\b"
)
_MONGO = re2.compile(r"^\s*db\.(?:[\w\[\]'\".-]+\.)?(\w+)\s*\(")


def _graph(text: str) -> Deed | None:
    """GraphQL, Cypher and the shell of MongoDB; None for any other text."""
    plain = well_formed(text[:_WINDOW])
    hit = _MUTATION.search(plain)
    if hit is not None:
        named = by_name(hit.group(2), ())
        looks = hit.group(1).lower() == "query"
        effect = (
            DeedEffect.READ
            if looks
            else DeedEffect.WRITE
            if named.effect is DeedEffect.READ
            else named.effect
        )
        return Deed(effect, hit.group(0)[:_SHOWN], Means.SQL, grave=named.grave and not looks)
    hit = _CYPHER.search(plain)
    if hit is not None:
        words = {word.lower() for word in re2.findall(r"\b[A-Za-z]+\b", plain)}
        deletes = bool(words & {"delete", "remove"})
        writes = bool(words & {"set", "create", "merge"})
        effect = DeedEffect.DELETE if deletes else DeedEffect.WRITE if writes else DeedEffect.READ
        return Deed(effect, plain[:_SHOWN], Means.SQL, grave=deletes)
    hit = _MONGO.search(plain)
    if hit is not None:
        named = by_name(hit.group(1), ())
        return Deed(named.effect, plain[:_SHOWN], Means.SQL, grave=named.grave)
    return None


def _commands(words: list[str], leaves: _Leaves, arguments: JsonValue) -> tuple[Deed, ...]:
    """A command line: what a shell is given, and what is named as a command and is more than one
    word or is run."""
    said = set(words)
    shell, runs = bool(said & SHELL_WORDS), bool(said & (_RUNS | {"redis"}))
    found: list[Deed] = []
    for key, text in leaves:
        keys = _key(key)
        named = bool(keys & _COMMAND_KEYS) or (shell and bool(keys & (_CODE_KEYS | {"input"})))
        if not named or not text.strip() or not (shell or runs or " " in text.strip()):
            continue
        if "redis" in said and not text.startswith("redis-cli"):
            text = f"redis-cli {text}"
        found += deeds_in_shell(text, powershell=bool(said & {"powershell", "pwsh"}))
    if shell and not found and isinstance(arguments, str) and arguments.strip():
        found += deeds_in_shell(arguments)
    if words[-1:] and len(words) < 3 and shell and not found and isinstance(arguments, dict):
        first = next((text for _, text in leaves if text.strip()), None)
        found += deeds_in_shell(first) if first is not None else ()
    return tuple(found)


def _requests(words: list[str], leaves: _Leaves, arguments: JsonValue) -> tuple[Deed, ...]:
    """A request over HTTP: an address with a method, a body, or a tool that says it makes one."""
    if not isinstance(arguments, dict):
        return ()
    method = next(
        (
            value.upper()
            for key, value in leaves
            if key in ("method", "http_method", "verb", "request_method")
            and value.upper() in _METHODS
        ),
        None,
    )
    said = set(words)
    urls = [text for key, text in leaves if _key(key) & _URL_KEYS and text.strip()]
    by_word = next((word.upper() for word in words if word.upper() in _METHODS), None)
    is_http = bool(said & {"http", "https", "curl", "rest", "api", "webhook", "requests"})
    if not urls or (
        not (method or (is_http and (by_word or method)))
        and not (is_http and any("://" in url for url in urls))
    ):
        return ()
    has_data = any(_key(key) & _BODY_KEYS and value for key, value in arguments.items())
    verb = method or by_word or ("POST" if has_data else "GET")
    return (request_act(verb, urls, f"{verb} {urls[0]}", has_data=has_data, means=Means.REQUEST),)


def _code(words: list[str], leaves: _Leaves, arguments: JsonValue) -> tuple[Deed, ...]:
    """Code for an interpreter."""
    said = set(words)
    if not said & {"python", "code", "interpreter", "jupyter", "ipython", "notebook", "repl"}:
        return ()
    texts = [text for key, text in leaves if _key(key) & (_CODE_KEYS | {"script", "input", "cell"})]
    if not texts and isinstance(arguments, str) and arguments.strip():
        texts = [arguments]
    return tuple(act for text in texts for act in _python_or_shell(text))


_FENCE = "```"
_LANGUAGE = re2.compile(r"^(?:python|py|bash|sh|shell)\s*\n")


def _python_or_shell(text: str) -> tuple[Deed, ...]:
    """Agents that run code are given commands as well; what reads as neither is unknown."""
    pieces = [piece for piece in text.split(_FENCE)[::2] if piece.strip()]
    return tuple(act for piece in pieces for act in _piece(piece))


def _piece(text: str) -> tuple[Deed, ...]:
    code = _LANGUAGE.sub("", well_formed(text), count=1)
    found = deeds_in_code(code)
    if all(act.effect is DeedEffect.UNKNOWN for act in found) and begins_with_program(code):
        return deeds_in_shell(code)
    return found


def _of_operation(
    tool: str, words: list[str], leaves: _Leaves, arguments: JsonValue
) -> tuple[Deed, ...]:
    """By the operation that an argument names, and else by the tool's name."""
    paths = tuple(text for key, text in leaves if _key(key) & _PATH_KEYS and len(text) < 400)
    if isinstance(arguments, dict):
        for key in _OPERATION_KEYS:
            value = arguments.get(key)
            if isinstance(value, str) and 0 < len(value) <= 40 and len(value.split()) <= 3:
                named = by_name(value, paths)
                if named.effect is not DeedEffect.UNKNOWN:
                    act = Deed(
                        named.effect, f"{tool}: {value}"[:_SHOWN], Means.NAME, paths, named.grave
                    )
                    return (_on_path(act, paths),)
    if REDACTED in canonical_json(arguments):
        return (_unknown(tool),)
    return (_on_path(by_name("_".join(words), paths), paths),)


def _on_path(act: Deed, paths: Iterable[str]) -> Deed:
    """A file of the system changed has a high impact."""
    changes = act.effect in (DeedEffect.WRITE, DeedEffect.DELETE)
    if changes and any(is_system_path(path) for path in paths):
        return Deed(act.effect, act.what, Means.FILE, act.things, grave=True)
    return act


_MONEY = word_set("money fund funds payment payments cash crypto coins bitcoin salary invoice bill")
_GOODS = word_set("file files data object objects document documents image images call chat")
_NOUNS = word_set(
    "report export email mail message comment order contact post text answer reply book plan record"
    " set charge exchange return hand hold bid list search query show view check look review"
    " schedule"
    " forward block register store store draft result results"
)
"""Words that are things as often as acts: behind a verb they are what it is done to."""


def by_name(name: str, things: tuple[str, ...]) -> Deed:
    """What a name says that it does; of unknown effect where it has no word that tells."""
    words = tool_words(name)
    effect, said = _effect_of_words(words), set(words)
    if effect is None:
        return Deed(DeedEffect.UNKNOWN, name[:_SHOWN], Means.NAME, things)
    if effect is DeedEffect.READ:
        return Deed(effect, name[:_SHOWN], Means.NAME, things)
    if said & _GIVES_RIGHTS and said & _RIGHTS_VERBS:
        return Deed(DeedEffect.GRANT, name[:_SHOWN], Means.NAME, things, grave=True)
    if effect is DeedEffect.SEND and said & _MONEY and "send" in said:
        effect = DeedEffect.PAY
    if effect is DeedEffect.PAY and said & _GOODS and not said & _MONEY:
        effect = DeedEffect.SEND
    stops = said & (_STOPS | _ROLLS_OUT)
    grave = bool(stops) or effect in (DeedEffect.DELETE, DeedEffect.PAY, DeedEffect.EXECUTE)
    return Deed(effect, name[:_SHOWN], Means.NAME, things, grave)


def _effect_of_words(words: list[str]) -> DeedEffect | None:
    """By the first word that is an act; a tool that begins with reading only reads."""
    started = False
    for word in words:
        if word in _STARTS:
            started = True
            continue
        if word in _WORKING_OUT or (word in LOOKING_WORDS and not started):
            return DeedEffect.READ
        if word in DESTROYING_WORDS:
            return DeedEffect.DELETE
        if word in _ROLLS_OUT:
            return DeedEffect.EXECUTE
        effect = None if started and word in _NOUNS else _effect_of_word(word)
        if effect is not None:
            return effect
    return None


_ROLLS_OUT = DEPLOYING_WORDS - {"push", "apply", "seed", "scale", "stop", "publish", "disable"}


def _effect_of_word(word: str) -> DeedEffect | None:
    """A verb of several kinds is the more telling one: `write` makes something, `open` looks."""
    if word in (
        "book",
        "reserve",
        "rent",
        "hire",
        "order",
        "subscribe",
        "register",
        "write",
        "patch",
    ):
        return DeedEffect.WRITE
    effects = {_EFFECT_OF_KIND[kind] for kind in kinds_of([word]) if kind in _EFFECT_OF_KIND}
    if word in ("send", "open", "store", "log", "sign"):
        effects = effects - {DeedEffect.PAY, DeedEffect.READ} or effects
    return next((effect for effect in _ORDER if effect in effects), None)
