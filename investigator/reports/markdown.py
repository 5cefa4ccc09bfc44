"""Reports as Markdown (GitHub's), for a pull request, an issue or a build's summary.

Whatever a trace says is shown as text: marks of Markdown and HTML are escaped, quotes stand in
code, and nothing mentions anybody.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from investigator.claims.document import Document, Listing, Roll, Statement, Statements, Tone
from investigator.ground.visible import one_visible_line
from investigator.ground.wording import counted
from investigator.reports.baseline import Baseline
from investigator.reports.run_report import RunReport

_MARKS = re.compile(r"[\\`*\[\]|~$]|^[#+-]|(?<!\w)_|_(?!\w)|(?<=^\d)[.)]")
"""What Markdown would obey; inside a word `_` is a letter."""
_AS_CODE = re.compile(r"[a-zA-Z][\w+.-]*://[^\s`|]+|www\.[^\s`|]+|(?<!\w)@[\w-]+")
"""Links and mentions, which GitHub makes of plain text too."""
_SIGNS = {Tone.GOOD: "✅", Tone.BAD: "❌", Tone.UNSURE: "❔", Tone.QUIET: "▫️"}
_LINE = 400
_EXCERPT = 200
_IN_TABLE = 200
"""How many runs the table shows; the rest is counted."""
_AT_LENGTH = 20
"""How many reports follow the table at length."""


def markdown_of(reports: Sequence[RunReport], baseline: Baseline | None = None) -> str:
    """One report at length; many as a table, then those that need a look at length."""
    if len(reports) == 1:
        return "\n".join([*_report(reports[0], baseline, level=2), ""])
    worth_a_look = [one for one in reports if _needs_a_look(one)]
    lines = [f"## {_headline(reports)}", "", *_table(reports, baseline)]
    for one in worth_a_look[:_AT_LENGTH]:
        lines += ["", *_report(one, baseline, level=3)]
    left = len(worth_a_look) - _AT_LENGTH
    if left > 0:
        lines += ["", f"… and {left:,} more that need a look: the table above has them."]
    return "\n".join([*lines, ""])


def _headline(reports: Sequence[RunReport]) -> str:
    verdicts = Counter(one.rows.trace.verdict if one.rows else one.status for one in reports)
    parts = [f"{count:,} {_text(verdict or 'unknown')}" for verdict, count in verdicts.items()]
    return f"{counted(len(reports), 'run')}: {', '.join(parts)}"


def _table(reports: Sequence[RunReport], baseline: Baseline | None) -> Iterator[str]:
    yield "| | about | verdict | cause | began at | confidence |"
    yield "|---|---|---|---|---|---:|"
    for one in reports[:_IN_TABLE]:
        cells = [_sign(one), _code(one.subject), *_verdict_cells(one, baseline)]
        yield f"| {' | '.join(cells)} |"
    if len(reports) > _IN_TABLE:
        yield ""
        yield f"… and {counted(len(reports) - _IN_TABLE, 'more run')}."


def _verdict_cells(one: RunReport, baseline: Baseline | None) -> list[str]:
    if one.rows is None:
        return [_text(one.status or "no report"), _text(one.error or ""), "", ""]
    trace = one.rows.trace
    known = baseline is not None and one.failing and not list(one.new_to(baseline))
    broken = ", ".join(control.control_id for control in one.rows.controls if control.fails)
    cause = " / ".join(filter(None, (trace.label, trace.fault))) or broken
    place = trace.began_span_id and f"{_step(trace.began_step)}{_code(trace.began_span_id)}"
    sure = "" if trace.confidence is None else f"{trace.confidence:.2f}"
    verdict = _text(trace.verdict) + (" (known)" if known else "")
    return [verdict, _text(cause), place or "", sure]


def _report(one: RunReport, baseline: Baseline | None, *, level: int) -> Iterator[str]:
    title = "#" * level
    about = f" of {_code(one.subject)}" if one.document is None or one.document.subject else ""
    if one.document is None:
        yield f"{title} ❌ {_text(one.engine)}{about}: no report"
        yield ""
        yield _text(one.error or f"The run ended as {one.status}.")
        return
    document = one.document
    verdict = _text(document.verdict.text or "no verdict")
    yield f"{title} {_sign(one)} {_text(one.engine)}{about}: {verdict}"
    yield ""
    if document.notes:
        yield f"{_text(', '.join(document.notes))}  "
    yield _text(document.summary)
    if baseline is not None and one.failing:
        new = len(list(one.new_to(baseline)))
        yield ""
        yield f"Against the baseline: {new:,} new, {len(one.failing) - new:,} known."
    yield from _sections(document)
    if one.run_id is not None:
        yield ""
        yield f"Run {_code(one.run_id)}"


def _sections(document: Document) -> Iterator[str]:
    for section in document.sections:
        match section:
            case Statements() if section.statements:
                yield ""
                if section.title:
                    yield f"**{_text(_titled(section))}**"
                    yield ""
                for statement in section.statements[: section.shown]:
                    yield from _statement(statement)
                yield from _rest(len(section.statements), section.shown, section.noun)
            case Listing() if section.lines:
                yield ""
                yield f"**{_text(section.title)}**"
                yield ""
                yield from (f"- {_text(line)}" for line in section.lines[: section.shown])
                yield from _rest(len(section.lines), section.shown, section.noun)
            case Roll() if section.names:
                yield ""
                names = ", ".join(map(_code, section.names))
                yield f"**{_text(section.word.text or '')}**: {names}"
            case _:
                pass


def _titled(section: Statements) -> str:
    return f"{section.title} ({', '.join(section.notes)})" if section.notes else section.title


def _statement(statement: Statement) -> Iterator[str]:
    notes = [*statement.notes]
    if statement.confidence is not None:
        notes.append(f"confidence {statement.confidence:.2f}")
    if statement.by_model:
        notes.append("judged by a model")
    word = f"**{_text(statement.word.text)}** " if statement.word and statement.word.text else ""
    name = f"**{_text(statement.name)}**" if statement.name else ""
    place = f" at {_text(statement.place)}" if statement.place else ""
    aside = f" ({_text(', '.join(notes))})" if notes else ""
    head = f"{word}{name}{place}{aside}".strip()
    bullet = "-" if statement.rank is None else f"{statement.rank}."
    yield f"{bullet} {head}{': ' if head else ''}{_text(statement.text)}"
    indent = " " * (len(bullet) + 1)
    yield from (f"{indent}- {_code(quote, _EXCERPT)}" for quote in statement.quotes)
    if statement.evidence:
        refs = ", ".join(_code(ref.ref) for ref in statement.evidence)
        yield f"{indent}- evidence: {refs}"
    if statement.advice:
        yield f"{indent}- to do: {_text(statement.advice)}"


def _rest(count: int, shown: int | None, noun: str) -> Iterator[str]:
    if shown is not None and count > shown:
        yield f"- … and {count - shown:,} more {noun}"


def _sign(one: RunReport) -> str:
    tone = None if one.document is None else one.document.verdict.tone
    return "❌" if tone is None else _SIGNS[tone]


def _needs_a_look(one: RunReport) -> bool:
    return one.document is None or one.document.verdict.tone in (Tone.BAD, Tone.UNSURE)


def _step(step: int | None) -> str:
    return "" if step is None else f"step {step}, "


def _text(text: str) -> str:
    """As text: marks and tags are escaped; a link leads nowhere, a mention names nobody."""
    line, pieces, done = one_visible_line(text, _LINE), [], 0
    for match in _AS_CODE.finditer(line):
        pieces += [_escaped(line[done : match.start()]), _code(match.group())]
        done = match.end()
    return "".join([*pieces, _escaped(line[done:])])


def _escaped(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKS.sub(lambda mark: f"\\{mark.group()}", text)


def _code(text: str, limit: int = _LINE) -> str:
    """As code, in as many ticks as it takes; a bar would end the cell of a table."""
    line = one_visible_line(text, limit).replace("|", "¦")
    longest = max(map(len, re.findall("`+", line)), default=0)
    ticks = "`" * (longest + 1)
    space = " " if line.startswith("`") or line.endswith("`") or not line else ""
    return f"{ticks}{space}{line}{space}{ticks}"
