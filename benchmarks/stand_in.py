"""What the product shows to a model, judged by a reader that answers over an endpoint.

    python -m benchmarks.stand_in --data ../shared/data --base-url http://127.0.0.1:8080/v1
        --out FOLDER [--cases who_and_when-2,field,…] [--model NAME] [--side-by-side 4]

The reader behind the endpoint may be a model or a person: it has the prompts and nothing else.
Each case is one run with the model planner; runs and prompts stay in FOLDER, a case that has run
there isn't run again, and without --base-url the table of those is all that is made. Cases are
chosen by rule (`benchmarks.stand_in_cases`); labels are read for the table alone. A sample of
this size tells a keyhole from a window, and not one good model from another.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.recorder import recorded
from benchmarks.stand_in_cases import Case, chosen_cases
from benchmarks.stand_in_score import Hits, Row, row_of
from investigator.errors import InvestigatorError
from investigator.runs.engines import engine_named
from investigator.runs.investigation import ainvestigate, run_now
from investigator.runs.planners import PlannerChoice
from investigator.runs.settings import Settings
from investigator.runtime.llm_client import ModelSettings
from investigator.runtime.record import RECORD_FILE

TURNS, CUT, STEP, FIRST_THREE, AGENT = 4, 0.10, 0.30, 0.75, 0.55
"""What is aimed at; the last three are what a reader of the whole conversation reached."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Start the runs that are missing and print the table."""
    given = _arguments(arguments)
    cases = _named(chosen_cases(given.data), given.cases)
    if given.base_url is not None:
        with recorded(given.base_url, given.out / "prompts", given.timeout) as address:
            run_now(lambda: run_missing(cases, address, given))
    rows = [
        row_of(case, given.out / "runs", given.out / "prompts" / case.name)
        for case in cases
        if _has_run(case, given.out)
    ]
    print("\n".join(table(rows)))


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="the folder of all sets")
    parser.add_argument("--out", type=Path, required=True, help="where runs and prompts are kept")
    parser.add_argument("--base-url", help="an OpenAI-compatible endpoint; none: only the table")
    parser.add_argument("--cases", default="", help="names of cases or sets, with commas; all")
    parser.add_argument("--model", default="stand-in", help="the model's name at the endpoint")
    parser.add_argument("--api-key-env", help="the environment variable that holds the key")
    parser.add_argument("--reply-tokens", type=int, default=2500, help="the most of one reply")
    parser.add_argument("--timeout", type=float, default=3000.0, help="seconds for one reply")
    parser.add_argument("--wall-time", type=float, default=9000.0, help="seconds for one run")
    parser.add_argument("--side-by-side", type=int, default=4, help="runs at once")
    return parser.parse_args(arguments)


def _named(cases: Sequence[Case], names: str) -> list[Case]:
    wanted = {name.strip() for name in names.split(",") if name.strip()}
    known = {name for case in cases for name in (case.name, case.set_name)}
    if unknown := wanted - known:
        raise SystemExit(f"no such case: {', '.join(sorted(unknown))}; {', '.join(sorted(known))}")
    return [c for c in cases if not wanted or {c.name, c.set_name} & wanted]


def _has_run(case: Case, out: Path) -> bool:
    return (out / "runs" / case.name / RECORD_FILE).is_file()


async def run_missing(cases: Sequence[Case], address: str, given: argparse.Namespace) -> None:
    """The runs that are not there, so many at once; what a broken-off one left is removed."""
    at_once = asyncio.Semaphore(given.side_by_side)

    async def run(case: Case) -> None:
        for kept in ("runs", "prompts"):
            shutil.rmtree(given.out / kept / case.name, ignore_errors=True)
        async with at_once:
            try:
                result = await ainvestigate(
                    case.source, case.question, _settings(case, address, given)
                )
            except InvestigatorError as error:
                print(f"{case.name}: {error}", file=sys.stderr)
            else:
                print(f"{case.name}: {result.status.value}", file=sys.stderr)

    await asyncio.gather(*(run(case) for case in cases if not _has_run(case, given.out)))


