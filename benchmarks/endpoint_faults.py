"""Whether a run stands whatever a model endpoint does: every kind of fault, every engine.

    python -m benchmarks.endpoint_faults [--only WORD] [--engine rca] [--planner hybrid]

Each run asks a server on this machine over real HTTP that shows one fault from the first request
on. Checked of each: no exception, a record that verifies, a replay that is the same with the
server gone, the limits kept (or what exceeds them booked as overdraft), the code that
docs/design/models.md tells, no request that may have been billed booked at less than the server
bills, and a hybrid's report no less than that of rules alone, with a gap that names the failure.
Exits with 1 where one of these does not hold.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from investigator import RunResult, Settings, investigate, replay_run, verify_run
from investigator.claims.report import Report
from investigator.incident.report import IncidentDossier
from investigator.runs.engines import engine_named
from investigator.runs.planners import RULES, PlannerChoice
from investigator.runtime.budget import Budget
from investigator.runtime.llm_client import ModelSettings
from investigator.runtime.status import ErrorCode, RunStatus
from investigator.samples import SAMPLE_TRACES
from investigator.testing.model_server import (
    CONTEXT_LENGTH,
    EXPIRED_KEY,
    REFUSES,
    WRONG_MODEL,
    Answer,
    Behaviour,
    Drip,
    Endless,
    Hang,
    ModelServer,
    Raw,
    Reset,
    Tokens,
    Torn,
    error,
    says,
    too_many,
)

QUESTIONS: Mapping[str, Mapping[str, str]] = {
    "rca": {"trace_id": "617fdb16cf685c234f3ef3cfbe54acd9"},
    "compliance": {"trace_id": "5010ed12a034dec6f3a29908cb189a39", "controls": "judgement-v1"},
    "incident": {},
}
PLANNERS: tuple[Literal["model", "hybrid"], ...] = ("model", "hybrid")
KEY_VARIABLE = "ENDPOINT_FAULTS_KEY"
BILL = Tokens(1000, 100)
"""What the server bills for a request that it may have worked on; every prompt has more."""
ENOUGH = Budget(
    iterations=200, tool_calls=400, subcalls=90, tokens=4_000_000, cost_usd=20.0, wall_time_s=120
)
CALL, INVALID = ErrorCode.MODEL_CALL_FAILED, ErrorCode.MODEL_OUTPUT_INVALID
LIMIT = ErrorCode.RECURSION_LIMIT_REACHED
PATIENT_S, SHORT_S = 60.0, 1.0
"""What an attempt may take; the short one where the fault is to take too long."""

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
PROSE = "Let me think about that."
NOTHING_FOUND = {"findings": [], "gaps": [], "summary": "nothing"}
CONCLUDES = json.dumps({"action": {"type": "finalize", "output": NOTHING_FOUND}})
ABSURD = {
    "negative": -5,
    "1e30": 1e30,
    "10**30": 10**30,
    "10**15": 10**15,
    "NaN": float("nan"),
    "a string": "100",
    "a list": [100],
    "null": None,
    "zero": 0,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What the endpoint does to every request, and what may come of it.

    `codes` are those that the table of the documentation allows, None for a run without an error;
    `billed`: the provider may have worked on the request.
    """

    name: str
    behaviour: Behaviour
    codes: tuple[ErrorCode | None, ...] = (CALL,)
    billed: bool = True
    slow: bool = False

    @property
    def concludes(self) -> bool:
        """Whether the replies are good, so that what they say is the model's own."""
        return None in self.codes


def _body(text: str = CONCLUDES, **changes: Any) -> dict[str, Any]:
    """The body of a reply with these changes."""
    body = says(text, usage=BILL).body
    assert isinstance(body, dict)
    return {**body, **changes}


def _account(**changes: Any) -> dict[str, Any]:
    account: dict[str, Any] = _body()["usage"]
    return {**account, **changes}


