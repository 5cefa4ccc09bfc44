"""Whatever a model endpoint does, a run ends in a valid record inside its budget.

`FAULTS` reads like the table in docs/design/models.md: what the endpoint does from the third turn
of every scope on, what the run is called then, and the words that say what to do. The first two
turns of each scope go well and draft a finding, which no fault may lose.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytest

from investigator import replay_run, resume_run, verify_run
from investigator.incident.report import IncidentDossier
from investigator.runs.engines import engine_named
from investigator.runs.investigation import RunResult
from investigator.runs.planners import PlannerChoice
from investigator.runs.verification import Verification
from investigator.runtime.budget import Budget, Resource
from investigator.runtime.status import ErrorCode, RunStatus
from investigator.testing.model_server import (
    CONTEXT_LENGTH,
    EXPIRED_KEY,
    REFUSES,
    WRONG_MODEL,
    Answer,
    Behaviour,
    Drip,
    Hang,
    ModelServer,
    ReceivedRequest,
    Reset,
    Tokens,
    Torn,
    error,
    says,
    too_many,
)
from tests.live.asking import (
    CONCLUDES,
    FOUND,
    KEY_VARIABLE,
    PER_TOKEN_IN,
    PER_TOKEN_OUT,
    Engine,
    must_finalize,
    output,
    settings,
    turn,
)

CALL = ErrorCode.MODEL_CALL_FAILED
INVALID = ErrorCode.MODEL_OUTPUT_INVALID
LIMIT = ErrorCode.RECURSION_LIMIT_REACHED
RETRY = ("try again later", "investigator runs resume")
SLOW = ("timeout_s (2 s)", "raise it", "take a faster model")
TAKE_ANOTHER = ("take a model that keeps to a JSON schema", "raise max_output_tokens", "resume")

Planner = Literal["model", "hybrid"]
PLANNERS: tuple[Planner, ...] = ("model", "hybrid")
ENOUGH = Budget(
    iterations=120, tool_calls=240, subcalls=90, tokens=2_000_000, cost_usd=10.0, wall_time_s=60
)


LONG_S, SHORT_S = 30.0, 2.0
"""What an attempt may take; the short one where the fault is to take too long."""


class Fault(NamedTuple):
    """What the endpoint does, and what comes of it.

    `after_one`: the status of a run that meets the fault once, and good replies after it;
    `retryable`: whether `runs resume` asks again.
    """

    behaviour: Behaviour
    code: ErrorCode
    words: tuple[str, ...]
    after_one: RunStatus
    retryable: bool

    @property
    def timeout_s(self) -> float:
        """As short as the fault needs, so that a busy machine is no fault."""
        return SHORT_S if self.words is SLOW else LONG_S


OK, PART = RunStatus.SUCCEEDED, RunStatus.PARTIAL
FAULTS: dict[str, Fault] = {
    # what the endpoint does: the code, what the message says to do, the status after one of it
    "429": Fault(too_many(), CALL, ("lower --concurrency", *RETRY), OK, True),
    "429 with a short Retry-After": Fault(
        too_many("0"), CALL, ("lower --concurrency", *RETRY), OK, True
    ),
    "429 with a long Retry-After": Fault(
        too_many("3600"), CALL, ("asked to wait 3600 s", *RETRY), PART, True
    ),
    "500 or another 5xx": Fault(
        error(500), CALL, ("returned a server error (HTTP 500)", *RETRY), OK, True
    ),
    "connection reset": Fault(Reset(), CALL, ("closed the connection", *RETRY), OK, True),
    "connection closed in the reply": Fault(
        Torn(CONCLUDES), CALL, ("closed the connection", *RETRY), OK, True
    ),
    "no answer in timeout_s": Fault(Hang(), CALL, SLOW, PART, True),
    "slow drip": Fault(Drip(CONCLUDES, 0.05), CALL, SLOW, PART, True),
    "an answer that is not of the API": Fault(
        Answer(200, "<html>"), CALL, ("check that base_url",), PART, True
    ),
    "50 MB, or a packed body that unpacks to them": Fault(
        Answer(200, " " * 50_000_000), CALL, ("check that base_url",), PART, True
    ),
    "JSON 100,000 deep, or any other that its library chokes on": Fault(
        Answer(200, '{"choices":' * 100_000), CALL, ("check that base_url",), PART, True
    ),
    "an error in a 200": Fault(
        Answer(200, {"error": {"message": "m"}}), CALL, ("check that base_url",), PART, True
    ),
    "a redirect": Fault(
        Answer(307, "", {"Location": "http://127.0.0.1:9"}), CALL, ("not followed",), PART, False
    ),
    "502, 504 or 524 of a gateway": Fault(
        error(504), CALL, ("returned a server error (HTTP 504)", *RETRY), OK, True
    ),
    "context length exceeded": Fault(
        CONTEXT_LENGTH, CALL, ("lower max_output_tokens", "larger window"), PART, False
    ),
    "wrong model name": Fault(WRONG_MODEL, CALL, ("check the model's name",), PART, False),
    "wrong or expired key": Fault(EXPIRED_KEY, CALL, (f"check that {KEY_VARIABLE}",), PART, False),
    "truncated JSON": Fault(
        says('{"action": {"type": "fin', finish_reason="length"), INVALID, TAKE_ANOTHER, OK, True
    ),
    "prose instead of JSON": Fault(
        says("Let me think about that."), INVALID, TAKE_ANOTHER, OK, True
    ),
    "JSON of another schema": Fault(says('{"answer": 42}'), INVALID, TAKE_ANOTHER, OK, True),
    "refusal": Fault(REFUSES, INVALID, TAKE_ANOTHER, OK, True),
    "empty reply": Fault(says(""), INVALID, TAKE_ANOTHER, OK, True),
}


def asked(
    engine: Engine,
    planner: Planner,
    decide: Callable[[ReceivedRequest], Behaviour],
    runs: Path,
    *,
    budget: Budget = ENOUGH,
    **changes: Any,
) -> tuple[RunResult[Any], list[ReceivedRequest]]:
    """A run against a server that decides so: verified, and replayed when the server is gone."""
    with ModelServer(decide) as server:
        model = settings(server, **changes)
        result = engine.ask(PlannerChoice(planner=planner, model=model), runs, budget)
    assert verify_run("run", runs) == Verification()
    assert replay_run("run", runs).difference is None
    keeps_to_its_budget(result, server.requests)
    return result, server.requests


def keeps_to_its_budget(result: RunResult[Any], requests: list[ReceivedRequest]) -> None:
    """No more than is allowed, but for what is booked as overdraft; every request counted."""
    budget, usage = result.record.runtime_ref.budget, result.record.runtime_ref.usage
    over = usage.overdraft
    assert budget.tokens is not None
    assert budget.cost_usd is not None
    assert usage.tokens_in + usage.tokens_out <= budget.tokens + over.tokens
    assert usage.cost_usd is not None
    assert usage.cost_usd <= budget.cost_usd + over.cost / 1e6
    assert budget.iterations is not None
    assert usage.iterations <= budget.iterations
    assert usage.llm_calls == len(requests)


def transient(
    fault: Behaviour, times: int, then: Callable[[ReceivedRequest], Behaviour]
) -> Callable[[ReceivedRequest], Behaviour]:
    """The fault, so many times, then as told."""
    left, lock = [times], threading.Lock()

    def decide(request: ReceivedRequest) -> Behaviour:
        with lock:
            left[0] -= 1
            return fault if left[0] >= 0 else then(request)

    return decide


def concludes(_: ReceivedRequest) -> Behaviour:
    """A scope's end, with nothing but what was drafted before."""
    return CONCLUDES


