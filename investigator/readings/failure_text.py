"""Whether a tool's answer says that it failed, and which fault an error's text names.

Two questions, kept apart. `failure_in` decides from *structure*: a record that says so (see
`failure_records`), a line that begins as errors do, a traceback at the end, an exit code. Only
for a text known to be an error does `fault_of` look for words; so the word "error" inside a
document means nothing here. Texts are looked at through a bounded window, in linear time (RE2).
"""

from __future__ import annotations

from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import read_json
from investigator.readings.failed_commands import COMMAND_OPENINGS, command_failure
from investigator.readings.failure_pages import PAGE_OPENINGS, page_failure
from investigator.readings.failure_records import NoRecord, failure_in_record
from investigator.readings.failure_reprs import REPR_OPENINGS, failure_in_repr
from investigator.readings.faults import Fault
from investigator.readings.refused_requests import fault_of_refusal, status_in
from investigator.readings.service_refusals import service_refusal

_HEAD = 2_000
_TAIL = 1_500
_SHORT = 600
_QUOTED = 200_000

_FAULTS: tuple[tuple[Fault, str], ...] = (
    (
        Fault.RATE_LIMIT,
        r"rate.?limit|too many requests|\b429\b|quota (was |has been )?(exceeded|exhausted|used up)"
        r"|exceeded (your|the|its) (\w+ ){0,2}quota|insufficient[_ ](quota|credits?|funds|balance)"
        r"|\b402\b|payment required|throttl",
    ),
    (
        Fault.RESOURCE_EXHAUSTED,
        r"max(imum)? (number of )?[^.\n]{0,20}operations|recursion depth|\bRecursionError"
        r"|context.?(length|window)|maximum context|too many tokens|prompt is too long"
        r"|out of memory|\bMemoryError\b|resource.?exhausted|disk (is )?full|no space left",
    ),
    (
        Fault.INCOMPLETE_RUN,
        r"max(imum)? (number of |no\. of )?(agent )?(steps|iterations|turns|rounds)\b"
        r"|(iteration|step|turn|recursion)s?[ _]?limit|GraphRecursionError",
    ),
    (
        Fault.UNKNOWN_TOOL,
        r"(unknown|unrecogni[sz]ed|unregistered) (tool|function)|no such (tool|function)"
        r"|(tool|function) [^\n]{0,60}(not found|does not exist|is not (defined|available))"
        r"|not a valid (tool|function)|forbidden function|not among the explicitly allowed tools"
        r"|-32601\b",
    ),
    (
        Fault.WRONG_QUERY,
        r"no such (table|column|function)\b|\b(column|relation|table|field) [^\n]{1,120}"
        r"does(n't| not) exist|unknown (column|table|field)|invalid (column|object) name"
        r"|(column|field)s? [^\n]{1,80}(cannot be (found|resolved)|not found)|columns? not found"
        r"|missing columns|UndefinedColumn|UndefinedTable|ORA-0090[04]|ORA-00942"
        r"|cannot query field|syntax error at or near"
        r"|error in your sql syntax|near \"[^\"\n]{0,80}\": syntax error|sql compilation error"
        r"|(binder|catalog|parser) error:",
    ),
    (
        Fault.BAD_ARGUMENTS,
        r"unexpected keyword argument|missing \d+ required|missing required|multiple values for"
        r"|(unknown|unrecogni[sz]ed|unexpected) (argument|parameter|option|field)"
        r"|-32602\b|invalid params"
        r"|takes [^\n]{0,40}argument|invalid[ _]?(tool )?(arguments?|parameters?|input)(\b|Error)"
        r"|(argument|parameter)s? [^\n]{0,60}(is|are) (invalid|required|missing)|field required"
        r"|required property|additional propert|input should be",
    ),
    (
        Fault.PARSE_ERROR,
        r"JSONDecodeError|SyntaxError|IndentationError|TabError|OutputParser|ParsingError"
        r"|ParseError|parsing error|error in (code|output) parsing|expecting value|unterminated"
        r"|(could not|failed to|cannot|unable to) (be )?(parsed?|decode)|invalid (json|syntax|yaml)"
        r"|UnicodeDecodeError|not well-formed",
    ),
    (
        Fault.MISSING_CAPABILITY,
        r"ModuleNotFoundError|ImportError|No module named|command not found|not recogni[sz]ed as"
        r"|import [^\n]{0,80} is not (allowed|authori[sz]ed|permitted)|not (yet )?installed",
    ),
    (Fault.NOT_FOUND, r"FileNotFoundError|no such file or directory"),
    (
        Fault.UNSUPPORTED_INPUT,
        r"unsupported (file|format|media|type|operation)|unsupportedformat|not supported"
        r"|could not convert|conversion ?(failed|exception|error)",
    ),
    (
        Fault.TIMEOUT,
        r"timed? ?out\b|timeout|deadline exceeded|took too long|\b(408|504)\b",
    ),
    (
        Fault.AUTH,
        r"\b(401|403)\b|unauthori[sz]ed|unauthenticated|forbidden|authentication|permission denied"
        r"|access ?(is )?denied|PermissionError|(login|challenge) page came"
        r"|(invalid|incorrect|missing|expired) (api.?key|token)"
        r"|credentials",
    ),
    (
        Fault.CONNECTION,
        r"connection (was )?(refused|reset|aborted|closed|error)|ConnectionError|ConnectError"
        r"|ECONN\w+|getaddrinfo|name or service not known|temporary failure in name resolution"
        r"|could not resolve|network is unreachable"
        r"|RemoteDisconnected|max retries exceeded|SSLError|\b(502|503)\b"
        r"|service unavailable|bad gateway|overloaded",
    ),
    (
        Fault.EMPTY_RETRIEVAL,
        r"\b(no|zero|0) (\w+ ){0,2}(results?|documents?|matches|records|hits|entries)\b"
        r"|nothing (was )?found|\bno (\w+ ){1,3}(were |was )?found\b",
    ),
    (
        Fault.NOT_FOUND,
        r"\b404\b|not[ _]?found|does not exist|doesn't exist"
        r"|no ?such ?\w+|could not find|cannot find",
    ),
    (
        Fault.SCHEMA_MISMATCH,
        r"unreadable result|ValidationError|schema|KeyError|\bcolumns? [^\n]{0,40}(missing|not in)"
        r"|unexpected (field|column|type)|type mismatch",
    ),
    (
        Fault.REJECTED_REQUEST,
        r"bad ?request|unprocessable|invalid_?request|method not allowed",
    ),
    (
        Fault.HTTP_ERROR,
        r"\b(HTTP|status)( error| code)?:? ?[45]\d\d\b|error code: ?[45]\d\d|HTTPError"
        r"|internal server error|internal error",
    ),
)
_COMPILED = tuple((fault, re2.compile(f"(?i){pattern}")) for fault, pattern in _FAULTS)

