"""A model over real HTTP on this machine, with every fault that a provider can show."""

from __future__ import annotations

import gzip
import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, TypeVar

import anyio
import pytest

from investigator.errors import UsageError
from investigator.ground.canonical_json import canonical_json
from investigator.runtime.actions import ActionKind
from investigator.runtime.budget import Amounts, Budget
from investigator.runtime.events import PlannerIdentity, RunError, ScopeClosed, TurnSettled, Usage
from investigator.runtime.llm_client import ModelClient, ModelSettings, Prompt
from investigator.runtime.planner import PlannerCallFailed, Reply, TurnBound, View
from investigator.runtime.record import RunRecord
from investigator.runtime.runner import start
from investigator.runtime.status import ErrorCode, RunStatus, ScopeStatus
from investigator.runtime.verify import verify_files
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
    ReceivedRequest,
    Reset,
    Tokens,
    Torn,
    error,
    says,
    too_many,
)
from investigator.testing.toy import delegate, finalize, read, synthesize, toy_run
from tests.runtime.toys import events

T = TypeVar("T")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"answer": {"type": "string", "maxLength": 5}},
    "required": ["answer"],
    "additionalProperties": False,
}
PROMPT = Prompt(system="be brief", user="a private question")
GOOD = says('{"answer":"x"}')
KEY = "sk-planted-secret-0123456789"


def in_real_time(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run it in the ordinary event loop: sockets know no virtual time."""
    return anyio.run(work)


def settings(server: ModelServer, **changes: Any) -> ModelSettings:
    """A model of that server."""
    given: dict[str, Any] = {
        "model": "scripted",
        "base_url": server.base_url,
        "timeout_s": 5.0,
        "price_in_per_mtok": 1.0,
        "price_out_per_mtok": 2.0,
    }
    return ModelSettings(**(given | changes))


def client(server: ModelServer, **changes: Any) -> ModelClient:
    """A client that does not wait longer than it is told to."""
    return ModelClient(settings(server, **changes), jitter=lambda: 0.0)


def ask(model: ModelClient, prompt: Prompt = PROMPT) -> Reply:
    """One call."""
    return in_real_time(lambda: model.complete(prompt, schema=SCHEMA, max_tokens_out=50))


def asked(script: Sequence[Behaviour], **changes: Any) -> tuple[Reply, list[ReceivedRequest]]:
    """The reply of a server that behaves like this, and what it was asked."""
    with ModelServer(script) as server:
        return ask(client(server, **changes)), server.requests


def refused(script: Sequence[Behaviour], **changes: Any) -> tuple[RunError, Usage, int]:
    """The failure against a server that behaves like this, its usage and the requests made."""
    with ModelServer(script) as server, pytest.raises(PlannerCallFailed) as failure:
        ask(client(server, **changes))
    error = failure.value.error
    assert error.code is ErrorCode.MODEL_CALL_FAILED
    for secret in (KEY, PROMPT.user, PROMPT.system):
        assert secret not in error.message
    return error, failure.value.usage, len(server.requests)


def test_a_reply_has_its_text_its_tokens_and_their_price() -> None:
    """The usage is the provider's, the cost micro-USD at the configured price."""
    reply, requests = asked([says("{}", usage=Tokens(100, 20))])
    assert reply == Reply(
        "{}",
        Usage(
            llm_calls=1,
            tokens_in=100,
            tokens_out=20,
            cost=140,
            tokens_cached=0,
            tokens_cache_written=0,
        ),
    )
    assert len(requests) == 1


def test_the_schema_is_sent_as_it_is() -> None:
    """Nothing rewrites the schema on its way; the bounds of the request are the caller's."""
    _, [request] = asked([GOOD])
    sent = request.body["response_format"]["json_schema"]
    assert sent["schema"] == SCHEMA
    assert sent["strict"] is True
    assert request.path == "/v1/chat/completions"
    assert request.body["messages"] == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "a private question"},
    ]
    assert request.body["max_tokens"] == 50
    assert request.body["temperature"] == 0.0
    assert request.body["model"] == "scripted"


@pytest.mark.parametrize(
    ("structured", "sent"), [("json_object", {"type": "json_object"}), ("none", None)]
)
def test_an_endpoint_without_schemas_reads_it_in_the_prompt(
    structured: str, sent: dict[str, str] | None
) -> None:
    """The schema follows the stable text of the prompt."""
    _, [request] = asked([GOOD], structured=structured)
    assert request.body.get("response_format") == sent
    system = request.body["messages"][0]["content"]
    assert system.startswith("be brief")
    assert '"maxLength":5' in system


