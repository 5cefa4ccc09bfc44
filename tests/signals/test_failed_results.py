"""Failures in results and refused requests are seen in every form in which a run is written."""

from __future__ import annotations

import dataclasses

import pytest

from investigator.readings.faults import Fault
from investigator.traces.model import StatusCode
from tests.builders import trace
from tests.signals.runs import FORMS, Called, Run
from tests.signals.steps import agent, llm, only, tool

EACH_FORM = pytest.mark.parametrize("form", FORMS)
DROPPED = '{"content":[{"type":"text","text":"{\\"error\\":\\"sftp failed\\"}"}],"isError":false}'


@EACH_FORM
@pytest.mark.parametrize("result", [DROPPED, "cat: report: Permission denied"])
def test_a_failure_in_a_result_is_seen_in_every_form(form: str, result: str) -> None:
    """Whether a call has a span or only a message, and however deep it is wrapped."""
    run = Run("Is atlas backed up?", [[Called("read_report", {"host": "atlas"}, result)]], "Yes.")
    assert {s.detector for s in run.signals(form) if s.open} >= {"failed_result"}


@EACH_FORM
def test_a_result_that_wraps_a_success_is_none(form: str) -> None:
    """The same envelope around a report."""
    whole = DROPPED.replace("error", "report").replace("failed", "done")
    run = Run("Is atlas backed up?", [[Called("read_report", {"host": "atlas"}, whole)]], "Yes.")
    assert run.signals(form) == ()


@EACH_FORM
def test_a_request_that_a_service_refuses_is_its_callers_fault(form: str) -> None:
    """The model wrote what the tool sent on."""
    refused = '{"status": 422, "message": "page must be positive"}'
    run = Run("List the orders.", [[Called("list_orders", {"page": "-1"}, refused)]], "None.")
    (signal,) = (s for s in run.signals(form) if s.detector == "failed_result")
    assert signal.fault is Fault.BAD_ARGUMENTS
    assert signal.origin_id != signal.span_id or form == "messages"


def test_a_tool_that_was_given_nothing_wrote_the_refused_request_itself() -> None:
    """There is no argument that could be wrong."""
    found = trace(agent(), llm("ask", at=1), tool("t", "HTTP 400 Bad Request", at=2))
    assert (only(found).fault, only(found).origin_id) == (Fault.REJECTED_REQUEST, "t")


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        ("BadRequestError: Invalid value for 'content': expected a string, got null.",
         Fault.REJECTED_REQUEST),
        ("Error code: 400 - missing required parameter: 'messages[0].role'",
         Fault.REJECTED_REQUEST),
        ("Error code: 404 - the model gpt-x does not exist", Fault.MISCONFIGURED),
        ("Error code: 401 - invalid api key", Fault.AUTH),
        ("Error code: 500 - server had an error", Fault.HTTP_ERROR),
    ],
)  # fmt: skip
def test_a_refused_model_call_is_the_frameworks_or_its_configurations(
    error: str, fault: Fault
) -> None:
    """The model has no part in the request that it was never given."""
    failed = dataclasses.replace(llm("l", at=1), status=StatusCode.ERROR, status_message=error)
    assert only(trace(agent(), failed)).fault is fault
