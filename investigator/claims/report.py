"""What the reports of all engines have in common: closed, immutable, and one word to sum it up."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Report(BaseModel):
    """Base of an engine's report. It holds no run id and no time of the run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def verdict(self) -> str:
        """The report in one word, such as `failure` or `compliant`."""
        raise NotImplementedError
