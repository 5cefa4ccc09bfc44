"""What `metadata.json` or `metadata.yaml` says of a snapshot; odd metadata are a usage error.

JSON is read as the YAML it is. Known fields are `tag`, `project` and the time of deployment
(`deployed_at`, else `created_at`); all others are kept as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import yaml

from investigator.errors import UsageError
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import iso_time, parse_time

FILE_NAMES = ("metadata.json", "metadata.yaml", "metadata.yml")

_TIMES = ("deployed_at", "created_at")
_KNOWN = frozenset({"tag", "project", *_TIMES})
_MAX_BYTES = 2**18
_MAX_VALUES = 10_000
_MAX_DEPTH = 20


@dataclass(frozen=True, slots=True)
class SnapshotMetadata:
    """Metadata of one snapshot; `created_ns` is None where they name no time."""

    created_ns: int | None
    project: str | None
    free: Mapping[str, JsonValue]


NO_METADATA = SnapshotMetadata(created_ns=None, project=None, free={})


def read_metadata(folder: Path) -> SnapshotMetadata:
    """The metadata of the snapshot in `folder`; `NO_METADATA` where it has no such file.

    Raises:
        UsageError: the file does not parse or does not hold together; names file and place.
    """
    files = [folder / name for name in FILE_NAMES if (folder / name).is_file()]
    if not files:
        return NO_METADATA
    if len(files) > 1:
        both = " and ".join(file.name for file in files)
        raise UsageError(f"snapshot {folder} has {both}; keep one of them")
    content = _mapping(files[0])
    tag = content.get("tag")
    if tag is not None and tag != folder.name:
        raise UsageError(f"{files[0]}: tag is {tag!r}, but the folder is named '{folder.name}'")
    project = content.get("project")
    if project is not None and not isinstance(project, str):
        raise UsageError(f"{files[0]}: project is {project!r}, not text")
    return SnapshotMetadata(
        created_ns=_time(content, files[0]),
        project=project,
        free={key: value for key, value in content.items() if key not in _KNOWN},
    )


def _mapping(file: Path) -> dict[str, JsonValue]:
    try:
        raw = file.read_bytes()
        if len(raw) > _MAX_BYTES:
            raise UsageError(f"{file} is larger than {_MAX_BYTES:,} bytes")
        content = yaml.safe_load(raw.decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise UsageError(f"{file} is not JSON or YAML: {_place(error)}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UsageError(f"{file} isn't a mapping; it needs fields such as tag and deployed_at")
    return _Plain(file).mapping(content, 0)


def _place(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    return str(error)


def _time(content: Mapping[str, JsonValue], file: Path) -> int | None:
    for key in _TIMES:
        value = content.get(key)
        if value is None:
            continue
        try:
            if not isinstance(value, str):
                raise ValueError("not text")
            moment = parse_time(value)
            iso_time(moment)
        except (ValueError, OverflowError) as error:
            raise UsageError(
                f"{file}: {key} is {value!r}, not an ISO 8601 time such as 2026-03-02T09:14:00Z"
            ) from error
        return moment
    return None


class _Plain:
    """YAML values as JSON values, of bounded number and depth (an alias may repeat or nest)."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._count = 0

    def mapping(self, values: Mapping[object, object], depth: int) -> dict[str, JsonValue]:
        return {str(key): self._value(value, depth + 1) for key, value in values.items()}

    def _value(self, value: object, depth: int) -> JsonValue:
        self._count += 1
        if self._count > _MAX_VALUES or depth > _MAX_DEPTH:
            raise UsageError(
                f"{self._file} holds more than {_MAX_VALUES:,} values or {_MAX_DEPTH} levels"
            )
        if value is None or isinstance(value, str | bool | int):
            return value
        if isinstance(value, datetime | date):
            return value.isoformat()
        if isinstance(value, Mapping):
            return self.mapping(value, depth)
        if isinstance(value, list | tuple | set):
            return [self._value(item, depth + 1) for item in value]
        if isinstance(value, float) and value - value == 0:
            return value
        return str(value)
