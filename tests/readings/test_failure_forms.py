"""A failure is known in every wrapping and in the form of what failed; look-alikes are none."""

from __future__ import annotations

import pytest

from investigator.readings.failure_text import failure_in, fault_of
from investigator.readings.faults import Fault

_ROWS = ",".join('{"a": 1}' for _ in range(30_000))
_LONG = ",".join('{"a": 1}' for _ in range(150_000))

WRAPPED = [
    '{"jsonrpc":"2.0","id":3,"error":{"code":-32602,"message":"Unknown argument: hours"}}',
    '{"jsonrpc":"2.0","id":3,"result":{"content":[{"type":"text","text":"boom"}],"isError":true}}',
    '{"content":[{"type":"text","text":"Found."},{"type":"text","text":"{\\"error\\":\\"full\\"}"}]}',
    '[{"text":"Error: no such bucket"}]',
    '{"toolResult":{"content":[{"json":{"success":false,"message":"no"}}],"status":"success"}}',
    '{"get_weather_response":{"result":{"error":"city unknown"}}}',
    '{"functionResponse":{"name":"f","response":{"error":"no stock"}}}',
    '{"ok":true,"result":{"error":"quota exceeded"}}',
    '{"status":200,"data":{"response":{"success":"false"}}}',
    '{"type":"progress","pct":50}\n{"type":"error","message":"lost connection"}',
    '```json\n{"error": "rate limited"}\n```',
    'Tool result: {"ok": false}',
    "[ERROR] could not reach the host",
    f'{{"rows": [{_ROWS}], "isError": true}}',
    f'{{"rows": [{_LONG}], "isError": true}}',
    "CallResult(content=[TextContent(type='text', text='no such host')], isError=True)",
    "[TextContent(type='text', text='Error: no such host', annotations=None)]",
    "content='Error: bad id' name='find' tool_call_id='c1' status='error'",
]
MESSAGES = [
    "401 Unauthorized: invalid api key",
    '{"detail":"Not Found"}',
    '{"detail":[{"loc":["body","a"],"msg":"field required","type":"missing"}]}',
    '{"message":"Unauthorized"}',
    '{"message":"Internal server error"}',
    '{"__type":"AccessDeniedException","message":"User is not authorized"}',
    '{"code":"NOT_FOUND","message":"no order 7"}',
    '{"type":"error","message":"stock is locked"}',
]
COMMANDS = [
    "bash: jqq: command not found",
    "sh: 1: foo: not found",
    "ls: cannot access 'x.txt': No such file or directory",
    "cat: /etc/shadow: Permission denied",
    "fetch: (6) Could not resolve host: api.example",
    "pack ERR! code E404",
    "build: *** [all] Error 2",
    "'git' is not recognized as an internal or external command,\noperable program or batch file.",
    "Segmentation fault (core dumped)",
    "panic: runtime error: index out of range",
    "collected 3 items\nF..\n[exit code: 1]",
    "some log\nProcess finished with exit code 2",
    "<returncode>1</returncode>\n<output>\nFAILED\n</output>",
]
QUERIES = [
    'ERROR:  column "frist_name" does not exist\nLINE 1: SELECT',
    "ERROR 1064 (42000): You have an error in your SQL syntax; check",
    "ORA-00942: table or view does not exist",
    "SQLSTATE[42S22]: Column not found: 1054",
    "Msg 208, Level 16, State 1, Line 1\nInvalid object name 't'.",
    "no such table: users",
    'near "FORM": syntax error',
    'errors.sql.UndefinedColumn: column "x" does not exist',
    "(db.OperationalError) no such column: x",
    'Binder Error: Referenced column "x" not found in FROM clause!',
    "SQL compilation error: error line 1",
    '{"error": {"message": "column \\"x\\" does not exist", "code": "42703"}}',
]
UNREADABLE = [
    "[object Object]",
    "undefined",
    "<coroutine object fetch at 0x7f00>",
    "Promise { <pending> }",
    "<app.Order object at 0x7f001a>",
]
PAGES = [
    "<!DOCTYPE html><html><head><title>404 Not Found</title></head><body></body></html>",
    "<html><head><title>502 Bad Gateway</title></head><body>gateway</body></html>",
    "<html><head><title>Access Denied</title></head><body>You need permission</body></html>",
    '<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code><Message>No</Message></Error>',
    '<s:Envelope xmlns:s="x"><s:Body><s:Fault><faultstring>no</faultstring></s:Fault></s:Body>',
    "<tool_error>File has not been read yet</tool_error>",
    '<response status="error"><msg>x</msg></response>',
]
BARRED = [
    "<!doctype html><html><head><title>Just a moment...</title></head><body></body></html>",
    '<!doctype html><title>Sign in - Corp</title><form><input type="password"></form>',
    '{"url":"https://a.example","status":200,"content":"<!doctype html><html><head>'
    '<title>Log in | Wiki</title></head><body><input type=password></body></html>"}',
    '{"status":200,"headers":{},"body":"<html><title>Attention Required! | Shield</title></html>"}',
    "Just a moment...\nVerifying you are human. This may take a few seconds.",
]
WORKED = [
    "Error 500 storm on March 1: what happened\n" + "The gateway was down. " * 40,
    '{"valid": false, "error": "Expecting property name: line 1"}',
    '{"exit_code": 1, "stdout": "", "stderr": ""}',
    "<html><head><title>HTTP 404 Not Found explained | Docs</title></head><body>x</body></html>",
    f"<html><title>Sign in with OAuth: a guide</title><body>{'Text. ' * 600}</body></html>",
    f'<html><title>Shop</title><input type="password">{"Products. " * 600}</html>',
    "<html><head><title>404 Media: news</title></head><body>x</body></html>",
    "<feed><entry>Error of the day</entry></feed>",
    "<errors/>",
    "<Error></Error>",
    '<response status="ok"><error_count>0</error_count></response>',
    "Found(items=[Item(title='Error handling', status='error')], total=1)",
    "content='All fine' name='find' tool_call_id='c1' status='success'",
    "CallResult(content=[TextContent(text='ok')], isError=False)",
    '{"message":"Order created"}',
    '{"detail":"Blue shirt"}',
    '{"title":"Error codes","description":"A list of them"}',
    '{"code":"A12","description":"missing buttons kit"}',
    '{"ok":true,"result":{"id":"j1","error":"disk full"}}',
    '[{"text":"Errors are common in surveys."}]',
    '[{"type":"text","text":"Found"},{"type":"text","text":"Two of them"}]',
    '```json\n{"error": null}\n```',
    "10 files\n0 errors\nexit code: 0",
    "<returncode>0</returncode>\n<output>Error: not mine</output>",
    'The column "x" does not exist in the new release, as the changelog says. ' * 12,
    "grep: 3 matches in notes.txt",
    '{"user_response": {"name": "Ann"}}',
    '{"exam_result":{"failed":["math"]}}',
    "Login: ann\nName: Ann Lee",
    "Sign in sheet: 12 names",
    '{"rows": [1,2,3], "note": "isError: true"}',
    "Status: 200",
]


