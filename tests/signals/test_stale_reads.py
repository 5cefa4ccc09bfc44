"""A read after a write shows what was written, or it is told; in every form."""

from __future__ import annotations

import pytest

from tests.signals.scripts import FORMS, Said, gives, place, says, told, user

OLD, NEW = "[db]\npool_size = 10\ntimeout = 5\n", "[db]\npool_size = 40\ntimeout = 5\n"
TOOLS = ("read_file", "write_file", "edit_file", "get_ticket", "update_ticket", "send_message")
FILE = {"path": "service.toml"}
TICKET = {"id": "T-1042"}


def _run(look: tuple[str, dict[str, str]], act: tuple[str, dict[str, str]], shown: list[str],
         confirmed: str = "ok") -> list[Said]:  # fmt: skip
    """A look, an act, a look: what they were answered."""
    return [
        user("Make the change, then confirm it."),
        says("", ("c1", *look)),
        gives("c1", shown[0]),
        says("", ("c2", *act)),
        gives("c2", confirmed),
        says("", ("c3", *look)),
        gives("c3", shown[1]),
        says("Here is what it says now."),
    ]


WRITES = {
    "a file that was written": (
        ("read_file", FILE), ("write_file", FILE | {"content": NEW}), OLD, NEW,
    ),
    "a file that was edited": (
        ("read_file", FILE),
        ("edit_file", FILE | {"old": "pool_size = 10", "new": "pool_size = 40"}), OLD, NEW,
    ),
    "a field of a record": (
        ("get_ticket", TICKET), ("update_ticket", TICKET | {"status": "closed"}),
        '{"id": "T-1042", "status": "open"}', '{"id": "T-1042", "status": "closed"}',
    ),
    "a field within an envelope": (
        ("get_ticket", TICKET), ("update_ticket", TICKET | {"status": "closed"}),
        '{"data": {"ticket": {"status": "open"}}}', '{"data": {"ticket": {"status": "closed"}}}',
    ),
}  # fmt: skip
READ_AT = {"chat": 6, "tree": 6, "requests": 5, "genai": 5}


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize(("look", "act", "old", "new"), WRITES.values(), ids=WRITES)
def test_a_read_that_still_shows_the_old_state_is_stale(
    look: tuple[str, dict[str, str]], act: tuple[str, dict[str, str]], old: str, new: str, form: str
) -> None:
    """The write worked, and a cache answered; with the new state there is nothing to tell."""
    script = _run(look, act, [old, old])
    assert told(form, *script, tools=TOOLS) == [("stale_read", place(form, READ_AT[form]))]
    assert not told(form, *_run(look, act, [old, new]), tools=TOOLS)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_write_that_was_refused_changes_nothing(form: str) -> None:
    """The old state is the right one."""
    look, act, old, _ = WRITES["a field of a record"]
    script = _run(look, act, [old, old], '{"ok": false, "error": "the ticket is locked"}')
    assert "stale_read" not in {fault for fault, _ in told(form, *script, tools=TOOLS)}


@pytest.mark.parametrize("form", sorted(FORMS))
def test_an_act_that_the_read_would_not_show_says_nothing(form: str) -> None:
    """A message about a ticket leaves the ticket as it was."""
    act = ("send_message", TICKET | {"text": "We are on it, please wait."})
    old = '{"id": "T-1042", "status": "open"}'
    assert not told(form, *_run(("get_ticket", TICKET), act, [old, old]), tools=TOOLS)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_write_to_another_thing_says_nothing(form: str) -> None:
    """Another ticket was closed."""
    act = ("update_ticket", {"id": "T-7777", "status": "closed"})
    old = '{"id": "T-1042", "status": "open"}'
    assert not told(form, *_run(("get_ticket", TICKET), act, [old, old]), tools=TOOLS)
