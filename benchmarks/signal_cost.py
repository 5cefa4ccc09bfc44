"""What the signals of a trace cost: CPU time beside that of decoding the same trace from JSON.

    python -m benchmarks.signal_cost --data ../shared/data [--top 10]

Each trace of TRAIL is read once. The times are of everything between its spans and its signals:
messages, conversation, steps, every detector. The baseline is the decoding of its attributes from
JSON text in the same process, so the ratio says the same on every machine. A reading that several
detectors share counts for the first one that asks for it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks.reports import readings, traces_in
from investigator.readings.reading import Readings
from investigator.signals.detect import detect, detectors
from investigator.signals.model import Detector
from investigator.traces.model import Trace

_REPEATS = 20
"""So often a trace is decoded: once takes too little time to be measured beside other processes."""


def _cpu_ms(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1000


def _decode(texts: Sequence[str]) -> None:
    for text in (*texts,) * _REPEATS:
        json.loads(text)


def _signals(trace: Trace) -> None:
    detect(readings(trace))


def _signals_of(detector: Detector, shared: Readings) -> None:
    deque(detector.detect(shared), maxlen=0)


def main() -> None:
    """Print the cost of a trace, then that of the most expensive detectors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="the folder of all sets")
    parser.add_argument("--top", type=int, default=10, help="so many detectors are printed")
    given = parser.parse_args()
    known = detectors()
    costs, decoded = list[float](), list[float]()
    by_detector: dict[str, list[float]] = {one.name: [] for one in known}
    for trace in traces_in(given.data / "trail" / "gaia" / "traces"):
        texts = [json.dumps(dict(span.attributes)) for span in trace.spans]
        decoded.append(_cpu_ms(partial(_decode, texts)) / _REPEATS)
        costs.append(_cpu_ms(partial(_signals, trace)))
        shared = readings(trace)
        for one in known:
            by_detector[one.name].append(_cpu_ms(partial(_signals_of, one, shared)))
    ratio = sum(costs) / sum(decoded)
    print(f"{len(costs)} traces, CPU of all signals: median {statistics.median(costs):.1f} ms, "
          f"mean {statistics.fmean(costs):.1f}, most {max(costs):.0f}; "
          f"{ratio:.1f} times that of decoding them")  # fmt: skip
    print(f"{'detector':24} {'median':>7} {'mean':>7} {'most':>7}  ms")
    for name, found in sorted(by_detector.items(), key=lambda one: -sum(one[1]))[: given.top]:
        print(f"{name:24} {statistics.median(found):7.2f} {statistics.fmean(found):7.2f} "
              f"{max(found):7.1f}")  # fmt: skip


if __name__ == "__main__":
    main()