NAMES = ("rca", "compliance", "incident")
EVERY = [(name, engine) for name in FAULTS for engine in NAMES]
"""Each fault on each engine."""
IN_TURN = [(name, NAMES[place % len(NAMES)]) for place, name in enumerate(FAULTS)]
"""Each fault on one engine, the engines in turn."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "engine", "planner"),
    [(name, engine, PLANNERS[place % 2]) for place, (name, engine) in enumerate(EVERY)],
    indirect=["engine"],
)
def test_a_fault_that_stays_ends_the_run_with_its_code_and_loses_no_finding(
    engine: Engine, planner: Planner, name: str, tmp_path: Path
) -> None:
    """Partial, verified, replayed, inside the budget, and the message says what to do."""
    fault = FAULTS[name]
    result, requests = asked(
        engine,
        planner,
        engine.then(lambda _: fault.behaviour),
        tmp_path,
        timeout_s=fault.timeout_s,
    )
    assert result.status is PART
    assert result.error is not None
    assert result.error.code is fault.code
    assert result.error.retryable is fault.retryable
    assert result.report is not None
    assert FOUND in result.report.model_dump_json()
    for word in fault.words:
        assert word in result.error.message
        assert any(word in gap for gap in result.report.gaps)
    usage = result.record.runtime_ref.usage
    assert usage.overdraft.tokens == usage.overdraft.cost == 0
    assert usage.tokens_in >= 2000
    assert len(requests) >= 3


@pytest.mark.parametrize(("name", "engine"), IN_TURN, indirect=["engine"])
def test_a_fault_that_passes_does_no_harm_where_asking_again_can_help(
    engine: Engine, name: str, tmp_path: Path
) -> None:
    """One repetition, or one repair turn, and the run succeeds; else it ends as told above."""
    fault = FAULTS[name]
    passing = transient(fault.behaviour, 1, concludes)
    result, _ = asked(
        engine,
        "hybrid",
        engine.then(passing),
        tmp_path,
        timeout_s=fault.timeout_s,
        max_retries=1,
    )
    assert result.status is fault.after_one
    assert (result.error is None) is (fault.after_one is OK)
    assert result.report is not None


@pytest.mark.parametrize("planner", PLANNERS)
def test_an_endpoint_that_is_ill_from_the_start_invents_nothing(
    engine: Engine, planner: Planner, tmp_path: Path
) -> None:
    """Without one reply the report is what code alone knows, or there is none."""
    result, _ = asked(engine, planner, lambda _: error(500), tmp_path)
    assert result.error is not None
    assert result.error.code is CALL
    alone = engine.name == "rca" and planner == "model"
    assert result.status is (RunStatus.FAILED if alone else PART)
    assert (result.report is None) is alone
    usage = result.record.runtime_ref.usage
    assert (usage.tokens_in, usage.tokens_out, usage.cost_usd) == (0, 0, 0.0)


ILL: dict[str, Behaviour] = {
    "wrong key": EXPIRED_KEY,
    "silence": Hang(),
    "server error": error(500),
    "prose": says("Let me think about that."),
    "not of the API": Answer(200, "<html>"),
    "choices empty": Answer(200, {"choices": []}),
    "50 MB": Answer(200, " " * 50_000_000),
    "deep": Answer(200, '{"choices":' * 100_000),
    "deep text": says('{"action":' * 100_000),
    "half a character": says('{"action": "\ud800"}'),
    "absurd usage": Answer(200, {"choices": [], "usage": {"prompt_tokens": -1}}),
    "usage above the hold": says("no", usage=Tokens(3_000_000, 100)),
}


@pytest.mark.parametrize(
    ("name", "engine"),
    [(name, ("rca", "compliance", "incident")[place % 3]) for place, name in enumerate(ILL)]
    + [("wrong key", "compliance"), ("wrong key", "incident"), ("silence", "rca")],
    indirect=["engine"],
)
def test_a_hybrid_whose_model_fails_says_what_rules_say(
    engine: Engine, name: str, tmp_path: Path
) -> None:
    """The report is that of rules but for the gaps, which name the failure; the run is partial."""
    rules = engine.ask(PlannerChoice(), tmp_path / "rules", ENOUGH)
    short = 1.0 if name == "silence" else LONG_S
    hybrid, _ = asked(engine, "hybrid", lambda _: ILL[name], tmp_path, timeout_s=short)
    assert hybrid.status is PART
    assert hybrid.error is not None
    assert hybrid.report is not None
    assert rules.report is not None
    said = [report.model_dump(exclude={"gaps"}) for report in (hybrid.report, rules.report)]
    assert said[0] == said[1]
    mine = [gap for gap in hybrid.report.gaps if gap not in rules.report.gaps]
    assert any(hybrid.error.message in gap for gap in mine)
    assert all("rules went on in the model's place" in gap for gap in mine)


@pytest.mark.slow
def test_a_model_that_is_silent_to_the_deadline_leaves_time_for_the_rules(
    engine: Engine, tmp_path: Path
) -> None:
    """Also where no attempt ends before the run does."""
    rules = engine.ask(PlannerChoice(), tmp_path / "rules", ENOUGH)
    limits = ENOUGH.model_copy(update={"wall_time_s": 12.0})
    silent, _ = asked(engine, "hybrid", lambda _: Hang(), tmp_path, budget=limits, timeout_s=600)
    assert silent.error is not None
    assert (silent.error.code, silent.error.limit) == (LIMIT, Resource.WALL_TIME)
    assert silent.report is not None
    assert rules.report is not None
    assert silent.report.model_dump(exclude={"gaps"}) == rules.report.model_dump(exclude={"gaps"})


@pytest.mark.slow
def test_a_model_that_uses_up_the_limits_takes_no_finding_away(
    engine: Engine, tmp_path: Path
) -> None:
    """It reads on until no turn is left and says nothing; what rules say holds all the same."""
    pages = count()

    def reads_on(request: ReceivedRequest) -> Behaviour:
        if must_finalize(request):
            return says("no", usage=Tokens(1000, 100))
        args = {"kind": None, "errors_only": False, "offset": next(pages), **engine.of_trace}
        return turn(type="tool_call", tool_name="list_spans", args=args)

    limits = engine_named(engine.name).default_budget.model_copy(update={"cost_usd": 10.0})
    rules = engine.ask(PlannerChoice(), tmp_path / "rules", limits).report
    greedy = asked(engine, "hybrid", reads_on, tmp_path, budget=limits)[0]
    assert greedy.status is PART
    match rules, greedy.report:
        case IncidentDossier(), IncidentDossier() as dossier:
            sure = {one.statement: one.confidence for one in dossier.hypotheses}
            assert all(sure[one.statement] >= one.confidence for one in rules.hypotheses)
            assert dossier.confidence >= rules.confidence
        case _, report:
            assert report is not None
            assert rules is not None
            assert report.model_dump(exclude={"gaps"}) == rules.model_dump(exclude={"gaps"})


def test_a_model_is_asked_again_where_a_run_is_resumed(engine: Engine, tmp_path: Path) -> None:
    """What rules said in its place is undone, and the scope is the model's again."""
    answers: list[Behaviour] = [error(500)]
    with ModelServer(lambda _: answers[0]) as server:
        choice = PlannerChoice(planner="hybrid", model=settings(server))
        ill = engine.ask(choice, tmp_path, ENOUGH)
        before = len(server.requests)
        answers[0] = CONCLUDES
        well = resume_run("run", tmp_path)
    assert ill.status is PART
    assert well.status is OK
    assert len(server.requests) > before
    assert verify_run("run", tmp_path) == Verification()
    assert replay_run("run", tmp_path).difference is None


