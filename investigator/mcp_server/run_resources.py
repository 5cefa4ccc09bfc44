"""What runs leave as resources: `run://RUN_ID/record`, `/report`, `/report.md` and `/page`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import mcp_types as wire

from investigator.errors import RunNotFound, UsageError
from investigator.mcp_server.served_runs import ServedRuns, resources_of
from investigator.reports.renderers import RENDERERS, Rendering
from investigator.reports.stored_reports import reported_in
from investigator.runs.run_rows import newest_first
from investigator.runs.run_store import list_runs
from investigator.runtime.driver import OUTPUT_FILE
from investigator.runtime.record import RECORD_FILE

_LISTED = 25
"""Runs whose reports are listed; templates reach the others."""
_URI = re.compile(r"run://([^/]+)/(.+)")


class RunResource(NamedTuple):
    """A kind of resource: its media type, what it is, and how it is read from a run's folder."""

    media_type: str
    title: str
    read: Callable[[ServedRuns, str], str]


def _file(name: str) -> Callable[[ServedRuns, str], str]:
    return lambda runs, run_id: (runs.runs_dir / run_id / name).read_text(encoding="utf-8")


def _rendered(form: str) -> Callable[[ServedRuns, str], str]:
    def read(runs: ServedRuns, run_id: str) -> str:
        reports = reported_in([run_id], runs.runs_dir)
        return RENDERERS[form].render(reports, Rendering(runs_dir=runs.runs_dir))

    return read


RUN_RESOURCES = {
    "record": RunResource("application/json", "Record", _file(RECORD_FILE)),
    "report": RunResource("application/json", "Report", _file(OUTPUT_FILE)),
    "report.md": RunResource("text/markdown", "Report in Markdown", _rendered("markdown")),
    "page": RunResource("text/html", "Page with report, trace and spending", _rendered("html")),
}


def resource_templates() -> list[wire.ResourceTemplate]:
    """The kinds, for any run."""
    return [
        wire.ResourceTemplate(
            name=f"run-{name}",
            title=kind.title,
            uri_template=f"run://{{run_id}}/{name}",
            mime_type=kind.media_type,
            description=f"{kind.title} of a run, by its id.",
        )
        for name, kind in RUN_RESOURCES.items()
    ]


def listed_resources(runs: ServedRuns) -> list[wire.Resource]:
    """What the newest runs left."""
    own = [row for row in newest_first(list_runs(runs.runs_dir)) if runs.is_served(row)]
    return [
        wire.Resource(
            uri=uri,
            name=f"{run.run_id} {uri.rpartition('/')[2]}",
            title=f"{RUN_RESOURCES[uri.rpartition('/')[2]].title} of {run.run_id}",
            mime_type=RUN_RESOURCES[uri.rpartition("/")[2]].media_type,
            description=f"{run.verdict or run.state}",
        )
        for run in own[:_LISTED]
        for uri in resources_of(run)
    ]


def read_resource(runs: ServedRuns, uri: str) -> wire.TextResourceContents:
    """A resource by its address.

    Raises:
        UsageError: there is none of that address; the message says what there is.
    """
    named = _URI.fullmatch(uri)
    if named is None or named[2] not in RUN_RESOURCES:
        kinds = ", ".join(f"run://RUN_ID/{name}" for name in RUN_RESOURCES)
        raise UsageError(f"no resource '{uri}'; there are: {kinds}")
    run_id, kind = named[1], RUN_RESOURCES[named[2]]
    run = runs.stored(run_id)
    if uri not in resources_of(run):
        raise RunNotFound(
            f"run '{run_id}' has {run.state} and has no {named[2]}; it has: "
            f"{', '.join(resources_of(run)) or 'nothing yet'}"
        )
    return wire.TextResourceContents(
        uri=uri, mime_type=kind.media_type, text=kind.read(runs, run_id)
    )
