"""Tools that break, and models that call them wrongly or do not mind that they failed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from random import Random

from demo.agent.domain import PATIENCE, Domain
from demo.agent.faults.form import Form
from demo.agent.faults.rig import Rig, Trouble
from demo.agent.model import Call, Message, Say, Skill, Talk, Turn, failed
from demo.agent.tools import Arguments, Bench, Run
from investigator.ground.canonical_json import JsonValue

_LABEL = "tool_failure"
_REFUSALS: tuple[JsonValue, ...] = (
    {"status": "error", "message": "table is locked by a running import"},
    {"error": {"code": "E_INTERNAL", "message": "could not build the result"}},
    {"status": "error", "message": "worker pool exhausted, job 7731 was dropped"},
)


def _target(rig: Rig) -> str:
    return rig.rng.choice(rig.domain.unbacked).tool


def _broken(rig: Rig, bad: Run) -> None:
    """One tool's function is a bad one while the trouble lasts."""
    name, trouble = _target(rig), rig.trouble
    tool = rig.tools[name]

    def run(bench: Bench, arguments: Arguments) -> JsonValue:
        if not trouble.strikes():
            return tool.run(bench, arguments)
        trouble.in_tool()
        return bad(bench, arguments)

    rig.tools[name] = replace(tool, run=run)


def _none_has_no_text(bench: Bench, arguments: Arguments) -> JsonValue:
    bench.clock.pass_ms(12)
    found = {str(k): v for k, v in arguments.items()}.get("tenant")
    return found.strip()  # type: ignore[union-attr]


def _divides(bench: Bench, arguments: Arguments) -> JsonValue:
    bench.clock.pass_ms(12)
    return round(len(arguments) / 0, 2)


def _runs_off(bench: Bench, arguments: Arguments) -> JsonValue:
    bench.clock.pass_ms(12)
    return list(arguments.values())[len(arguments)]


def _bug(rig: Rig) -> None:
    _broken(rig, rig.rng.choice((_none_has_no_text, _divides, _runs_off)))


def _hang(rig: Rig) -> None:
    def run(bench: Bench, arguments: Arguments) -> JsonValue:
        bench.clock.pass_ms(65_000)
        return dict(arguments)

    _broken(rig, run)


def _refuse(rig: Rig) -> str:
    refusal = rig.rng.choice(_REFUSALS)
    name, trouble = _target(rig), rig.trouble
    tool = rig.tools[name]

    def run(bench: Bench, arguments: Arguments) -> JsonValue:  # noqa: ARG001
        trouble.in_tool()
        bench.clock.pass_ms(20)
        return refusal

    rig.tools[name] = replace(tool, run=run)
    return name


def _not_minded(rig: Rig) -> None:
    """The tool answers with an error, and the model goes on as if it knew the result."""
    name = _refuse(rig)
    made_up = json.dumps(_made_up(rig.domain, name, rig.rng))

    def skill(talk: Talk) -> Turn:
        believed = [
            replace(m, content=made_up)
            if m.role == "tool" and m.name == name and failed(m.content or "")
            else m
            for m in talk.messages
        ]
        return rig.domain.skill(Talk(believed))

    rig.ask(skill)


def _made_up(domain: Domain, tool: str, rng: Random) -> JsonValue:
    """A result that looks right: that of another case."""
    if tool.startswith("compute"):
        value = round(rng.uniform(3, 60), 1)
        return {"percent": value, "total_weight": value, "weight_unit": "kg"}
    prefixes = {"get_report": "/reports/", "get_stock": "/stock/", "get_item": "/items/",
                "get_fare": "/fares/", "lookup_order": "/v1/orders/",
                "get_release": "/releases/"}  # fmt: skip
    return domain.routes[prefixes[tool]](f"X{rng.randrange(100)}/Y")


def _again_and_again(rig: Rig) -> None:
    """The tool answers with an error, and the model makes the same call until it is stopped."""
    name = _refuse(rig)

    def skill(talk: Talk) -> Turn:
        kept: list[Message] = [
            m for m in talk.messages if not (m.role == "tool" and m.name == name)
        ]
        return rig.domain.skill(Talk(kept))

    rig.ask(skill)


def _miscall(rig: Rig, wrong: Callable[[Call, Talk], Call]) -> None:
    """The model calls something else than it should, and gives up after a second try."""
    name, trouble, domain = _target(rig), rig.trouble, rig.domain

    def skill(talk: Talk) -> Turn:
        turn = domain.skill(talk)
        if not isinstance(turn, Call) or turn.tool != name:
            return turn
        call = wrong(turn, talk)
        if len(talk.failures(call.tool)) >= PATIENCE:
            return Say(domain.sorry(name))
        if not _strikes(trouble):
            return turn
        trouble.here()
        return call

    rig.ask(skill)


def _strikes(trouble: Trouble) -> bool:
    return trouble.strikes()


def _misfit(rig: Rig) -> None:
    _miscall(rig, lambda _, talk: rig.domain.slips.misfit(talk))


def _unknown(rig: Rig) -> None:
    name = rig.domain.slips.unknown_tool
    _miscall(rig, lambda call, _: Call(name, call.arguments))


def _wrong_argument(rig: Rig) -> None:
    spoil = rig.rng.choice((_left_out, _misnamed, _mistyped))
    _miscall(rig, lambda call, _: Call(call.tool, spoil(dict(call.arguments))))


def _left_out(arguments: dict[str, JsonValue]) -> Arguments:
    return dict(list(arguments.items())[:-1])


def _misnamed(arguments: dict[str, JsonValue]) -> Arguments:
    *others, (name, value) = arguments.items()
    return dict(others) | {f"{name}_value": value}


def _mistyped(arguments: dict[str, JsonValue]) -> Arguments:
    *others, (name, value) = arguments.items()
    wrong: JsonValue = [value] if isinstance(value, str) else f"about {value}"
    return dict(others) | {name: wrong}


def _unbacked(domain: Domain) -> bool:
    return bool(domain.unbacked)


def _told(domain: Domain) -> bool:
    return not domain.habits.raises and _unbacked(domain)


def _form(name: str, install: Callable[[Rig], None], *, recovers: bool) -> Form:
    return Form(name, _LABEL, install, _unbacked, _told if recovers else lambda _: False)


TOOLING = (
    _form("bug", _bug, recovers=True),
    _form("hang", _hang, recovers=True),
    _form("misfit_tool", _misfit, recovers=True),
    _form("unknown_tool", _unknown, recovers=True),
    _form("wrong_argument", _wrong_argument, recovers=True),
    _form("error_not_minded", _not_minded, recovers=False),
    _form("again_and_again", _again_and_again, recovers=False),
)

__all__ = ["TOOLING", "Skill"]