@pytest.mark.slow
def test_a_reply_that_drips_past_the_deadline_is_cut_off_by_the_clock(
    engine: Engine, tmp_path: Path
) -> None:
    """However long an attempt may take by itself; it may have been billed, so all is booked."""
    budget = ENOUGH.model_copy(update={"wall_time_s": 8.0})
    decide = engine.then(lambda _: Drip(CONCLUDES, 0.05))
    result, _ = asked(engine, "model", decide, tmp_path, budget=budget, timeout_s=60)
    assert result.status is PART
    assert result.error is not None
    assert (result.error.code, result.error.limit) == (LIMIT, Resource.WALL_TIME)
    assert result.report is not None
    assert "raise --max-wall-time" in result.error.message
    assert FOUND in result.report.model_dump_json()
    assert result.record.runtime_ref.usage.estimated >= 1


@pytest.mark.parametrize("planner", PLANNERS)
def test_a_reply_without_usage_is_booked_at_its_hold(
    engine: Engine, planner: Planner, tmp_path: Path
) -> None:
    """The run succeeds, and its record says which part of it is an estimate."""
    silent = turn(type="finalize", output=output())
    assert isinstance(silent.body, dict)
    del silent.body["usage"]
    result, requests = asked(engine, planner, engine.then(lambda _: silent), tmp_path)
    usage = result.record.runtime_ref.usage
    assert result.status is OK
    assert 0 < usage.estimated < len(requests)
    told = 1000 * (len(requests) - usage.estimated)
    assert usage.tokens_in > told + 500 * usage.estimated
    assert usage.overdraft.tokens == 0


