"""Root causes, control verdicts and incident dossiers from traces of LLM agents.

    from investigator import investigate

    result = investigate("traces/", trace_id="…")
    print(result.status, result.report)

The names below are imported when they are first used, so `import investigator` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from investigator.runs.investigation import RunResult, ainvestigate, investigate
    from investigator.runs.run_store import (
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
    from investigator.runs import investigation, run_store

    return getattr(investigation if hasattr(investigation, name) else run_store, name)
