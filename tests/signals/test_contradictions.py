"""An answer that says otherwise than the results is told; one that computes or words is not."""

from __future__ import annotations

import pytest

from investigator.readings.faults import Fault
from investigator.signals.detect import detect
from tests.builders import readings, trace
from tests.signals.scripts import FORMS, Said, gives, place, says, system, told, user
from tests.signals.steps import agent, llm, tool

TOOLS = ("look",)


def _run(result: str, answer: str, *first: Said) -> list[Said]:
    asked = first or (user("Tell me what is known about it."),)
    return [*asked, says("", ("c1", "look", {"of": "it"})), gives("c1", result), says(answer)]


WRONG = {
    "digits turned round": ('{"open_tickets": 17}', "There are 71 open tickets."),
    "another figure under that name": ('{"open_tickets": 17}', "There are 24 open tickets now."),
    "a figure of a line": ("name: Leeds\nopen tickets: 17", "Leeds has 24 open tickets."),
    "an amount turned round": ("The invoice comes to 1,284.50.", "You owe 1,248.50 in all."),
    "a no that was lost": ('{"ticket": {"refundable": false}}', "The ticket is refundable."),
    "a yes that became a no": ('{"refundable": true}', "Sadly, the ticket is not refundable."),
    "a denial that was lost": ("The fare is not refundable.", "Good news: it is refundable."),
    "a prefix that was lost": ("This is a non-refundable fare.", "Your fare is fully refundable."),
    "UTC told as another zone": ('{"start": "2026-06-03T14:00:00Z"}', "It starts at 14:00 CEST."),
    "half a day told so": ('{"start": "2026-06-03T14:00:00Z"}', "It starts at 2 pm EDT."),
    "another month": ('{"due": "2026-03-14"}', "It is due on April 14."),
}
RIGHT = {
    "the figure": ('{"open_tickets": 17}', "There are 17 open tickets."),
    "a sum": ('{"open_tickets": 17, "closed_tickets": 24}', "There are 41 tickets."),
    "a rounding": ('{"amount": 1284.5}', "The amount is about 1,285."),
    "what is left": ('{"balance": 100, "price": 42}', "After it your balance is 58."),
    "both figures": ('{"open_tickets": 17}', "There are 17 open tickets, not 71."),
    "another thing of the kind": ('{"a": {"open": 17}, "b": {"open": 24}}', "35 may be open soon."),
    "the no": ('{"refundable": false}', "The ticket is not refundable."),
    "the no in other words": ('{"refundable": false}', "You cannot have it refunded."),
    "a condition": ('{"refundable": false}', "It would be refundable if you had the other fare."),
    "a question": ('{"refundable": false}', "Do you want to know which fare is refundable?"),
    "one of several": ('[{"refundable": false}, {"refundable": true}]', "One is refundable."),
    "a denial of another thing": ("Fare A is not refundable. B is refundable.", "B is refundable."),
    "the time in that zone": ('{"start": "2026-06-03T14:00:00Z"}', "It starts at 14:00 UTC."),
    "the time converted": ('{"start": "2026-06-03T14:00:00Z"}', "It starts at 16:00 CEST."),
    "both times": ('{"start": "2026-06-03T14:00:00Z"}', "At 14:00 UTC, which is 4 pm CEST."),
    "the day": ('{"due": "2026-03-14"}', "It is due on March 14."),
    "a day of several": ('["2026-03-14", "2026-05-02"]', "The next is April 14."),
}


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize(("result", "answer"), WRONG.values(), ids=WRONG)
def test_what_goes_against_a_result_is_told_at_the_answer(
    result: str, answer: str, form: str
) -> None:
    """The step that said it is where it began."""
    found = told(form, *_run(result, answer), tools=TOOLS)
    assert found == [("contradiction", place(form, 3))]


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize(("result", "answer"), RIGHT.values(), ids=RIGHT)
def test_what_follows_from_a_result_is_fine(result: str, answer: str, form: str) -> None:
    """The same, a sum, a conversion, a condition, another thing."""
    assert not told(form, *_run(result, answer), tools=TOOLS)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_zone_that_the_instructions_name_is_that_of_the_answer(form: str) -> None:
    """UTC was told as if it were the time in Berlin."""
    first = (system("The user lives in Europe/Berlin; tell local times."), user("When is it?"))
    result = '{"start": "2026-01-14T09:30:00Z"}'
    wrong = told(form, *_run(result, "It starts at 09:30.", *first), tools=TOOLS)
    assert wrong == [("contradiction", place(form, 4))]
    assert not told(form, *_run(result, "It starts at 10:30.", *first), tools=TOOLS)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_what_the_user_said_is_no_contradiction(form: str) -> None:
    """The figure in the answer is the user's own."""
    asked = user("I counted 71 tickets that are open. Is that right?")
    answer = "You counted 71; I see 17 open tickets."
    assert not told(form, *_run('{"open_tickets": 17}', answer, asked), tools=TOOLS)


def test_of_agents_that_pass_a_wrong_value_on_the_first_is_told() -> None:
    """The lead repeats what its colleague misread, and cannot know better."""
    wrong = "There are 71 open tickets."
    found = detect(
        readings(
            trace(
                agent("lead"),
                llm("l1", calls=[("ask_colleague", "{}")], at=1, parent="lead"),
                tool("t1", wrong, at=2, parent="lead", name="ask_colleague"),
                agent("colleague", parent="t1"),
                llm("c1", calls=[("look", "{}")], at=3, parent="colleague"),
                tool("t2", '{"open_tickets": 17}', at=4, parent="colleague", name="look"),
                llm("c2", wrong, at=5, parent="colleague"),
                llm("l2", f"My colleague has looked. {wrong}", at=9, parent="lead"),
            )
        )
    )
    assert [(s.fault, s.origin_id) for s in found] == [(Fault.CONTRADICTION, "c2")]
