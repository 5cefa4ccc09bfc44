"""How an incident dossier looks to people: one block."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from investigator.cli.screen import one_line, plain, print_list, print_wrapped
from investigator.incident.report import IncidentDossier, Outcome
from investigator.traces.evidence import EvidenceRef

OUTCOME_STYLES = {
    Outcome.INCIDENT: "bold red",
    Outcome.NO_INCIDENT: "bold green",
    Outcome.UNDETERMINED: "bold yellow",
}
_EVENTS_SHOWN = 15
_REFS_SHOWN = 4


def print_dossier(console: Console, dossier: IncidentDossier) -> None:
    """The dossier: what happened, when, in which traces, what changed, why, and what to do."""
    window = dossier.window
    told = f"  {window.first_trace or '?'} to {window.last_trace or '?'}, {window.traces:,} traces"
    console.print(
        Text.assemble(
            (dossier.outcome.value, OUTCOME_STYLES[dossier.outcome]),
            (f"{told}, confidence {dossier.confidence:.2f}", "dim"),
        )
    )
    print_wrapped(console, 2, Text(plain(dossier.incident_summary)))
    components = [
        f"{c.name}: {', '.join(c.error_types)} in {c.traces:,} trace{'s' * (c.traces != 1)}"
        for c in dossier.impacted_components
    ]
    print_list(console, "components", components)
    events = [f"{event.timestamp}  {event.event}" for event in dossier.timeline]
    print_list(console, "timeline", events[:_EVENTS_SHOWN])
    if len(events) > _EVENTS_SHOWN:
        more = f"… and {len(events) - _EVENTS_SHOWN} more events (--json has all)"
        print_wrapped(console, 2, Text(more, style="dim"))
    chosen = [f"{one.trace_id}: {one.why_selected}" for one in dossier.representative_traces]
    print_list(console, "representative traces", chosen)
    _print_change(console, dossier)
    _print_hypotheses(console, dossier)
    print_list(console, "what to do", dossier.recommended_actions)
    print_list(console, "gaps", dossier.gaps)
    console.print()


def _print_change(console: Console, dossier: IncidentDossier) -> None:
    change = dossier.suspected_change
    status = change.status.value.replace("_", " ")
    told = f" ({status}, confidence {change.confidence:.2f})" if change.changes else f" ({status})"
    print_wrapped(console, 2, Text.assemble(("suspected change", "bold"), (told, "dim")))
    print_wrapped(console, 2, Text(f"- {one_line(change.statement, 400)}"))
    _print_evidence(console, change.evidence_refs)


def _print_hypotheses(console: Console, dossier: IncidentDossier) -> None:
    for one in dossier.hypotheses:
        if one.rank == 1:
            print_wrapped(console, 2, Text("hypotheses", style="bold"))
        statement = f"{one.rank}. {one_line(one.statement, 400)}"
        confidence = (f" (confidence {one.confidence:.2f})", "dim")
        print_wrapped(console, 2, Text.assemble(statement, confidence))
        _print_evidence(console, one.evidence_refs)


def _print_evidence(console: Console, refs: Sequence[EvidenceRef]) -> None:
    if refs:
        shown = ", ".join(one_line(ref.ref, 60) for ref in refs[:_REFS_SHOWN])
        more = f" and {len(refs) - _REFS_SHOWN} more" if len(refs) > _REFS_SHOWN else ""
        print_wrapped(console, 5, Text(f"evidence: {shown}{more}", style="dim"))