@pytest.mark.parametrize("planner", PLANNERS)
def test_usage_above_the_hold_is_booked_as_overdraft_and_shown(
    engine: Engine, planner: Planner, tmp_path: Path
) -> None:
    """Nothing of it is dropped; the limit that it broke ends what would cost more."""
    greedy = Tokens(3_000_000, 100)

    def decide(request: ReceivedRequest) -> Behaviour:
        if must_finalize(request):
            return CONCLUDES
        return says('{"action": {"type": "fin', usage=greedy)

    result, requests = asked(engine, planner, engine.then(decide), tmp_path)
    usage = result.record.runtime_ref.usage
    told = [_usage_of(engine.then(decide)(request)) for request in requests]
    assert usage.tokens_in == sum(tokens.tokens_in for tokens in told)
    assert usage.tokens_out == sum(tokens.tokens_out for tokens in told)
    micro_usd = usage.tokens_in * PER_TOKEN_IN + usage.tokens_out * PER_TOKEN_OUT
    assert usage.cost_usd == pytest.approx(micro_usd / 1e6)
    assert usage.overdraft.tokens > 2_900_000
    assert usage.overdraft.cost > 2_900_000
    assert result.report is not None


def _usage_of(answer: Behaviour) -> Tokens:
    assert isinstance(answer, Answer)
    assert isinstance(answer.body, dict)
    usage = answer.body["usage"]
    return Tokens(usage["prompt_tokens"], usage["completion_tokens"])


def test_the_table_of_the_documentation_is_this_one() -> None:
    """Each fault has its row, with its code and what becomes of a run that meets it once."""
    text = (Path(__file__).parents[2] / "docs/design/models.md").read_text(encoding="utf-8")
    lines = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    rows = {cells[0].removeprefix("| "): cells for cells in lines}
    for name, fault in FAULTS.items():
        assert rows[name][1].strip("`") == fault.code.value
        assert rows[name][2] == fault.after_one.value
