"""What a configuration snapshot is: a tag, a time where one is known, and text files by path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from investigator.ground.canonical_json import JsonValue


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """One row of the list of snapshots.

    `created_at` is RFC 3339 (UTC) and None where the metadata name no time; `content_hash` is a
    sha256 over the paths and normalised contents of the files. `metadata` are the free fields.
    `skipped` names, with the reason, what lies in the folder and is not part of the snapshot.
    """

    tag: str
    created_at: str | None
    created_ns: int | None
    project: str | None
    file_count: int
    content_hash: str
    metadata: Mapping[str, JsonValue]
    skipped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot with its files: normalised text by path (`/` between the parts)."""

    info: SnapshotInfo
    files: Mapping[str, str]


def normalised(text: str) -> str:
    """The text with one kind of line ending, and with none at its end."""
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
