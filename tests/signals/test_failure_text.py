"""Whether an answer says that it failed is decided by its structure, never by a word in it."""

from __future__ import annotations

import time

import pytest

from investigator.signals.failure_text import failure_in, fault_of, is_execution_output
from investigator.signals.model import Fault

FAILED = [
    "Error: user not found",
    "ERROR 404: page missing",
    "ValueError: amount must be positive",
    "requests.exceptions.ConnectionError: refused",
    "Error executing tool search: timed out",
    "An error occurred while calling the tool",
    "Observation: Error: no such file",
    "HTTP 503 Service Unavailable",
    "Failed to fetch the page",
    "Permission denied",
    '{"error": "rate limited"}',
    '{"status": "failed", "message": "quota"}',
    '{"id": "req-1", "status": "failed", "message": "quota"}',
    '{"success": false}',
    '{"status_code": 500}',
    "exitcode: 1 (execution failed)\nCode output: boom",
    "Traceback (most recent call last):\n  File 'a', line 1\nKeyError: 'x'",
    "partial output\nTraceback (most recent call last):\n  File 'a', line 1\nKeyError: 'x'",
]
WORKED = [
    "",
    "Error handling in Rust: a guide",
    "Errors: 0, warnings: 3",
    "The paper discusses error correction and failure modes.",
    "Errors of measurement were small in all trials, as the table shows",
    "Exceptional results\nValueError is raised by int('x')",
    "How to fix 'Traceback (most recent call last)': read the last line. Then go on reading.",
    '{"error": null, "items": [1]}',
    '{"errors": [], "data": {}}',
    '{"error": 0.02, "accuracy": 0.98}',
    '{"status": "ok"}',
    '{"id": "9f3", "name": "nightly import", "status": "failed", "message": "disk full"}',
    '{"span_id": "9f3", "name": "get_quotes", "kind": "TOOL", "status": "ERROR"}',
    '{"status": 200}',
    "exitcode: 0 (execution succeeded)\nCode output: Error: not mine",
    "Invalid arguments are a common theme in this long essay. " + "It goes on. " * 80,
    "[1, 2, 3]",
]


@pytest.mark.parametrize("answer", FAILED)
def test_an_answer_that_is_an_error_is_a_failure(answer: str) -> None:
    """Errors are known by where they stand: at the start, in a field, at a traceback's end."""
    assert failure_in(answer) is not None


@pytest.mark.parametrize("answer", WORKED)
def test_the_word_error_in_an_answer_is_no_failure(answer: str) -> None:
    """Documents, figures and empty error fields may speak of errors."""
    assert failure_in(answer) is None


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        ("RateLimitError: Error code: 429", Fault.RATE_LIMIT),
        ("This model's maximum context length is 8192 tokens", Fault.RESOURCE_EXHAUSTED),
        ("GraphRecursionError: Recursion limit of 25 reached", Fault.INCOMPLETE_RUN),
        ("Unknown tool: serch", Fault.UNKNOWN_TOOL),
        ("f() got an unexpected keyword argument 'x'", Fault.BAD_ARGUMENTS),
        ("json.decoder.JSONDecodeError: Expecting value", Fault.PARSE_ERROR),
        ("ModuleNotFoundError: No module named 'x'", Fault.MISSING_CAPABILITY),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'x'", Fault.NOT_FOUND),
        ("Unsupported file format: .xyz", Fault.UNSUPPORTED_INPUT),
        ("ReadTimeout: the request timed out", Fault.TIMEOUT),
        ("401 Unauthorized", Fault.AUTH),
        ("Connection refused", Fault.CONNECTION),
        ("No results found for query: 'x'", Fault.EMPTY_RETRIEVAL),
        ("KeyError: 'total'", Fault.SCHEMA_MISMATCH),
        ("Internal Server Error", Fault.HTTP_ERROR),
    ],
)
def test_an_error_is_named_by_its_text(error: str, fault: Fault) -> None:
    """Each fault is known by the words that many frameworks share."""
    assert fault_of(error) is fault


@pytest.mark.parametrize("message", ["429 Too Many Requests", "unknown tool 'x'", "boom"])
def test_a_type_of_its_own_comes_before_what_the_message_says(message: str) -> None:
    """A message may quote anybody; types that cover many faults leave it to the message."""
    assert fault_of(f"TimeoutError: {message}") is Fault.TIMEOUT
    assert fault_of(f"openai.RateLimitError: {message}") is Fault.RATE_LIMIT
    assert fault_of("requests.HTTPError: 429 Too Many Requests") is Fault.RATE_LIMIT


def test_an_unknown_error_has_no_name() -> None:
    """Nothing is guessed."""
    assert fault_of("ZeroDivisionError: division by zero") is None


def test_an_execution_output_is_known_by_its_first_line() -> None:
    """An exit code there tells; one that is told of later does not."""
    assert is_execution_output("exitcode: 2 (execution failed)")
    assert not is_execution_output("the exit code was 2")


def test_huge_answers_take_no_time() -> None:
    """Texts are read through a bounded window or in linear time."""
    started = time.perf_counter()
    for text in ("Error " * 600_000, "{" * 2_000_000, "a" * 4_000_000, "\n" * 3_000_000):
        failure_in(text)
        fault_of(text)
    assert time.perf_counter() - started < 2
