"""One request to a language model, its usage and its failures, whoever serves it.

Providers (`investigator.runtime.providers`) are reached through pydantic-ai; nothing of it is
imported before a client is first used. A key is read from the environment when it is, handed to
the provider's library, and kept nowhere else; no message holds it or anything of a prompt.

A request is made again after 429, 5xx and lost connections, never after an answer that would be
the same again. What a model says is its reply, be it prose, a refusal or nothing: judging it is
the loop's part. Whatever else an attempt comes to, also an answer that the libraries choke on, is
a failed call that may have been billed: one attempt is a boundary, and no exception crosses it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any, cast

import anyio
import anyio.lowlevel
import msgspec

from investigator.errors import UsageError
from investigator.ground.canonical_json import compact_json
from investigator.ground.wording import counted
from investigator.runtime.events import RunError, Usage
from investigator.runtime.llm_account import is_count
from investigator.runtime.llm_connections import http_client, require_packages
from investigator.runtime.llm_logs import KEY_MARK, keep_out_of_logs
from investigator.runtime.llm_settings import (
    ModelSettings,
    api_key_of,
    key_name,
)
from investigator.runtime.llm_trouble import Trouble, Troubles, status_words
from investigator.runtime.planner import PlannerCallFailed, Reply
from investigator.runtime.prices import Price, price_of
from investigator.runtime.providers import provider_named
from investigator.runtime.status import ErrorCode

if TYPE_CHECKING:
    import httpx2
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models import Model, ModelRequestParameters
    from pydantic_ai.settings import ModelSettings as RequestSettings

__all__ = ["ModelClient", "ModelSettings", "Prompt"]

_UNSENT = ("pool", "connect")

_BEHIND_A_GATEWAY = (408, 502, 504, 524)
"""A gateway that had no answer in time, or none that it could read: the model may have replied."""

FIRST_BACKOFF_S = 0.5
"""The longest wait before the first repetition; it doubles with each."""

SCHEMA_NOTE = (
    "Reply with one JSON object and nothing else, without a code fence. "
    "It must be valid under this JSON schema:\n"
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is sent: `system` is the same for all turns of a run, `user` for none."""

    system: str
    user: str


@dataclass(frozen=True, slots=True)
class _Said:
    """What came back, and the tokens that it took; None where nobody said, or nothing true.

    Of `tokens_in`, `cached` were read from the provider's cache and `cache_written` put into it.
    """

    text: str
    tokens_in: int | None
    tokens_out: int | None
    cached: int
    cache_written: int


