"""Models that do not do what their instructions say."""

from __future__ import annotations

from collections.abc import Callable

from demo.agent.domain import Domain
from demo.agent.faults.form import Form
from demo.agent.faults.rig import Rig
from demo.agent.model import Say, Talk, Turn

_LABEL = "instruction_failure"
_FILLER = {
    "support-desk": (
        "Wir freuen uns sehr, dass Sie sich für unsere Ausrüstung entschieden haben, denn draußen "
        "zu sein ist für uns alle etwas Besonderes.",
        "Gerne erzählen wir Ihnen bei dieser Gelegenheit auch, dass unsere Werkstatt seit vielen "
        "Jahren Zelte und Schlafsäcke repariert und dabei auf gutes Material achtet.",
        "Außerdem möchten wir Sie daran erinnern, dass Sie sich auf unserer Seite jederzeit über "
        "neue Touren, Packlisten und Veranstaltungen in Ihrer Nähe informieren können.",
    ),
    "trip-planner": (
        "Travelling by train is a wonderful way to see the country, and many of our customers tell "
        "us that they enjoy the changing views from the window more than the arrival itself.",
        "You may want to bring a book, a warm sweater and something to eat, because the dining car "
        "is popular and the queue can be long at the usual times of the day.",
        "It is also worth arriving early, so that you can find your platform without any hurry and "
        "perhaps have a coffee in one of the pleasant places around the main hall.",
    ),
    "docs-helper": (
        "It is worth knowing some background here.",
        "The team put a lot of thought into this part of the product.",
        "Earlier editions behaved in another way.",
        "Most people never need to change it.",
        "If you do, plan a short test first.",
    ),
}
Alter = Callable[[str, Talk], str]


def _answers(rig: Rig, alter: Alter) -> None:
    """The model's answers are altered while the trouble lasts."""
    domain, trouble = rig.domain, rig.trouble

    def skill(talk: Talk) -> Turn:
        turn = domain.skill(talk)
        if not isinstance(turn, Say) or not trouble.strikes():
            return turn
        trouble.here()
        return Say(alter(turn.text, talk))

    rig.ask(skill)


def _prose(rig: Rig) -> None:
    prose = rig.domain.slips.prose
    assert prose is not None
    _answers(rig, lambda _, talk: prose(talk))


def _careless(rig: Rig) -> None:
    careless = rig.domain.slips.careless
    assert careless is not None
    _answers(rig, lambda text, _: careless(text))


def _off_task(rig: Rig) -> None:
    other = rig.domain.slips.off_task
    assert other is not None
    _answers(rig, lambda _text, _talk: other)


def _foreign(rig: Rig) -> None:
    foreign = rig.domain.slips.foreign
    assert foreign is not None
    _answers(rig, lambda _, talk: foreign(talk))


def _forbidden(rig: Rig) -> None:
    more = rig.domain.slips.forbidden
    _answers(rig, lambda text, _: f"{text} {more}" if not more.startswith("\n") else text + more)


def _rambling(rig: Rig) -> None:
    filler = list(_FILLER[rig.domain.agent])
    rig.rng.shuffle(filler)
    _answers(rig, lambda text, _: f"{' '.join(filler)} {text}")


def _form(
    name: str,
    install: Callable[[Rig], None],
    suits: Callable[[Domain], bool],
    recovers: Callable[[Domain], bool] = lambda _: False,
) -> Form:
    return Form(name, _LABEL, install, suits, recovers)


INSTRUCTION = (
    _form(
        "prose",
        _prose,
        lambda d: d.slips.prose is not None,
        lambda d: d.slips.prose is not None and d.habits.asks_again,
    ),
    _form("careless", _careless, lambda d: d.slips.careless is not None),
    _form("off_task", _off_task, lambda d: d.slips.off_task is not None),
    _form("foreign", _foreign, lambda d: d.slips.foreign is not None),
    _form("said_the_forbidden", _forbidden, lambda d: d.checks is None),
    _form("rambling", _rambling, lambda d: d.agent in _FILLER),
)
