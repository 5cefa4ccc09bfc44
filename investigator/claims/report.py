"""What the reports of all engines have in common: closed, immutable, and one word to sum it up."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from investigator.ground.notebook_html import html_by

TracesOfSession = Annotated[tuple[str, ...], Field(exclude_if=lambda ids: not ids)]
"""Where the trace that a report is about is a session: its traces, in order; else left out."""


def of_traces(trace_id: str, session: tuple[str, ...]) -> tuple[str, ...]:
    """The traces that a report about a trace, or about a session of several, is of."""
    return session or (trace_id,)


class Report(BaseModel):
    """Base of an engine's report. It holds no run id and no time of the run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def verdict(self) -> str:
        """The report in one word, such as `failure` or `compliant`."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        """The report in a notebook, under the name by which notebooks ask."""
        return html_by("report_html", self)
