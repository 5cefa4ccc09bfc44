"""What differs between two snapshots, file by file; equal snapshots have an empty diff.

The whole text of a diff is what its evidence reference stands for, so it is never shortened;
`shown` is the bounded form for people, without secrets.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from enum import StrEnum

from investigator.ground.canonical_json import sha256_text
from investigator.ground.redaction import Redactor
from investigator.ground.wording import counted
from investigator.snapshots.model import Snapshot
from investigator.traces.evidence import EvidenceKind, EvidenceRef

_COMPARED_LINES = 4_000
_CONTEXT = 3


class FileStatus(StrEnum):
    """What became of a file."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class FileDiff:
    """One file that differs; a hash is None where the file is not in that snapshot."""

    path: str
    status: FileStatus
    base_hash: str | None
    target_hash: str | None
    unified: str


@dataclass(frozen=True, slots=True)
class ConfigDiff:
    """What differs from the snapshot `base` to `target`, in order of path.

    `text` is the whole diff, `sha256` its hash, `evidence` the reference that stands for it.
    """

    base: str
    target: str
    entries: tuple[FileDiff, ...]
    text: str
    sha256: str
    evidence: EvidenceRef

    def shown(self, redactor: Redactor, limit: int = 2_000) -> str:
        """The diff for people: without secrets, at most `limit` characters, cut at a line."""
        text = redactor.redact(self.text).text
        if len(text) <= limit:
            return text
        return (
            f"{text[:limit].rpartition(chr(10))[0]}\n… ({counted(len(text), 'character')} in all)"
        )


def config_diff(base: Snapshot, target: Snapshot) -> ConfigDiff:
    """What changed from `base` to `target`."""
    paths = sorted({*base.files, *target.files})
    entries = tuple(
        _file_diff(path, base.files.get(path), target.files.get(path))
        for path in paths
        if base.files.get(path) != target.files.get(path)
    )
    head = f"config diff {base.info.tag} -> {target.info.tag}"
    text = "\n".join([head, *(entry.unified for entry in entries)])
    sha256 = sha256_text(text)
    return ConfigDiff(
        base=base.info.tag,
        target=target.info.tag,
        entries=entries,
        text=text,
        sha256=sha256,
        evidence=EvidenceRef(
            trace_id=None,
            span_id=None,
            kind=EvidenceKind.CONFIG_DIFF,
            ref=f"configdiff:{sha256}",
            excerpt_hash=sha256,
            ts=target.info.created_at,
        ),
    )


def _file_diff(path: str, base: str | None, target: str | None) -> FileDiff:
    if base is None:
        status = FileStatus.ADDED
    elif target is None:
        status = FileStatus.REMOVED
    else:
        status = FileStatus.CHANGED
    return FileDiff(
        path=path,
        status=status,
        base_hash=None if base is None else sha256_text(base),
        target_hash=None if target is None else sha256_text(target),
        unified=_unified(path, base, target),
    )


def _unified(path: str, base: str | None, target: str | None) -> str:
    old, new = _lines(base), _lines(target)
    names = (
        "/dev/null" if base is None else f"a/{path}",
        "/dev/null" if target is None else f"b/{path}",
    )
    if len(old) + len(new) <= _COMPARED_LINES:
        lines = list(difflib.unified_diff(old, new, *names, lineterm="", n=_CONTEXT))
    else:
        lines = [f"--- {names[0]}", f"+++ {names[1]}", *_as_one_block(old, new)]
    return "\n".join(lines or [f"--- {names[0]}", f"+++ {names[1]}"])


def _lines(text: str | None) -> list[str]:
    return text.split("\n") if text else []


def _as_one_block(old: list[str], new: list[str]) -> list[str]:
    """Long files: all between the lines that both begin and end with, in linear time."""
    shorter = min(len(old), len(new))
    head = next((i for i in range(shorter) if old[i] != new[i]), shorter)
    rest = shorter - head
    tail = next((i for i in range(rest) if old[-1 - i] != new[-1 - i]), rest)
    gone, come = old[head : len(old) - tail], new[head : len(new) - tail]
    at = f"@@ -{head + 1},{len(gone)} +{head + 1},{len(come)} @@"
    return [at, *(f"-{line}" for line in gone), *(f"+{line}" for line in come)]
