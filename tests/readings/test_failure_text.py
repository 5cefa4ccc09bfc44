"""Whether an answer says that it failed is decided by its structure, never by a word in it."""

from __future__ import annotations

import time

import pytest

from investigator.readings.failure_text import failure_in, fault_of, is_execution_output
from investigator.readings.faults import Fault

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
    '{"ok": false}',
    '{"OK": "false", "reason": "no stock"}',
    '{"is_error": true}',
    '{"failed": true}',
    '{"error": {"code": 404}}',
    '{"error": 404}',
    '{"errcode": 40001, "errmsg": "invalid"}',
    '{"code": 404, "message": "no such order"}',
    '{"status": "404 Not Found"}',
    '{"status": "fail", "data": {"title": "required"}}',
    '{"errors": {"email": ["invalid"]}}',
    '{"data": {"user": null}, "errors": [{"message": "no such user"}]}',
    '{"exit_code": 1, "stdout": ""}',
    '{"returncode": "2"}',
    '{"stdout": "", "stderr": "boom", "code": 1}',
    '{"result": {"ok": false}}',
    '{"success": true, "data": {"ok": false}}',
    '{"output": {"result": {"status": "error"}}}',
    '{"status": 200, "body": {"error": "not found"}}',
    '{"result": "Error: user not found"}',
    '{"response": "{\\"success\\": false}"}',
    '{"isError": true, "content": []}',
    '{"isError": false, "content": [{"type": "text", "text": "Error: no such file"}]}',
    '{"content": [{"type": "text", "text": "{\\"ok\\": false}"}]}',
    '[{"type": "text", "text": "Error: no such file"}]',
    '{"type": "tool_result", "is_error": true, "content": "x"}',
    '"{\\"ok\\": false}"',
    "{'ok': False, 'reason': 'no stock'}",
    '{"ok": false, "log": "' + "x" * 30_000 + '"}',
    '{"ok": false, "log": "' + "x" * 300_000 + '"}',
    '{"ok": false, "log": "cut off he',
    "Command failed with exit code 2",
    "Process exited with code 1",
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
    '{"error": ""}',
    '{"error": false}',
    '{"error": 0}',
    '{"error": "none"}',
    '{"error": {"mean": 0.1, "std": 0.2}}',
    '{"error_rate": 0.5}',
    '{"error_code": 0, "errmsg": "ok"}',
    '{"success": "false positives: 3"}',
    '{"success": null}',
    '{"success": 0, "failed": 3}',
    '{"failed": [], "passed": 9}',
    '{"status": "ok", "errors": 0}',
    '{"status": "rejected", "order_id": 3}',
    '{"payment_id": "p1", "status": "failed", "amount": 12}',
    '{"valid": false}',
    '{"validation": {"ok": false}}',
    '{"results": [{"id": 1, "ok": false}, {"id": 2, "ok": true}]}',
    '{"jobs": [{"status": "failed"}]}',
    '[{"ok": false}]',
    '{"errors": [{"line": 3}], "warnings": [], "file": "a.py"}',
    '{"data": {"id": "j1", "status": "failed", "error": "disk full"}}',
    '{"success": true, "data": {"status": "failed"}}',
    '{"ok": true, "result": "Error: handled"}',
    '{"exit_code": 0, "stdout": "", "output": "Error: not mine"}',
    '{"path": "a.log", "content": "Error: of another"}',
    '{"isError": false, "content": [{"type": "text", "text": "fine"}]}',
    "{'a': 'it\\'s', 'error': None}",
    '{"log": "of a good run, cut off he',
    "Process exited with code 0",
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
    started = time.process_time()
    for text in ("Error " * 600_000, "{" * 2_000_000, "a" * 4_000_000, "\n" * 3_000_000):
        failure_in(text)
        fault_of(text)
    assert time.process_time() - started < 2