def _statuses() -> Iterator[Fault]:
    for status in (400, 402, 404, 405, 409, 413, 418, 422, 429, 451, 500, 501, 503, 529):
        yield Fault(f"HTTP {status}", error(status), billed=False)
    for status in (408, 502, 504, 524):
        yield Fault(f"HTTP {status} of a gateway", error(status))
    for status in (301, 302, 303, 307, 308):
        there = {"Location": "http://127.0.0.1:9/v1/chat/completions"}
        yield Fault(f"HTTP {status} to elsewhere", Answer(status, "", there), billed=False)
    yield Fault("HTTP 204", Answer(204, ""))
    yield Fault("wrong key (401)", EXPIRED_KEY, billed=False)
    yield Fault("key without access (403)", error(403), billed=False)
    yield Fault("wrong model", WRONG_MODEL, billed=False)
    yield Fault("context length", CONTEXT_LENGTH, billed=False)
    yield Fault("quota used up", error(429, code="insufficient_quota"), billed=False)
    for told in ("3600", "nan", "-5", "1e309", "soon"):
        yield Fault(f"429, Retry-After {told}", too_many(told), billed=False)
    yield Fault(
        "an error whose code is a number", Answer(400, {"error": {"code": 7}}), billed=False
    )
    yield Fault("an error that is a list", Answer(400, [1]), billed=False)
    yield Fault("an error that is HTML", Answer(500, "<html>"), billed=False)


def _connections() -> Iterator[Fault]:
    good = Answer(200, _body())
    yield Fault("reset", Reset())
    yield Fault("silence", Hang(), slow=True)
    yield Fault("slow drip", Drip(good, 0.05), slow=True)
    yield Fault("torn in the head", Torn(good, 0.05))
    yield Fault("torn in the body", Torn(good, 0.7))
    yield Fault("closed at once", Raw(b""))
    yield Fault("not HTTP", Raw(b"SSH-2.0-OpenSSH_9.6\r\n"))
    yield Fault("a broken chunk", Raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}"))
    yield Fault("a length that is none", Raw(HEAD + b"Content-Length: -5\r\n\r\n{}"))
    yield Fault("a header without end", Endless(HEAD + b"X-Long: ", b"a" * 65_536))
    yield Fault("headers without end", Endless(HEAD, b"X-Flood: 1\r\n" * 4_096))
    yield Fault("a body without end", Endless(HEAD + b"\r\n", b" " * 65_536))
    yield Fault(
        "100 Continue without end", Endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), slow=True
    )


def _bodies() -> Iterator[Fault]:
    packed = {"Content-Encoding": "gzip"}
    bodies: dict[str, object] = {
        "no body": "",
        "null": "null",
        "a list": "[1, 2]",
        "a number": "1e999",
        "HTML": "<html></html>",
        "server-sent events": "data: {}\n\n",
        "not UTF-8": b"\xff\xfe{}",
        "an error in a 200": {"error": {"message": "m", "code": {"odd": 1}}},
        "choices null": _body(choices=None),
        "choices empty": _body(choices=[]),
        "choices of numbers": _body(choices=[1]),
        "a choice without a message": _body(choices=[{"index": 0, "finish_reason": "stop"}]),
        "choices twice, the last empty": json.dumps(_body())[:-1] + ', "choices": []}',
        "JSON 100,000 deep": '{"choices":' * 100_000,
        "an integer of 5,000 digits": '{"created": ' + "1" * 5_000 + "}",
        "50 MB": " " * 50_000_000,
    }
    for name, body in bodies.items():
        yield Fault(name, Answer(200, body))
    bomb = gzip.compress(b" " * 200_000_000)
    yield Fault("a packed bomb of 200 MB", Answer(200, bomb, packed))
    yield Fault("packed and torn", Answer(200, gzip.compress(b"{}" * 99)[:20], packed))
    yield Fault("packed and broken", Answer(200, b"no gzip", packed))
    yield Fault("packed as never asked", Answer(200, b"\0", {"Content-Encoding": "zstd"}))


