"""Whoever compares the traces of a window sees each of them in a few lines."""

from __future__ import annotations

from investigator.runtime.tokens import estimate_tokens
from tests.incident.running import case_of
from tests.incident.windows import TIMEOUT, run

WINDOW = [*(run(at) for at in range(4)), *(run(at, error=TIMEOUT) for at in range(4, 90))]


def test_the_synthesis_sees_every_trace_with_what_it_was_asked_and_answered() -> None:
    """The representatives first, under the numbers with which the ids of their traces begin."""
    case = case_of(WINDOW[:8])
    outline = case.views.outline_of("0/0")
    assert outline is not None
    shown = outline.within(3000, estimate_tokens)
    chosen = case.representatives[0]
    number = case.views.numbers[chosen.trace_id]
    assert shown.text.split("\n")[1].startswith(f"[{number}] trace {chosen.trace_id}")
    assert "representative: " in shown.text
    assert "asked: Where is my parcel?" in shown.text
    assert "seen by code: TOOL search raised TimeoutError" in shown.text
    assert all(found.trace_id in shown.text for found in case.digests)


def test_the_overview_of_a_window_is_bounded_whatever_its_size() -> None:
    """What is left out is counted."""
    outline = case_of(WINDOW).views.outline_of("0/0")
    assert outline is not None
    for tokens in (300, 1000, 3000, 12_000):
        assert estimate_tokens(outline.within(tokens, estimate_tokens).text) <= tokens
    assert "30 more traces" in outline.within(12_000, estimate_tokens).text


def test_a_scope_of_a_trace_sees_that_trace() -> None:
    """And so do those that it opens."""
    views = case_of(WINDOW[:8]).views
    assert views.outline_of("0/1") is views.outline_of("0/1/0")
    assert views.outline_of("0/1") is not views.outline_of("0/0")


def test_ids_in_words_name_step_and_trace() -> None:
    """A reader of the dossier knows no ids; what only looks like one stays."""
    views = case_of(WINDOW[:8]).views
    told = views.in_words("it failed (5:m0, 3:m0), at 10:30 on m5.large; [9:t99]")
    assert (
        told
        == "it failed (step 0 of trace t004, step 0 of trace t002), at 10:30 on m5.large; [9:t99]"
    )