_TYPE = re2.compile(r"^\s*([\w.]*[A-Z]\w*(?:Error|Exception|Timeout|Exceeded))(?::|\(|\s*$)")
_OWN_TYPE = frozenset({Fault.TIMEOUT, Fault.RATE_LIMIT})
"""Faults that have types of their own; other types cover what only their messages tell apart."""

_PREFIX = re2.compile(
    r"(?i)^\s*(?:call id: ?\S*\s*)?(?:(?:observation|result|output|tool (?:result|output|response)"
    r"|execution logs|code output|stdout|stderr)s?:\s*)*"
)
_BEGINS_AS_ERROR = re2.compile(
    r"^(?:\[|\(|<|\*\*|❌ ?)?(?:\[(?i:error|fatal|critical)\]"
    r"|(?i:errors?|exception|fatal|failure)(?:\]|\)|>|\*\*)?(?: \w+)?(?: \(\w+\))?"
    r"(?::| [45]\d\d(?:\W*$|[:.,)\]]|\s+[-–]|\W+(?i:bad|not|forb|unau|serv|inter|gate|too|time))"
    r"|\.(?:\s|$)|!|$)"
    r"|(?i:error|exception) (?i:in [^\n]{0,80}:|(?:while|when|during|occurred|executing|calling)\b)"
    r"|(?i:an|there was an|the following|internal|unexpected) (?:\w+ ){0,2}(?i:error|exception)\b"
    r"|(?:\w+\.)*[A-Z]\w*(?:Error|Exception|Fault|Timeout)\b(?::|[()\]>]|$)"
    r"|(?:HTTP/?[\d.]* ?)[45]\d\d\b"
    r"|(?i:(?:http )?(?:status|response)(?: code)?) ?[:=] ?[45]\d\d\b"
    r"|Traceback \(most recent call last\):)"
)
_COUNTS_NONE = re2.compile(
    r"(?i)^(?:errors?|failures?|exceptions?|fail(?:ed|ing)(?: \w+){0,2}): *(?:0|none|no|null) *"
    r"(?:$|[,;.\n])"
)
_SHORT_REFUSAL = re2.compile(
    r"(?i)^(?:(?:the )?(?:command|process|script|program|job)"
    r" (?:failed|exited|ended|finished|returned)(?: with)?(?: an?)?(?: non-?zero)?"
    r"(?: exit| return)? (?:code|status):? -?[1-9]"
    r"|[45]\d\d\W+(?:bad request|unauthori[sz]ed|forbidden|not found|unprocessable|too many"
    r"|internal server|bad gateway|service unavailable|gateway time|conflict|payment required)"
    r"|no such \w+|(?:request |call |execution |tool )?failed\b|(?:could not|couldn't|cannot|can't"
    r"|unable to) |invalid |unknown (?:tool|function)|unsupported |access denied|permission denied"
    r"|unauthori[sz]ed|forbidden|timed? ?out|timeout\b|rate limit|too many requests"
    r"|connection (?:refused|reset|error|timed out)|not found\b|service unavailable|bad gateway)"
)
_UNREADABLE = re2.compile(
    r"^(?:\[object \w+\]|undefined|Promise \{ ?<pending> ?\}"
    r"|<(?:coroutine|generator|async_generator) object [^>\n]*>|<[\w.]+ object at 0x[0-9a-f]+>)$"
)
"""What is left of a result that was never awaited, or turned into text as it stood."""

