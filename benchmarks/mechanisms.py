"""Each mechanism of failure on runs that were made up for it, and on healthy look-alikes.

    python -m benchmarks.mechanisms [--seeds 11 12 13] [--only failures pairing] [--missed]

A run of a kind is drawn anew for each seed and written in five forms (OpenAI, Anthropic and
LangChain messages, `gen_ai.*` and OpenInference spans). Found is a run of whose fault an open
signal speaks, by a right name at a right step; named is one with the right name anywhere. A false
alarm is a healthy run with any open signal that would make it a failure.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping
from random import Random
from typing import NamedTuple

from benchmarks.made_up import calls, second, words
from benchmarks.made_up.case import Case, Maker
from benchmarks.made_up.forms import FORMS, SPANS, place, written
from benchmarks.reports import readings
from investigator.claims.confidence import SUPPORTED
from investigator.signals.detect import detect

MECHANISMS: Mapping[str, Maker] = {
    "failures": calls.failures,
    "pairing": calls.pairing,
    "endings": calls.endings,
    "claims": calls.claims,
    "recovery": calls.recovery,
    "refusals": calls.refusals,
    "limits": calls.limits,
    "partial": calls.partial,
    "empty": words.empty,
    "passages": words.passages,
    "contradictions": words.contradictions,
    "rules": words.rules,
    "origins": words.origins,
    "failures, 2": second.failures,
    "claims, 2": second.claims,
    "recovery, 2": second.recovery,
    "partial, 2": second.partial,
    "empty, 2": second.empty,
    "contradictions, 2": second.contradictions,
    "rules, 2": second.rules,
    "origins, 2": second.origins,
}


class Outcome(NamedTuple):
    """What came of one run in one form; `seen` are its open signals, by fault."""

    case: Case
    form: str
    found: bool
    named: bool
    seen: tuple[str, ...]


def main() -> None:
    """Print recall and false alarms of each mechanism."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="of the runs")
    parser.add_argument("--only", nargs="*", choices=sorted(MECHANISMS), help="these alone")
    parser.add_argument("--missed", action="store_true", help="name what was missed or called")
    given = parser.parse_args()
    print(f"{'mechanism':18} {'runs':>5} {'found':>6} {'named':>6}  {'healthy':>7} {'called':>6}")
    for name in given.only or MECHANISMS:
        outcomes = [one for seed in given.seeds for one in outcomes_of(name, seed)]
        print(_line(name, outcomes))
        for line in _missed(outcomes) if given.missed else ():
            print(line)


def outcomes_of(mechanism: str, seed: int) -> Iterator[Outcome]:
    """What comes of each run of a mechanism, drawn by a seed, in each form."""
    for case in MECHANISMS[mechanism](Random(f"{mechanism} {seed}")):
        for form in _forms(case):
            found = [
                signal
                for signal in detect(readings(written(case, form)))
                if signal.open and signal.strength >= SUPPORTED
            ]
            right = [signal for signal in found if signal.fault.value in case.faults]
            places = {place(form, index) for index in case.at}
            yield Outcome(
                case,
                form,
                found=any({s.origin_id, s.span_id} & places for s in right),
                named=bool(right),
                seen=tuple(sorted({signal.fault.value for signal in found})),
            )


def _forms(case: Case) -> tuple[str, ...]:
    """Transcripts tell nothing of spans that are no turns, and not why an answer ended."""
    return SPANS if case.spans is not None or case.ended else tuple(FORMS)


def _line(name: str, outcomes: list[Outcome]) -> str:
    sick = [one for one in outcomes if one.case.faults]
    healthy = [one for one in outcomes if not one.case.faults]
    found, named = (sum(getattr(one, key) for one in sick) for key in ("found", "named"))
    called = sum(bool(one.seen) for one in healthy)
    return (
        f"{name:18} {len(sick):5} {found / len(sick):6.1%} {named / len(sick):6.1%}  "
        f"{len(healthy):7} {called:6}"
    )


def _missed(outcomes: list[Outcome]) -> Iterator[str]:
    """Each kind that was missed or called in some form, with the forms and what was seen."""
    kinds: dict[tuple[bool, str], Counter[str]] = {}
    for one in outcomes:
        if one.case.faults and not one.found:
            kinds.setdefault((True, one.case.kind), Counter())[f"{one.form} {one.seen}"] += 1
        elif not one.case.faults and one.seen:
            kinds.setdefault((False, one.case.kind), Counter())[f"{one.form} {one.seen}"] += 1
    for (is_missed, kind), forms in kinds.items():
        listed = "; ".join(f"{form} x{n}" for form, n in sorted(forms.items()))
        yield f"    {'missed' if is_missed else 'called'} {kind}: {listed}"


if __name__ == "__main__":
    main()
