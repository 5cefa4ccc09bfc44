"""What the caller knows of how runs ended, as options."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

KNOWN_PANEL = "What is known of how the run ended"


def _known_option(flag: str, help_text: str, metavar: str | None = None) -> Any:
    return typer.Option(
        flag, metavar=metavar, help=help_text, show_default=False, rich_help_panel=KNOWN_PANEL
    )


OutcomesFile: TypeAlias = Annotated[
    Path | None,
    _known_option(
        "--outcomes",
        "How many runs ended: CSV or JSON lines of trace_id, outcome (passed, failed), symptom, "
        "expected.",
        "FILE",
    ),
]
IgnoreEvaluations: TypeAlias = Annotated[
    bool,
    _known_option(
        "--ignore-evaluations", "Leave verdicts that the data itself carries out of account."
    ),
]


@dataclass(frozen=True, slots=True)
class KnownOfOne:
    """What the caller knows of how a run ended, or of how many did."""

    failed: Annotated[bool, _known_option("--failed", "The run failed.")] = False
    passed: Annotated[bool, _known_option("--passed", "The run did what it was to do.")] = False
    symptom: Annotated[
        str | None,
        _known_option("--symptom", "What is wrong with it, so it failed.", "TEXT"),
    ] = None
    expected: Annotated[
        str | None, _known_option("--expected", "What would have been right.", "TEXT")
    ] = None
    outcomes: OutcomesFile = None
    ignore_evaluations: IgnoreEvaluations = False


@dataclass(frozen=True, slots=True)
class KnownOfMany:
    """What the caller knows of how the runs of a window ended."""

    outcomes: OutcomesFile = None
    ignore_evaluations: IgnoreEvaluations = False
