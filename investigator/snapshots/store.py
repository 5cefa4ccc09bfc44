"""A folder of snapshots, read once: what it holds is listed in order of time, then tag.

Files that are no UTF-8 text, too large or reached by a symbolic link out of their snapshot are
not part of it; they are named in `SnapshotInfo.skipped`. Hidden files are not looked at.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import permutations
from pathlib import Path

from investigator.errors import UsageError
from investigator.ground.canonical_json import sha256_json
from investigator.snapshots.diff import ConfigDiff, config_diff
from investigator.snapshots.metadata import FILE_NAMES, SnapshotMetadata, read_metadata
from investigator.snapshots.model import Snapshot, SnapshotInfo, normalised
from investigator.traces.evidence import EvidenceKind, EvidenceRef
from investigator.traces.model import iso_time

MAX_FILE_BYTES = 4 * 2**20
"""The largest file that is taken for configuration."""

_NAMED = 20


class SnapshotStore:
    """Snapshots by tag. Nothing here writes."""

    def __init__(self, snapshots: Mapping[str, Snapshot]) -> None:
        self._snapshots = dict(
            sorted(snapshots.items(), key=lambda item: _order(item[1].info)),
        )
        self._diffs: dict[tuple[str, str], ConfigDiff] = {}

    def list_config_snapshots(self) -> tuple[SnapshotInfo, ...]:
        """Every snapshot, by time of creation (without one last), then by tag."""
        return tuple(snapshot.info for snapshot in self._snapshots.values())

    @property
    def content_hash(self) -> str:
        """sha256 over the tags, times and contents of all snapshots."""
        return sha256_json(
            [[i.tag, i.created_at, i.content_hash] for i in self.list_config_snapshots()]
        )

    def get_config_snapshot(self, tag: str) -> Snapshot:
        """The snapshot of that tag.

        Raises:
            UsageError: no snapshot has the tag; the message lists those that are known.
        """
        found = self._snapshots.get(tag)
        if found is None:
            known = ", ".join(list(self._snapshots)[:_NAMED]) or "none"
            more = len(self._snapshots) - _NAMED
            rest = f" and {more:,} more" if more > 0 else ""
            raise UsageError(f"no config snapshot '{tag}'; known are: {known}{rest}")
        return found

    def get_config_diff(self, base: str, target: str) -> ConfigDiff:
        """What changed from the snapshot `base` to the snapshot `target`.

        Raises:
            UsageError: one of the tags is unknown.
        """
        if (base, target) not in self._diffs:
            self._diffs[base, target] = config_diff(
                self.get_config_snapshot(base), self.get_config_snapshot(target)
            )
        return self._diffs[base, target]

    def problem(self, ref: EvidenceRef) -> str | None:
        """Why `ref` does not resolve to a diff of two snapshots here; None when it does."""
        if ref.kind is not EvidenceKind.CONFIG_DIFF:
            return f"{ref.ref} is no config diff"
        made = {diff.evidence.ref: diff.evidence for diff in self._diffs.values()}
        found = made.get(ref.ref) or self._all_refs.get(ref.ref)
        if found is None:
            return f"{ref.ref} is no diff of two known config snapshots"
        return None if found == ref else f"{ref.ref} resolves to other content"

    @cached_property
    def _all_refs(self) -> dict[str, EvidenceRef]:
        """The diff of every ordered pair, by reference: asked for only by refs not made here."""
        snapshots = self._snapshots.values()
        pairs = (config_diff(base, target) for base, target in permutations(snapshots, 2))
        return {diff.evidence.ref: diff.evidence for diff in pairs}


def open_snapshots(folder: Path | str) -> SnapshotStore:
    """The snapshots in `folder`: each folder in it is one, named by its tag.

    Raises:
        UsageError: there is no such folder, or it holds no snapshot, or metadata do not hold
            together.
    """
    root = Path(folder)
    if not root.is_dir():
        raise UsageError(f"no folder '{root}' of config snapshots")
    tags = sorted(
        entry.name
        for entry in root.iterdir()
        if entry.is_dir() and not entry.is_symlink() and not entry.name.startswith(".")
    )
    if not tags:
        raise UsageError(f"no config snapshots in '{root}': it needs one folder for each tag")
    return SnapshotStore({tag: _read(root / tag) for tag in tags})


def _order(info: SnapshotInfo) -> tuple[bool, int, str]:
    return (info.created_ns is None, info.created_ns or 0, info.tag)


def _read(folder: Path) -> Snapshot:
    metadata = read_metadata(folder)
    files: dict[str, str] = {}
    skipped: list[str] = []
    for file in sorted(_files(folder)):
        path = file.relative_to(folder).as_posix()
        text = _text(file, folder.resolve())
        if isinstance(text, _Skipped):
            skipped.append(f"{_printable(path)}: {text}")
        else:
            files[_printable(path)] = normalised(text)
    return Snapshot(info=_info(folder.name, metadata, files, skipped), files=files)


def _info(
    tag: str, metadata: SnapshotMetadata, files: Mapping[str, str], skipped: list[str]
) -> SnapshotInfo:
    return SnapshotInfo(
        tag=tag,
        created_at=iso_time(metadata.created_ns),
        created_ns=metadata.created_ns,
        project=metadata.project,
        file_count=len(files),
        content_hash=sha256_json(dict(files)),
        metadata=metadata.free,
        skipped=tuple(skipped),
    )


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in (*names, *(name for name in folders if (Path(place) / name).is_symlink())):
            own = Path(place) == folder and name in FILE_NAMES
            if not own and not name.startswith("."):
                yield Path(place) / name


class _Skipped(str):
    """Why a file is not part of its snapshot."""

    __slots__ = ()


def _text(file: Path, inside: Path) -> str | _Skipped:
    try:
        real = file.resolve()
        if not real.is_relative_to(inside):
            return _Skipped("a link out of the snapshot")
        if not real.is_file():
            return _Skipped("not a file")
        if real.stat().st_size > MAX_FILE_BYTES:
            return _Skipped(f"larger than {MAX_FILE_BYTES:,} bytes")
        text = real.read_bytes().decode("utf-8-sig")
    except OSError as error:
        return _Skipped(f"cannot be read: {error.strerror or error}")
    except UnicodeDecodeError:
        return _Skipped("not UTF-8 text")
    return _Skipped("binary") if "\x00" in text else text


def _printable(path: str) -> str:
    return path.encode("utf-8", "replace").decode("utf-8")
