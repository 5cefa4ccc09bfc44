"""A value in a notebook is shown by the room that shows reports, whatever room it is of.

Notebooks ask a value for `_repr_html_`. What shows reports stands above the reports, so it is found
by its name when it is asked for, as engines are; nobody who shows nothing pays for it.
"""

from __future__ import annotations

from importlib import import_module

_SHOWS = "investigator.reports.fragments"


def html_by(shows: str, value: object) -> str:
    """The value as a fragment of HTML, by the function of that name."""
    html: str = getattr(import_module(_SHOWS), shows)(value)
    return html
