"""What a trace says is text in every form of a report: no reader obeys it, and no form breaks."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from xml.etree import ElementTree

import pytest

from investigator.ground.visible import one_visible_line, visible
from investigator.reports.renderers import PLAIN, RENDERERS
from tests.reports.hostile import HOSTILE, failed_report, hostile_report, hostile_reports
from tests.reports.schemas import junit_errors, sarif_errors


def test_there_are_a_hundred_of_them() -> None:
    """As many as the property is worth."""
    assert len(set(HOSTILE)) >= 100


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_nothing_that_is_obeyed_or_not_seen_is_left(text: str) -> None:
    """Control, bidirectional, zero-width and tag characters are escapes; the rest stays."""
    shown = visible(text)
    assert not [
        c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in "\n\t"
    ]
    assert "\n" not in one_visible_line(text)
    if text.isascii() and text.isprintable():
        assert shown == text


@pytest.mark.parametrize("text", ["naïve café", "数据库错误", "ошибка", "خطأ", "🙂 ok", "a\tb\nc"])
def test_texts_of_people_are_left_as_they_are(text: str) -> None:
    """Letters of any script are not escapes."""
    assert visible(text) == text


@pytest.mark.parametrize("form", RENDERERS)
def test_every_form_bears_every_string(form: str) -> None:
    """Alone and all together; what comes out is UTF-8 without a control character."""
    everything = list(hostile_reports())
    for reports in ([one] for one in everything):
        RENDERERS[form].render(reports, PLAIN).encode()
    whole = RENDERERS[form].render(everything, PLAIN)
    assert not re.search(
        r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", whole
    )


def test_sarif_and_junit_stay_valid() -> None:
    """Against their schemas."""
    everything = list(hostile_reports())
    assert sarif_errors(json.loads(RENDERERS["sarif"].render(everything, PLAIN))) == []
    assert junit_errors(RENDERERS["junit"].render(everything, PLAIN)) == []


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_junit_gives_the_text_back(text: str) -> None:
    """As the attribute and the content of a test case."""
    root = ElementTree.fromstring(RENDERERS["junit"].render([failed_report(text)], PLAIN).encode())
    error = root.find("testsuite/testcase/error")
    assert error is not None
    assert error.get("message") == one_visible_line(text, 300)


@pytest.mark.parametrize("form", ["csv", "csv-findings", "csv-controls"])
def test_no_cell_of_csv_is_run(form: str) -> None:
    """A cell that would be a formula begins with an apostrophe; the columns hold."""
    rows = list(csv.reader(io.StringIO(RENDERERS[form].render(list(hostile_reports()), PLAIN))))
    assert {len(row) for row in rows} == {len(rows[0])}
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_markdown_holds_its_table_and_no_tag(text: str) -> None:
    """No tag opens, no link is made, and a row has the columns of its head."""
    made = RENDERERS["markdown"].render([hostile_report(text), failed_report(text)], PLAIN)
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", made)
    assert "<" not in outside
    assert not re.search(r"(?<!\\)\]\(", outside)
    assert not re.search(r"://|(?<![\w\\])@\w", outside)
    rows = [line for line in made.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {7}
