"""How shells, databases and runtimes say that a command failed, where nothing else does.

Forms, not programs: `program: object: message of the operating system`, `program: (code) …`,
`'x' is not recognized as …`, a last line that gives an exit code; of databases an error with its
code or state in front, or one of the few sentences in which the dialects speak of a wrong query.
Only short answers are read so: a log may quote any of these lines.
"""

from __future__ import annotations

from investigator.ground import lazy_re2 as re2

_SHORT = 600
_LINES = 4
_LAST = 120
_SYSTEM = (
    r"no such file or directory|permission denied|is a directory|not a directory|file exists"
    r"|operation not permitted|no space left on device|read-only file system"
    r"|device or resource busy|name or service not known"
    r"|connection (?:refused|timed out|reset by peer)|command not found"
    r"|not found|cannot (?:access|open|stat|remove|create|overwrite|execute)\b[^\n]*"
    r"|(?:invalid|unrecogni[sz]ed|illegal|unknown) (?:option|command|argument)\b[^\n]*"
    r"|missing (?:file )?operand|(?:event )?syntax error\b[^\n]*|bad substitution"
)
_COMMAND = re2.compile(
    rf"(?i)^(?:[\w./+-]{{1,60}}: (?:(?:line )?\d+: )?(?:[^:\n]{{1,200}}: ){{0,3}}(?:{_SYSTEM})\W*"
    r"|[\w-]{1,20}: command not found: [^\n]+"
    r"|[\w.+-]{1,30}: \(\d+\) [^\n]+|[\w.+-]{1,30} ERR! [^\n]+|[\w.+-]{1,30}: \*\*\* [^\n]+"
    r"|(?:the term )?'[^'\n]{1,80}' is not recogni[sz]ed as [^\n]+"
    r"|segmentation fault\b[^\n]*|killed|bus error\b[^\n]*|aborted \(core dumped\)"
    r"|(?-i:panic: [^\n]+)|thread '[^'\n]{0,80}' panicked at [^\n]+|uncaught [^\n]+)$"
)
_QUERY = re2.compile(
    r"(?i)^(?:ORA-\d{5}|PLS-\d{5}|SQLSTATE\W|Msg \d+, Level \d+|error \d+ \([0-9A-Z]{5}\)"
    r"|\d{6} \([0-9A-Z]{5}\): |code: \d+\. \w+::exception|sql compilation error"
    r"|(?:sql )?(?:parse|binder|catalog|parser|conversion|constraint) error: "
    r"|no such (?:table|column|function|collection|index)\b|near \"[^\"\n]{0,80}\": syntax error"
    r"|syntax error at or near |you have an error in your sql syntax"
    r"|unknown (?:column|table|database) '|invalid (?:column|object) name '"
    r"|(?:column|relation|table|function|operator) [^\n]{1,120} does(?:n't| not) exist"
    r"|column reference [^\n]{1,80} is ambiguous|duplicate key value violates"
    r"|unique constraint failed|foreign key constraint|deadlock (?:found|detected)"
    r"|canceling statement due to )"
)
_TYPED = re2.compile(
    r"^(?:(?:\w+\.){2,}[A-Z]\w+: [^\n]|[A-Z]\w+ (?:Error|Exception|ERROR)(?:: |$))"
)
_EXIT_LINE = re2.compile(
    r"(?i)^\W*(?:(?:the )?(?:process|command|script|program|task|job)\b[^\n]{0,40}?\b)?"
    r"(?:exited |finished |terminated |failed |returned |ended )?(?:with )?(?:an? )?(?:non-?zero )?"
    r"(?:exit|return)[ _-]?(?:code|status)?\W{0,3}(-?[1-9]\d{0,4})\W*$"
)
_TAGGED = re2.compile(r"(?i)<(?:exit|return)_?(?:code|status)>\s*(-?\d+)\s*</")
_EDGE = 200
COMMAND_OPENINGS = (_COMMAND, _QUERY, _TYPED)
"""How the first line of every answer begins that is read here, but for those that tell an exit."""


def command_failure(text: str) -> str | None:
    """The answer of a command or a query that says it failed; None for any other text."""
    tagged = _TAGGED.search(text[:_EDGE]) or _TAGGED.search(text[-_EDGE:])
    if tagged is not None:
        return text if tagged.group(1) != "0" else None
    last = text[-_LAST:].rpartition("\n")[2]
    if len(last) < _LAST and _EXIT_LINE.search(last) is not None:
        return text
    if len(text) > _SHORT:
        return None
    lines = [line for line in text.splitlines() if line.strip()]
    if _QUERY.search(text) is not None or _TYPED.search(text) is not None:
        return text
    is_command = 0 < len(lines) <= _LINES and _COMMAND.search(lines[0].strip()) is not None
    return text if is_command else None