_EXIT_CODE = re2.compile(r"(?i)^\s*[\[(]?(?:exit|return) ?(?:code|status):? *(-?\d+)([^\n]*)")
_TRACEBACK = re2.compile(r"(?m)^\s*Traceback \(most recent call last\):")
_LAST_LINE_IS_ERROR = re2.compile(
    r"(?:^|\n)(?:[\w.]+\.)?[A-Z]\w*(?:Error|Exception|Interrupt|Exit|Warning|Timeout)\b[^\n]*$"
)
_OPENINGS = re2.compile(
    "|".join(
        f"(?m:{form.pattern})"
        for form in (
            *(_BEGINS_AS_ERROR, _SHORT_REFUSAL, _UNREADABLE),
            *(*COMMAND_OPENINGS, *PAGE_OPENINGS, *REPR_OPENINGS),
        )
    )
)
"""How a text that says it failed begins; nearly every answer of a tool is spared the rest by it."""

_ENDINGS = ("Error", "Exception", "Interrupt", "Exit", "Warning", "Timeout")
_EXITS = ("exit", "return")
_EDGE = 200


def fault_of(error: str) -> Fault | None:
    """The fault that the text of an error names; None where it names none that is known.

    A type that names one decides: its message may quote what others said of other faults.
    """
    error_type = _TYPE.search(error[:_HEAD])
    by_type = None if error_type is None else _first_fault(error_type.group(1))
    if by_type in _OWN_TYPE:
        return by_type
    said = _first_fault(
        error if len(error) <= _HEAD + _TAIL else f"{error[:_HEAD]}\n{error[-_TAIL:]}"
    )
    status = status_in(error)
    return said if status is None else fault_of_refusal(status, said)


