"""A dossier's figures stand on its page, each with a text of what it shows."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from investigator import Incident, Settings, investigate
from investigator.claims.document import BarFigure, TimeFigure
from investigator.incident.figures import figures_of
from investigator.reports.renderers import RENDERERS, Rendering
from investigator.reports.stored_reports import reported_in
from investigator.samples import SAMPLE_TRACES


def test_a_dossier_is_shown_at_a_glance(tmp_path: Path) -> None:
    """Moments in order inside of their figure, bars no longer than the whole, each drawn once."""
    result = investigate(str(SAMPLE_TRACES), Incident(), Settings(runs_dir=tmp_path))
    assert result.report is not None
    figures = figures_of(result.report)
    (timeline,) = [one for one in figures if isinstance(one, TimeFigure)]
    places = [moment.at for moment in timeline.moments]
    assert places == sorted(places)
    assert (places[0], places[-1]) == (0, 1)
    bars = [bar for one in figures if isinstance(one, BarFigure) for bar in one.bars]
    assert bars
    assert all(0 <= bar.part <= 1 for bar in bars)
    page = RENDERERS["html"].render(
        reported_in([result.run_id], tmp_path), Rendering(runs_dir=tmp_path)
    )
    drawn = page[page.index("at a glance") : page.index("what to do</h2>")]
    charts = [
        ElementTree.fromstring(f"<svg{chart.partition('</svg>')[0]}</svg>")
        for chart in drawn.split("<svg")[1:]
    ]
    assert len(charts) == len(figures)
    assert all(chart.get("aria-label") for chart in charts)
    titles = [title.text for chart in charts for title in chart.iter("title")]
    shown = [m.label for m in timeline.moments] + [f"{bar.label}: {bar.amount}" for bar in bars]
    assert sorted(filter(None, titles)) == sorted(shown)