@pytest.mark.parametrize(
    "answer", [*WRAPPED, *MESSAGES, *COMMANDS, *QUERIES, *UNREADABLE, *PAGES, *BARRED]
)
def test_a_failure_is_known_in_every_wrapping(answer: str) -> None:
    """Envelopes of every depth and size, printed objects, commands, queries and pages."""
    assert failure_in(answer) is not None


@pytest.mark.parametrize("answer", WORKED)
def test_what_only_looks_like_a_failure_is_none(answer: str) -> None:
    """Pages about errors, records that list them, messages of success."""
    assert failure_in(answer) is None


@pytest.mark.parametrize("answer", QUERIES[:4] + QUERIES[5:8])
def test_a_query_that_names_what_is_not_there_is_a_wrong_query(answer: str) -> None:
    """In the words of every dialect; not a thing that was not found."""
    assert fault_of(failure_in(answer) or "") is Fault.WRONG_QUERY


@pytest.mark.parametrize("answer", UNREADABLE)
def test_a_result_that_nobody_can_read_does_not_fit(answer: str) -> None:
    """It was never awaited, or turned into text as it stood."""
    assert fault_of(failure_in(answer) or "") is Fault.SCHEMA_MISMATCH


@pytest.mark.parametrize("page", BARRED)
def test_a_page_that_bars_the_way_is_a_matter_of_access(page: str) -> None:
    """A challenge and a form to log in came instead of the page."""
    assert fault_of(failure_in(page) or "") is Fault.AUTH


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        ("Error code: 400 - {'error': {'message': 'content: no string'}}", "rejected_request"),
        ("status_code: 422, body: {}", "rejected_request"),
        ("BadRequestError: Invalid value for 'content': expected a string, got null.",
         "rejected_request"),
        ("HTTP 409 Conflict", "rejected_request"),
        ("Error code: 400 - maximum context length is 8192 tokens", "resource_exhausted"),
        ("400 Bad Request: API key not valid; pass a valid API key: invalid api key", "auth"),
        ("Error code: 401 - Incorrect API key provided", "auth"),
        ("403 Forbidden: daily quota exceeded", "rate_limit"),
        ("403 Forbidden", "auth"),
        ("Error code: 429 - slow down", "rate_limit"),
        ("500 Internal Server Error: KeyError 'total'", "http_error"),
        ("HTTP 500: JSONDecodeError: Expecting value", "http_error"),
        ("status: 503", "connection"),
        ("504 Gateway Timeout", "timeout"),
        ("Rejected after 422 tries: no such file or directory", "not_found"),
    ],
)  # fmt: skip
def test_a_status_says_whose_fault_a_refusal_is(error: str, fault: str) -> None:
    """400 and 422 the caller's, 401 and 403 configuration, 429 and 5xx upstream."""
    assert fault_of(error) == Fault(fault)
