"""How a gullible model looks around in the traces of these tests before it reads an order."""

from __future__ import annotations

from investigator.claims.leads import call
from investigator.ground.canonical_json import JsonValue
from investigator.testing.gullible_model import GullibleModel
from tests.injection.places import MARK


def gullible(trace_id: str | None) -> GullibleModel:
    """One that reads all spans, then three; `trace_id` where its tools ask for one."""
    named: dict[str, JsonValue] = {} if trace_id is None else {"trace_id": trace_id}
    return GullibleModel(
        (
            call("list_spans", kind=None, errors_only=False, offset=0, **named),
            call("get_tool_io", span_id=f"{MARK}-lookup", part=None, offset=0, **named),
            call("get_messages", span_id=f"{MARK}-answer", index=None, offset=0, **named),
            call("get_span", span_id=f"{MARK}-root", field=None, offset=0, **named),
        )
    )
