"""A shard is there as a whole or not at all: made beside its place, brought to the disk, renamed.

Whoever makes a shard again finds it and does nothing; two who make it at once make the same, and
the first name wins.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from investigator.errors import UsageError
from investigator.fleet.plan import sha256_of_file
from investigator.ground.files import sync_folder
from investigator.runs.scanned_runs import SHARDS_FOLDER
from investigator.runtime.budget import NOTHING, Amounts

WORK_FOLDER = "work"
MANIFEST_FILE = "manifest.json"


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileHash(_Closed):
    """A file of a shard, as it was published."""

    bytes: int
    sha256: str


class Segment(_Closed):
    """The runs that were opened: how many, and the chain value of the last."""

    runs: int
    head: str


class Manifest(_Closed):
    """What a shard holds. `verdicts` counts reports by engine and verdict.

    `used` are the tokens and the cost (micro-USD) of its runs; `cost_known` says whether the price
    of each was known.
    """

    schema_version: Literal["1.0.0"] = "1.0.0"
    scan: str
    number: int
    traces: int
    rows: dict[str, int]
    verdicts: dict[str, dict[str, int]]
    unjudged: int = 0
    flagged: int = 0
    files: dict[str, FileHash]
    segment: Segment | None = None
    used: Amounts = NOTHING
    cost_known: bool = True


def shard_folder(results: Path, number: int) -> Path:
    """Where a shard is published."""
    return results / SHARDS_FOLDER / f"{number:05d}"


def work_folder(results: Path, number: int) -> Path:
    """Where a shard keeps the runs that have begun, until it is published."""
    return results / WORK_FOLDER / f"{number:05d}"


def published(results: Path, number: int) -> Manifest | None:
    """The manifest of a shard that is there; None where it is not.

    Raises:
        UsageError: what is there cannot be read.
    """
    path = shard_folder(results, number) / MANIFEST_FILE
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise UsageError(
            f"'{path}' is no manifest of a shard: {error.errors()[0]['msg']}"
        ) from None


@contextmanager
def alone_with(results: Path, number: int) -> Iterator[Path]:
    """Be the only one on this machine that makes a shard; its folder for work.

    Whoever comes second waits, and then finds the shard published.
    """
    folder = work_folder(results, number)
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    finally:
        os.close(descriptor)


@contextmanager
def scratch_folder(work: Path) -> Iterator[Path]:
    """Where the files of a shard are made; what a process that died left there goes first."""
    for left in work.glob("making-*"):
        shutil.rmtree(left, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix="making-", dir=work))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def hashes_of(folder: Path) -> dict[str, FileHash]:
    """The files of a folder, by name."""
    return {
        path.name: FileHash(bytes=path.stat().st_size, sha256=sha256_of_file(path))
        for path in sorted(folder.iterdir())
    }


def publish(made: Path, manifest: Manifest, results: Path) -> None:
    """Give a shard its name; what it was made with goes."""
    text = manifest.model_dump_json(indent=1) + "\n"
    (made / MANIFEST_FILE).write_text(text, encoding="utf-8")
    for path in made.iterdir():
        _bring_to_disk(path)
    sync_folder(made)
    place = shard_folder(results, manifest.number)
    place.parent.mkdir(parents=True, exist_ok=True)
    made.chmod(0o755 if manifest.segment is None else 0o700)
    try:
        os.rename(made, place)
    except OSError:
        if published(results, manifest.number) is None:
            raise
    sync_folder(place.parent)
    shutil.rmtree(work_folder(results, manifest.number), ignore_errors=True)
    with suppress(OSError):
        (results / WORK_FOLDER).rmdir()


def _bring_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
