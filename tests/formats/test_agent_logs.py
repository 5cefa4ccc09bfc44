"""Logs of agents and of benchmarks, in their published shapes: what only each of them says."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from investigator.formats.registry import decode, read_document
from investigator.formats.source_files import Decoded, read_source
from investigator.ground.canonical_json import JsonValue
from investigator.traces.evaluations import Rater
from investigator.traces.model import StatusCode, Trace
from investigator.traces.openinference import output_messages_of, token_counts_of, tool_io_of

ISO = "2026-01-01T00:00:0"

SAMPLE: dict[str, JsonValue] = {
    "id": 1,
    "epoch": 1,
    "uuid": "U1",
    "messages": [
        {"id": "m0", "role": "user", "content": "attachment://h"},
        {
            "id": "m1",
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "c", "function": "bash", "arguments": {"cmd": "ls"}}],
        },
        {
            "role": "tool",
            "tool_call_id": "c",
            "function": "bash",
            "content": "",
            "error": {"type": "timeout", "message": "too slow"},
        },
    ],
    "events": [
        {
            "event": "model",
            "timestamp": f"{ISO}1Z",
            "completed": f"{ISO}3Z",
            "output": {
                "model": "m",
                "choices": [{"message": {"id": "m1"}}],
                "usage": {"input_tokens": 5, "output_tokens": 2, "input_tokens_cache_read": 3},
            },
        },
        {"event": "tool", "id": "c", "timestamp": f"{ISO}3Z", "completed": f"{ISO}5Z"},
    ],
    "attachments": {"h": "a long question"},
    "scores": {
        "match": {"value": "I", "explanation": "wrong"},
        "model_graded_qa": {"value": 0.5},
    },
}
LOG: dict[str, JsonValue] = {"version": 2, "eval": {"task": "t", "model": "openai/m"}}


def test_a_sample_of_inspect_has_times_tokens_failures_and_scores() -> None:
    """The events say of the messages what these do not."""
    found = read_document({**LOG, "samples": [SAMPLE]}, stem="f")
    asked, model, tool = found.spans
    assert {span.trace_id for span in found.spans} == {"U1"}
    assert asked.text("input.value") == "a long question"
    assert (model.latency_ms, model.text("llm.model_name")) == (2000.0, "m")
    counts = token_counts_of(model)
    assert (counts.prompt, counts.completion) == (5, 2)
    assert model.attributes["llm.token_count.prompt_details.cache_read"] == 3
    assert (tool.latency_ms, tool.status, tool.status_message) == (
        2000.0,
        StatusCode.ERROR,
        "too slow",
    )
    match, graded = found.evaluations
    assert (match.name, match.passed, match.rater) == ("match", False, Rater.CODE)
    assert (graded.score, graded.passed, graded.rater) == (0.5, None, Rater.MODEL)
    assert asked.attributes["source.eval.task"] == "t"


def test_an_eval_file_of_inspect_is_its_samples(tmp_path: Path) -> None:
    """A damaged sample is named; a log whose header is damaged is read without it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("header.json", json.dumps(LOG))
        archive.writestr("_journal/start.json", "{}")
        archive.writestr("summaries.json", "[]")
        archive.writestr("samples/1_epoch_1.json", json.dumps(SAMPLE))
        archive.writestr("samples/2_epoch_1.json", "{")
    (tmp_path / "a.eval").write_bytes(out.getvalue())
    trouble, read = sorted(read_source([tmp_path]), key=lambda item: isinstance(item, Decoded))
    assert isinstance(read, Decoded)
    assert (len(read.spans), len(read.evaluations)) == (3, 2)
    assert "a.eval/samples/2_epoch_1.json" in str(trouble)


