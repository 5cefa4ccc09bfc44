"""What a stop sequence cut off an answer is not held against the model, wherever it is recorded."""

from __future__ import annotations

import json

import pytest

from investigator.formats.registry import read_document
from investigator.ground.canonical_json import JsonValue
from investigator.signals.detect import detect
from investigator.traces.model import Span, Trace
from tests.builders import readings, trace
from tests.signals.steps import agent, llm

PROMPT = "Write a plan. After the last step write the '\\n<end_plan>' tag and stop there."
STOP: list[JsonValue] = ["Observation:", "<end_plan>"]
OTHER: list[JsonValue] = ["Observation:", "<end_code>"]


def recorded(stop: JsonValue) -> dict[str, dict[str, JsonValue]]:
    """The ways in which sources record a stop sequence, each as the attributes of a span."""
    first = stop[-1] if isinstance(stop, list) else stop
    request: dict[str, JsonValue] = {"messages": [{"role": "user", "content": "Hi"}]}
    asked = json.dumps({**request, "stop_sequences": stop, "grammar": None})
    return {
        "OpenAI": {"llm.invocation_parameters": json.dumps({"stop": stop})},
        "one text": {"llm.invocation_parameters": json.dumps({"stop": first})},
        "Anthropic": {"llm.invocation_parameters": json.dumps({"stop_sequences": stop})},
        "Gemini": {"input.value": json.dumps({"config": {"stopSequences": stop}})},
        "Bedrock": {"input.value": json.dumps({"inferenceConfig": {"stopSequences": stop}})},
        "Ollama": {"input.value": json.dumps({**request, "options": {"stop": stop}})},
        "transformers": {"input.value": json.dumps({"kwargs": {"stop_strings": stop}})},
        "smolagents": {"input.value": asked},
        "cut off": {"input.value": asked[:-4]},
        "printed by Python": {"input.value": str(json.loads(asked))},
        "printed call": {"input.value": f"generate(messages, stop_sequences={stop!r})"},
        "text in text": {"input.value": json.dumps({"parameters": json.dumps({"stop": stop})})},
        "GenAI": {"gen_ai.request.stop_sequences": stop},
        "GenAI, as text": {"gen_ai.request.stop_sequences": json.dumps(stop)},
        "GenAI, flat": {"gen_ai.request.stop_sequences.0": first},
        "Vercel": {"ai.settings.stopSequences": stop},
        "LangSmith": {"metadata": json.dumps({"ls_stop": stop})},
        "an object": {"llm.invocation_parameters": {"stop": stop}},
    }


def faults(*spans: Span) -> list[str]:
    """The names of what is found wrong with a trace of an agent and these spans."""
    return [signal.fault.value for signal in detect(readings(trace(agent(), *spans)))]


@pytest.mark.parametrize("way", recorded(STOP))
def test_a_tag_that_a_stop_sequence_cut_off_is_not_missed(way: str) -> None:
    """However it is recorded; another stop sequence excuses nothing."""
    assert faults(llm("p", "1. Search", prompt=PROMPT)) == ["format_violation"]
    assert not faults(llm("p", "1. Search", prompt=PROMPT, attributes=recorded(STOP)[way]))
    other = recorded(OTHER)[way]
    assert faults(llm("p", "1. Search", prompt=PROMPT, attributes=other)) == ["format_violation"]


@pytest.mark.parametrize("stop", ["<end_plan>", "\n<end_plan>", "<end_plan>\n", "<end", "\n<end_"])
def test_a_stop_sequence_that_overlaps_with_the_tag_cuts_it_off(stop: str) -> None:
    """Whole, with line breaks about it, or at the tag's beginning."""
    attributes: dict[str, JsonValue] = {"llm.invocation_parameters": json.dumps({"stop": [stop]})}
    assert not faults(llm("p", "1. Search", prompt=PROMPT, attributes=attributes))


@pytest.mark.parametrize("stop", [">", "plan>", "_"])
def test_a_stop_sequence_in_the_tag_leaves_its_beginning(stop: str) -> None:
    """An answer that does not end with that never had the tag."""
    attributes: dict[str, JsonValue] = {"llm.invocation_parameters": json.dumps({"stop": [stop]})}
    begun = "1. Search\n" + "<end_plan>".partition(stop)[0]
    assert not faults(llm("p", begun, prompt=PROMPT, attributes=attributes))
    assert faults(llm("p", "1.", prompt=PROMPT, attributes=attributes)) == ["format_violation"]