class ModelClient:
    """Asks one model. Of use in one event loop after another, and in many tasks at once.

    The wait before an attempt is repeated is `jitter()` (0 to 1) of a bound that doubles, on top
    of what the provider asks for.
    """

    def __init__(
        self, settings: ModelSettings, *, jitter: Callable[[], float] = random.random
    ) -> None:
        self.settings = settings
        self._jitter = jitter
        self._price: Price | None = None
        self._model: Model | None = None
        self._http: httpx2.AsyncClient | None = None
        self._loop: object = None

    def ready(self) -> None:
        """Load what a request needs; UsageError where a package or the key is missing."""
        require_packages(provider_named(self.settings.provider))
        api_key_of(self.settings)
        self._price = self._price or price_of(self.settings)

    def as_asked(self) -> ModelSettings:
        """The settings as requests follow them: without a temperature where the model has none."""
        self.ready()
        model = _model(self.settings, http_client(self.settings))
        takes = self.settings.temperature is not None and _takes_temperature(model)
        return self.settings if takes else self.settings.model_copy(update={"temperature": None})

    async def complete(
        self, prompt: Prompt, *, schema: dict[str, Any], max_tokens_out: int
    ) -> Reply:
        """The model's reply, unparsed; `PlannerCallFailed` where none can be had.

        `llm_calls` counts the requests that reached the endpoint. One that may have been billed
        and was given no account is `lost`; of a reply without its output tokens, all that it was
        allowed are booked.
        """
        try:
            self.ready()
        except UsageError as error:
            raise _failed(Trouble(str(error)), Usage()) from None
        assert self._price is not None
        requests = lost = 0
        for attempt in count(1):
            answer = await self._attempt(prompt, schema, max_tokens_out)
            if isinstance(answer, _Said):
                text = _without_key(answer.text, self.settings)
                lost += answer.tokens_in is None
                usage = self._usage(answer, requests + 1, max_tokens_out)
                return Reply(
                    text,
                    msgspec.structs.replace(usage, estimated=usage.estimated or lost > 0),
                    lost,
                )
            requests += answer.sent
            lost += answer.unaccounted
            wait_s = self._wait_s(answer, attempt)
            if wait_s is None:
                usage = Usage(llm_calls=requests, cost=self._price(0, 0), estimated=lost > 0)
                raise _failed(_after(answer, attempt), usage, lost) from None
            await anyio.sleep(wait_s)
        raise AssertionError("attempts are counted without end")

    def _usage(self, said: _Said, requests: int, max_tokens_out: int) -> Usage:
        """The account of a reply, as far as it has one."""
        assert self._price is not None
        if said.tokens_in is None:
            return Usage(llm_calls=requests, cost=self._price(0, 0), estimated=True)
        tokens_out = max_tokens_out if said.tokens_out is None else said.tokens_out
        return Usage(
            llm_calls=requests,
            tokens_in=said.tokens_in,
            tokens_out=tokens_out,
            tokens_cached=said.cached,
            tokens_cache_written=said.cache_written,
            cost=self._price(said.tokens_in, tokens_out, said.cached, said.cache_written),
            estimated=said.tokens_out is None,
        )

    async def aclose(self) -> None:
        """Close the connections that are kept for the next request."""
        if self._http is not None:
            await self._http.aclose()
        self._model = self._http = self._loop = None

    def _wait_s(self, trouble: Trouble, attempt: int) -> float | None:
        """How long to wait before the next attempt; None where there is none.

        A provider that asks for more patience than an attempt is given is not waited for.
        """
        asked_s = trouble.retry_after or 0.0
        tried_enough = attempt > self.settings.max_retries
        if not trouble.again or tried_enough or asked_s > self.settings.timeout_s:
            return None
        return asked_s + self._jitter() * FIRST_BACKOFF_S * 2.0 ** (attempt - 1)

    async def _attempt(
        self, prompt: Prompt, schema: dict[str, Any], max_tokens_out: int
    ) -> _Said | Trouble:
        """One request; a cancellation from outside passes through."""
        from pydantic_ai.direct import model_request

        model = self._connected()
        messages, parameters = _request(self.settings, prompt, schema)
        try:
            with anyio.fail_after(self.settings.timeout_s):
                response = await model_request(
                    model,
                    messages,
                    model_settings=_request_settings(self.settings, model, max_tokens_out),
                    model_request_parameters=parameters,
                    instrument=False,
                )
            return _said(response)
        except TimeoutError:
            return _troubles(self.settings).timed_out()
        except Exception as error:  # noqa: BLE001
            # One model attempt: the answer was made by somebody else, and the libraries raise
            # what they like over it (IndexError, OverflowError, RecursionError, …).
            return _trouble(error, _troubles(self.settings))

    def _connected(self) -> Model:
        """The model with its connections, made anew in each event loop."""
        loop = anyio.lowlevel.current_token()
        if self._model is None or self._loop != loop:
            self._http = http_client(self.settings)
            self._model = _model(self.settings, self._http)
            self._loop = loop
            if key_name(self.settings) is not None:
                libraries = provider_named(self.settings.provider).libraries
                keep_out_of_logs(api_key_of(self.settings), libraries)
        return self._model


def _failed(trouble: Trouble, usage: Usage, lost: int = 0) -> PlannerCallFailed:
    error = RunError(
        code=ErrorCode.MODEL_CALL_FAILED,
        message=trouble.message,
        stage="planner",
        retryable=trouble.retryable,
    )
    return PlannerCallFailed(error, usage, lost)


def _after(trouble: Trouble, attempts: int) -> Trouble:
    """The trouble with what was done about it in its message."""
    notes = [counted(attempts, "attempt")] if attempts > 1 else []
    if trouble.retry_after:
        notes.append(f"it asked to wait {trouble.retry_after:.0f} s")
    noted = f"{trouble.message} [{', '.join(notes)}]" if notes else trouble.message
    return replace(trouble, message=noted)


def _without_key(text: str, settings: ModelSettings) -> str:
    """A reply into which a gateway put the key it was sent."""
    return text if key_name(settings) is None else text.replace(api_key_of(settings), KEY_MARK)


def _said(response: ModelResponse) -> _Said:
    """The reply's text (a refusal's, where it refuses) and the tokens that it took.

    A number that cannot be true is none: below nothing or beyond all windows, a prompt or a text
    without tokens.
    """
    refusal = (response.provider_details or {}).get("refusal")
    text = response.text or (refusal if isinstance(refusal, str) else "")
    usage = response.usage
    tokens_in, tokens_out = usage.input_tokens, usage.output_tokens
    cached = _part_of(tokens_in, usage.cache_read_tokens)
    return _Said(
        text=_without_surrogates(text),
        tokens_in=tokens_in if is_count(tokens_in) and tokens_in > 0 else None,
        tokens_out=tokens_out if is_count(tokens_out) and (tokens_out > 0 or not text) else None,
        cached=cached,
        cache_written=_part_of(tokens_in, usage.cache_write_tokens, besides=cached),
    )


def _part_of(tokens_in: object, told: object, *, besides: int = 0) -> int:
    """How many of a prompt's tokens a cache had to do with, no more than are left of them."""
    if not is_count(tokens_in) or not is_count(told):
        return 0
    return min(told, max(0, tokens_in - besides))