@pytest.mark.parametrize("model", ["o3-mini", "gpt-5", "gpt-5.1", "gpt-4o-mini", "smollm2"])
def test_a_model_that_reasons_is_told_no_temperature(model: str) -> None:
    """It would refuse the request."""
    _, [request] = asked([GOOD], model=model)
    assert ("temperature" in request.body) is (model not in ("o3-mini", "gpt-5"))


def test_the_key_goes_to_the_endpoint_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings name the variable; the key is in the request's header alone."""
    monkeypatch.setenv("MY_KEY", KEY)
    with ModelServer([GOOD]) as server:
        model = client(server, api_key_env="MY_KEY")
        ask(model)
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in repr(vars(model)) + model.settings.model_dump_json()


def test_a_key_that_comes_back_goes_no_further(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Of whatever form: not in a reply, nor in an error's code, nor in what libraries log."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("MY_KEY", "0f1e2d3c4b5a")
    echo = Answer(
        401, {"error": {"message": "m", "code": "a0f1e2d3c4b5a"}}, {"X-Key": "0f1e2d3c4b5a"}
    )
    with ModelServer([says("it is 0f1e2d3c4b5a."), echo]) as server:
        model = client(server, api_key_env="MY_KEY")
        assert ask(model).text == "it is [REDACTED:key]."
        with pytest.raises(PlannerCallFailed) as failure:
            ask(model)
    assert "refused the key (HTTP 401):" in failure.value.error.message
    assert "X-Key" in caplog.text
    assert "0f1e2d3c4b5a" not in caplog.text


def test_a_key_of_openai_is_not_sent_to_another_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a key that was named for it goes to an endpoint of one's own."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    _, [request] = asked([GOOD])
    assert KEY not in canonical_json(dict(request.headers))


def test_a_proxy_does_not_stand_before_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's proxy is for what lies outside."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    reply, _ = asked([GOOD])
    assert reply.text == '{"answer":"x"}'


@pytest.mark.parametrize(
    ("behaviour", "text"),
    [
        (says("I would rather talk."), "I would rather talk."),
        (says('{"answer": "x', finish_reason="length"), '{"answer": "x'),
        (says('{"other": 1}'), '{"other": 1}'),
        (says(""), ""),
        (says(None), ""),
        (REFUSES, "I cannot help with that."),
        (says(None, finish_reason="content_filter"), ""),
    ],
    ids=["prose", "cut", "wrong-schema", "empty", "null", "refusal", "filtered"],
)
def test_what_the_model_says_is_its_reply(behaviour: Behaviour, text: str) -> None:
    """Judging it is the loop's part; it is charged all the same."""
    reply, _ = asked([behaviour])
    assert reply.text == text
    assert reply.usage == Usage(
        llm_calls=1, tokens_in=100, tokens_out=20, cost=140, tokens_cached=0, tokens_cache_written=0
    )


def test_a_reply_without_an_account_is_estimated() -> None:
    """The caller then books what it held."""
    reply, _ = asked([says("{}", usage=None)])
    assert reply.usage == Usage(llm_calls=1, cost=0, estimated=True)


def test_tokens_of_the_cache_are_told_and_priced() -> None:
    """A prompt whose beginning the provider knows costs less, and the record can say so."""
    reply, _ = asked([says("{}", usage=Tokens(1000, 10, cached=800))], price_cached_per_mtok=0.1)
    assert (reply.usage.tokens_cached, reply.usage.tokens_cache_written) == (800, 0)
    assert reply.usage.cost == 200 + 80 + 20


def test_an_unknown_price_is_no_cost() -> None:
    """Nothing is invented."""
    reply, _ = asked([GOOD], price_in_per_mtok=None, price_out_per_mtok=None)
    assert reply.usage.cost is None


@pytest.mark.parametrize(
    ("fault", "estimated"),
    [(too_many(), False), (error(500), False), (error(503), False), (Reset(), True)],
    ids=["429", "500", "503", "reset"],
)
def test_what_passes_is_tried_again(fault: Behaviour, estimated: bool) -> None:
    """Each request is on the record; only one that was lost may have been billed."""
    reply, requests = asked([fault, fault, GOOD])
    assert len(requests) == 3
    assert reply.usage.llm_calls == 3
    assert reply.usage.tokens_in == 100
    assert reply.usage.estimated is estimated


def in_seconds(seconds: float) -> str:
    """An HTTP date, which has whole seconds."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("retry_after", "least_s"),
    [(lambda: "1", 1.0), (lambda: in_seconds(2.0), 0.9)],
    ids=["seconds", "date"],
)
def test_a_provider_that_says_when_is_heard(retry_after: Callable[[], str], least_s: float) -> None:
    """Not a moment earlier than it asks for."""
    started = time.monotonic()
    _, requests = asked([too_many(retry_after()), GOOD])
    assert len(requests) == 2
    assert time.monotonic() - started >= least_s


def test_a_provider_that_asks_for_too_much_patience_is_not_waited_for() -> None:
    """Longer than an attempt may take is the next run's affair."""
    error, _, requests = refused([too_many("3600")])
    assert requests == 1
    assert error.retryable
    assert "asked to wait 3600 s" in error.message


@pytest.mark.parametrize(
    ("behaviour", "retryable", "requests", "said"),
    [
        (too_many(), True, 3, "lower --concurrency"),
        (error(500), True, 3, "returned a server error (HTTP 500)"),
        (Reset(), True, 3, "closed the connection"),
        (Torn(GOOD), True, 3, "closed the connection"),
        (CONTEXT_LENGTH, False, 1, "lower max_output_tokens"),
        (error(400, "a private question"), False, 1, "set structured to json_object or none"),
        (WRONG_MODEL, False, 1, "has no model 'scripted'"),
        (EXPIRED_KEY, False, 1, "refused the key (HTTP 401, invalid_api_key)"),
        (error(403), False, 1, "refused the key (HTTP 403)"),
        (error(402), False, 1, "top it up"),
        (error(429, code="insufficient_quota"), False, 1, "top it up"),
        (Answer(200, '{"choices": [{"mess'), True, 1, "check that base_url"),
        (Answer(200, "<html>", {"Content-Type": "text/html"}), True, 1, "check that base_url"),
        (Answer(200, {"choices": []}), True, 1, "check that base_url"),
        (Answer(200, {}), True, 1, "check that base_url"),
    ],
    ids=[
        "429",
        "500",
        "reset",
        "torn",
        "context",
        "400",
        "404",
        "401",
        "403",
        "402",
        "quota",
        "cut-body",
        "html",
        "no-choice",
        "no-reply",
    ],
)
def test_a_failure_says_what_to_do(
    behaviour: Behaviour, retryable: bool, requests: int, said: str
) -> None:
    """What would fail again is not asked again."""
    error, usage, made = refused([behaviour])
    assert said in error.message
    assert error.retryable is retryable
    assert made == usage.llm_calls == requests


@pytest.mark.parametrize("fault", [Hang(), Drip(GOOD, 0.05)], ids=["hang", "drip"])
def test_an_attempt_ends_in_time(fault: Behaviour) -> None:
    """However slowly a reply drips in; it may have been billed, so nothing is asked again."""
    error, usage, requests = refused([fault], timeout_s=0.3)
    assert "timeout_s (0.3 s)" in error.message
    assert error.retryable
    assert requests == 1
    assert usage == Usage(llm_calls=1, cost=0, estimated=True)


def body(**changes: Any) -> dict[str, Any]:
    """The body of a good reply with these changes."""
    assert isinstance(GOOD.body, dict)
    return {**GOOD.body, **changes}


def with_usage(**changes: Any) -> Answer:
    """A good reply whose account is changed so."""
    return Answer(200, body(usage={**body()["usage"], **changes}))


DEEP = '{"choices":' * 100_000
OK_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
ODD: dict[str, Behaviour] = {
    "no body": Answer(200, ""),
    "null": Answer(200, "null"),
    "list": Answer(200, "[1, 2]"),
    "number": Answer(200, "1e999"),
    "text": Answer(200, "hello", {"Content-Type": "text/plain"}),
    "server-sent events": Answer(200, "data: {}\n\n", {"Content-Type": "text/event-stream"}),
    "not UTF-8": Answer(200, b"\xff\xfe{}"),
    "error in a 200": Answer(200, {"error": {"message": "m", "code": {"odd": 1}}}),
    "choices null": Answer(200, body(choices=None)),
    "choices empty": Answer(200, body(choices=[])),
    "choices of numbers": Answer(200, body(choices=[1])),
    "choice without message": Answer(200, body(choices=[{"index": 0, "finish_reason": "stop"}])),
    "choices twice": Answer(200, json.dumps(body())[:-1] + ', "choices": []}'),
    "deep": Answer(200, DEEP),
    "an integer of 5,000 digits": Answer(200, '{"created": ' + "1" * 5000 + "}"),
    "50 MB": Answer(200, " " * 50_000_000),
    "50 MB packed": Answer(200, gzip.compress(b" " * 50_000_000), {"Content-Encoding": "gzip"}),
    "packed and torn": Answer(200, gzip.compress(b"{}" * 99)[:20], {"Content-Encoding": "gzip"}),
    "packed and broken": Answer(200, b"no gzip", {"Content-Encoding": "gzip"}),
    "packed as never asked": Answer(200, b"\x00", {"Content-Encoding": "zstd"}),
    "packed twice": Answer(200, b"\x00", {"Content-Encoding": "gzip, gzip"}),
    "without end": Endless(OK_HEAD + b"\r\n", b" " * 65_536),
    "a code that is no text": Answer(400, {"error": {"message": "m", "code": 17}}),
    "an error that is a list": Answer(400, [1]),
    "a redirect": Answer(302, "", {"Location": "http://127.0.0.1:9/v1"}),
    "no content": Answer(204, ""),
}


@pytest.mark.parametrize("name", ODD)
def test_any_answer_that_is_no_reply_is_a_failed_call(name: str) -> None:
    """Whatever the libraries raise over it; what may have been billed is lost, not nothing."""
    with ModelServer([ODD[name]]) as server, pytest.raises(PlannerCallFailed) as failure:
        ask(client(server, max_retries=0))
    assert failure.value.error.code is ErrorCode.MODEL_CALL_FAILED
    answer = ODD[name]
    answered = isinstance(answer, Endless) or (isinstance(answer, Answer) and answer.status < 300)
    assert failure.value.lost == answered
    assert failure.value.usage.estimated is answered
    assert len(server.requests) == 1


def test_a_header_without_end_is_not_read_to_the_end() -> None:
    """Neither one long line nor many."""
    for again in (b"a" * 65_536, b"X-Flood: 1\r\n" * 4_096):
        error, usage, _ = refused([Endless(OK_HEAD + b"X-Long: ", again)], max_retries=0)
        assert "closed the connection" in error.message
        assert usage.estimated


def test_a_packed_reply_is_unpacked() -> None:
    """As many gateways send it."""
    packed = gzip.compress(json.dumps(GOOD.body).encode())
    reply, _ = asked([Answer(200, packed, {"Content-Encoding": "gzip"})])
    assert reply == ask_plainly()


def ask_plainly() -> Reply:
    """The good reply."""
    return asked([GOOD])[0]


def test_half_characters_do_not_reach_the_journal() -> None:
    """JSON may hold them, UTF-8 may not; whole ones that were sent in halves stay whole."""
    text = json.dumps(body()).replace("answer", "\\ud83d\\ude00 \\ud800")
    reply, _ = asked([Answer(200, text)])
    assert reply.text == '{"\U0001f600 \ufffd":"x"}'


NO_COUNTS = [-1, -(10**30), 10**15, 10**30, 1e30, 1.5, float("nan"), "12", "many", [], {}, None]


@pytest.mark.parametrize("told", NO_COUNTS, ids=repr)
@pytest.mark.parametrize("of", ["prompt_tokens", "completion_tokens", "both"])
def test_an_account_that_cannot_be_true_is_none(of: str, told: object) -> None:
    """The reply stands, and its full hold is booked: never nothing, and never less."""
    names = ["prompt_tokens", "completion_tokens"] if of == "both" else [of]
    reply, _ = asked([with_usage(**dict.fromkeys(names, told))])
    assert reply.text == '{"answer":"x"}'
    assert reply.lost == 1
    assert reply.usage == Usage(llm_calls=1, cost=0, estimated=True)


@pytest.mark.parametrize(
    "account",
    [
        None,
        {},
        [],
        "free",
        {"prompt_tokens": 100},
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        {**body()["usage"], "prompt_tokens_details": {"cached_tokens": -7}},
    ],
    ids=repr,
)
def test_a_reply_without_a_whole_account_stands(account: object) -> None:
    """It is booked at its hold."""
    reply, _ = asked([Answer(200, body(usage=account))])
    assert reply.text == '{"answer":"x"}'
    assert reply.lost == 1


def test_a_text_of_no_tokens_is_booked_at_all_that_was_allowed() -> None:
    """Its input is booked as it was told."""
    reply, _ = asked([with_usage(completion_tokens=0)])
    assert reply.lost == 0
    expected = Usage(
        llm_calls=1,
        tokens_in=100,
        tokens_out=50,
        cost=200,
        estimated=True,
        tokens_cached=0,
        tokens_cache_written=0,
    )
    assert reply.usage == expected


@pytest.mark.parametrize(
    "created", [10**30, -(10**18), -1, float("nan"), 1.5, 1_700_000_000_000, "now", None], ids=repr
)
def test_a_time_that_cannot_be_costs_nobody_the_reply(created: object) -> None:
    """Nobody asks for it."""
    reply, _ = asked([Answer(200, body(created=created))])
    assert reply == ask_plainly()


@pytest.mark.parametrize("status", [408, 502, 504, 524])
def test_what_a_gateway_says_of_a_model_that_may_have_replied(status: int) -> None:
    """It may have been billed; each attempt is lost for itself."""
    with ModelServer([error(status)]) as server, pytest.raises(PlannerCallFailed) as failure:
        ask(client(server, max_retries=2))
    assert failure.value.lost == len(server.requests) == 3


@pytest.mark.parametrize("told", ["nan", "inf", "-5", "1e309", "9" * 400, "soon", ""])
def test_a_time_to_wait_that_is_none_is_not_waited_for(told: str) -> None:
    """The ordinary pause is."""
    reply, requests = asked([too_many(told), GOOD])
    assert reply.text == '{"answer":"x"}'
    assert len(requests) == 2


@pytest.mark.parametrize("key", ["schlüssel", "sk 1", "sk\n1", "sk-\u200b1"])
def test_a_key_that_cannot_be_sent_is_told_before_a_run(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the name of its variable alone."""
    monkeypatch.setenv("MY_KEY", key)
    model = ModelClient(ModelSettings(model="m", base_url="http://x/v1", api_key_env="MY_KEY"))
    with pytest.raises(UsageError, match="the key in MY_KEY has") as told:
        model.ready()
    assert key not in str(told.value)


def test_a_refused_key_is_no_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of the two it is follows from what was sent."""
    error, _, _ = refused([EXPIRED_KEY])
    assert "only the placeholder 'no-key' was sent" in error.message
    monkeypatch.setenv("MY_KEY", KEY)
    error, _, _ = refused([EXPIRED_KEY], api_key_env="MY_KEY")
    assert "refused the key (HTTP 401, invalid_api_key): check that MY_KEY" in error.message


def test_nobody_there_is_no_request() -> None:
    """What was never sent is charged to nobody."""
    with ModelServer([GOOD]) as server:
        gone = client(server, max_retries=1)
    with pytest.raises(PlannerCallFailed, match=r"no connection to .*2 attempts") as failure:
        ask(gone)
    assert failure.value.usage == Usage(cost=0)


@pytest.mark.parametrize("script", [[Hang()], [too_many("4"), GOOD]], ids=["in-request", "in-wait"])
def test_a_call_can_be_cancelled_at_any_moment(script: Sequence[Behaviour]) -> None:
    """The caller's time limit ends it, in a request and between two."""
    with ModelServer(script) as server:
        model = client(server)

        async def cut_off() -> bool:
            with anyio.move_on_after(0.3) as limit:
                await model.complete(PROMPT, schema=SCHEMA, max_tokens_out=50)
            return limit.cancelled_caught

        assert in_real_time(cut_off)
    assert len(server.requests) == 1


def test_a_client_serves_one_event_loop_after_another() -> None:
    """A run can be resumed in the same process."""
    with ModelServer([GOOD]) as server:
        model = client(server)
        assert [ask(model).text for _ in range(2)] == ['{"answer":"x"}'] * 2


def test_many_calls_at_once_are_told_apart() -> None:
    """32 scopes share a client."""
    with ModelServer(lambda request: says(request.body["messages"][1]["content"])) as server:
        model = client(server)
        texts: list[str] = []

        async def one(n: int) -> None:
            reply = await model.complete(Prompt("s", str(n)), schema=SCHEMA, max_tokens_out=5)
            texts.append(reply.text)

        async def all_of_them() -> None:
            async with anyio.create_task_group() as group:
                for n in range(32):
                    group.start_soon(one, n)

        in_real_time(all_of_them)
    assert sorted(texts, key=int) == [str(n) for n in range(32)]


def test_a_missing_key_is_named_before_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """And ends a call that is made all the same, without a request."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    model = ModelClient(ModelSettings(model="gpt-4o-mini"))
    with pytest.raises(UsageError, match="OPENAI_API_KEY is not set"):
        model.ready()
    with pytest.raises(PlannerCallFailed, match="OPENAI_API_KEY is not set") as failure:
        ask(model)
    assert failure.value.usage == Usage()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that brings it."""
    monkeypatch.setitem(sys.modules, "pydantic_ai.models.openai", None)
    with pytest.raises(UsageError, match=r"pip install 'phoenix-rlm-investigator\[models\]'"):
        ModelClient(ModelSettings(model="m", base_url="http://127.0.0.1:1/v1")).ready()


def test_importing_the_client_imports_no_vendor() -> None:
    """What runs without a model pays nothing for it."""
    code = (
        "import sys, investigator.runtime.llm_client, investigator.runtime.prices;"
        "print({'pydantic_ai', 'openai', 'httpx2', 'genai_prices'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    "given",
    [
        {"price_in_per_mtok": 1.0},
        {"base_url": "https://user:key@example.com/v1"},
        {"base_url": "https://example.com/v1?key=1"},
        {"base_url": "example.com"},
        {"timeout_s": 0},
        {"api_key": KEY},
    ],
    ids=["half-a-price", "key-in-url", "query", "no-scheme", "no-time", "key"],
)
def test_settings_that_cannot_be_are_refused(given: dict[str, Any]) -> None:
    """A key in an address would be written down with it."""
    with pytest.raises(ValueError):
        ModelSettings.model_validate({"model": "m"} | given)


NATIVE: dict[str, Any] = {
    "anthropic": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "scripted",
        "content": [{"type": "text", "text": "{}"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 100, "output_tokens": 20},
    },
    "google": {
        "candidates": [
            {"content": {"role": "model", "parts": [{"text": "{}"}]}, "finishReason": "STOP"}
        ],
        "usageMetadata": {
            "promptTokenCount": 100,
            "candidatesTokenCount": 20,
            "totalTokenCount": 120,
        },
        "modelVersion": "scripted",
    },
}
NAMES = {"anthropic": "claude-haiku-5-5", "google": "gemini-2.5-flash"}


def native(server: ModelServer, provider: str, **changes: Any) -> ModelClient:
    """A client that speaks the provider's own API to the server."""
    base_url = server.base_url.removesuffix("/v1")
    return client(server, provider=provider, model=NAMES[provider], base_url=base_url, **changes)


@pytest.mark.parametrize("structured", ["json_schema", "json_object", "none"])
@pytest.mark.parametrize("provider", NATIVE)
def test_other_providers_are_spoken_to_in_their_own_way(provider: str, structured: str) -> None:
    """With the same usage and price; the schema is in the request, in the provider's form."""
    with ModelServer([too_many("0"), Answer(200, NATIVE[provider])]) as server:
        reply = ask(native(server, provider, structured=structured))
    assert reply == Reply(
        "{}",
        Usage(
            llm_calls=2,
            tokens_in=100,
            tokens_out=20,
            cost=140,
            tokens_cached=0,
            tokens_cache_written=0,
        ),
    )
    assert "answer" in canonical_json(server.requests[1].body)


@pytest.mark.parametrize("provider", NATIVE)
@pytest.mark.parametrize("status", [401, 404, 500])
def test_other_providers_fail_alike(provider: str, status: int) -> None:
    """The message is the same, whoever sent it."""
    with ModelServer([error(status)]) as server, pytest.raises(PlannerCallFailed) as failure:
        ask(native(server, provider))
    said = {401: "refused the key", 404: "has no model", 500: "returned a server error"}[status]
    assert said in failure.value.error.message
    assert failure.value.usage.llm_calls == len(server.requests) == (3 if status == 500 else 1)


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("provider", NATIVE)
def test_no_answer_of_another_provider_is_a_traceback_or_free(provider: str, name: str) -> None:
    """A failed call, or an empty reply; what may have been billed is lost."""
    answer = ODD[name]
    answered = isinstance(answer, Endless) or (isinstance(answer, Answer) and answer.status < 300)
    with ModelServer([answer]) as server:
        model = native(server, provider, max_retries=0)
        try:
            lost = ask(model).lost
        except PlannerCallFailed as failure:
            lost = failure.lost
    assert lost == answered


@pytest.mark.parametrize("told", [*NO_COUNTS, "no account"], ids=repr)
@pytest.mark.parametrize("provider", NATIVE)
def test_an_untrue_account_costs_no_reply_of_another_provider(provider: str, told: object) -> None:
    """It is booked at its hold."""
    name = "usage" if provider == "anthropic" else "usageMetadata"
    untrue = None if told == "no account" else dict.fromkeys(NATIVE[provider][name], told)
    with ModelServer([Answer(200, {**NATIVE[provider], name: untrue})]) as server:
        reply = ask(native(server, provider))
    assert reply == Reply("{}", Usage(llm_calls=1, cost=0, estimated=True), lost=1)


HELD = TurnBound(Amounts(iterations=1, tokens=400, cost=600), max_tokens_out=100)


class Asking:
    """The smallest planner that asks a model: one line of its view, one action back."""

    remote = True
    latency_floor_s = 0.05
    advised = False
    identity = PlannerIdentity(planner="asking", model_name="scripted")

    def __init__(self, model: ModelClient) -> None:
        self._model = model

    def finalize_bound(self, prompt_tokens: int, output_tokens: int) -> Amounts:  # noqa: ARG002
        """As for any turn."""
        return HELD.amounts

    def bound(self, view: View) -> TurnBound:  # noqa: ARG002
        """As for any turn."""
        return HELD

    async def act(self, view: View, max_tokens_out: int) -> Reply:
        """What the model says."""
        offered = "finalize only" if view.offered == (ActionKind.FINALIZE,) else "anything"
        prompt = Prompt("toy", f"{view.scope_id} step {view.step}: {offered}")
        return await self._model.complete(prompt, schema=SCHEMA, max_tokens_out=max_tokens_out)


def driven(
    script: Sequence[Behaviour] | Callable[[ReceivedRequest], Behaviour],
    run_dir: Path,
    budget: Budget,
    concurrency: int = 8,
    **changes: Any,
) -> tuple[RunRecord, list[ReceivedRequest]]:
    """A whole run of the toy engine against a server that behaves like this."""
    with ModelServer(script) as server:
        run = toy_run(Asking(client(server, **changes)), budget=budget, concurrency=concurrency)
        record = in_real_time(lambda: start(run, run_dir))
    assert verify_files(run_dir) == []
    return record, server.requests


BUDGET = Budget(iterations=12, tool_calls=12, tokens=5_000, cost_usd=0.01, wall_time_s=20)
BEFORE = [says(read(1)), says(synthesize("found so far", "e1"))]
AFTER = [says(finalize("done", "e1"))]
INVALID = ErrorCode.MODEL_OUTPUT_INVALID
CALL = ErrorCode.MODEL_CALL_FAILED
FAULTS: dict[str, tuple[Behaviour, ErrorCode]] = {
    "429": (too_many(), CALL),
    "429-retry-after": (too_many("3600"), CALL),
    "500": (error(500), CALL),
    "reset": (Reset(), CALL),
    "hang": (Hang(), CALL),
    "drip": (Drip(GOOD, 0.05), CALL),
    "cut-body": (Answer(200, '{"choices": [{"mess'), CALL),
    "context-length": (CONTEXT_LENGTH, CALL),
    "wrong-model": (WRONG_MODEL, CALL),
    "expired-key": (EXPIRED_KEY, CALL),
    "truncated": (says('{"action": {"type": "fin', finish_reason="length"), INVALID),
    "prose": (says("Let me think about that."), INVALID),
    "wrong-schema": (says('{"answer": 1}'), INVALID),
    "refusal": (REFUSES, INVALID),
    "empty": (says(""), INVALID),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_ends_the_run_with_its_code_and_all_that_was_found(
    name: str, tmp_path: Path
) -> None:
    """The draft from before the fault is the answer; the budget holds; the message helps."""
    fault, code = FAULTS[name]
    record, _ = driven([*BEFORE, fault], tmp_path / "run", BUDGET, timeout_s=0.5)
    assert record.status is RunStatus.PARTIAL
    assert record.error is not None
    assert record.error.code is code
    assert within(record, BUDGET)
    [closed] = events(tmp_path / "run", ScopeClosed)
    assert closed.status is ScopeStatus.FAILED
    assert closed.answer is not None
    assert "found so far" in closed.answer


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_passes_does_no_harm(name: str, tmp_path: Path) -> None:
    """Once is what a repetition or a repair is for, where either can help."""
    fault, code = FAULTS[name]
    record, _ = driven([*BEFORE, fault, *AFTER], tmp_path / "run", BUDGET, timeout_s=0.5)
    helped = code is INVALID or name in ("429", "500", "reset")
    assert record.status is (RunStatus.SUCCEEDED if helped else RunStatus.PARTIAL)
    assert within(record, BUDGET)


def within(record: RunRecord, budget: Budget) -> bool:
    """Whether a run used no more than it might."""
    used = record.runtime_ref.usage
    assert budget.tokens is not None
    assert budget.cost_usd is not None
    return used.tokens_in + used.tokens_out <= budget.tokens and (
        used.cost_usd is None or used.cost_usd <= budget.cost_usd
    )


@pytest.mark.slow
def test_a_server_slower_than_the_run_is_cut_off_by_the_clock(tmp_path: Path) -> None:
    """The scope's wall time ends a call that its own time limit would let go on."""
    driven([says(finalize("done"))], tmp_path / "warm", BUDGET)  # imports take no time of the run
    budget = BUDGET.model_copy(update={"wall_time_s": 8})
    record, _ = driven([*BEFORE, Drip(GOOD, 0.05)], tmp_path / "run", budget, timeout_s=60.0)
    assert record.status is RunStatus.PARTIAL
    assert record.error is not None
    assert record.error.code is ErrorCode.RECURSION_LIMIT_REACHED


def test_a_reply_without_an_account_is_booked_at_its_hold(tmp_path: Path) -> None:
    """The provider may have charged that much."""
    record, _ = driven([says(finalize("done"), usage=None)], tmp_path / "run", BUDGET)
    [settled] = events(tmp_path / "run", TurnSettled)
    assert settled.usage == Usage(
        llm_calls=1, tokens_in=300, tokens_out=100, cost=600, estimated=True
    )
    assert record.status is RunStatus.SUCCEEDED


def test_each_attempt_that_may_have_been_billed_is_booked(tmp_path: Path) -> None:
    """Two lost ones and the reply: two holds and its account; what exceeds the hold is shown."""
    record, requests = driven(
        [Torn(GOOD), Torn(GOOD), says(finalize("done"))], tmp_path / "run", BUDGET
    )
    [settled] = events(tmp_path / "run", TurnSettled)
    assert len(requests) == settled.usage.llm_calls == 3
    assert settled.usage.tokens_in + settled.usage.tokens_out == 400 + 400 + 120
    assert settled.usage.estimated
    assert record.runtime_ref.usage.overdraft.tokens == 520


def test_a_reply_above_its_hold_is_booked_as_it_is(tmp_path: Path) -> None:
    """An overdraft is on the record, and takes from what the rest of the run may use."""
    script = [says(read(1), usage=Tokens(4_500, 100)), *AFTER]
    record, requests = driven(script, tmp_path / "run", BUDGET)
    assert record.runtime_ref.usage.tokens_in + record.runtime_ref.usage.tokens_out == 4_720
    assert len(requests) == 2
    assert record.status is not RunStatus.FAILED


def greedy(request: ReceivedRequest) -> Behaviour:
    """Opens eight children, and reads on for as long as anything else is offered."""
    scope, _, step, offered = request.body["messages"][1]["content"].split(" ", 3)
    usage = Tokens(290, 100)
    if offered.startswith("finalize"):
        return says(finalize("done"), usage=usage)
    turn = int(step.rstrip(":"))
    if turn == 0 and scope.count("/") < 2:
        return says(delegate(*"abcdefgh"), usage=usage)
    return says(read(turn), usage=usage)


def test_thirty_two_scopes_at_once_never_use_more_than_the_budget(tmp_path: Path) -> None:
    """Counted by the server: requests, tokens and money."""
    budget = Budget(iterations=150, subcalls=72, tokens=50_000, cost_usd=0.06, wall_time_s=60)
    record, requests = driven(greedy, tmp_path / "run", budget, concurrency=32)
    assert len(requests) == record.runtime_ref.usage.llm_calls <= 150
    assert len(requests) * 390 <= 50_000
    assert len(requests) * (290 + 200) <= 60_000
    assert len(requests) > 90


def test_a_deployment_of_azure_is_asked_by_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own path, with its own header; the price is the user's."""
    monkeypatch.setenv("OUR_KEY", KEY)
    with ModelServer([GOOD]) as server:
        endpoint = server.base_url.removesuffix("/v1")
        azure = {"base_url": endpoint, "api_version": "2024-10-21", "api_key_env": "OUR_KEY"}
        reply = ask(client(server, **azure))
        [request] = server.requests
    assert reply.text == '{"answer":"x"}'
    assert request.path == "/openai/deployments/scripted/chat/completions?api-version=2024-10-21"
    assert request.headers["api-key"] == KEY
    assert request.body["max_completion_tokens"] == 50


@pytest.mark.parametrize("changes", [{"base_url": None}, {"provider": "anthropic"}])
def test_a_version_is_of_an_endpoint_of_azure(changes: dict[str, Any]) -> None:
    """Elsewhere it means nothing."""
    given = {"model": "m", "base_url": "http://127.0.0.1:9", "api_version": "1"}
    with pytest.raises(ValueError, match="Azure endpoint"):
        ModelSettings(**(given | changes))
