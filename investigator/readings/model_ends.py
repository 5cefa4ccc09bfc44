"""How a model call ended, as its span records it."""

from __future__ import annotations

import re2

from investigator.ground.canonical_json import json_object
from investigator.traces.model import Span
from investigator.traces.openinference import token_counts_of

_REASON_KEYS = ("finish_reason", "finish_reasons", "stop_reason")
_FULL = frozenset({"length", "max_tokens", "max_output_tokens", "model_length", "token_limit"})
_IN_OUTPUT = re2.compile(r'"(?:finish_reason|stop_reason)"\s*:\s*"(?i:length|max_tokens)"')
_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens")
_OUTPUT_WINDOW = 20_000


def cut_off(span: Span) -> str | None:
    """Why the output of a model call is not whole, its room being full; None where it is."""
    for key in span.attributes:
        if key.rpartition(".")[2] in _REASON_KEYS or key.rstrip(".0123456789").endswith(
            _REASON_KEYS
        ):
            words = (span.text(key) or "").lower().strip('[]" ')
            if words in _FULL:
                return f"finish reason {words}"
    if _IN_OUTPUT.search((span.text("output.value") or "")[-_OUTPUT_WINDOW:]):
        return "finish reason length"
    limit, used = _output_limit(span), token_counts_of(span).completion
    if limit is not None and used is not None and used >= limit > 0:
        return f"{used} tokens of at most {limit}"
    return None


def _output_limit(span: Span) -> int | None:
    parameters = json_object(span.text("llm.invocation_parameters")) or {}
    return next((v for key in _LIMITS if isinstance(v := parameters.get(key), int)), None)
