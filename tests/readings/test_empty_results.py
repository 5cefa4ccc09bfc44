"""A result is empty in many shapes; what lists no trouble, or counts nothing else, is not."""

from __future__ import annotations

import pytest

from investigator.readings.empty_results import is_empty_result

EMPTY = [
    "[]",
    '{"rows": []}',
    '{"count": 0}',
    '{"columns": ["id", "name"], "rows": [], "rowCount": 0}',
    "(0 rows)",
    " id | name \n----+------\n(0 rows)",
    "0 rows returned",
    "Empty set (0.00 sec)",
    '{"hits": {"total": {"value": 0, "relation": "eq"}, "hits": []}, "took": 3}',
    '{"data": {"items": []}, "meta": {}}',
    '{"results": null, "count": 0}',
    '{"content": [{"type": "text", "text": "[]"}], "isError": false}',
    '{"content": [{"type": "text", "text": "{\\"rows\\": []}"}]}',
    '{"documents": [[]], "ids": [[]], "distances": [[]]}',
    "| a | b |\n|---|---|",
    "<results/>",
    '<results count="0"></results>',
    "No matches",
    "Your search did not match any documents.",
    '{"status": "ok", "query": "x", "documents": []}',
    '{"message": "No results found", "results": []}',
    '{"jsonrpc": "2.0", "id": 1, "result": {"items": []}}',
]
SAYS_SOMETHING = [
    '{"ok": true}',
    '{"errors": [], "warnings": []}',
    '{"id": "u1", "name": "Ann", "tags": []}',
    '{"created": true, "attachments": []}',
    '{"count": 3}',
    "0",
    "",
    "null",
    "{}",
    "The 0 rows in the garden",
    '{"balance": 0}',
    '{"price": 10, "items": []}',
    '{"columns": ["count"], "rows": [[0]]}',
    '{"status": "created", "id": "b1"}',
    '[{"type": "text", "text": "fine"}]',
    '{"message": "sent"}',
]


@pytest.mark.parametrize("result", EMPTY)
def test_an_empty_result_is_known_in_every_shape(result: str) -> None:
    """Lists, rows, counts, tables that are all head, sentences, also in envelopes."""
    assert is_empty_result(result)


@pytest.mark.parametrize("result", SAYS_SOMETHING)
def test_a_result_that_says_anything_is_not_empty(result: str) -> None:
    """An empty list of errors, an attribute of a thing, an acknowledgement, a figure."""
    assert not is_empty_result(result)
