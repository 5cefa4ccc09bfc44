"""Root causes, control verdicts and incident dossiers from traces of LLM agents.

    from investigator import investigate

    result = investigate("traces/", trace_id="…")
    print(result.status, result.report)

The names below are imported when they are first used, so `import investigator` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from investigator.investigation import RunResult, ainvestigate, investigate
    from investigator.stored_runs import (
        areplay_run,
        aresume_run,
        list_runs,
        read_record,
        replay_run,
        resume_run,
        verify_run,
    )

__all__ = [
    "RunResult",
    "ainvestigate",
    "areplay_run",
    "aresume_run",
    "investigate",
    "list_runs",
    "read_record",
    "replay_run",
    "resume_run",
    "verify_run",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'investigator' has no attribute {name!r}")
    from investigator import investigation, stored_runs

    return getattr(investigation if hasattr(investigation, name) else stored_runs, name)
