"""A run that was sent to a real Phoenix is there as it was exported."""

from __future__ import annotations

import time
from contextlib import closing, suppress
from pathlib import Path

from investigator.errors import SourceError
from investigator.runs.export.draft import trace_id_of
from investigator.runs.export.export import export_run
from investigator.runs.export.sending import send
from investigator.runs.sources import open_source
from investigator.testing.model_server import ModelServer
from investigator.testing.phoenix_server import PhoenixServer
from investigator.traces.model import Span
from tests.connectors.phoenix.serving import PHOENIX
from tests.runs.export.runs import CONCLUDES, asked_of, prompt, reads

pytestmark = PHOENIX
PATIENCE_S = 30.0


def stored(address: str, count: int) -> tuple[Span, ...]:
    """The spans once all are there: Phoenix stores what it took a little later."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with suppress(SourceError), closing(open_source([address]).api) as api:
            spans = api.get_trace(trace_id_of("run")).spans
            if len(spans) == count:
                return spans
        time.sleep(0.2)
    raise AssertionError("the spans did not arrive")


def test_a_run_that_was_sent_can_be_read_from_phoenix(
    phoenix_server: PhoenixServer, tmp_path: Path
) -> None:
    """Ids, times, prompts and tokens; sent twice, it is there once."""
    with ModelServer([reads(), CONCLUDES]) as server:
        asked_of(server, tmp_path)
    export = export_run("run", tmp_path, project="self")
    for _ in range(2):
        assert send(export, f"{phoenix_server.base_url}/v1/traces") == len(export.spans)
    read = stored(phoenix_server.address("self"), len(export.spans))
    assert [span.span_id for span in read] == [span.span_id for span in export.spans]
    for span, ours in zip(read, export.spans, strict=True):
        assert (span.kind, span.status, span.parent_id) == (ours.kind, ours.status, ours.parent_id)
        assert (span.start_ns, span.end_ns) == (ours.start_ns, ours.end_ns)
        assert prompt(span) == prompt(ours)
        assert span.text("llm.token_count.total") == ours.text("llm.token_count.total")
