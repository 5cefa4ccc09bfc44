"""Score reports against TRAIL's labels, beside the rule "every span with error status".

    python -m benchmarks.trail --data ../shared/data/trail/gaia [--reports reports.jsonl]

Without `--reports` the rules are run on the spot. Labels are read here and nowhere else.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import replace
from pathlib import Path

from benchmarks.reports import readings, reports_by_rules, reports_from_file, traces_in
from benchmarks.scores import SetScore, calibration_error, score_sets
from investigator.rca.report import Outcome, RCAReport
from investigator.rca.taxonomy import Taxonomy, load_taxonomy
from investigator.readings.faults import Fault
from investigator.signals.formats import detect_format_violations
from investigator.signals.model import Signal
from investigator.traces.model import Span, StatusCode, Trace

Pair = tuple[str, str]
Pairs = Mapping[str, Set[Pair]]


def main() -> None:
    """Print the scores of the reports and of the baseline."""
    arguments = _arguments()
    taxonomy = load_taxonomy("trail")
    gold = _gold(arguments.data / "gold", taxonomy)
    traces = arguments.data / "traces"
    found = (
        reports_from_file(arguments.reports)
        if arguments.reports
        else reports_by_rules(traces, "trail")
    )
    reports = {key: found.reports[key] for key in gold if key in found.reports}
    outcomes = Counter(report.outcome.value for report in reports.values())
    print(f"traces {len(gold)}, reports {len(reports)}, outcomes {dict(sorted(outcomes.items()))}")
    if found.slowest_s is not None:
        print(f"slowest trace {found.slowest_s:.2f} s")
    predicted = _predicted(reports)
    _print_scores("reports", gold, predicted)
    for name, half in zip(("even", "odd"), _halves(gold), strict=True):
        _print_scores(f"reports, {name} traces", half, _of(half, predicted))
    cut = _cut_off_tags(traces, taxonomy)
    print(f"\n{sum(map(len, cut.values()))} answers had a demanded tag cut off by a stop sequence")
    without = {key: pairs - (cut[key] - predicted.get(key, set())) for key, pairs in gold.items()}
    _print_scores("reports, without the labels that only such tags match", without, predicted)
    with_tags = {key: found | cut.get(key, set()) for key, found in predicted.items()}
    _print_scores("reports, if such a tag counted as missing", gold, with_tags)
    _print_scores("error status", gold, _error_status(traces, gold))
    _print_primary(gold, reports)


def places_line(folder: Path) -> str:
    """What the rules find of the labels, in one line, and how far their confidences are off."""
    taxonomy = load_taxonomy("trail")
    gold = _gold(folder / "gold", taxonomy)
    reports = reports_by_rules(folder / "traces", "trail").reports
    score = score_sets(gold, _predicted(reports))
    stated = [
        (finding.confidence, (finding.span_id, finding.category) in gold[key])
        for key, report in reports.items()
        for finding in report.findings
        if key in gold
    ]
    return (
        f"trail: pair F1 {score.f1:.3f}, joint {score.recall_mean:.3f} at "
        f"{score.predicted_per_trace:.2f} findings a trace; ECE of findings "
        f"{calibration_error(stated):.3f} (n = {len(stated)})"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder with traces/ and gold/")
    parser.add_argument("--reports", type=Path, help="one RCAReport a line, taxonomy `trail`")
    return parser.parse_args()


def _gold(folder: Path, taxonomy: Taxonomy) -> dict[str, set[Pair]]:
    """(location, category) pairs by trace id; spellings of one category are one."""
    gold: dict[str, set[Pair]] = {}
    for path in sorted(folder.glob("*.json")):
        errors = json.loads(path.read_text(encoding="utf-8"))["errors"]
        gold[path.stem] = {(e["location"], _canonical(e["category"], taxonomy)) for e in errors}
    return gold


def _canonical(name: str, taxonomy: Taxonomy) -> str:
    category = taxonomy.category(name)
    return name if category is None else category.id


def _halves(gold: Pairs) -> tuple[Pairs, Pairs]:
    """Every other trace by its id: mechanisms are found on the even ones alone."""
    keys = sorted(gold)
    return _of(keys[::2], gold), _of(keys[1::2], gold)


def _of(keys: Iterable[str], pairs: Pairs) -> Pairs:
    return {key: pairs.get(key, set()) for key in keys}


def _predicted(reports: Mapping[str, RCAReport]) -> dict[str, set[Pair]]:
    return {
        key: {(finding.span_id, finding.category) for finding in report.findings}
        for key, report in reports.items()
    }


def _cut_off_tags(folder: Path, taxonomy: Taxonomy) -> dict[str, set[Pair]]:
    """What would be found if the stop sequences, which stand in the requests, were not recorded."""
    category = taxonomy.faults[Fault.FORMAT_VIOLATION]
    found: dict[str, set[Pair]] = {}
    for trace in traces_in(folder):
        recorded = set(map(_span_id, detect_format_violations(readings(trace))))
        bare = Trace(trace.trace_id, map(_without_request, trace.spans))
        missed = set(map(_span_id, detect_format_violations(readings(bare)))) - recorded
        found[trace.trace_id] = {(span_id, category) for span_id in missed}
    return found


def _span_id(signal: Signal) -> str:
    return signal.span_id


def _without_request(span: Span) -> Span:
    kept = {key: value for key, value in span.attributes.items() if key != "input.value"}
    return replace(span, attributes=kept)


def _error_status(folder: Path, gold: Pairs) -> dict[str, set[Pair]]:
    """Every span with error status, as the category that the labels name most often."""
    counts = Counter(category for pairs in gold.values() for _, category in pairs)
    commonest = counts.most_common(1)[0][0]
    return {
        trace.trace_id: {
            (span.span_id, commonest) for span in trace.spans if span.status is StatusCode.ERROR
        }
        for trace in traces_in(folder)
    }


def _print_scores(name: str, gold: Pairs, predicted: Pairs) -> None:
    places = score_sets(_places(gold), _places(predicted))
    pairs = score_sets(gold, predicted)
    print(f"\n{name}")
    _print_line("location", places)
    _print_line("location and category", pairs)


def _places(pairs: Pairs) -> dict[str, set[str]]:
    return {key: {place for place, _ in items} for key, items in pairs.items()}


def _print_line(name: str, score: SetScore) -> None:
    print(
        f"  {name:22} accuracy {score.recall_mean:.3f}  precision {score.precision:.3f}  "
        f"recall {score.recall:.3f}  F1 {score.f1:.3f}  mean F1 {score.f1_mean:.3f}  "
        f"predictions a trace {score.predicted_per_trace:.2f}"
    )


def _print_primary(gold: Pairs, reports: Mapping[str, RCAReport]) -> None:
    """How often the root cause named first is a labelled place at all."""
    failures = [r for r in reports.values() if r.outcome is Outcome.FAILURE]
    places = _places(gold)
    hits = sum(report.findings[0].span_id in places[report.trace_id] for report in failures)
    print(f"\nroot cause on a labelled span: {hits} of {len(failures)} failures")


if __name__ == "__main__":
    main()
