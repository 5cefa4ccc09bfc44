"""A path names files: itself, those of a folder to any depth, or what a glob matches.

In a folder only the names that trace files have are looked at (and tables, to be named where they
hold traces), nothing hidden, and no run of the investigator's own. Links are followed, each folder
once. What cannot be a file (a FIFO, a loop of links, a folder that may not be listed) stays in the
list, so that whoever reads it names it.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from investigator.errors import SourceUnavailable
from investigator.formats.foreign_tables import holds_an_export

TRACE_SUFFIXES = frozenset(
    {".json", ".jsonl", ".ndjson", ".parquet", ".traj", ".eval", ".zip", ".gz", ".zst"}
    | {".otlp", ".pb", ".binpb"}
)
"""The files that are looked at in a folder."""

_PACKED = (".gz", ".zst")
_JOURNAL, _RECORD, _OUTPUT, _LOCK = "events.jsonl", "run_record.json", "output.json", "run.lock"
_FIRST_EVENT = b'"chain"'
_KINDS = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def spelt_path(path: Path | str) -> str:
    """A path as text that can be written, bytes that are no UTF-8 as `\\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def stem_of(path: Path) -> str:
    """What a file is called without its suffix, and without that of what it is packed in."""
    name = path.stem if path.suffix.lower() in _PACKED else path.name
    return spelt_path(Path(name).stem)


def has_trace_suffix(name: str) -> bool:
    """Whether a file of a folder is looked at."""
    return Path(name).suffix.lower() in TRACE_SUFFIXES


def suffixes_said() -> str:
    """The names of trace files, for a message."""
    return " ".join(sorted(TRACE_SUFFIXES))


def has_hidden_part(parts: Sequence[str]) -> bool:
    """Whether a file or a folder above it is hidden, or is what macOS adds to archives."""
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)


def files_of(paths: Sequence[Path | str]) -> tuple[Path, ...]:
    """The files that the paths name, each once; folders and globs in order of path.

    Raises:
        SourceUnavailable: a path does not exist, is no file, or holds no file to look at.
    """
    found = [file for path in paths for file in _files_of_path(path)]
    return tuple(dict.fromkeys(found))


def no_file(path: Path) -> str | None:
    """Why a path cannot be read as a file; None where it can.

    Raises:
        OSError: nothing is known of it: it vanished, or its links lead nowhere.
    """
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        loops = path.is_symlink()
        return "a link back to a folder above it" if loops else "a folder that cannot be listed"
    kind = next((name for is_kind, name in _KINDS if is_kind(mode)), None)
    return None if kind is None else f"{kind}, not a file"


def _files_of_path(given: Path | str) -> list[Path]:
    if not str(given):
        raise SourceUnavailable("'' isn't a source; name a file, a folder or a glob")
    path = Path(given)
    if path.is_dir():
        files = _walk(path)
        if not files and is_run_folder(path):
            raise SourceUnavailable(
                f"'{spelt_path(path)}' is a run of the investigator, not traces; "
                "`investigator show` shows it"
            )
    elif os.path.lexists(path):
        files = [_named(path)]
    else:
        files = _glob(path)
    if not files:
        raise SourceUnavailable(
            f"no traces at '{spelt_path(path)}': found no file of {suffixes_said()} there"
        )
    return files


def _named(path: Path) -> Path:
    """A file that is named itself is always tried, unless it is none."""
    try:
        wrong = no_file(path)
    except OSError as error:
        raise SourceUnavailable(
            f"'{spelt_path(path)}' cannot be read: {error.strerror or error}"
        ) from error
    if wrong is not None:
        raise SourceUnavailable(
            f"'{spelt_path(path)}' is {wrong}; write what comes out of it to a file and name that"
        )
    return path


def is_run_folder(folder: Path) -> bool:
    """Whether a folder is a run of the investigator: its journal, and what is written beside it."""
    journal = folder / _JOURNAL
    if not journal.is_file():
        return False
    if any((folder / name).exists() for name in (_RECORD, _LOCK)):
        return True
    try:
        with journal.open("rb") as file:
            return _FIRST_EVENT in file.readline(2**16)
    except OSError:
        return False


def _walk(folder: Path) -> list[Path]:
    return sorted(_below(folder, set()))


def _below(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    """The files to look at, and each folder that cannot be looked into."""
    try:
        state = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        yield folder
        return
    seen.add((state.st_dev, state.st_ino))
    if is_run_folder(folder):
        return
    for entry in entries:
        path = folder / entry.name
        if entry.name.startswith("."):
            continue
        if not _is_folder(entry):
            if has_trace_suffix(entry.name) or holds_an_export(path):
                yield path
        elif not _was_seen(path, seen):
            yield from _below(path, seen)
        elif (path.is_symlink() and path.resolve() in folder.resolve().parents) or (
            path.resolve() == folder.resolve()
        ):
            yield path


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _was_seen(folder: Path, seen: set[tuple[int, int]]) -> bool:
    try:
        state = folder.stat()
    except OSError:
        return False
    return (state.st_dev, state.st_ino) in seen


def _glob(pattern: Path) -> list[Path]:
    if not glob.has_magic(str(pattern)):
        raise SourceUnavailable(f"no file or folder '{spelt_path(pattern)}'")
    any_suffix = Path(pattern.name).suffix not in ("", ".*")
    matches = [Path(match) for match in sorted(glob.glob(str(pattern), recursive=True))]
    folders = [file for match in matches if match.is_dir() for file in _walk(match)]
    files = [
        match
        for match in matches
        if not match.is_dir()
        and (any_suffix or has_trace_suffix(match.name) or holds_an_export(match))
    ]
    return sorted({*files, *folders})
