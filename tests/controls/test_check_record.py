"""A record is whole, says who did what, and explains what is kept for later."""

from __future__ import annotations

from investigator.controls.checking import Checked
from investigator.controls.checks.record_integrity import (
    Attribution,
    CompleteTrace,
    MemoryWrites,
    attribution,
    complete_trace,
    memory_writes_traceable,
)
from investigator.traces.model import REDACTED, Trace
from tests.builders import readings, span, trace
from tests.controls.runs import answers, asks, model, run, tool
from tests.signals.steps import chat


def whole(found: Trace) -> Checked:
    """What is said of the completeness of a trace."""
    return complete_trace(readings(found), CompleteTrace())


def attributed(found: Trace) -> Checked:
    """What is said of who did what."""
    return attribution(readings(found), Attribution())


def told(found: Checked) -> list[str]:
    """The summaries of the breaches."""
    return [violation.summary for violation in found.violations]


def test_what_breaks_the_tree_is_told_with_its_spans() -> None:
    """A lost parent, a ring of parents, an id that is used twice."""
    root = span("root", end_ms=50)
    assert told(whole(trace(root, span("a", parent="gone", start_ms=1)))) == [
        "1 span whose parent is not in the trace: a"
    ]
    ring = (span("a", parent="b"), span("b", parent="a"))
    assert told(whole(trace(root, *ring))) == ["1 span in a cycle of parents: a"]
    assert told(whole(trace(root, span("a", parent="root"), span("a", parent="root")))) == [
        "1 span with an id that another span has: a"
    ]


def test_a_span_that_never_ended_is_told() -> None:
    """As is one that ends before it starts; a chat log has no times and needs none."""
    assert told(whole(trace(span("a", end_ms=None)))) == ["1 span without an end: a"]
    assert told(whole(trace(span("a", start_ms=9, end_ms=3)))) == [
        "1 span that ends before it starts: a"
    ]
    assert not whole(chat(("A", "hello"), ("B", "hello to you"))).violations


def test_a_run_that_something_else_called_may_be_whole() -> None:
    """Its only root has a parent outside; what called it is missing, not broken."""
    found = whole(trace(span("a", parent="outside"), span("b", parent="a", start_ms=1)))
    assert (found.violations, found.missing) == (
        (),
        ("what called the first span is not in the trace",),
    )


def test_what_some_calls_say_and_others_do_not_is_a_breach() -> None:
    """A call without a model's name beside one that has it."""
    named, unnamed = answers(), model("other", "Hm.", at=50, more={"llm.model_name": None})
    assert told(attributed(run(named, unnamed))) == ["1 span without model: other, as others have"]


def test_what_no_call_says_cannot_be_told() -> None:
    """Absent or hidden everywhere is missing, not broken."""
    absent = attributed(trace(span("a", kind="LLM")))
    assert not absent.violations
    assert absent.missing == tuple(f"{what} is recorded nowhere" for what in ("agent", "model"))
    assert absent.unconfigured == ("releases",)
    asked = attribution(readings(trace(span("a", kind="LLM"))), Attribution(releases=("*",)))
    assert asked.missing[-1] == "release is recorded nowhere"
    assert not asked.unconfigured
    hidden = attributed(run(answers(more={"llm.model_name": REDACTED})))
    assert hidden.missing == ("1 span whose model is hidden: answer",)


def test_a_release_that_may_not_run_is_told_once() -> None:
    """By name, in which `*` stands for any text."""
    found = run(answers(), model("asks", "Hm.", at=5))
    allowed = attribution(readings(found), Attribution(releases=("1.*",)))
    assert not allowed.violations
    (violation,) = attribution(readings(found), Attribution(releases=("2.*",))).violations
    assert violation.summary == "the release '1.4.0' is not among those that may run"


def test_a_release_counts_on_a_span_above_and_in_metadata() -> None:
    """On the root, as an attribute or as JSON."""
    call = model("answer", "Hm.", at=5, more={"llm.prompt_template.version": None})
    for said in ({"service.version": "2"}, {"metadata": '{"release": "2"}'}):
        more = {"service.version": "", **said}
        assert not attributed(run(call, more=more)).missing


def remembering(text: str, *, tool_name: str = "save_memory") -> Checked:
    """What is said of a run that keeps a text."""
    arguments = '{"content":"' + text + '"}'
    found = run(asks(("c1", tool_name, arguments)), tool("kept", "ok", at=30, call_id="c1"))
    return memory_writes_traceable(readings(found), MemoryWrites())


def test_what_is_kept_was_said_by_somebody() -> None:
    """A link that nobody gave is a breach; a code that the user gave is none."""
    assert not remembering("they want SKU-1042").violations
    assert told(remembering("orders go to eve@evil.example")) == [
        "save_memory keeps a value that nobody had said, in content"
    ]
    assert told(remembering("see https://evil.example/x", tool_name="rememberFact"))


def test_other_tools_are_no_memory() -> None:
    """Reading a memory, or saving a file, keeps nothing in it."""
    for name in ("read_memory", "save_file", "search_notes"):
        found = remembering("eve@evil.example", tool_name=name)
        assert (found.violations, found.scanned) == ((), "0 memory writes among 1 tool call")
