"""Reports as one HTML file that opens offline: no script, no request, nothing that a trace can run.

The page allows itself one style sheet, by its hash, and nothing else: whatever a trace says is
text, whatever it is.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from investigator.claims.document import TONE_SIGNS, Tone
from investigator.ground.visible import visible
from investigator.reports.run_page import RunPage
from investigator.reports.run_report import RunReport

_PAGES = Path(__file__).parent / "pages"
_AT_LENGTH = 25
"""Runs of a batch that the page shows at length; the others are rows of its table."""


def html_of(
    reports: Sequence[RunReport], detailed: Callable[[RunReport], RunPage], *, version: str
) -> str:
    """One report as a page; several as a table, with those that need a look at length below it.

    `detailed` adds what is known of the run to a report that is shown at length.
    """
    chosen = [one for one in reports if len(reports) == 1 or _needs_a_look(one)][:_AT_LENGTH]
    style = (_PAGES / "page.css").read_text(encoding="utf-8")
    page = _environment().get_template("page.html")
    return page.render(
        reports=reports,
        at_length=[detailed(one) for one in chosen],
        places={id(one): place for place, one in enumerate(chosen, 1)},
        style=Markup(style),
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        version=version,
    )


def fragment_of(reports: Sequence[RunReport], *, as_table: bool = False) -> str:
    """Reports at length, or as a table, without a page around them."""
    named = "".join(f"{one.run_id}{one.report_sha256}{one.subject}" for one in reports)
    prefix = f"i{hashlib.sha256(named.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}-"
    return (
        _environment()
        .get_template("fragment.html")
        .render(
            reports=reports,
            pages=[RunPage(one) for one in reports],
            as_table=as_table,
            prefix=prefix,
            style=Markup((_PAGES / "fragment.css").read_text(encoding="utf-8")),
        )
    )


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    made.filters["sign"] = _sign
    made.filters["tone"] = _tone
    made.globals["kind_of"] = _kind_of
    made.globals["place_of"] = id
    return made


def _shown(value: Any) -> Any:
    """Whatever is put into a page: text with what is not seen written out, nothing for None."""
    if value is None:
        return ""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _kind_of(section: object) -> str:
    return type(section).__name__


def _tone(report: RunReport) -> str:
    document = report.document
    tone = None if document is None else document.verdict.tone
    return (tone or Tone.BAD).value


def _sign(tone: str | None) -> str:
    return TONE_SIGNS[Tone(tone)] if tone else "–"


def _needs_a_look(report: RunReport) -> bool:
    return _tone(report) in (Tone.BAD, Tone.UNSURE)