@pytest.mark.parametrize("stop", [None, [], "", " ", "\n\n", 3, {"a": 1}, [None]])
def test_what_is_no_stop_sequence_excuses_nothing(stop: JsonValue) -> None:
    """Nor does a tag that the request or the answer merely speaks of."""
    attributes: dict[str, JsonValue] = {"llm.invocation_parameters": json.dumps({"stop": stop})}
    assert faults(llm("p", "1.", prompt=PROMPT, attributes=attributes)) == ["format_violation"]
    spoken: dict[str, JsonValue] = {"output.value": '{"stop": "<end_plan>"}', "input.value": PROMPT}
    assert faults(llm("p", "1.", prompt=PROMPT, attributes=spoken)) == ["format_violation"]


def test_each_demanded_tag_is_asked_for() -> None:
    """That one was cut off does not excuse the others."""
    prompt = "Write the <thought> tag first. End your answer with the <end_plan> tag."
    cut = {"gen_ai.request.stop_sequences": STOP}
    (signal,) = detect(
        readings(trace(agent(), llm("p", "1. Search", prompt=prompt, attributes=cut)))
    )
    assert signal.summary == "the prompt asks for <thought> and the answer lacks it"
    swapped = "End your answer with the <end_plan> tag. Write the <thought> tag first."
    assert faults(llm("p", "1.", prompt=swapped, attributes=cut)) == ["format_violation"]
    assert not faults(llm("p", "<thought> 1.", prompt=swapped, attributes=cut))


def test_the_client_within_a_call_may_have_recorded_it() -> None:
    """A framework's span of a model call has a span of the client's below it."""
    outer = llm("outer", "1. Search", prompt=PROMPT)
    cut: dict[str, JsonValue] = {"llm.invocation_parameters": json.dumps({"stop": STOP})}
    assert not faults(outer, llm("inner", "1. Search", parent="outer", attributes=cut))


def test_a_closing_mark_of_another_kind_may_be_cut_off_too() -> None:
    """A fence, a brace and a bracket; an answer that lacks more than them has the fault."""
    only = "Respond only with JSON."
    for said, stop in (('```json\n{"a": 1}\n', "```"), ('{"a": 1', "}"), ("[1, 2", "\n]")):
        cut: dict[str, JsonValue] = {"gen_ai.request.stop_sequences": [stop]}
        assert not faults(llm("j", said, prompt=only, attributes=cut))
        assert faults(llm("j", said, prompt=only)) == ["format_violation"]
        assert faults(llm("j", "Sure!", prompt=only, attributes=cut)) == ["format_violation"]
    ticket = "Always end every answer with the ticket, such as [T-1042]."
    for stop in ("]", "[T-", "["):
        cut = {"gen_ai.request.stop_sequences": [stop]}
        said = "Done. [T-77" if stop == "]" else "Done."
        assert not faults(llm("t", said, prompt=ticket, attributes=cut))
        assert faults(llm("t", said, prompt=ticket)) == ["ignored_instruction"]
    cut = {"gen_ai.request.stop_sequences": ["]"]}
    assert faults(llm("t", "Done.", prompt=ticket, attributes=cut)) == ["ignored_instruction"]


LANGSMITH: dict[str, JsonValue] = {
    "id": "a",
    "trace_id": "t",
    "name": "ChatOpenAI",
    "run_type": "llm",
    "dotted_order": "20260101T000000000000Za",
    "start_time": "2026-01-01T00:00:00",
    "end_time": "2026-01-01T00:00:01",
    "inputs": {"messages": [{"role": "system", "content": PROMPT}]},
    "outputs": {"choices": [{"message": {"role": "assistant", "content": "1. Search"}}]},
}
GENERATION: dict[str, JsonValue] = {
    "id": "a",
    "traceId": "t",
    "type": "GENERATION",
    "name": "chat",
    "startTime": "2026-01-01T00:00:00.000Z",
    "endTime": "2026-01-01T00:00:01.000Z",
    "input": [{"role": "system", "content": PROMPT}],
    "output": {"role": "assistant", "content": "1. Search"},
}


def found_in(document: JsonValue) -> list[str]:
    """What is found wrong with the one trace of an export."""
    spans = read_document(document, stem="file").spans
    return [signal.fault.value for signal in detect(readings(Trace(spans[0].trace_id, spans)))]


def test_exports_of_other_tools_bring_theirs_along() -> None:
    """LangSmith's `invocation_params` and Langfuse's `modelParameters`."""
    assert found_in(LANGSMITH) == ["format_violation"]
    called: JsonValue = {"invocation_params": {"stop": STOP}}
    assert not found_in({**LANGSMITH, "extra": called})
    assert found_in({"id": "t", "observations": [GENERATION]}) == ["format_violation"]
    asked: dict[str, JsonValue] = {**GENERATION, "modelParameters": {"stop": json.dumps(STOP)}}
    assert not found_in({"id": "t", "observations": [asked]})
