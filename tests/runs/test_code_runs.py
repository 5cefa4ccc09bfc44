"""Runs in which a model runs code: on record, replayed without running it, resumed with it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from investigator import RCA, Settings, investigate
from investigator.inspection.code_sandbox import has_sandbox
from investigator.inspection.code_tool import RUN_CODE
from investigator.runs.planners import PlannerChoice, optional_tools
from investigator.runs.run_store import replay_run, resume_run
from investigator.runs.verification import verify_run
from investigator.runtime.events import ToolSettled
from investigator.runtime.journal import FILE, read_entries
from investigator.runtime.llm_client import ModelSettings
from investigator.runtime.status import RunStatus
from investigator.testing.model_server import Behaviour, ModelServer, ReceivedRequest, says
from investigator.traces.parquet import write_spans
from tests.builders import span

CODE = "print(len(steps()), 'steps')\nprint(text('t0'))"
FOUND = "1 steps\n{}\n503 from upstream\n"
TURNS = (
    {"type": "tool_call", "tool_name": RUN_CODE, "args": {"code": CODE, "offset": 0}},
    {"type": "finalize", "output": {"findings": [], "gaps": ["looked by code"], "summary": "?"}},
)


class Says:
    """A model that says these turns, by the number of the turn that it is asked for."""

    def __init__(self, turns: Sequence[object]) -> None:
        self._turns = [json.dumps({"action": turn}) for turn in turns]

    def __call__(self, request: ReceivedRequest) -> Behaviour:
        prompt = str(request.body["messages"][-1]["content"])
        number = int(prompt[prompt.rindex("\n## Turn ") :].split()[2])
        return says(self._turns[min(number, len(self._turns) - 1)])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "spans.parquet"
    failed = span(
        "call",
        kind="TOOL",
        status="ERROR",
        attributes={"tool.name": "fetch", "input.value": "{}", "output.value": "503 from upstream"},
    )
    write_spans([failed], path)
    return path


def choice(server: ModelServer) -> PlannerChoice:
    model = ModelSettings(model="scripted", base_url=server.base_url, max_retries=0)
    return PlannerChoice(planner="model", model=model)


def asked(source: Path, runs: Path, server: ModelServer) -> None:
    settings = Settings(runs_dir=runs, run_id="r", planner=choice(server))
    assert investigate(source, RCA(), settings).report is not None


def pages(run_dir: Path) -> list[dict[str, object]]:
    found = [e.event for e in read_entries(run_dir) if isinstance(e.event, ToolSettled)]
    return [json.loads(event.page) for event in found]


def without_the_package(work: str, runs: Path) -> str:
    """What a process prints in which the sandbox cannot be imported."""
    program = (
        "import sys; from pathlib import Path; sys.modules['pydantic_monty'] = None\n"
        "from investigator.runs.run_store import replay_run, resume_run\n"
        f"print({work.format(runs=f'Path({str(runs)!r})')})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_code_and_its_result_are_on_record_and_replayed(source: Path, tmp_path: Path) -> None:
    """Replay feeds the page that is recorded: it needs neither the model nor the sandbox."""
    runs = tmp_path / "runs"
    with ModelServer(Says(TURNS)) as server:
        asked(source, runs, server)
    record = json.loads((runs / "r" / "run_record.json").read_text(encoding="utf-8"))
    assert record["runtime_ref"]["optional_tools"] == [RUN_CODE]
    (page,) = pages(runs / "r")
    assert page["text"] == FOUND
    assert page["read"]
    assert verify_run("r", runs).problems == ()
    assert replay_run("r", runs).difference is None
    assert without_the_package("replay_run('r', {runs}).difference", runs) == "None"


@pytest.mark.slow
def test_a_run_killed_after_its_code_ran_resumes_without_running_it_again(
    source: Path, tmp_path: Path
) -> None:
    """The recorded page is what the next turn sees; one killed before that runs the code."""
    runs = tmp_path / "runs"
    with ModelServer(Says(TURNS)) as server:
        asked(source, runs, server)
        journal = runs / "r" / FILE
        lines = journal.read_bytes().splitlines(keepends=True)
        output = (runs / "r" / "output.json").read_bytes()
        (settled,) = [n for n, line in enumerate(lines) if b'"tool_settled"' in line]
        for kept, resumed in ((settled + 1, without_the_package), (settled, None)):
            journal.write_bytes(b"".join(lines[:kept]))
            (runs / "r" / "run_record.json").unlink()
            (runs / "r" / "output.json").unlink()
            if resumed is None:
                assert resume_run("r", runs).status is RunStatus.SUCCEEDED
            else:
                assert resumed("resume_run('r', {runs}).status", runs) == "succeeded"
            assert [page["text"] for page in pages(runs / "r")] == [FOUND]
            assert (runs / "r" / "output.json").read_bytes() == output


def test_code_is_offered_to_models_where_there_is_a_sandbox(source: Path, tmp_path: Path) -> None:
    """Rules write none, and their records are the same with the package and without it."""
    assert has_sandbox()
    assert not has_sandbox("no-such-package-as-this")
    assert optional_tools(PlannerChoice()) == ()
    result = investigate(source, RCA(), Settings(runs_dir=tmp_path / "runs", run_id="rules"))
    assert result.record.runtime_ref.optional_tools == ()
    assert "optional_tools" not in result.record.model_dump_json()
    with ModelServer(Says(TURNS)) as server:
        asked(source, tmp_path / "runs", server)
        assert "run_code" in json.dumps(server.requests[0].body)
