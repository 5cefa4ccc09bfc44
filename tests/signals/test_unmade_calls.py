"""A request that was printed instead of sent, in every form; and prints that are none."""

from __future__ import annotations

import pytest

from tests.signals.scripts import FORMS, Said, gives, place, says, system, told, user

TOOLS = ("archive_agent", "run_code")
ASK = user("Which year was the bridge of Elm Street opened?")
CODER = system("You act by writing code. Your team: archive_agent, which reads the archive.")
ORDER = 'order = """Please find the year in which the bridge of Elm Street was opened."""\n'
IN_WORDS = f"I will ask the archive_agent for it.\n\n```python\n{ORDER}print(order)\n```"
JS = "const order = `Find the year in which the bridge was opened, please.`;\nconsole.log(order);"
ECHOED = user("Observation: Please find the year in which the bridge of Elm Street was opened.")
END = says("It was opened in 1931.")


def unmade(form: str, *script: Said) -> list[str]:
    """Where calls were announced and not made, as far as that was not made good."""
    found = told(form, *script, tools=TOOLS)
    return [span for fault, span in found if fault == "unmade_call"]


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize(
    "text",
    [
        IN_WORDS,
        f"Let me delegate this to `archive_agent`.\n```js\n{JS}\n```",
        f"```py\n# I'll now call archive_agent with this.\n{ORDER}print(order)\n",
    ],
)
def test_code_in_an_answer_that_only_prints_the_request_asked_nobody(form: str, text: str) -> None:
    """The observation that comes back is the agent's own words."""
    assert unmade(form, CODER, ASK, says(text), ECHOED, END) == [place(form, 2)]


@pytest.mark.parametrize("form", sorted(FORMS))
def test_code_that_is_handed_to_a_tool_is_read_alike(form: str) -> None:
    """Where code is run by a tool, the call that was made is the one of the interpreter."""
    code = {"code": f"{ORDER}print(order)"}
    ran = says("I'm going to send the order to archive_agent.", ("c1", "run_code", code))
    back = gives("c1", "Please find the year in which the bridge of Elm Street was opened.")
    assert unmade(form, CODER, ASK, ran, back, END) == [place(form, 2)]


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize(
    "text",
    [
        f"I will ask the archive_agent.\n```python\n{ORDER}print(archive_agent(order))\n```",
        "The archive_agent said 1931. I will print it.\n```python\n"
        'print("The bridge of Elm Street was opened in 1931, says the archive.")\n```',
        f"I will show you the order.\n```python\n{ORDER}print(order)\n```",
        "I will ask the archive_agent, once I have the years.\n```python\n"
        'print("Years between which the bridge was opened:", min(years), max(years))\n```',
        "I will ask the archive_agent.\n```python\nprint('ready')\n```",
    ],
)
def test_code_that_calls_or_computes_or_shows_a_result_is_none(form: str, text: str) -> None:
    """Only a text of some length, printed after an announcement by name, and nothing else."""
    assert not unmade(form, CODER, ASK, says(text), ECHOED, END)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_call_that_comes_later_makes_it_good(form: str) -> None:
    """Some look at what they are about to send."""
    call = says("", ("c1", "archive_agent", {"task": "the year of the bridge"}))
    assert not unmade(form, CODER, ASK, says(IN_WORDS), ECHOED, call, gives("c1", "1931"), END)
    coded = says("```python\nprint(archive_agent(order))\n```")
    assert not unmade(form, CODER, ASK, says(IN_WORDS), ECHOED, coded, user("1931"), END)
