"""How much of what the traces say is read: files, kinds, messages, tool calls, token counts.

    python -m benchmarks.ingest_coverage --data DIR

Decodes every trace file below DIR (files and folders called `gold` hold labels, no traces) and
prints one row a folder, then what could not be read and why.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from investigator.formats.folders import files_of
from investigator.formats.source_files import Decoded, Unreadable, read_source
from investigator.traces.model import Span, SpanKind
from investigator.traces.openinference import messages_of, token_counts_of, tool_io_of

COLUMNS = (
    "files",
    "traces",
    "spans",
    "known kind",
    "LLM",
    "… with messages",
    "… with tokens",
    "tool calls",
    "… with name",
    "… arguments",
    "… result",
    "unreadable",
)


@dataclass(slots=True)
class Coverage:
    """What one folder gave."""

    files: set[Path] = field(default_factory=set)
    traces: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    unreadable: list[Unreadable] = field(default_factory=list)

    def row(self) -> list[str]:
        """The cells of the table, in order of `COLUMNS`."""
        counted = {
            **self.counts,
            "files": len(self.files),
            "traces": len(self.traces),
            "unreadable": len(self.unreadable),
        }
        return [f"{counted.get(name, 0):,}" for name in COLUMNS]


def facts_of(span: Span) -> list[str]:
    """The columns that a span counts in."""
    facts = {"spans": True, "known kind": span.kind is not SpanKind.UNKNOWN}
    if span.kind is SpanKind.LLM:
        facts["LLM"] = True
        facts["… with messages"] = bool(messages_of(span))
        facts["… with tokens"] = token_counts_of(span).prompt is not None
    io = tool_io_of(span)
    if io is not None:
        facts["tool calls"] = True
        facts["… with name"] = bool(io.name)
        facts["… arguments"] = io.arguments is not None
        facts["… result"] = io.result is not None
    return [name for name, holds in facts.items() if holds]


def coverage_by_folder(items: Iterable[Decoded | Unreadable], root: Path) -> dict[str, Coverage]:
    """Coverage of each folder below `root`."""
    found: dict[str, Coverage] = {}
    for item in items:
        folder = found.setdefault(item.file.parent.relative_to(root).as_posix(), Coverage())
        folder.files.add(item.file)
        if isinstance(item, Unreadable):
            folder.unreadable.append(item)
        else:
            folder.traces.update(span.trace_id for span in item.spans)
            folder.counts.update(fact for span in item.spans for fact in facts_of(span))
    return found


def trace_files(root: Path) -> list[Path]:
    """Every trace file below `root`, without labels."""
    return [
        file
        for file in files_of([root])
        if "gold" not in file.relative_to(root).with_suffix("").parts
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder of trace files")
    root: Path = parser.parse_args().data
    files = trace_files(root)
    started = time.perf_counter()
    found = coverage_by_folder(read_source(files), root)
    seconds = time.perf_counter() - started
    table = Table("folder", *COLUMNS)
    for folder, coverage in sorted(found.items()):
        table.add_row(folder, *coverage.row())
    console = Console(width=200)
    console.print(table)
    megabytes = sum(file.stat().st_size for file in files) / 1e6
    console.print(f"{len(files):,} files, {megabytes:.1f} MB in {seconds:.1f} s")
    for coverage in found.values():
        for trouble in coverage.unreadable:
            console.print(f"unreadable: {trouble}", style="yellow", highlight=False)


if __name__ == "__main__":
    main()