def _replies() -> Iterator[Fault]:
    texts = {
        "prose": PROSE,
        "an empty reply": "",
        "JSON of another schema": '{"answer": 42}',
        "cut off": '{"action": {"type": "fin',
        "a text 100,000 deep": '{"action":' * 100_000,
        "a tool call 100,000 deep": '{"action":{"type":"tool_call","args":' + "[" * 100_000,
        "an action twice": '{"action": 1, "action": 2}',
        "half a character": '{"action": "\ud800"}',
        "an escaped half character": '{"action": "\\ud800"}',
        "a text of 3 MB": "x" * 3_000_000,
        "a key in the text": '{"action": "sk-live-0123456789abcdef0123456789"}',
        "a tool that is none": '{"action": {"type": "tool_call", "tool_name": "x", "args": {}}}',
    }
    for name, text in texts.items():
        yield Fault(name, says(text, usage=BILL), (INVALID, LIMIT))
    refusal = _body(PROSE)
    refusal["choices"][0]["message"] = {"role": "assistant", "content": None, "refusal": "No."}
    yield Fault("a refusal", Answer(200, refusal), (INVALID,))
    assert isinstance(REFUSES.body, dict)
    filtered = says(None, usage=BILL, finish_reason="content_filter")
    yield Fault("filtered", filtered, (INVALID, CALL))


def _accounts() -> Iterator[Fault]:
    for name, told in ABSURD.items():
        account = _account(prompt_tokens=told, completion_tokens=told)
        yield Fault(f"prose, tokens {name}", Answer(200, _body(PROSE, usage=account)), (INVALID,))
        yield Fault(f"tokens {name}", Answer(200, _body(usage=account)), (None,))
    yield Fault("no usage", Answer(200, _body(usage=None)), (None,))
    yield Fault("usage a string", Answer(200, _body(usage="free")), (None,))
    greedy = _account(prompt_tokens=3_000_000)
    yield Fault("usage above the hold", Answer(200, _body(PROSE, usage=greedy)), (INVALID, LIMIT))
    for created in (10**30, -1, float("nan"), "now"):
        yield Fault(f"created {created}", Answer(200, _body(created=created)), (None,))


def faults() -> list[Fault]:
    """Every kind."""
    return [*_statuses(), *_connections(), *_bodies(), *_replies(), *_accounts()]


def _ask(engine: str, choice: PlannerChoice, runs: Path, run_id: str) -> RunResult[Report]:
    question = engine_named(engine).question.model_validate(QUESTIONS[engine])
    made = Settings(planner=choice, budget=ENOUGH, runs_dir=runs, run_id=run_id)
    return investigate(SAMPLE_TRACES, question, made)


def _settings(server: ModelServer, fault: Fault) -> ModelSettings:
    return ModelSettings(
        model="scripted",
        base_url=server.base_url,
        api_key_env=KEY_VARIABLE,
        price_in_per_mtok=1.0,
        price_out_per_mtok=4.0,
        timeout_s=SHORT_S if fault.slow else PATIENT_S,
        max_retries=0,
    )


def _problems(
    fault: Fault, planner: str, result: RunResult[Report], requests: int, by_rules: Report
) -> Iterator[str]:
    """What does not hold of a run."""
    usage, budget = result.record.runtime_ref.usage, result.record.runtime_ref.budget
    code = None if result.error is None else result.error.code
    if code not in fault.codes:
        yield f"code {code}"
    if usage.llm_calls != requests:
        yield f"{usage.llm_calls} calls on record, {requests} requests"
    booked = usage.tokens_in + usage.tokens_out
    billed = requests * (BILL.tokens_in + BILL.tokens_out) if fault.billed else 0
    if booked < billed or usage.tokens_in < 0 or (usage.cost_usd or 0) < 0:
        yield f"{booked} tokens booked, {billed} billed"
    assert budget.tokens is not None
    if booked > budget.tokens + usage.overdraft.tokens:
        yield f"{booked} tokens used of {budget.tokens}"
    if planner == "hybrid" and not fault.concludes:
        if result.status is not RunStatus.PARTIAL:
            yield f"status {result.status}"
        if result.report is None or not _holds(by_rules, result.report):
            yield "less than the report of the rules"
        elif result.error is not None and not any(
            result.error.message in gap for gap in result.report.model_dump()["gaps"]
        ):
            yield "no gap names the failure"


