"""How reports look to people: each engine's in its own form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from investigator.cli.compliance_reports import compliance_table, print_compliance
from investigator.cli.incident_reports import print_dossier
from investigator.cli.rca_reports import print_rca, rca_table
from investigator.compliance.report import ComplianceReport
from investigator.incident.report import IncidentDossier
from investigator.rca.report import RCAReport

if TYPE_CHECKING:
    from investigator.runs.questions import Report


def print_report(console: Console, report: Report) -> None:
    """A report as a block."""
    match report:
        case RCAReport():
            print_rca(console, report)
        case ComplianceReport():
            print_compliance(console, report)
        case IncidentDossier():
            print_dossier(console, report)


def reports_table(engine: str, rows: Sequence[tuple[str, str, Any]]) -> Table:
    """One row a run of a batch: (trace id, status, its report where it has one)."""
    return compliance_table(rows) if engine == "compliance" else rca_table(rows)
