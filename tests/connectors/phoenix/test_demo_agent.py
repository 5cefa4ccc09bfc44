"""The demo agent's traces, sent over OTLP to a real Phoenix, are told as from their file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.phoenix import period, sent
from benchmarks.seeded import judged_traces
from demo.agent.generate import Seeded, generate
from demo.agent.manifest import TRACES, Kind
from demo.agent.runs import PROJECT, Ran
from investigator import Incident, Settings, investigate
from investigator.connectors.phoenix.address import phoenix_address
from investigator.connectors.phoenix.connection import PhoenixConnection
from investigator.incident.report import IncidentDossier, SuspicionStatus
from investigator.runs.sources import ingest_source
from investigator.samples import SEEDED
from investigator.testing.phoenix_server import PhoenixServer
from tests.connectors.phoenix.serving import PHOENIX, Cleared

pytestmark = PHOENIX


@pytest.fixture(scope="module")
def seeded() -> Seeded:
    """The set of seed 0."""
    return generate(0)


@pytest.fixture
def demo_agent(seeded: Seeded, phoenix_server: PhoenixServer) -> Iterator[str]:
    """A project with every fifth trace and the first window; its address."""
    address = phoenix_server.address(PROJECT)
    project = Cleared(PhoenixConnection(phoenix_address(address)))
    sent(phoenix_server, [*chosen(seeded), *seeded.windows[0].runs])
    yield address
    project.close()


def chosen(seeded: Seeded) -> tuple[Ran, ...]:
    """A fifth of the runs."""
    return seeded.runs[::5]


def test_what_came_over_the_wire_is_told_right(
    demo_agent: str, seeded: Seeded, tmp_path: Path
) -> None:
    """Labels, places and a change, from a live project, are those of the manifest."""
    ingest_source([demo_agent], tmp_path / TRACES)
    sent_ids = {ran.trace_id for ran in chosen(seeded)}
    truths = [one for one in seeded.manifest.traces if one.trace_id in sent_ids]
    judged = judged_traces(tmp_path, truths, tmp_path / "runs")
    assert {one.truth.kind for one in judged} == set(Kind)
    assert [one.truth for one in judged if not one.label_is_right] == []
    assert [one for one in judged if one.truth.label and not one.origin_is_right] == []

    window = seeded.windows[0]
    options = period(window.runs)
    found = investigate(
        demo_agent,
        Incident(
            snapshots=str(SEEDED / window.told.folder / "snapshots"),
            start=options[1],
            end=options[3],
        ),
        Settings(runs_dir=tmp_path / "runs"),
    )
    assert isinstance(found.report, IncidentDossier)
    assert found.report.suspected_change.status is SuspicionStatus.ASSERTED
    assert window.told.change in {change.kind for change in found.report.suspected_change.changes}
