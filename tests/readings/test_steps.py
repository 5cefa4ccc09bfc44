"""A run is numbered steps: each thing once, calls with their results, in an order of causes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from investigator.formats.chat import decode_chat
from investigator.ground.canonical_json import JsonValue
from investigator.readings.steps import Step, StepKind, final_answer
from investigator.traces.evidence import EvidenceIndex
from investigator.traces.model import Span
from tests.builders import readings, span, trace
from tests.readings.test_conversation import agent, model, tool


def steps(*spans: Span) -> tuple[Step, ...]:
    found = trace(*spans)
    made = readings(found).steps
    index = EvidenceIndex(found)
    assert [step.number for step in made] == list(range(len(made)))
    assert [
        index.problem(ref) for step in made for ref in step.evidence if index.problem(ref)
    ] == []
    return made


def kinds(made: tuple[Step, ...]) -> list[str]:
    return [step.kind.value for step in made]


def test_history_that_is_repeated_is_heard_once() -> None:
    asked = [("system", "be brief"), ("user", "what is new?")]
    first = model("m1", 1, asked, calls=[("c1", "search", '{"q":"new"}')])
    again = [*asked, ("tool", "nothing much")]
    made = steps(
        agent(),
        first,
        tool("t1", 2, "search", "nothing much", call_id="c1"),
        model("m2", 3, again, "Nothing much is new."),
    )
    assert kinds(made) == ["SYSTEM", "USER", "MODEL", "TOOL", "ANSWER"]
    call = made[3].call
    assert call is not None
    assert (call.tool, call.result, made[3].asked_by) == ("search", "nothing much", 2)
    assert (made[2].asks, made[3].span_id, made[3].agent) == (("search",), "t1", "agent")


def test_parallel_calls_get_their_own_results_by_id() -> None:
    calls = [("c1", "get", '{"n":1}'), ("c2", "get", '{"n":1}')]
    made = steps(
        agent(),
        model("m1", 1, [("user", "both")], calls=calls),
        tool("t2", 2, "get", "two", call_id="c2", arguments='{"n":1}'),
        tool("t1", 3, "get", "one", call_id="c1", arguments='{"n":1}'),
    )
    found = {step.call.call_id: step.call.result for step in made if step.call}
    assert found == {"c1": "one", "c2": "two"}


def test_a_call_without_a_result_and_a_result_without_a_call_are_marked() -> None:
    orphan: dict[str, JsonValue] = {
        "llm.input_messages.0.message.role": "tool",
        "llm.input_messages.0.message.content": "an old answer",
        "llm.input_messages.0.message.tool_call_id": "lost",
    }
    made = steps(
        agent(),
        span("m0", parent="agent", kind="LLM", attributes=orphan),
        model("m1", 1, [("user", "go")], calls=[("c1", "search", "{}")]),
    )
    calls = [step.call for step in made if step.call is not None]
    assert [(call.result, call.is_orphan) for call in calls] == [
        ("an old answer", True),
        (None, False),
    ]
    assert final_answer(made) is None


def test_a_turn_of_a_chat_log_is_a_step_named_by_its_speaker() -> None:
    entries: list[JsonValue] = [
        {"name": "Coder", "role": "user", "content": "Run this:\n```python\nprint(1)\n```"},
        {
            "name": "Computer_terminal",
            "role": "assistant",
            "content": "exitcode: 1 (execution failed)\nCode output: NameError: x",
        },
        {"name": "Coder", "role": "user", "content": "It is 1."},
    ]
    made = steps(*decode_chat({"id": "t", "messages": entries}, stem="t"))
    assert [(step.agent, step.span_id) for step in made] == [
        ("Coder", "step-0"),
        ("Computer_terminal", "step-1"),
        ("Coder", "step-2"),
    ]
    assert made[1].call is not None
    assert made[1].call.is_error
    assert made[1].asked_by == 0


_TEXTS = st.sampled_from(["alpha 123", "beta", "order A-77", ""])
RUNS = st.lists(
    st.tuples(
        _TEXTS, st.lists(st.tuples(st.sampled_from(["c1", "c2", "c3"]), st.booleans()), max_size=3)
    ),
    max_size=5,
)


def run_of(turns: list[tuple[str, list[tuple[str, bool]]]]) -> list[Span]:
    """An agent's run: what each turn says, the ids of its calls, and which got an answer."""
    found, at = [agent()], 1
    history: list[tuple[str, str]] = [("user", "look up order A-77")]
    for place, (says, calls) in enumerate(turns):
        asked = [(f"{place}-{call_id}", "look", '{"id":"A-77"}') for call_id, _ in calls]
        found.append(model(f"m{place}", at, list(history), says, calls=asked))
        history.append(("assistant", says))
        for number, (call_id, answered) in enumerate(calls):
            if answered:
                text = f"found {place}{number}"
                found.append(
                    tool(
                        f"t{place}-{number}",
                        at + 1,
                        "look",
                        text,
                        call_id=f"{place}-{call_id}",
                        arguments='{"id":"A-77"}',
                    )
                )
                history.append(("tool", text))
        at += 2
    return found


@given(RUNS)
def test_each_message_has_one_producer_and_each_call_at_most_one_result(
    turns: list[tuple[str, list[tuple[str, bool]]]],
) -> None:
    spans = run_of(turns)
    made = steps(*spans)
    said = [ref.ref for step in made if step.call is None for ref in step.evidence]
    results = [step.call.result_span_id for step in made if step.call and step.call.result]
    assert len(said) == len(set(said))
    assert len(results) == len(set(results))
    assert sorted(filter(None, results)) == sorted(s.span_id for s in spans if s.kind == "TOOL")
    assert all(step.asked_by is None or step.asked_by < step.number for step in made)
    assert made == steps(*spans)
    assert all(step.kind is not StepKind.ANSWER or step.text for step in made)