def _settings(case: Case, address: str, given: argparse.Namespace) -> Settings:
    model = ModelSettings(
        model=given.model,
        base_url=f"{address}/{case.name}",
        api_key_env=given.api_key_env,
        timeout_s=given.timeout,
        max_output_tokens=given.reply_tokens,
    )
    budget = engine_named(case.question.engine).default_budget
    return Settings(
        planner=PlannerChoice(planner="model", model=model),
        budget=budget.model_copy(update={"wall_time_s": given.wall_time}),
        runs_dir=given.out / "runs",
        run_id=case.name,
    )


def table(rows: Sequence[Row]) -> Iterator[str]:
    """A line for each run, then medians and shares beside what is aimed at.

    `read` are results, `more` those that their tool bounded, `cut` those never shown whole.
    """
    yield (
        f"{'case':16} turns {'in':>7} {'out':>6} repeated  read  more  cut  refused  children  "
        f"{'status':9} {'verdict':13} agent step  in 3  ±1"
    )
    yield from map(_line, rows)
    yield from _sums(rows)
    lost = [f"  {row.case.name}: {text}" for row in rows for text in row.lost]
    yield f"lost or moved back of what a reader concluded: {len(lost)}"
    yield from lost


def _line(row: Row) -> str:
    hits = row.hits
    counts = f"{row.results:5} {row.bounded:5} {row.cut:4} {row.refused:8} {row.children:9}"
    verdict = row.verdict + {None: "", True: " +", False: " -"}[hits.verdict]
    words = map(_word, (hits.agent, hits.step, hits.first_three, hits.within_one))
    return (
        f"{row.case.name:16} {row.turns:5} {row.tokens_in:7,} {row.tokens_out:6,} "
        f"{row.repeated:8.0%} {counts}  {row.status:9} {verdict:15} "
        + " ".join(f"{word:5}" for word in words).rstrip()
    )


def _word(hit: bool | None) -> str:
    return {None: ".", True: "yes", False: "no"}[hit]


def _sums(rows: Sequence[Row]) -> Iterator[str]:
    fitting = [row.turns for row in rows if row.whole and row.case.question.engine == "rca"]
    if fitting:
        told = f"median turns {statistics.median(fitting):g} (at most {TURNS})"
        yield f"root cause, the run shown whole: n = {len(fitting)}, {told}"
    results, cut = sum(row.results for row in rows), sum(row.cut for row in rows)
    share = cut / results if results else 0.0
    bounded = sum(row.bounded for row in rows)
    told = f"cut on first showing {cut} ({share:.0%}, at most {CUT:.0%})"
    yield f"results of reads: {results}, bounded by their tool {bounded}, {told}"
    for name in dict.fromkeys(row.case.set_name for row in rows):
        own = [row for row in rows if row.case.set_name == name]
        shares = filter(None, (_share(own, word, get, aim) for word, get, aim in _MEASURES))
        if told := ", ".join(shares):
            yield f"{name}: n = {len(own)}, {told}"


_MEASURES: tuple[tuple[str, Callable[[Hits], bool | None], float], ...] = (
    ("agent", lambda hits: hits.agent, AGENT),
    ("exact step", lambda hits: hits.step, STEP),
    ("among the first three", lambda hits: hits.first_three, FIRST_THREE),
    ("within one", lambda hits: hits.within_one, 0.0),
    ("verdict", lambda hits: hits.verdict, 0.0),
)


def _share(
    rows: Sequence[Row], word: str, get: Callable[[Hits], bool | None], aim: float
) -> str | None:
    told = [hit for row in rows if (hit := get(row.hits)) is not None]
    if not told:
        return None
    aimed = f", aimed at {aim:.0%}" if aim and rows[0].case.set_name == "who_and_when" else ""
    return f"{word} {sum(told)} of {len(told)} ({sum(told) / len(told):.0%}{aimed})"


if __name__ == "__main__":
    main()
