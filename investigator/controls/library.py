"""A control library is a file: built in, by its name, or a user's own, by its path.

A file that does not hold together is refused as a whole, with the lines, the fields and what to
do about each: a control that was silently left out would look like one that passed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from yaml.reader import ReaderError

from investigator.controls import yaml_lines
from investigator.controls.checks import known_checks
from investigator.controls.model import ControlLibrary
from investigator.errors import UsageError

_LIBRARIES = resources.files("investigator.controls") / "libraries"
MAX_BYTES = 4 * 2**20
"""A library of more bytes than this is some other file."""

_SHOWN = 5
_REMEMBERED = 16
"""Libraries that a process keeps parsed: a server may have several teams', a batch has one."""

_HINTS = {
    "extra_forbidden": "no such field here; check its spelling and its indentation",
    "missing": "is required; add it",
    "string_type": "should be text; write it in quotes",
    "tuple_type": "should be a list",
    "model_type": "should be a mapping",
    "model_attributes_type": "should be a mapping",
    "dict_type": "should be a mapping",
    "too_short": "is empty; it needs one at least",
}

BUILT_IN_LIBRARIES: tuple[str, ...] = tuple(
    sorted(
        file.name.removesuffix(".yaml")
        for file in _LIBRARIES.iterdir()
        if file.name.endswith(".yaml")
    )
)
"""The names of the libraries that come with the package."""


def load_library(name_or_path: str | Path) -> ControlLibrary:
    """A built-in library by name, or a user's own by path (YAML or JSON).

    Raises:
        UsageError: no such library, not readable, not YAML (with line and column), or not a
            library (with lines, fields and what to do).
    """
    if str(name_or_path) in BUILT_IN_LIBRARIES:
        return _built_in(str(name_or_path))
    path = Path(name_or_path)
    try:
        if not path.is_file():
            raise UsageError(
                f"no control library '{name_or_path}': it is neither a built-in one "
                f"({', '.join(BUILT_IN_LIBRARIES)}) nor a file"
            )
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise UsageError(
                f"control library {path} is too large: {size:,} bytes, above the limit of "
                f"{MAX_BYTES:,}; is it the file that was meant?"
            )
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"control library {path} cannot be read: {error}") from error
    return parse_library(_decoded(content, path), where=str(path))


def _decoded(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"control library {path}, line {line}: a byte that is not UTF-8; save the file as UTF-8"
        ) from error


@cache
def _built_in(name: str) -> ControlLibrary:
    text = (_LIBRARIES / f"{name}.yaml").read_text(encoding="utf-8")
    return parse_library(text, where=name)


def parse_library(text: str, *, where: str) -> ControlLibrary:
    """The library that a text is; `where` names the text in errors.

    A text is parsed once a process, whatever file it stands in.

    Raises:
        UsageError: as `load_library`.
    """
    try:
        return _library_in(text, tuple(known_checks()))
    except _NoLibrary as error:
        raise UsageError(f"control library {where}{error}") from error


class _NoLibrary(Exception):
    """Why a text is no library, to be read behind the name of its file."""


@lru_cache(maxsize=_REMEMBERED)
def _library_in(text: str, checks: tuple[str, ...]) -> ControlLibrary:  # noqa: ARG001
    """The library that a text is where these checks are known: a plug-in may bring more."""
    root, content, twice = _read(text)
    if root is None or content is None:
        raise _NoLibrary(
            " is empty; it needs version, description and controls "
            "(`controls-v1` shows what one looks like)"
        )
    if not isinstance(content, dict):
        raise _NoLibrary(
            f", line {root.start_mark.line + 1}: it holds a {_shape(content)}, not a mapping of "
            "version, description and controls; put the list of controls under `controls:`"
        )
    if twice:
        raise _NoLibrary(
            _refusal([f"line {n}: the key '{key}' stands here twice" for n, key in twice])
        )
    try:
        return ControlLibrary.model_validate(content)
    except ValidationError as error:
        raise _NoLibrary(_refusal(list(_problems(error, root, content)))) from error
    except RecursionError as error:
        raise _NoLibrary(" is nested too deeply to be one") from error


def _read(text: str) -> yaml_lines.YamlText:
    """The nodes and the values of a text. Tabs may indent JSON, but not YAML."""
    try:
        content = _json_in(text)
        if content is not None:
            return yaml_lines.with_lines(text, content)
        return yaml_lines.read_yaml(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
        raise _NoLibrary(f" is not YAML or JSON: {place}{error.problem}") from error
    except ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise _NoLibrary(
            f" is not YAML or JSON: line {line}, column {column}: "
            f"character #x{error.character:04x} may not stand here"
        ) from error
    except RecursionError as error:
        raise _NoLibrary(" is nested too deeply to be one") from error
    except ValueError as error:
        raise _NoLibrary(f" is not YAML or JSON: {error}") from error


def _json_in(text: str) -> Any:
    """The value of a JSON object or list; None where the text is none."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _shape(content: object) -> str:
    return "list" if isinstance(content, list) else "single value"


def _problems(error: ValidationError, root: yaml.Node, content: dict[str, Any]) -> Iterator[str]:
    for path, message in _told(error.errors()):
        field = ".".join(map(str, path))
        line = yaml_lines.line_of(root, path)
        yield f"line {line}: {_named(path, content)}{field + ': ' if field else ''}{message}"


def _told(errors: list[ErrorDetails]) -> Iterator[tuple[yaml_lines.Path, str]]:
    """Path and message of each error.

    Left out is what follows from an error below: a list that is too short without its bad items.
    """
    paths = [error["loc"] for error in errors]
    for error in errors:
        if any(len(path) > len(error["loc"]) == _shared(path, error["loc"]) for path in paths):
            continue
        said = error["msg"].removeprefix("Value error, ")
        yield error["loc"], _HINTS.get(error["type"], said)


def _shared(path: yaml_lines.Path, above: yaml_lines.Path) -> int:
    """How many parts of `above` the path begins with."""
    return len(above) if path[: len(above)] == above else 0


def _named(path: yaml_lines.Path, content: dict[str, Any]) -> str:
    """The control that a path leads into, by its id where it has one."""
    controls = content.get("controls")
    index = path[1] if len(path) > 1 and path[0] == "controls" else None
    if not isinstance(controls, list) or not isinstance(index, int) or index >= len(controls):
        return ""
    one = controls[index]
    control_id = one.get("control_id") if isinstance(one, dict) else None
    return f"{control_id}, " if isinstance(control_id, str) else ""


def _refusal(problems: list[str]) -> str:
    more = len(problems) - _SHOWN
    rest = [f"and {more} more"] if more > 0 else []
    return "\n  ".join([":", *problems[:_SHOWN], *rest])
