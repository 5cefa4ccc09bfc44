"""Windows around a release: what is deployed changes at a known time, and runs fail because of it.

A quiet window has no release, or one that changes nothing that matters; stray failures may
happen in it, as they do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from random import Random

from demo.agent.domain import Domain
from demo.agent.domains import DOCS, FINANCE, INVENTORY, SUPPORT, TRAVEL
from demo.agent.faults.form import Install
from demo.agent.faults.rig import Rig
from demo.agent.faults.upstream import UPSTREAM
from demo.agent.manifest import SeededIncident
from demo.agent.model import Call, Say, Talk, Turn
from demo.agent.runs import Ran, run_once
from demo.agent.tools import Arguments, Bench, fetched
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import iso_time

BEFORE, AFTER = 16, 14
_START_NS = int(datetime(2026, 4, 6, 6, tzinfo=UTC).timestamp()) * 10**9
_BETWEEN_NS = 240 * 10**9
_DAY_NS = 24 * 3_600 * 10**9


@dataclass(frozen=True, slots=True)
class Release:
    """What a release makes of the agent, and what kind of change it is."""

    change: str | None
    install: Install | None
    stray: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """A window of one agent with a release in it, if any."""

    name: str
    domains: tuple[Domain, ...]
    release: Release


@dataclass(frozen=True, slots=True)
class Window:
    """The runs of a window, the snapshots of what was deployed (text by path), the truth."""

    told: SeededIncident
    runs: tuple[Ran, ...]
    snapshots: Mapping[str, str]


def windows(seed: int) -> Iterator[Window]:
    """Every scenario, each on a day of its own."""
    for day, scenario in enumerate(SCENARIOS):
        rng = Random(f"incident/{seed}/{scenario.name}")
        domain = rng.choice(scenario.domains)
        yield _window(scenario, domain, f"{seed}/{scenario.name}", _START_NS + day * _DAY_NS, rng)


def _window(scenario: Scenario, domain: Domain, seed: str, start_ns: int, rng: Random) -> Window:
    release = scenario.release
    before = BEFORE + rng.randrange(-3, 4)
    released_ns = start_ns + before * _BETWEEN_NS - _BETWEEN_NS // 3
    runs = []
    failing = 0
    for number in range(before + AFTER):
        installs: list[Install] = []
        if number >= before and release.install is not None:
            installs.append(release.install)
        if release.stray and number % 9 == 4:
            installs.append(rng.choice(UPSTREAM[:5]).install)
            failing += 1
        at = start_ns + number * _BETWEEN_NS + rng.randrange(_BETWEEN_NS // 4)
        ran = run_once(domain, f"{seed}/{number}", at, installs=installs)
        failing += ran.began is not None and not release.stray
        runs.append(ran)
    told = SeededIncident(
        name=scenario.name,
        folder=f"incidents/{scenario.name}",
        agent=domain.agent,
        change=release.change,
        released_at=iso_time(released_ns) if release.install is not None else None,
        traces=len(runs),
        failing=failing,
    )
    return Window(told, tuple(runs), _snapshots(domain, release, start_ns, released_ns))


def _snapshots(
    domain: Domain, release: Release, start_ns: int, released_ns: int
) -> Mapping[str, str]:
    """What was deployed before, and after the release if there is one."""
    found = dict(_snapshot(domain, None, "release-41", start_ns - _DAY_NS))
    if release.install is not None:
        found |= _snapshot(domain, release.install, "release-42", released_ns)
    return found


def _snapshot(
    domain: Domain, install: Install | None, tag: str, at_ns: int
) -> Iterator[tuple[str, str]]:
    rig = Rig.bare(domain)
    if install is not None:
        install(rig)
    metadata = {"tag": tag, "deployed_at": iso_time(at_ns), "project": "demo-agent"}
    tools = [tool.definition for tool in rig.tools.values()]
    yield f"{tag}/metadata.json", json.dumps(metadata, indent=1) + "\n"
    yield f"{tag}/prompt.txt", rig.instructions + "\n"
    yield f"{tag}/tools.json", json.dumps(tools, indent=1) + "\n"
    model = {"model": rig.settings.model, "provider": rig.settings.provider}
    yield f"{tag}/model.json", json.dumps(model | json.loads(rig.settings.parameters)) + "\n"


def _another_prompt(rig: Rig) -> None:
    """The form of the answer is worded anew, and the code that reads it is not."""
    rig.instructions = rig.instructions.replace('"figure"', '"value"').replace(
        '"source"', '"report"'
    )
    domain, trouble = rig.domain, rig.trouble

    def skill(talk: Talk) -> Turn:
        turn = domain.skill(talk)
        if isinstance(turn, Say):
            trouble.here()
            held = json.loads(turn.text)
            told = {"value": held["figure"], "unit": held["unit"], "period": held["period"]}
            return Say(json.dumps(told | {"report": held["source"]}))
        return turn

    rig.ask(skill)


def _another_model(rig: Rig) -> None:
    """A smaller model, which now and then gets the form of an argument wrong."""
    rig.settings = replace(rig.settings, model="atlas-4-nano")
    domain, trouble = rig.domain, rig.trouble
    if rig.rng.random() < 0.15:
        return

    def skill(talk: Talk) -> Turn:
        turn = domain.skill(talk)
        if isinstance(turn, Call) and turn.tool == domain.unbacked[-1].tool:
            trouble.here()
            name, value = next(iter(turn.arguments.items()))
            return Call(turn.tool, dict(turn.arguments) | {name: f"{name}: {value}"})
        return turn

    rig.ask(skill)


def _another_tool(rig: Rig) -> None:
    """A tool's new version asks a resource that the service does not have."""
    name = rig.domain.unbacked[0].tool
    tool = rig.tools[name]
    run = fetched("/v2" + "/".join(("", *(f"{{{p.name}}}" for p in tool.parameters))))
    trouble = rig.trouble

    def newer(bench: Bench, arguments: Arguments) -> JsonValue:
        trouble.in_tool()
        return run(bench, arguments)

    extra = tuple(replace(p, description=f"{p.description} (exact)") for p in tool.parameters)
    rig.tools[name] = replace(
        tool,
        description=f"{tool.description} Uses the second version of the service.",
        parameters=extra,
        run=newer,
    )


def _fewer_tokens(rig: Rig) -> None:
    """Answers are cut, since they may be a few tokens long only."""
    rig.settings = replace(rig.settings, max_tokens=12)
    domain, trouble = rig.domain, rig.trouble

    def skill(talk: Talk) -> Turn:
        turn = domain.skill(talk)
        if isinstance(turn, Say):
            trouble.here()
        return turn

    rig.ask(skill)


def _harmless(rig: Rig) -> None:
    """Words of the prompt that nothing depends on."""
    rig.instructions = rig.instructions + "\nBe friendly."


SCENARIOS = (
    Scenario("prompt-release", (FINANCE,), Release("prompt", _another_prompt)),
    Scenario("model-release", (SUPPORT, DOCS, INVENTORY), Release("model", _another_model)),
    Scenario("tool-release", (SUPPORT, DOCS, TRAVEL), Release("tools", _another_tool)),
    Scenario("parameter-release", (DOCS, FINANCE), Release("parameters", _fewer_tokens)),
    Scenario("quiet", (SUPPORT, TRAVEL, DOCS), Release(None, None)),
    Scenario("quiet-with-strays", (SUPPORT, TRAVEL), Release(None, None, stray=True)),
    Scenario("harmless-release", (DOCS, INVENTORY), Release(None, _harmless)),
)
