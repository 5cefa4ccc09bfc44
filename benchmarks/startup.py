"""What a command costs before it has done anything: CPU time of a fresh process, and its ratio.

    python -m benchmarks.startup [--times 10]

Each command runs several times in turn with an interpreter that does nothing and one that only
imports the libraries that every run needs. Printed is the least user plus system time of each, and
how many times that of those imports it is, which is the same on every machine.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

_CLI = ("-m", "investigator")
_LIBRARIES = "import asyncio, duckdb, pydantic, re2, rich.console, typer, yaml"


def _commands(folder: Path) -> dict[str, tuple[str, ...]]:
    """Arguments of the interpreter by what they are called in the table."""
    turns = [
        {"role": "user", "content": "Where is order A-17?"},
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "c1", "function": {"name": "find_order", "arguments": '{"id": "A-17"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "Error: no such order"},
    ]
    chat = folder / "chat.json"
    chat.write_text(json.dumps(turns), encoding="utf-8")
    runs = ("--runs-dir", str(folder / "runs"))
    return {
        "python": ("-c", "pass"),
        "libraries": ("-c", _LIBRARIES),
        "import investigator": ("-c", "import investigator"),
        "--help": (*_CLI, "--help"),
        "rca --help": (*_CLI, "rca", "--help"),
        "rca of three spans": (*_CLI, "rca", str(chat), *runs),
    }


def _cpu_ms(arguments: tuple[str, ...], compiled: Path) -> float:
    """Of a process that finds its modules compiled, as an installed package has them."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = {**kept, "PYTHONPYCACHEPREFIX": str(compiled)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) * 1000


def main() -> None:
    """Print one line for each command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--times", type=int, default=10, help="how often each is run")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        commands, compiled = _commands(Path(folder)), Path(folder) / "compiled"
        for arguments in commands.values():
            _cpu_ms(
                arguments, compiled
            )  # so that the disk and Python's caches are warm for all of them
        costs = {name: list[float]() for name in commands}
        for _ in range(given.times):
            for name, arguments in commands.items():
                costs[name].append(_cpu_ms(arguments, compiled))
    base = min(costs["libraries"])
    print(f"{'command':22} {'CPU ms':>7} {'ratio':>6}")
    for name, found in costs.items():
        print(f"{name:22} {min(found):7.0f} {min(found) / base:6.2f}")


if __name__ == "__main__":
    main()
