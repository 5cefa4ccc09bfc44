"""Whatever framework wrote a trace, each thing said or done in it is heard once, in order."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from investigator.formats.chat import decode_chat
from investigator.ground.canonical_json import JsonValue
from investigator.readings.conversation import Action, Conversation, Source, Utterance
from investigator.traces.evidence import EvidenceIndex
from investigator.traces.model import REDACTED, Span, Trace
from tests.builders import readings, span, trace

Said = tuple[str, str]


def conversation(*spans: Span) -> Conversation:
    found = trace(*spans)
    heard = readings(found).conversation
    index = EvidenceIndex(found)
    assert [index.problem(item.evidence) for item in heard.items] == [None] * len(heard.items)
    assert [item.position for item in heard.items] == list(range(len(heard.items)))
    return heard


def transcript(*entries: dict[str, JsonValue]) -> Conversation:
    listed: list[JsonValue] = list(entries)
    return conversation(*decode_chat({"id": "t", "messages": listed}, stem="t"))


def model(
    span_id: str,
    at: int,
    history: Sequence[Said],
    says: str = "",
    *,
    parent: str | None = "agent",
    calls: Sequence[tuple[str, str, str]] = (),
) -> Span:
    found: dict[str, JsonValue] = {"llm.output_messages.0.message.role": "assistant"}
    for index, (role, text) in enumerate(history):
        found[f"llm.input_messages.{index}.message.role"] = role
        found[f"llm.input_messages.{index}.message.content"] = text
    if says:
        found["llm.output_messages.0.message.content"] = says
    for index, (call_id, name, arguments) in enumerate(calls):
        key = f"llm.output_messages.0.message.tool_calls.{index}.tool_call."
        found |= {f"{key}id": call_id, f"{key}function.name": name}
        found[f"{key}function.arguments"] = arguments
    return span(span_id, parent=parent, kind="LLM", start_ms=at, end_ms=at + 1, attributes=found)


def tool(
    span_id: str,
    at: int,
    name: str,
    gave: str | None,
    *,
    call_id: str = "",
    arguments: str = "{}",
    parent: str = "agent",
) -> Span:
    found: dict[str, JsonValue] = {"tool.name": name, "input.value": arguments}
    if call_id:
        found["tool.id"] = call_id
    if gave is not None:
        found["output.value"] = gave
    return span(span_id, parent=parent, kind="TOOL", start_ms=at, end_ms=at + 1, attributes=found)


def agent(span_id: str = "agent", *, parent: str | None = None, at: int = 0, end: int = 99) -> Span:
    return span(span_id, parent=parent, kind="AGENT", start_ms=at, end_ms=end)


def told(heard: Conversation) -> list[tuple[str, str]]:
    return [
        (item.source.value, item.text) if isinstance(item, Utterance) else ("CALL", item.tool)
        for item in heard.items
    ]


def test_a_transcript_is_heard_turn_by_turn() -> None:
    """Roles become sources, calls become actions tied to their results."""
    heard = transcript(
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "1", "function": {"name": "weather", "arguments": '{"b":1,"a":["x", 2]}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "1", "content": "sunny"},
        {"role": "assistant", "content": "Sunny."},
    )
    assert told(heard) == [
        ("SYSTEM", "Be kind."),
        ("USER", "Weather?"),
        ("CALL", "weather"),
        ("TOOL", "sunny"),
        ("ASSISTANT", "Sunny."),
    ]
    (action,) = heard.actions
    assert action.arguments == '{"a":["x",2],"b":1}'
    assert action.leaves == (("a.0", "x"), ("a.1", "2"), ("b", "1"))
    assert action.result == heard.items[3]
    assert heard.gaps == ()


def test_a_history_that_every_call_repeats_is_heard_once() -> None:
    """Only what is new in the input of a model call counts; what it answered is not heard again."""
    first: list[Said] = [("system", "Be kind."), ("user", "Weather in Rome?")]
    second = [*first, ("assistant", "Looking."), ("tool", "sunny and 30 degrees")]
    heard = conversation(
        agent(),
        model("a", 1, first, "Looking.", calls=[("1", "weather", '{"city": "Rome"}')]),
        tool("w", 2, "weather", "sunny and 30 degrees", call_id="1"),
        model("b", 3, second, "Sunny."),
        model("c", 5, [*second, ("assistant", "Sunny."), ("user", "Thanks.")], "Bye."),
    )
    assert [text for _, text in told(heard)] == [
        "Be kind.", "Weather in Rome?", "Looking.", "weather", "sunny and 30 degrees", "Sunny.",
        "Thanks.", "Bye.",
    ]  # fmt: skip
    assert heard.actions[0].result is not None
    assert heard.actions[0].result.evidence.ref == "tool:w"


def test_a_user_who_says_the_same_twice_is_heard_twice() -> None:
    """A second "yes" is a second message, though its words are known."""
    history: list[Said] = [("user", "Book it?"), ("assistant", "Sure?"), ("user", "yes")]
    longer = [*history, ("assistant", "Really?"), ("user", "yes")]
    heard = conversation(
        agent(),
        model("a", 1, history[:1], "Sure?"),
        model("b", 3, history, "Really?"),
        model("c", 5, longer, "Booked."),
    )
    assert [u.text for u in heard.said_by(Source.USER)] == ["Book it?", "yes", "yes"]


def test_a_tool_message_is_the_result_where_tools_have_no_spans() -> None:
    """The message answers the call by its id."""
    found = model("a", 1, [("user", "Add")], calls=[("1", "add", "{}"), ("2", "sub", "{}")])
    later = model("b", 3, [("user", "Add"), ("tool", "3")], "It is 3.")
    attributes = dict(later.attributes) | {"llm.input_messages.1.message.tool_call_id": "2"}
    heard = conversation(
        agent(), found, span("b", parent="agent", kind="LLM", start_ms=3, attributes=attributes)
    )
    add, sub = heard.actions
    assert add.result is None
    assert sub.result is not None
    assert (sub.result.text, sub.result.tool) == ("3", "sub")


def test_a_tool_span_without_a_recorded_call_is_an_action_of_its_own() -> None:
    """Its result comes after what was done inside it."""
    heard = conversation(
        agent(),
        tool("t", 1, "plan", "done", arguments='{"x": "y"}'),
        span("in", parent="t", kind="TOOL", start_ms=2, attributes={"tool.name": "sub"}),
    )
    assert told(heard) == [("CALL", "plan"), ("CALL", "sub"), ("TOOL", "done")]
    assert "what sub answered is not recorded" in heard.missing(Source.TOOL)


def test_what_an_agent_asks_of_another_is_no_word_of_a_user() -> None:
    """Inside a nested agent the role "user" is the agent that opened it."""
    heard = conversation(
        agent(),
        model("a", 1, [("user", "Find it.")], "I ask the searcher."),
        agent("inner", parent="agent", at=3, end=9),
        model("b", 4, [("user", "Search for it now.")], "Found.", parent="inner"),
    )
    assert [u.text for u in heard.said_by(Source.USER)] == ["Find it."]


def test_documents_are_heard_from_a_retriever() -> None:
    """Each chunk by itself; a chunk without text is told as a gap."""
    found = {
        "retrieval.documents.0.document.content": "Rome is old.",
        "retrieval.documents.1.document.id": "d2",
    }
    heard = conversation(
        span("r", kind="RETRIEVER", name="store", attributes=found, start_ms=1),
        model("a", 3, [("user", "Old?")], "Yes.", parent=None),
    )
    (document,) = heard.said_by(Source.RETRIEVAL)
    assert (document.text, document.tool) == ("Rome is old.", "store")
    assert heard.missing(Source.RETRIEVAL)


def test_a_run_without_model_messages_is_heard_from_its_root() -> None:
    """The input of the root is what was asked, its output what was answered."""
    heard = conversation(
        span("root", attributes={"input.value": "2+2?", "output.value": "4"}),
        tool("t", 1, "calc", "4", parent="root"),
    )
    assert told(heard)[0] == ("USER", "2+2?")
    assert told(heard)[-1] == ("ASSISTANT", "4")


def test_hidden_words_are_gaps_of_their_source() -> None:
    """What is withheld is never taken for silence."""
    heard = conversation(
        agent(),
        model("a", 1, [("user", REDACTED)], calls=[("1", "f", f'{{"x": "{REDACTED}"}}')]),
        tool("t", 2, "f", REDACTED, call_id="1"),
        model("b", 3, [("user", REDACTED)], "Done."),
    )
    assert heard.missing(Source.USER)
    assert heard.missing(Source.TOOL)
    assert heard.missing(Source.ASSISTANT)
    assert heard.actions[0].hidden
    assert heard.missing(Source.TOOL, before=1) == ()


@pytest.mark.parametrize("arguments", ["", "not json", '["a"]', "NaN", "[" * 5_000, '{"a":\ud800}'])
def test_odd_arguments_are_kept_as_they_are(arguments: str) -> None:
    """Arguments that are no object have no names, and break nothing."""
    heard = conversation(agent(), tool("t", 1, "f", "x", arguments=arguments))
    (action,) = heard.actions
    assert action.parsed is None
    assert [path for path, _ in action.leaves] in ([], [""])


def test_an_empty_trace_is_an_empty_conversation() -> None:
    """Nothing said, nothing done, nothing missing."""
    heard = readings(Trace("t", ())).conversation
    assert (heard.items, heard.gaps, heard.before(5)) == ((), (), ())


ROLES = st.sampled_from(["system", "user", "assistant", "tool", "critic"])
ENTRIES = st.lists(st.tuples(ROLES, st.text(max_size=12)), max_size=8)


@given(ENTRIES)
def test_what_was_heard_before_a_position_is_a_prefix(entries: list[tuple[str, str]]) -> None:
    """Every item stands at its own position, whatever the roles and texts."""
    listed: list[JsonValue] = [{"role": role, "content": text} for role, text in entries]
    if not listed:
        return
    heard = conversation(*decode_chat({"id": "t", "messages": listed}, stem="t"))
    for item in heard.items:
        assert heard.before(item.position) == heard.items[: item.position]
    assert all(a.result is None or a.result.position > a.position for a in heard.actions)
    assert {type(item) for item in heard.items} <= {Utterance, Action}


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant"]), st.text("ab ", min_size=1))))
def test_repeating_the_whole_history_changes_nothing(history: list[Said]) -> None:
    """A second call with the same input adds its answer alone."""
    once = conversation(agent(), model("a", 1, history, "first"))
    twice = conversation(
        agent(),
        model("a", 1, history, "first"),
        model("b", 3, [*history, ("assistant", "first")], "x"),
    )
    assert told(twice)[:-1] == told(once)
