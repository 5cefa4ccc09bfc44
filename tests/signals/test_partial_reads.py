"""Part read, all claimed: seen in every form, and only where the answer speaks of the whole."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.signals.runs import FORMS, Called, Run

EACH_FORM = pytest.mark.parametrize("form", FORMS)
PAGE = '{"installs": ["a", "b", "c", "d"], "has_more": true, "next_offset": 4}'
LAST = '{"installs": ["e"], "has_more": false}'
LOG = "[lines 1-200 of 9134]\n" + "12:00 started\n" * 20
LISTED = Called("list_installs", {}, PAGE)
READ = Called("read_file", {"path": "app.log", "start": 1}, LOG)
TOTAL = Called("list_installs", {}, PAGE.replace('"has_more": true', '"total": 143'))


@EACH_FORM
@pytest.mark.parametrize(
    ("question", "call", "answer"),
    [
        ("How many installs do we have?", LISTED, "You have 4 installs."),
        ("Which installs are out of date?", LISTED, "None of them is out of date."),
        ("Are there errors in app.log?", READ, "I read the log; there are no errors in it."),
        ("What is the total?", TOTAL, "There are 4 in total."),
    ],
)
def test_a_part_taken_for_the_whole(form: str, question: str, call: Called, answer: str) -> None:
    """A count of the page, and none or all said of what was never seen; the answer is the place."""
    run = Run(question, [[call]], answer)
    assert run.open(form) == ["partial_read"]
    (signal,) = run.signals(form)
    assert signal.origin_id == run.trace(form).spans[-1].span_id


@EACH_FORM
@pytest.mark.parametrize(
    ("question", "turns", "answer"),
    [
        ("How many installs do we have?",
         [[LISTED], [Called("list_installs", {"offset": 4}, LAST)]], "You have 5 in total."),
        ("How many installs do we have?", [[TOTAL]], "You have 143 installs in total."),
        ("How many installs do we have?", [[LISTED]], "At least 4; there are more pages."),
        ("Show the first installs.", [[LISTED]], "All of the first: a, b, c and d."),
        ("Are there errors in app.log?",
         [[READ], [Called("grep", {"path": "app.log", "text": "ERROR"}, "0 lines")]],
         "There are no errors in it."),
        ("Is install a there?", [[LISTED]], "Yes, install a is there."),
    ],
    ids=["read on", "stated total", "says so", "asked for a part", "another tool", "no claim"],
)  # fmt: skip
def test_what_is_said_rightly_of_a_part(
    form: str, question: str, turns: Sequence[Sequence[Called]], answer: str
) -> None:
    """Read to the end, counted by the tool, called a part, asked for as one."""
    assert "partial_read" not in Run(question, turns, answer).open(form)
