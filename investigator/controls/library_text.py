"""The text of a library: what it says, and at which line, and how a refusal tells what is wrong.

A text that does not hold together is refused as a whole, with lines, fields and what to do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from yaml.reader import ReaderError

from investigator.controls import yaml_lines

_SHOWN = 5

_HINTS = {
    "missing": "is required; add it",
    "string_type": "should be text; write it in quotes",
    "tuple_type": "should be a list",
    "model_type": "should be a mapping",
    "model_attributes_type": "should be a mapping",
    "dict_type": "should be a mapping",
    "too_short": "is empty; it needs one at least",
}


class NoLibrary(Exception):
    """Why a text is no library, to be read behind the name of its file."""


@dataclass(frozen=True, slots=True)
class LibraryText:
    """A text that is a mapping: its value, and the node that has the lines."""

    root: yaml.Node
    content: dict[str, Any]

    def line(self, path: yaml_lines.Path) -> int:
        """The line at which that stands, or the deepest part of it that is there."""
        return yaml_lines.line_of(self.root, path)

    def refusal(self, path: yaml_lines.Path, message: str) -> NoLibrary:
        """What is wrong at one place."""
        return NoLibrary(told_together([self.told(path, message)]))

    def refusals(
        self,
        error: ValidationError,
        place: Callable[[yaml_lines.Path], yaml_lines.Path] = lambda path: path,
    ) -> NoLibrary:
        """All that is wrong; `place` says where in the text a path of the error stands."""
        problems = (self.told(place(path), message) for path, message in _told(error.errors()))
        return NoLibrary(told_together(list(dict.fromkeys(problems))))

    def told(self, path: yaml_lines.Path, message: str) -> str:
        """What is wrong at a place, with its line and field."""
        field = ".".join(map(str, path))
        named = _named(path, self.content)
        return f"line {self.line(path)}: {named}{field + ': ' if field else ''}{message}"


def library_text(text: str) -> LibraryText:
    """A text as a mapping with lines.

    Raises:
        NoLibrary: it is empty, no YAML, no JSON, no mapping, or holds a key twice.
    """
    root, content, twice = _read(text)
    if root is None or content is None:
        raise NoLibrary(
            " is empty; it needs version, description and controls "
            "(`investigator controls show controls-v1` shows what one looks like)"
        )
    if not isinstance(content, dict):
        raise NoLibrary(
            f", line {root.start_mark.line + 1}: it holds a {_shape(content)}, not a mapping of "
            "version, description and controls; put the list of controls under `controls:`"
        )
    if twice:
        raise NoLibrary(
            told_together([f"line {n}: the key '{key}' stands here twice" for n, key in twice])
        )
    return LibraryText(root, content)


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
        raise NoLibrary(f" is not YAML or JSON: {place}{error.problem}") from error
    except ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise NoLibrary(
            f" is not YAML or JSON: line {line}, column {column}: "
            f"character #x{error.character:04x} may not stand here"
        ) from error
    except RecursionError as error:
        raise NoLibrary(" is nested too deeply to be one") from error
    except ValueError as error:
        raise NoLibrary(f" is not YAML or JSON: {error}") from error


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


def told_together(problems: Sequence[str]) -> str:
    """Several problems, one a line; the first five of them."""
    more = len(problems) - _SHOWN
    rest = [f"and {more} more"] if more > 0 else []
    return "\n  ".join([":", *problems[:_SHOWN], *rest])
