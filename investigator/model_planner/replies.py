"""What a model says is redacted like what it is shown, before the journal or a planner sees it.

A model can only quote what it was shown, but an endpoint or a gateway can put more into its
reply. A reply that is JSON stays JSON.
"""

from __future__ import annotations

import json
from typing import Any

from investigator.ground.canonical_json import compact_json
from investigator.ground.redaction import Redactor
from investigator.model_planner.model_planner import Client
from investigator.runtime.planner import Reply


class RedactedReplies:
    """A client whose replies hold no secrets."""

    def __init__(self, client: Client, redactor: Redactor) -> None:
        self._client = client
        self._redactor = redactor

    async def complete(self, prompt: Any, *, schema: dict[str, Any], max_tokens_out: int) -> Reply:
        """The client's reply, redacted."""
        reply = await self._client.complete(prompt, schema=schema, max_tokens_out=max_tokens_out)
        text = redacted_reply(reply.text, self._redactor)
        return reply._replace(text=text)


def redacted_reply(text: str, redactor: Redactor) -> str:
    """The reply without secrets: string by string where it is JSON, else as one text."""
    whole = redactor.redact(text)
    if not whole.count:
        return text
    try:
        by_string = compact_json(_redacted(json.loads(text), redactor))
        by_string.encode()
    except (ValueError, RecursionError):  # no JSON, or none that can be written down
        return whole.text
    # What only its field's name gives away, a password say, is not found string by string.
    left = redactor.redact(by_string)
    return left.text if left.count else by_string


def _redacted(value: Any, redactor: Redactor) -> Any:
    if isinstance(value, str):
        return redactor.redact(value).text
    if isinstance(value, list):
        return [_redacted(item, redactor) for item in value]
    if isinstance(value, dict):
        return {redactor.redact(k).text: _redacted(v, redactor) for k, v in value.items()}
    return value
