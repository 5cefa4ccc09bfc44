"""A hundred strings that some reader would obey, and reports made of them."""

from __future__ import annotations

from collections.abc import Iterator

from investigator.claims.document import (
    Document,
    Listing,
    Roll,
    Statement,
    Statements,
    Tone,
    Word,
)
from investigator.claims.rows import ControlRow, FindingRow, ReportRows, TraceVerdict, signature_of
from investigator.reports.run_report import RunReport
from investigator.traces.evidence import EvidenceKind, EvidenceRef

_MARKUP = (
    *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>"),
    *("</td></tr></table><h1>x", "<!--", "-->", "<![CDATA[x]]>", "]]>", "&lt;b&gt;", "&#x3c;b>"),
    *("<a href='javascript:alert(1)'>x</a>", "javascript:alert(1)", "data:text/html,<script>"),
    *("<iframe src=//evil.example>", "<style>*{display:none}</style>", "<base href=//evil>"),
    *('" onmouseover="alert(1)', "' onfocus='alert(1)' autofocus='", "`onload=alert(1)`"),
    *("<details open ontoggle=alert(1)>", "<math><mi//xlink:href='data:x'>", "{{7*7}}", "{%raw%}"),
    *("${7*7}", "#{7*7}", "<%= 7*7 %>", "<?xml version='1.0'?>", "<!DOCTYPE x [<!ENTITY a 'b'>]>"),
    *("&a;", "&amp;amp;", "<br>", "<x:y/>", "</testcase>", "</failure>", "<failure message='x'>"),
)
_MARKDOWN = (
    *(
        "# heading",
        "- [ ] task",
        "1. one",
        "> quote",
        "```\ncode",
        "``",
        "`",
        "````x````",
        "| a | b |",
    ),
    *("|", "\\|", "[x](http://evil.example)", "![x](http://evil.example/?q=1)", "[x]: http://evil"),
    *(
        "**bold**",
        "_it_",
        "__x__",
        "~~gone~~",
        "***",
        "---",
        "===",
        "@everyone",
        "a@b @team",
        "#12",
    ),
    *(
        "http://evil.example/a|b",
        "www.evil.example",
        "$x^2$",
        "\\",
        "\\\\`",
        "<https://evil.example>",
    ),
    *(":boom:", "* item", "+ item", "\\*", "&copy;", "a  \nb", "\n\n# heading", "\r\n| x |"),
)
_SHEET = (
    *("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "=cmd|' /C calc'!A0", '=HYPERLINK("http://e")'),
    *(',"a","b"', '"', '""', "a,b;c", "a\nb", "a\r\nb", "\r", ";=1"),
)
_UNSEEN = (
    *("\x1b[2J\x1b[H", "\x1b]0;title\x07", "\x9b31m", "\x00", "\x07\x08\x7f", "\x0b\x0c", "\x85"),
    *(
        "\u202eexe.txt",
        "\u2066x\u2069",
        "a\u200bb",
        "\u200d\u2060",
        "\ufeffx",
        "\U000e0041\U000e007f",
    ),
    *(
        "\U000e0100x",
        "\u2028x\u2029",
        "\u061cx",
        "\ufff9x\ufffb",
        "\ud800",
        "x\udfff",
        "\ufffe\uffff",
    ),
)
HOSTILE = (*_MARKUP, *_MARKDOWN, *_SHEET, *_UNSEEN)


def hostile_report(text: str) -> RunReport:
    """A report that has the text in every place that a trace can fill."""
    ref = EvidenceRef(
        trace_id=text, span_id=text, kind=EvidenceKind.SPAN, ref=f"span:{text}",
        excerpt_hash="0" * 64, ts=None,
    )  # fmt: skip
    statement = Statement(
        name=text, text=text, rank=1, place=text, notes=(text,), confidence=0.5, quotes=(text,),
        evidence=(ref,), advice=text,
    )  # fmt: skip
    document = Document(
        subject=text,
        verdict=Word(text, Tone.BAD),
        notes=(text,),
        summary=text,
        sections=(
            Statements(title=text, notes=(text,), statements=(statement,)),
            Listing(title=text, lines=(text, text)),
            Roll(Word(text), (text, text)),
        ),
    )
    return RunReport(
        engine="rca", run_id=text, status="succeeded", subject=text, source=text,
        dataset_hash="0" * 64, document=document, rows=_rows(text),
    )  # fmt: skip


def failed_report(text: str) -> RunReport:
    """A run that has no report, and says so in these words."""
    return RunReport(engine="rca", run_id=text, status="failed", error=text, subject=text)


def hostile_reports() -> Iterator[RunReport]:
    """One for each string, and a run without a report for each."""
    for text in HOSTILE:
        yield hostile_report(text)
        yield failed_report(text)


def _rows(text: str) -> ReportRows:
    trace = TraceVerdict(
        trace_id=text, verdict=text, label=text, confidence=0.5, summary=text, findings=1,
        began_span_id=text, began_agent=text,
    )  # fmt: skip
    finding = FindingRow(
        trace_id=text, rank=1, category=text, fault=text, description=text, fails=True,
        began_span_id=text, began_agent=text, path=(text,), advice=text, evidence=(text,),
        excerpts=(text,), signature=signature_of("rca", text),
    )  # fmt: skip
    control = ControlRow(
        trace_id=text, controls_version=text, control_id=text, title=text, severity="high",
        verdict="fail", judged_by="code", fails=True, explanation=text, span_id=text,
        remediation=text, missing_evidence=(text,), evidence=(text,),
        signature=signature_of("compliance", text),
    )  # fmt: skip
    return ReportRows(trace, (finding,), (control,))