def test_a_subagent_of_atif_stands_below_the_result_that_names_it() -> None:
    """Where its trajectory is embedded; one in another file is named."""
    inner: JsonValue = {
        "schema_version": "ATIF-v1.7",
        "trajectory_id": "sub",
        "agent": {"name": "finder"},
        "steps": [{"step_id": 1, "source": "agent", "message": "found"}],
    }
    document: JsonValue = {
        "schema_version": "ATIF-v1.7",
        "session_id": "s",
        "agent": {"name": "lead", "model_name": "m"},
        "steps": [
            {
                "step_id": 1,
                "source": "agent",
                "timestamp": f"{ISO}1Z",
                "message": "I delegate.",
                "metrics": {"prompt_tokens": 5, "completion_tokens": 2, "cached_tokens": 3},
                "tool_calls": [{"tool_call_id": "c", "function_name": "spawn", "arguments": {}}],
                "observation": {
                    "results": [
                        {
                            "source_call_id": "c",
                            "content": "done",
                            "subagent_trajectory_ref": [{"trajectory_id": "sub"}],
                        }
                    ]
                },
            }
        ],
        "subagent_trajectories": [inner],
    }
    trace = Trace("s", decode(document, stem="f"))
    model, tool, agent, said = (
        next(span for span in trace.spans if span.name == name and span.kind == kind)
        for name, kind in (
            ("lead", "LLM"),
            ("spawn", "TOOL"),
            ("finder", "AGENT"),
            ("finder", "LLM"),
        )
    )
    assert (agent.parent_id, said.parent_id) == (tool.span_id, agent.span_id)
    counts = token_counts_of(model)
    assert (counts.prompt, counts.completion, model.text("llm.model_name")) == (5, 2, "m")
    assert model.attributes["llm.token_count.prompt_details.cache_read"] == 3


def test_the_actions_of_swe_agents_are_calls_and_their_observations_results() -> None:
    """With a history, with steps alone, and as mini-swe-agent writes them."""
    history: JsonValue = {
        "history": [
            {"role": "user", "content": "fix", "agent": "main", "message_type": "observation"},
            {"role": "assistant", "content": "I look.", "action": "ls\n", "agent": "main"},
            {"role": "user", "content": "a.py", "agent": "main"},
        ]
    }
    steps: JsonValue = {
        "trajectory": [{"action": "ls\n", "observation": "a.py", "response": "I look."}]
    }
    mini: JsonValue = [
        {"role": "user", "content": "fix"},
        {"role": "assistant", "content": "I look.\n```mswea_bash_command\nls\n```"},
        {"role": "user", "content": "<returncode>0</returncode>\n<output>\na.py</output>"},
    ]
    for document in (history, steps, mini):
        spans = decode(document, stem="f")
        (tool,) = (span for span in spans if span.kind == "TOOL")
        called = tool_io_of(tool)
        assert called is not None
        assert (called.name, called.arguments) == ("bash", '{"command":"ls"}')
        assert "a.py" in (called.result or "")
        (model,) = (span for span in spans if span.kind == "LLM")
        assert output_messages_of(model)[0].tool_calls[0].name == "bash"


def test_a_run_of_tau_bench_has_its_reward_as_a_verdict() -> None:
    """One decides: the benchmark says that a run passed where its reward is 1."""
    said: JsonValue = [{"role": "user", "content": "hi"}]
    document: JsonValue = [
        {"task_id": n, "trial": 0, "reward": float(n), "traj": said} for n in (0, 1)
    ]
    found = read_document(document, stem="f")
    assert [(e.name, e.score, e.threshold) for e in found.evaluations] == [
        ("reward", 0.0, 1.0),
        ("reward", 1.0, 1.0),
    ]
    assert {e.trace_id for e in found.evaluations} == {s.trace_id for s in found.spans}


def test_the_events_of_the_openhands_sdk_are_turns() -> None:
    """Actions, observations and messages, with their calls; errors of the agent are failures."""
    document: JsonValue = [
        {"kind": "SystemPromptEvent", "source": "agent", "system_prompt": {"text": "Be brief."}},
        {
            "kind": "MessageEvent",
            "source": "user",
            "llm_message": {"role": "user", "content": [{"type": "text", "text": "look"}]},
        },
        {
            "kind": "ActionEvent",
            "source": "agent",
            "tool_name": "terminal",
            "tool_call_id": "c",
            "thought": [{"type": "text", "text": "I look."}],
            "action": {"command": "ls"},
            "llm_response_id": "r",
        },
        {"kind": "AgentErrorEvent", "source": "agent", "tool_call_id": "c", "error": "no shell"},
    ]
    spans = decode(document, stem="f")
    assert [span.kind.value for span in spans] == ["UNKNOWN", "UNKNOWN", "LLM", "TOOL"]
    assert (spans[3].status, spans[3].status_message) == (StatusCode.ERROR, "no shell")
    io_ = tool_io_of(spans[3])
    assert io_ is not None
    assert (io_.name, io_.arguments) == ("terminal", '{"command":"ls"}')


