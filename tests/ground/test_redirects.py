"""No client follows a redirect: what a user sends, and the key with it, goes where they said."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest

from demo.agent import export as demo_agent
from demo.agent.domains import DOMAINS
from demo.agent.runs import run_once
from investigator.connectors.phoenix.address import KEY_VARIABLE, phoenix_address
from investigator.connectors.phoenix.connection import PhoenixConnection
from investigator.errors import SourceUnavailable, UsageError
from investigator.ground.collector import HEADERS_VARIABLE
from investigator.runs.export.sending import send
from investigator.runtime.llm_client import ModelClient, ModelSettings, Prompt
from investigator.runtime.planner import PlannerCallFailed
from tests.ground.redirecting import STATUSES, redirecting
from tests.runs.export.test_sending import many

KEY = "planted-key-0123456789"


def exports_a_run(url: str) -> object:
    """`runs export --send`."""
    return send(many(9), f"{url}/v1/traces")


def sends_the_demo_agent(url: str) -> object:
    """`python -m demo.agent --otlp`."""
    return demo_agent.send([run_once(DOMAINS[0], "seed", 10**18)], f"{url}/v1/traces")


def reads_a_phoenix(url: str) -> object:
    """A live Phoenix as a source."""
    with _phoenix(url) as connection:
        return connection.send("GET", "v1/projects", {}, since="1")


def deletes_at_a_phoenix(url: str) -> object:
    """`annotate --undo`."""
    with _phoenix(url) as connection:
        return connection.send("DELETE", "v1/projects/shop/span_annotations", {}, since="1")


def writes_to_a_phoenix(url: str) -> object:
    """`annotate`, over Phoenix's own client."""
    data = {"span_id": "a", "name": "n", "annotator_kind": "CODE", "result": {"label": "x"}}
    with _phoenix(url) as connection:
        return connection.attempted(
            lambda: connection.client.spans.log_span_annotations(
                span_annotations=[data],  # type: ignore[list-item]
                sync=True,
            ),
            since="1",
        )


def _phoenix(url: str) -> PhoenixConnection:
    address = phoenix_address(f"phoenix://{url.removeprefix('http://')}/shop")
    return PhoenixConnection(address, pause=lambda _: None)


CLIENTS = (
    exports_a_run,
    sends_the_demo_agent,
    reads_a_phoenix,
    deletes_at_a_phoenix,
    writes_to_a_phoenix,
)


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HEADERS_VARIABLE, f"authorization=Bearer%20{KEY},x-api-key={KEY}")
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    monkeypatch.setenv("MODEL_KEY", KEY)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_redirect_is_told_and_not_followed(client: Callable[[str], object], status: int) -> None:
    """Asked once, nothing goes to the other server, and the message says what to do."""
    with redirecting(status) as served:
        with pytest.raises((UsageError, SourceUnavailable)) as told:
            client(served.url)
        assert (served.came, served.asked) == ([], 1)
        assert f"redirects to {served.there} ({status})" in str(told.value)
        assert "if that is the right address" in str(told.value)
        assert KEY not in str(told.value)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(
    ("provider", "model"),
    [("openai", "m"), ("anthropic", "claude-haiku-5-5"), ("google", "gemini-2.5-flash")],
)
def test_a_model_client_does_not_follow_either(provider: str, model: str, status: int) -> None:
    """The call fails, and the other server was sent no prompt and no key."""
    with redirecting(status) as served:
        settings = ModelSettings.model_validate(
            {
                "provider": provider,
                "model": model,
                "base_url": f"{served.url}/v1",
                "api_key_env": "MODEL_KEY",
                "max_retries": 0,
            }
        )

        async def ask() -> None:
            client = ModelClient(settings)
            try:
                await client.complete(
                    Prompt(system="s", user="u"), schema={"type": "object"}, max_tokens_out=5
                )
            finally:
                await client.aclose()

        with pytest.raises(PlannerCallFailed, match="redirects"):
            anyio.run(ask)
        assert (served.came, served.asked) == ([], 1)


def test_a_key_that_a_collector_repeats_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor one that can't be sent as a header."""
    with redirecting(302, f"/{KEY}?key={KEY}") as served, pytest.raises(UsageError) as told:
        exports_a_run(served.url)
    assert KEY not in str(told.value)
    monkeypatch.setenv(HEADERS_VARIABLE, f"authorization=Bearer%20{KEY}%0A")
    with pytest.raises(UsageError, match="a header 'authorization' that can't be sent") as told:
        exports_a_run(served.url)
    assert KEY not in str(told.value)


@pytest.mark.parametrize("place", ["/x?key=secret", "/\x1b[31m", "/" + "a" * 5000])
def test_the_address_of_a_redirect_is_shown_and_no_more(place: str) -> None:
    """Whoever redirects wrote it: no query, nothing that a terminal obeys, no page of text."""
    with redirecting(302, place) as served, pytest.raises(UsageError) as told:
        exports_a_run(served.url)
    assert "secret" not in str(told.value)
    assert "\x1b" not in str(told.value)
    assert len(str(told.value)) < 700
