"""A secret of a trace, or the model's own key, stands nowhere but where it came from.

Searched for byte by byte, also cut and encoded: in every prompt, every file of the run, all that
is printed, and the log of every library at its most talkative.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from investigator.cli.main import main
from investigator.runs.run_store import replay_run
from investigator.runs.verification import Verification, verify_run
from investigator.testing.model_server import (
    Answer,
    Behaviour,
    ModelServer,
    ReceivedRequest,
    Tokens,
    says,
)
from tests.live.asking import KEY, KEY_VARIABLE, must_finalize, output, questions, step_of, turn
from tests.live.planted import SECRETS, TEXTS, leaks, planted_file, planted_snapshots

PLANTED = [secret for secret, _ in SECRETS.values()]
OURS = [*PLANTED, KEY]
TRACE = f"{3:032x}"
SPANS = [f"{number:016x}" for number in (1, 2, 3, 4)]
KEYED = f"the key is {KEY}"


def reads(step: int, bound: dict[str, str]) -> Answer:
    """One tool after the other, over all spans; then a draft."""
    calls: list[tuple[str, dict[str, Any]]] = [
        ("list_spans", {"kind": None, "errors_only": False, "offset": 0}),
        *(("get_span", {"span_id": span, "field": None, "offset": 0}) for span in SPANS),
        ("get_messages", {"span_id": SPANS[1], "index": None, "offset": 0}),
        ("get_messages", {"span_id": SPANS[1], "index": 1, "offset": 0}),
        ("get_tool_io", {"span_id": SPANS[2], "part": None, "offset": 0}),
        ("get_tool_io", {"span_id": SPANS[2], "part": "result", "offset": 3}),
        ("get_retrieval_chunks", {"span_id": SPANS[3], "position": None, "offset": 0}),
        (
            "search_trace",
            {"pattern": "the|to|key", "span_id": None, "context": 0, "fields": None, "offset": 0},
        ),
        ("get_children", {"span_id": SPANS[0], "offset": 0}),
    ]
    if step < len(calls):
        name, given = calls[step]
        return turn(type="tool_call", tool_name=name, args={**given, **bound})
    return turn(type="finalize", output=output())


def reader(bound: dict[str, str]) -> Callable[[ReceivedRequest], Behaviour]:
    """A model that looks everywhere."""

    def decide(request: ReceivedRequest) -> Behaviour:
        return reads(99 if must_finalize(request) else step_of(request), bound)

    return decide


def echoing(request: ReceivedRequest) -> Behaviour:
    """A gateway that puts the key of the request, and secrets, into what the model says."""
    said = f"{request.headers['authorization']} {KEYED} {' '.join(TEXTS)}"
    final = output() | {"summary": said, "gaps": [said]}
    match step_of(request):
        case 0:
            return says(said)
        case 1:
            args = {"span_id": said, "field": said, "offset": 0, "trace_id": TRACE}
            call = {"type": "tool_call", "tool_name": "get_span", "args": args}
            return says(json.dumps({"action": call}), usage=Tokens())
        case 2:
            return turn(type="synthesize", output=final)
        case 3:
            return turn(
                type="delegate_subcall",
                objective=said,
                context=said,
                use_planner=True,
                actions=None,
            )
    return turn(type="finalize", output=final)


def refusing(request: ReceivedRequest) -> Behaviour:
    """An endpoint that quotes the key and the prompt in its error, in body and headers."""
    said = f"incorrect key {request.headers['authorization']} for {json.dumps(request.body)}"
    error = {"message": said, "type": said, "param": said, "code": KEY}
    return Answer(401, {"error": error}, {"X-Request-Id": KEY, "WWW-Authenticate": KEYED})


def asks(engine: str, folder: Path) -> list[str]:
    """The words of the command line that ask an engine about the planted traces."""
    source = str(planted_file(folder, len(TEXTS)))
    match engine:
        case "rca":
            return ["rca", source, "--trace-id", TRACE]
        case "compliance":
            return ["compliance", source, "--trace-id", TRACE]
        case "questions":
            library = str(questions(folder, 2))
            return ["compliance", source, "--trace-id", TRACE, "--controls", library]
        case _:
            return ["incident", source, "--snapshots", str(planted_snapshots(folder))]


def seen(
    words: list[str],
    decide: Callable[[ReceivedRequest], Behaviour],
    runs: Path,
    capture: pytest.CaptureFixture[str],
    log: pytest.LogCaptureFixture,
) -> dict[str, bytes]:
    """All that a command line left, printed, logged and sent, by its place."""
    log.set_level(logging.DEBUG)
    with ModelServer(decide) as server, pytest.raises(SystemExit):
        main([*words, "--runs-dir", str(runs), "--run-id", "run", "--base-url", server.base_url])
    assert replay_run("run", runs).difference is None
    assert verify_run("run", runs) == Verification()
    for more in (["runs", "show", "run"], ["runs", "list"]):
        with pytest.raises(SystemExit):
            main([*more, "--runs-dir", str(runs)])
    printed = capture.readouterr()
    places = {"stdout": printed.out.encode(), "stderr": printed.err.encode()}
    places["log"] = "\n".join(log.messages + [str(r.__dict__) for r in log.records]).encode()
    for number, request in enumerate(server.requests):
        places[f"prompt {number}"] = json.dumps(request.body, ensure_ascii=False).encode()
    places |= {str(path.relative_to(runs)): path.read_bytes() for path in files_of(runs)}
    assert server.requests
    assert any(name.endswith("events.jsonl") for name in places)
    return places


def files_of(runs: Path) -> list[Path]:
    """All that the runs of a folder left."""
    return [path for path in sorted(runs.rglob("*")) if path.is_file()]


def all_leaks(places: dict[str, bytes]) -> dict[str, list[str]]:
    """Where what leaked."""
    found = {place: leaks(OURS, content) for place, content in places.items()}
    return {place: secrets for place, secrets in found.items() if secrets}


DECIDES = {"reads": None, "echoes": echoing, "refuses": refusing}


@pytest.mark.parametrize(("planner", "shown"), [("model", "text"), ("hybrid", "json")])
@pytest.mark.parametrize("does", DECIDES)
@pytest.mark.parametrize("engine", ["rca", "questions", "incident"])
def test_no_secret_leaves_a_trace_and_no_key_its_variable(
    engine: str,
    does: str,
    planner: str,
    shown: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whether the model reads all, the endpoint echoes the key in replies, or in its errors."""
    bound = {"trace_id": TRACE} if engine == "incident" else {}
    words = [*asks(engine, tmp_path), "--planner", planner, "--model", "scripted"]
    words += ["--api-key-env", KEY_VARIABLE, "--max-tokens", "2000000"]
    words += ["--json"] if shown == "json" else []
    decide = DECIDES[does] or reader(bound)
    assert all_leaks(seen(words, decide, tmp_path / "runs", capsys, caplog)) == {}