def _first_fault(text: str) -> Fault | None:
    return next((fault for fault, pattern in _COMPILED if pattern.search(text)), None)


def failure_in(result: str) -> str | None:
    """The part of a tool's answer that says it failed; None where nothing says so."""
    text = result.strip()
    exit_code = _exit_code(text)
    if exit_code is not None:
        return text if exit_code.group(1) != "0" else None
    body = _unfenced(text[_prefix_length(text) :])
    if body[:1] in ("{", "["):
        try:
            return failure_in_record(body, failure_in)
        except NoRecord:
            pass
    if body[:1] == '"' and len(body) <= _QUOTED and (inner := _unquoted(body)) is not None:
        return failure_in(inner)
    return _failure_in_words(body)


def _may_say_so(body: str) -> bool:
    """Whether a text begins or ends as one that says it failed; a page may say so anywhere."""
    head = body[:_HEAD]
    first = next(iter(head.splitlines()), "")
    if body[:1] == "<" or _OPENINGS.match(f"{first.strip()}\n{head[len(first) :]}") is not None:
        return True
    edges = f"{body[:_EDGE]}\n{body[-_EDGE:]}".lower()
    tail = body[-_TAIL:]
    return any(word in edges for word in _EXITS) or any(word in tail for word in _ENDINGS)


def _failure_in_words(body: str) -> str | None:
    if not _may_say_so(body):
        return service_refusal(body)
    head = body[:_HEAD]
    if _BEGINS_AS_ERROR.search(head.partition("\n")[0]):
        return None if _COUNTS_NONE.search(head) else body
    if len(body) <= _SHORT and _SHORT_REFUSAL.search(head):
        return None if _COUNTS_NONE.search(head) else body
    if _UNREADABLE.search(head) is not None:
        return f"unreadable result: {head[:_SHORT]}"
    return (
        command_failure(body)
        or page_failure(body)
        or service_refusal(body)
        or failure_in_repr(body, failure_in)
        or _traceback_failure(body)
    )


def _unfenced(text: str) -> str:
    """What a text holds that is nothing but one fenced block."""
    if not text.startswith("```") or not text.endswith("```") or text.count("```") != 2:
        return text
    return text.partition("\n")[2][:-3].strip()


def _unquoted(text: str) -> str | None:
    """The text that a JSON string holds."""
    try:
        value = read_json(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, str) else None


def is_execution_output(text: str) -> bool:
    """Whether a text is what running code gave back: an exit code, or nothing but a traceback."""
    head = text[:_HEAD]
    body = head[_prefix_length(head) :]
    return _exit_code(head.strip()) is not None or body.startswith("Traceback (most recent call")


def _exit_code(text: str) -> re2.RE2Match | None:
    """The exit code that a text opens with, the rest of its line as the second group."""
    opens = text[:7].lower().lstrip("[(").startswith(_EXITS)
    return _EXIT_CODE.search(text[:_HEAD]) if opens else None


def _prefix_length(text: str) -> int:
    if ":" not in text[:_HEAD]:
        return 0 if not text[:1].isspace() else len(text) - len(text.lstrip())
    found = _PREFIX.search(text[:_HEAD])
    return 0 if found is None else int(found.end())


def _traceback_failure(body: str) -> str | None:
    """A traceback counts where the answer ends with it; a document may quote one midway."""
    tail = body[-_TAIL:].rstrip()
    if _LAST_LINE_IS_ERROR.search(tail) and _TRACEBACK.search(body[-10 * _TAIL :]):
        return tail
    return None
