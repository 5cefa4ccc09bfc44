"""Which tests a command runs: the core and a sample of the rest, what needs servers, or all.

`slow` marks what takes more than a few seconds, `integration` what starts a real server or browser.
Of each the core runs the first case in each file, so that no kind goes untried; what is left out is
counted, with the command that runs it.
"""

from __future__ import annotations

from collections import Counter

import pytest

TIERS = ("core", "integration", "all")
_SERVERS = frozenset({"shared_phoenix", "shared_mlflow"})
"""Fixtures that start a real server: a test with one is an integration test without a mark."""

_LEFT_OUT = pytest.StashKey[Counter[str]]()
_WHY = {
    "slow": "long tests (`make test-all`)",
    "integration": "with real servers or a browser (`make integration`)",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--tier`."""
    words = "core: all but most cases of slow and integration tests (default); integration; all"
    parser.addoption("--tier", choices=TIERS, default="core", help=words)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the tier does not run."""
    tier = config.getoption("--tier")
    if tier == "all":
        return
    kept: list[pytest.Item] = []
    left: list[pytest.Item] = []
    counted: Counter[str] = Counter()
    sampled: set[str] = set()
    for item in items:
        kind = _kind_of(item)
        if tier == "integration":
            chosen = kind == "integration"
        else:
            sample = f"{kind} {item.path}"
            chosen = kind is None or sample not in sampled
            sampled.add(sample)
            counted[kind or ""] += not chosen
        (kept if chosen else left).append(item)
    config.stash[_LEFT_OUT] = counted
    config.hook.pytest_deselected(items=left)
    items[:] = kept


def _kind_of(item: pytest.Item) -> str | None:
    if _SERVERS.intersection(getattr(item, "fixturenames", ())):
        return "integration"
    return next((kind for kind in reversed(_WHY) if item.get_closest_marker(kind)), None)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Take over what a worker process counted: all of them count the same."""
    output = getattr(node, "workeroutput", {})
    config = getattr(node, "config", None)
    if isinstance(config, pytest.Config) and "left_out" in output:
        config.stash[_LEFT_OUT] = Counter(output["left_out"])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what was counted to the process that reports."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["left_out"] = dict(session.config.stash.get(_LEFT_OUT, None) or {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out, and how to run it."""
    counted = terminalreporter.config.stash.get(_LEFT_OUT, None) or Counter[str]()
    told = [f"{counted[kind]:,} {why}" for kind, why in _WHY.items() if counted[kind]]
    if told:
        words = "left out, beyond the first case of each file"
        terminalreporter.write_line(f"{words}: {', '.join(told)}")
