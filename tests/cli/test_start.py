"""What a command imports before it has done anything: what it does not need costs nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

_COMMAND = """
import sys, investigator.cli.main as cli
try: cli.main(sys.argv[1:])
except SystemExit: pass
print(*sys.modules, file=sys.stderr)
"""


def _imported(*arguments: str) -> set[str]:
    """The modules that a command left behind, and the packages that they are in."""
    run = [sys.executable, "-c", _COMMAND, *arguments]
    ended = subprocess.run(run, capture_output=True, text=True, check=True)
    return set(ended.stderr.splitlines()[-1].split())


def _in(rooms: Iterable[str], imported: set[str]) -> set[str]:
    inside = tuple(f"{room}." for room in rooms)
    return {name for name in imported if name in set(rooms) or name.startswith(inside)}


def test_help_imports_neither_the_column_engine_nor_an_engine() -> None:
    of_all, of_one = _imported("--help"), _imported("rca", "--help")
    assert not of_all & {"duckdb", "re2", "yaml", "anyio", "asyncio"}
    assert not of_one & {"duckdb", "re2", "yaml", "anyio", "asyncio"}
    assert not _in(["investigator.inspection", "investigator.rca", "investigator.traces"], of_all)


def test_rules_over_a_file_import_no_model_no_live_source_and_no_controls(tmp_path: Path) -> None:
    chat = tmp_path / "chat.json"
    chat.write_text(json.dumps([{"role": "user", "content": "hi"}]), encoding="utf-8")
    imported = _imported("rca", str(chat), "--runs-dir", str(tmp_path / "runs"))
    assert "investigator.rca.engine" in imported
    of_models = ["pydantic_ai", "openai", "httpx2", "genai_prices", "tiktoken", "pydantic_monty"]
    assert not _in(of_models, imported)
    unused = [
        "investigator.model_planner.model_planner",
        "investigator.runtime.llm_client",
        "investigator.inspection.code_tool",
        "investigator.connectors.phoenix.connection",
        "investigator.controls.library",
        "investigator.compliance",
        "investigator.incident",
    ]
    assert not _in(unused, imported)
