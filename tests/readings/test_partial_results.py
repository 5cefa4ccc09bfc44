"""A result says that it is a part in a flag, a place, a total or a sentence; whole ones do not."""

from __future__ import annotations

import pytest

from investigator.readings.partial_results import PartShown, part_of

PARTS = [
    (
        '{"installs": [{"id": 1}, {"id": 2}], "has_more": true, "next_offset": 2}',
        PartShown(2, None),
    ),
    ('{"data": [1, 2, 3], "total": 143}', PartShown(3, 143)),
    ('{"items": [1], "nextPageToken": "abc"}', PartShown(1, None)),
    ('{"hits": {"total": 91, "hits": [1, 2]}}', PartShown(2, 91)),
    ('{"repos": [1, 2], "pageInfo": {"hasNextPage": true, "endCursor": "x"}}', PartShown(2, None)),
    ('{"value": [1], "@odata.nextLink": "http://x"}', PartShown(1, None)),
    (
        '{"content": [{"type": "text", "text": "[lines 1-200 of 9134]\\nfoo"}]}',
        PartShown(200, 9134),
    ),
    ('{"content": [{"type": "text", "text": "{\\"has_more\\": true}"}]}', PartShown(None, None)),
    ('{"rows": [1, 2], "has_more": true, "log": "cut off', PartShown(None, None)),
    ("[lines 1-200 of 9134]\nfoo", PartShown(200, 9134)),
    ("foo\n... (8,934 more lines)", PartShown(None, None)),
    ("Showing 1–20 of 143 results\nx", PartShown(20, 143)),
    ("Page 1 of 7\nx", PartShown(None, None)),
    ("x\n[output truncated]", PartShown(None, None)),
    ("(1000 rows, limit reached)", PartShown(1000, None)),
    ("first 50 of 812 matches", PartShown(50, 812)),
    ("Use offset=200 to continue reading", PartShown(None, None)),
]
WHOLE = [
    '{"has_more": false, "next": null, "items": [1]}',
    '{"data": [1, 2, 3], "total": 3}',
    '{"page": 2, "total_pages": 2, "results": [1], "total": 13}',
    '{"offset": 20, "count": 5, "total": 25, "a": [1, 2, 3, 4, 5]}',
    '{"total": 5000, "currency": "USD", "lines": [1, 2]}',
    '{"order_total": 80, "items": [1, 2]}',
    '{"next_steps": "call us", "a": [1]}',
    "lines 9001-9134 of 9134",
    "Page 7 of 7",
    "10 of 12 tests passed",
    "Chapter 1 of 12 is good",
    "It goes on. " * 100 + "page 1 of 7" + " It goes on." * 100,
]


@pytest.mark.parametrize(("result", "part"), PARTS)
def test_a_part_says_so(result: str, part: PartShown) -> None:
    """How much it shows and how much there is, where it gives that."""
    assert part_of(result) == part


@pytest.mark.parametrize("result", WHOLE)
def test_a_whole_result_or_its_last_part_says_nothing(result: str) -> None:
    """Totals of money and pages of a book are no parts either."""
    assert part_of(result) is None