def _holds(by_rules: Report, report: Report) -> bool:
    """Whether a report says what the rules say, but for the gaps.

    A model that uses up the rules' turns leaves it to code to state an incident's causes: all of
    the rules' are there then, as sure at least, and there may be more.
    """
    if _said(report) == _said(by_rules):
        return True
    if not isinstance(report, IncidentDossier) or not isinstance(by_rules, IncidentDossier):
        return False
    sure = {one.statement: one.confidence for one in report.hypotheses}
    same_facts = report.outcome is by_rules.outcome and report.timeline == by_rules.timeline
    return same_facts and all(
        sure.get(one.statement, -1.0) >= one.confidence for one in by_rules.hypotheses
    )


def _said(report: Report) -> dict[str, Any]:
    """What a report says, but for its gaps."""
    said: dict[str, Any] = report.model_dump(mode="json", exclude={"gaps"})
    return said


def tried(fault: Fault, engine: str, planner: str, by_rules: Report, runs: Path) -> list[str]:
    """What does not hold of one run, and how its verification and its replay end."""
    run_id = f"{engine}-{planner}"
    try:
        with ModelServer([fault.behaviour]) as server:
            choice = {"planner": planner, "model": _settings(server, fault)}
            result = _ask(engine, PlannerChoice.model_validate(choice), runs, run_id)
        found = list(_problems(fault, planner, result, len(server.requests), by_rules))
        found += [f"verify: {problem}" for problem in verify_run(run_id, runs).problems]
        difference = replay_run(run_id, runs).difference
        return found if difference is None else [*found, f"replay: {difference}"]
    except Exception as raised:  # noqa: BLE001
        return [f"raised {type(raised).__name__}: {traceback.format_exc(limit=-1)}"]


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default="", help="kinds whose name holds this")
    parser.add_argument("--engine", choices=QUESTIONS, action="append")
    parser.add_argument("--planner", choices=PLANNERS, action="append")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """Print the table and the totals."""
    arguments = _arguments(given)
    os.environ.setdefault(KEY_VARIABLE, "sk-planted-0123456789abcdef")
    engines = arguments.engine or list(QUESTIONS)
    planners = arguments.planner or list(PLANNERS)
    kinds = [fault for fault in faults() if arguments.only in fault.name]
    started, failed, runs = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        by_rules = {e: _of_rules(e, home / "rules") for e in engines}
        print(f"{'fault':34} {'  '.join(f'{e}/{p}' for e in engines for p in planners)}")
        for number, fault in enumerate(kinds):
            cells = []
            for engine in engines:
                for planner in planners:
                    found = tried(fault, engine, planner, by_rules[engine], home / str(number))
                    runs += 1
                    failed += bool(found)
                    cells.append((f"{engine}/{planner}", found))
            print(f"{fault.name[:34]:34} " + "  ".join(_cell(*cell) for cell in cells), flush=True)
            for name, found in cells:
                for line in found:
                    print(f"    {name}: {line}", flush=True)
    took = time.monotonic() - started
    print(f"{len(kinds)} kinds, {runs} runs, {failed} violations, {took:.0f} s")
    return 1 if failed else 0


def _cell(name: str, found: list[str]) -> str:
    return f"{'VIOLATED' if found else 'ok':{len(name)}}"


def _of_rules(engine: str, runs: Path) -> Report:
    result: RunResult[Report] = _ask(engine, RULES, runs, engine)
    assert result.report is not None
    return result.report


if __name__ == "__main__":
    sys.exit(main())