@pytest.mark.parametrize("shown", ["text", "json"])
@pytest.mark.parametrize("engine", ["rca", "compliance", "incident"])
def test_rules_quote_no_secret_of_any_trace(
    engine: str, shown: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each secret stands in each place of one of the traces; all of the built-in library."""
    words = [word for word in asks(engine, tmp_path) if word not in ("--trace-id", TRACE)]
    words += [] if engine == "incident" else ["--all", "--jobs", "1"]
    words += ["--json"] if shown == "json" else []
    runs, report = tmp_path / "runs", tmp_path / "report"
    with pytest.raises(SystemExit):
        main([*words, "--runs-dir", str(runs), "--output", str(report)])
    printed = capsys.readouterr()
    places = {"stdout": printed.out.encode(), "stderr": printed.err.encode()}
    places |= {str(path): path.read_bytes() for path in (report, *files_of(runs))}
    assert len(places) > 5
    assert all_leaks(places) == {}


@pytest.mark.parametrize("form", ["plain", "utf-16-le", "base64", "url", "hex", "json", "cut"])
def test_the_search_finds_a_secret_in_each_form(form: str) -> None:
    """Or the test above could not fail."""
    import base64
    from urllib.parse import quote

    text = f"before {PLANTED[10]} after"
    forms = {
        "plain": text.encode(),
        "utf-16-le": text.encode("utf-16-le"),
        "base64": base64.b64encode(text.encode()),
        "url": quote(text).encode(),
        "hex": text.encode().hex().encode(),
        "json": json.dumps(text).encode(),
        "cut": text[:20].encode(),
    }
    assert leaks(PLANTED, forms[form]) == [PLANTED[10]]