def _without_surrogates(text: str) -> str:
    """The text with U+FFFD for halves of characters, which JSON may hold and UTF-8 may not."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _trouble(error: Exception, troubles: Troubles) -> Trouble:
    """What an attempt's exception is to the user."""
    from pydantic_ai import exceptions as e

    from investigator.runtime.llm_transport import Redirected, ReplyTooLarge, ReplyUnreadable

    for cause in _causes(error):
        match cause:
            case Redirected():
                return troubles.redirected(f" ({cause})")
            case ReplyTooLarge():
                return troubles.too_large()
            case ReplyUnreadable():
                return troubles.unreadable()
            case _:
                pass
    if isinstance(error, e.UserError):
        return troubles.rejected("")
    status = error.status_code if isinstance(error, e.ModelHTTPError) else None
    code = error.provider_error_code if isinstance(error, e.ModelAPIError) else None
    return _api_trouble(error, troubles, status_words(status, code))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and those that it was made of, which the libraries wrap in their own."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def _api_trouble(error: Exception, troubles: Troubles, said: str) -> Trouble:
    """What the library's error is; what it has no error for, no reader can make sense of."""
    from pydantic_ai import exceptions as e

    match error:
        case e.ModelContextWindowExceededError():
            return troubles.too_long()
        case e.ModelQuotaExceededError():
            return troubles.no_credit(said)
        case e.ModelRateLimitError():
            return troubles.rate_limited(_seconds(error.retry_after))
        case e.ModelAuthenticationError():
            return troubles.key_refused(said)
        case e.ModelNotFoundError():
            return troubles.no_such_model(said)
        case e.ModelTimeoutError() if error.phase not in _UNSENT:
            return troubles.timed_out()
        case e.ModelConnectionError():
            return troubles.unreachable() if error.phase in _UNSENT else troubles.lost()
        case e.ModelHTTPError() if error.status_code in _BEHIND_A_GATEWAY:
            return troubles.down(said, _seconds(error.retry_after), billed=True)
        case e.ModelUnavailableError() | e.ModelServerError():
            return troubles.down(said, _seconds(error.retry_after))
        case e.ModelHTTPError() if error.status_code >= 500:
            return troubles.down(said, _seconds(error.retry_after))
        case e.ModelHTTPError() | e.ModelRequestRejectedError():
            return troubles.rejected(said)
        case _:
            return troubles.unreadable()


def _seconds(told: float | None) -> float | None:
    """How long a provider asks to wait, where it is a time."""
    return told if told is not None and math.isfinite(told) and told >= 0 else None


def _request(
    settings: ModelSettings, prompt: Prompt, schema: dict[str, Any]
) -> tuple[list[ModelMessage], ModelRequestParameters]:
    """The prompt as messages, and how the reply is bound to the schema."""
    from pydantic_ai.messages import (
        ModelRequest,
        ModelRequestPart,
        SystemPromptPart,
        UserPromptPart,
    )
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.output import OutputObjectDefinition

    system = prompt.system
    if settings.structured in ("json_schema", "grammar"):
        turn = OutputObjectDefinition(json_schema=schema, name="turn", strict=True)
        parameters = ModelRequestParameters(
            output_mode="native", output_object=turn, allow_text_output=False
        )
    else:
        system = f"{system}\n\n{SCHEMA_NOTE}{compact_json(schema)}"
        parameters = ModelRequestParameters(output_mode="text")
    parts: list[ModelRequestPart] = [
        SystemPromptPart(content=system),
        UserPromptPart(content=prompt.user),
    ]
    return [ModelRequest(parts=parts)], parameters


def _request_settings(
    settings: ModelSettings, model: Model, max_tokens_out: int
) -> RequestSettings:
    """The settings of one request; the library itself repeats nothing."""
    request: dict[str, Any] = {
        "max_tokens": max_tokens_out,
        "timeout": settings.timeout_s,
    }
    if settings.temperature is not None and _takes_temperature(model):
        request["temperature"] = settings.temperature
    request |= provider_named(settings.provider).request(settings)
    return cast("RequestSettings", request)


def _takes_temperature(model: Model) -> bool:
    """Whether the model has a temperature at all; many that reason refuse one."""
    says = cast("dict[str, Any]", model.profile).get
    if says("anthropic_disallows_sampling_settings"):
        return False
    silent = says("openai_supports_reasoning_effort_none") and not says(
        "thinking_enabled_by_default"
    )
    return bool(silent) or not says("openai_supports_reasoning")


def _model(settings: ModelSettings, http: httpx2.AsyncClient) -> Model:
    return provider_named(settings.provider).connect(settings, api_key_of(settings), http)


def _troubles(settings: ModelSettings) -> Troubles:
    return Troubles(settings, settings.base_url or settings.provider, key_name(settings))
