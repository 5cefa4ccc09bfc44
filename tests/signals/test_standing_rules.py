"""What was laid down once holds for every later step, whether the request still says so or not."""

from __future__ import annotations

import pytest

from investigator.readings.faults import Fault
from investigator.signals.detect import detect
from investigator.traces.model import Trace
from tests.builders import readings
from tests.signals.scripts import FORMS, Said, gives, place, says, system, told, user
from tests.signals.steps import agent, llm, tool

TOOLS = ("list_files", "delete_file", "send_email")
LOOK = (says("", ("c1", "list_files", {})), gives("c1", "a.txt\nb.txt"))
WIPE = (says("", ("c2", "delete_file", {"path": "a.txt"})), gives("c2", "ok, it is gone"))
MAIL = (says("", ("c2", "send_email", {"to": "bo@acme.org", "text": "Hi"})), gives("c2", "ok"))
GERMAN = "Die Liste der Dateien ist kurz: es sind zwei, und beide sind von heute."
ENGLISH = "The list of the files is short: there are two of them, and both are from today."


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize(
    ("rule", "act"),
    [
        ("Tidy up, but do not delete anything.", WIPE),
        ("Never delete a file.", WIPE),
        ("Look at the files. You must not remove files.", WIPE),
        ("Don't send emails, please.", MAIL),
        ("Ask me before you delete a file. Now tidy up.", WIPE),
    ],
)
def test_an_act_that_was_forbidden_is_told_where_it_was_asked_for(
    form: str, rule: str, act: tuple[Said, Said]
) -> None:
    """The user had said so, two steps before."""
    found = told(form, user(rule), *LOOK, *act, says("That is done."), tools=TOOLS)
    assert found == [("broken_rule", place(form, 3))]


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize(
    ("rule", "act"),
    [
        ("Do not delete anything.", MAIL),
        ("Don't delete a file if it is from today.", WIPE),
        ("Do not delete mailboxes; delete the file a.txt.", WIPE),
        ("Delete a.txt.", WIPE),
    ],
)
def test_an_act_that_no_rule_forbids_is_fine(form: str, rule: str, act: tuple[Said, Said]) -> None:
    """Another act, a condition, another thing."""
    assert not told(form, user(rule), *LOOK, *act, says("That is done."), tools=TOOLS)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_rule_that_was_taken_back_or_met_binds_no_more(form: str) -> None:
    """The agent asked, the user agreed."""
    rule = user("Ask me before you delete a file. Now tidy up.")
    asked = (says("May I delete a.txt?"), user("Yes, go ahead."))
    assert not told(form, rule, *LOOK, *asked, *WIPE, says("That is done."), tools=TOOLS)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_form_that_was_asked_for_once_holds_for_every_answer(form: str) -> None:
    """German, from now on: the second answer is English."""
    rule = user("From now on answer in German.")
    script = (rule, says(GERMAN), user("Und die Verzeichnisse?"), says(ENGLISH))
    found = told(form, *script)
    assert ("broken_rule", place(form, 3)) in found
    assert not told(form, *script[:3], says(GERMAN + " Mehr ist nicht da, soweit ich sehe."))


RULE = "Never delete a file."


def _summarised(summary: str) -> Trace:
    """The history is summarised between the look and the act."""
    ask = {
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.content": f"Tidy up. {RULE}",
    }
    short = {
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.content": f"So far: {summary}",
    }
    return Trace(
        "t",
        [
            agent(),
            llm("look", calls=[("list_files", "{}")], at=1, attributes=ask),
            tool("t1", "a.txt", at=2, name="list_files"),
            llm("sum", summary, at=3, attributes=ask),
            llm("act", calls=[("delete_file", '{"path": "a.txt"}')], at=4, attributes=short),
            tool("t2", "ok, it is gone", at=5, name="delete_file", arguments='{"path": "a.txt"}'),
            llm("end", "The folder is tidy.", at=6, attributes=short),
        ],
    )  # fmt: skip


def test_a_rule_that_a_summary_dropped_was_lost_there() -> None:
    """The step that broke it never saw it."""
    found = detect(readings(_summarised("The user wants the folder tidied. It holds a.txt.")))
    assert [(s.fault, s.span_id, s.origin_id) for s in found] == [
        (Fault.LOST_CONTEXT, "act", "sum")
    ]


def test_a_rule_that_the_summary_kept_was_broken_by_the_step() -> None:
    """It was there to be read."""
    found = detect(readings(_summarised(f"The user wants the folder tidied. {RULE}")))
    assert [(s.fault, s.origin_id) for s in found] == [(Fault.BROKEN_RULE, "act")]


def test_instructions_bind_as_a_user_does() -> None:
    """The system prompt forbids it."""
    script = (system("You tidy folders. Do not send emails."), user("Tidy up."), *LOOK, *MAIL)
    assert told("tree", *script, says("Done."), tools=TOOLS) == [("broken_rule", "m4")]
