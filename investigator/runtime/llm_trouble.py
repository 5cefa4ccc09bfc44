"""What can go wrong with a request to a model, and what to do about it, in words.

A message names the model, the endpoint and the setting to change. It holds nothing that a
provider said, since providers quote keys and prompts; only their numbers, and codes of letters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from investigator.ground import lazy_re2 as re2
from investigator.runtime.llm_settings import NO_KEY

_CODE = re2.compile(r"[A-Za-z][A-Za-z_]{0,63}")
"""A provider's word for what is wrong: letters alone, as no key is."""

LATER = "try again later; `investigator runs resume` continues the run"


class AskedModel(Protocol):
    """What of a model's settings a message names."""

    @property
    def model(self) -> str: ...

    @property
    def provider(self) -> str: ...

    @property
    def max_output_tokens(self) -> int: ...

    @property
    def timeout_s(self) -> float: ...

    @property
    def structured(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Trouble:
    """An attempt that brought no reply.

    `again`: the same request may succeed in a moment, after `retry_after` seconds where the
    provider says so. `retryable`: a later run may. `sent`: it reached the endpoint;
    `unaccounted`: it may have been billed, and nobody said how much.
    """

    message: str
    again: bool = False
    retryable: bool = False
    sent: bool = True
    unaccounted: bool = False
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Troubles:
    """The troubles of one model, reached at `where`, with the key in the variable `key_name`."""

    asked: AskedModel
    where: str
    key_name: str | None

    def key_refused(self, status: str) -> Trouble:
        """A wrong or expired key, one without access, or no key at all but the placeholder."""
        if self.key_name is None:
            todo = f"only the placeholder '{NO_KEY}' was sent, since no key is named for it: name "
            todo += "the environment variable that holds one (--api-key-env)"
        else:
            todo = f"check that {self.key_name} holds a key that is valid, not expired and may use"
            todo += f" the model '{self.asked.model}'"
        return Trouble(f"{self.where} refused the key{status}: {todo}")

    def no_such_model(self, status: str) -> Trouble:
        """The endpoint has no model of that name, or nothing at that path."""
        return Trouble(
            f"{self.where} has no model '{self.asked.model}'{status}: check the model's "
            "name (--model), and that base_url ends where the API begins (often in /v1)"
        )

    def too_long(self) -> Trouble:
        """The prompt and the room for a reply exceed the context window."""
        return Trouble(
            f"the prompt does not fit the context window of '{self.asked.model}': lower "
            f"max_output_tokens (now {self.asked.max_output_tokens}), raise the server's context "
            "size, or take a model with a larger window"
        )

    def no_credit(self, status: str) -> Trouble:
        """The account's quota is used up; waiting does not help."""
        return Trouble(
            f"the quota or credit at {self.where} is used up{status}: top it up, "
            "or use another key or model"
        )

    def rate_limited(self, retry_after: float | None) -> Trouble:
        """Too many requests."""
        return Trouble(
            f"{self.where} limits the rate of requests (HTTP 429): lower --concurrency or {LATER}",
            again=True,
            retryable=True,
            retry_after=retry_after,
        )

    def down(self, status: str, retry_after: float | None, *, billed: bool = False) -> Trouble:
        """The endpoint answers that it cannot answer; `billed`: what it asked may have."""
        return Trouble(
            f"{self.where} returned a server error{status}: {LATER}",
            again=True,
            retryable=True,
            unaccounted=billed,
            retry_after=retry_after,
        )

    def unreachable(self) -> Trouble:
        """No connection was made, so nothing was sent."""
        return Trouble(
            f"no connection to {self.where}: check base_url, the network, and that it is running",
            again=True,
            retryable=True,
            sent=False,
        )

    def lost(self) -> Trouble:
        """The connection ended before the reply did."""
        return Trouble(
            f"{self.where} closed the connection before it replied: {LATER}",
            again=True,
            retryable=True,
            unaccounted=True,
        )

    def timed_out(self) -> Trouble:
        """No whole reply in the time of an attempt."""
        return Trouble(
            f"{self.where} did not reply within timeout_s ({self.asked.timeout_s:g} s): raise it, "
            "lower max_output_tokens, or take a faster model",
            retryable=True,
            unaccounted=True,
        )

    def unreadable(self) -> Trouble:
        """An answer that is not one of the provider's API."""
        return Trouble(
            f"{self.where} sent an answer that is not a {self.asked.provider} reply: check that "
            "base_url is that of its API; if it is, try again",
            retryable=True,
            unaccounted=True,
        )

    def too_large(self) -> Trouble:
        """More bytes than a reply can have; the rest was not read."""
        return Trouble(
            f"{self.where} sent more than a reply can be: check that base_url is that of a "
            f"{self.asked.provider} API; if it is, lower max_output_tokens",
            retryable=True,
            unaccounted=True,
        )

    def redirected(self, status: str) -> Trouble:
        """An answer from somewhere else; a key is not carried there."""
        return Trouble(
            f"{self.where} redirects elsewhere{status}, which is not followed: set base_url to "
            "the address where the API is"
        )

    def rejected(self, status: str) -> Trouble:
        """The endpoint does not take the request as it is."""
        todo = "check the model's name and settings"
        if self.asked.structured != "none":
            less = "none" if self.asked.structured == "json_object" else "json_object or none"
            todo += f"; if it has no structured output of this kind, set structured to {less}"
        return Trouble(f"{self.where} rejected the request{status}: {todo}")


def status_words(status: int | None, code: object) -> str:
    """` (HTTP 400, context_length_exceeded)`; a code that is no plain word is left out."""
    parts = [] if status is None else [f"HTTP {status}"]
    if isinstance(code, str) and _CODE.fullmatch(code):
        parts.append(code)
    return f" ({', '.join(parts)})" if parts else ""