@pytest.mark.parametrize(("models", "said"), [(("m", "m"), "m"), (("m", "n"), None)])
def test_what_openhands_says_without_a_call_is_of_the_model_of_its_run(
    models: tuple[str, ...], said: str | None
) -> None:
    """Where all responses name one model; where they differ it is not known."""
    document: list[JsonValue] = [
        {
            "id": number,
            "source": "agent",
            "action": "run",
            "args": {"command": "ls"},
            "tool_call_metadata": {
                "tool_call_id": f"c{number}",
                "function_name": "bash",
                "model_response": {
                    "id": f"r{number}",
                    "model": model,
                    "choices": [{"finish_reason": "length"}],
                },
            },
        }
        for number, model in enumerate(models)
    ]
    document.append({"id": 9, "source": "agent", "action": "message", "args": {"content": "ok"}})
    spans = decode(document, stem="f")
    assert [span.text("llm.model_name") for span in spans] == [*models, said]
    assert [span.text("llm.finish_reason") for span in spans] == ["length", "length", None]


def test_a_thread_of_the_assistants_is_in_the_order_of_its_times() -> None:
    """Its API lists the newest first; steps of tools hold their outputs."""
    document: JsonValue = {
        "object": "list",
        "data": [
            {
                "object": "thread.message",
                "id": "m2",
                "thread_id": "th",
                "created_at": 5,
                "role": "assistant",
                "content": [{"type": "text", "text": {"value": "It is 20."}}],
            },
            {
                "object": "thread.run.step",
                "id": "st",
                "thread_id": "th",
                "created_at": 2,
                "completed_at": 4,
                "usage": {"prompt_tokens": 5, "completion_tokens": 2},
                "step_details": {
                    "type": "tool_calls",
                    "tool_calls": [
                        {
                            "id": "c",
                            "type": "function",
                            "function": {"name": "temp", "arguments": "{}", "output": "20"},
                        }
                    ],
                },
            },
            {
                "object": "thread.message",
                "id": "m1",
                "thread_id": "th",
                "created_at": 1,
                "role": "user",
                "content": [{"type": "text", "text": {"value": "How warm?"}}],
            },
        ],
    }
    spans = decode(document, stem="f")
    assert [span.kind.value for span in spans] == ["UNKNOWN", "LLM", "TOOL", "LLM"]
    assert (spans[2].latency_ms, spans[2].text("output.value")) == (2000.0, "20")
    assert {span.trace_id for span in spans} == {"th"}


def test_an_answer_of_a_provider_is_a_model_call() -> None:
    """Alone, and beside its request; with its tokens."""
    request: JsonValue = {"messages": [{"role": "user", "content": "q"}], "model": "m"}
    said: JsonValue = {"role": "assistant", "content": "a"}
    answers: list[JsonValue] = [
        {
            "object": "chat.completion",
            "id": "r",
            "choices": [{"message": said}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 2},
        },
        {
            "object": "response",
            "id": "r",
            "output": [{"type": "message", **said}],  # type: ignore[dict-item]
            "usage": {"input_tokens": 5, "output_tokens": 2},
        },
        {
            "type": "message",
            "id": "r",
            "role": "assistant",
            "content": [{"type": "text", "text": "a"}],
            "usage": {"input_tokens": 5, "output_tokens": 2},
        },
        {
            "responseId": "r",
            "candidates": [{"content": {"role": "model", "parts": [{"text": "a"}]}}],
            "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2},
        },
        {
            "output": {"message": {"role": "assistant", "content": [{"text": "a"}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 5, "outputTokens": 2},
        },
    ]
    for answer in answers:
        for document in (answer, {"request": request, "response": answer}):
            (span,) = decode(document, stem="f")
            assert span.kind == "LLM"
            assert [m.content for m in output_messages_of(span)] == ["a"], answer
            counts = token_counts_of(span)
            assert (counts.prompt, counts.completion) == (5, 2)
            if document is not answer:
                assert span.text("llm.model_name") == "m"
