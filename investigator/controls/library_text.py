"""The text of a library: what it says, and at which line, and how a refusal tells what is wrong.

A text that does not hold together is refused as a whole, with lines, fields and what to do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from yaml.reader import ReaderError

from investigator.controls import yaml_lines
from investigator.errors import UsageError

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


class LibraryProblem(NamedTuple):
    """One thing that is wrong in a file, and the line where it stands, if it has one."""

    line: int | None
    message: str


class NoLibrary(Exception):
    """Why a text is no library, to be read behind the name of its file."""

    def __init__(self, told: str, problems: Sequence[LibraryProblem]) -> None:
        super().__init__(told)
        self.problems = tuple(problems)


class LibraryRefused(UsageError):
    """A file is no control library; `problems` are all that is wrong in it."""

    def __init__(self, where: str, error: NoLibrary) -> None:
        super().__init__(f"control library {where}{error}")
        self.where = where
        self.problems = error.problems


def no_library(what: str, line: int | None = None) -> NoLibrary:
    """A text that is none as a whole, for what it is in place of one."""
    at = "" if line is None else f", line {line}"
    return NoLibrary(f"{at}{':' if at else ''} {what}", [LibraryProblem(line, what)])


def too_deep() -> NoLibrary:
    """A text that nothing can read to its end."""
    return no_library("is nested too deeply to be one")


def refused_for(problems: Sequence[LibraryProblem]) -> NoLibrary:
    """A text with these problems, of which the first five are told."""
    lines = [f"line {problem.line}: {problem.message}" for problem in problems[:_SHOWN]]
    more = len(problems) - _SHOWN
    rest = [f"and {more} more"] if more > 0 else []
    return NoLibrary("\n  ".join([":", *lines, *rest]), problems)


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
        return refused_for([self.problem(path, message)])

    def refusals(
        self,
        error: ValidationError,
        place: Callable[[yaml_lines.Path], yaml_lines.Path] = lambda path: path,
    ) -> NoLibrary:
        """All that is wrong; `place` says where in the text a path of the error stands."""
        problems = (self.problem(place(path), message) for path, message in _told(error.errors()))
        return refused_for(list(dict.fromkeys(problems)))

    def problem(self, path: yaml_lines.Path, message: str) -> LibraryProblem:
        """What is wrong at a place, with its line and field."""
        field = ".".join(map(str, path))
        named = _named(path, self.content)
        return LibraryProblem(self.line(path), f"{named}{field + ': ' if field else ''}{message}")


def library_text(text: str) -> LibraryText:
    """A text as a mapping with lines.

    Raises:
        NoLibrary: it is empty, no YAML, no JSON, no mapping, or holds a key twice.
    """
    root, content, twice = _read(text)
    if root is None or content is None:
        raise no_library(
            "is empty; it needs version, description and controls "
            "(`investigator controls show controls-v1` shows what one looks like)"
        )
    if not isinstance(content, dict):
        raise no_library(
            f"it holds a {_shape(content)}, not a mapping of version, description and controls; "
            "put the list of controls under `controls:`",
            root.start_mark.line + 1,
        )
    if twice:
        raise refused_for(
            [LibraryProblem(n, f"the key '{key}' stands here twice") for n, key in twice]
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
        if mark is None:
            raise no_library(f"is not YAML or JSON: {error.problem}") from error
        raise _not_yaml(mark.line + 1, mark.column + 1, str(error.problem)) from error
    except ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        found = f"character #x{error.character:04x} may not stand here"
        raise _not_yaml(line, column, found) from error
    except RecursionError as error:
        raise too_deep() from error
    except ValueError as error:
        raise no_library(f"is not YAML or JSON: {error}") from error


def _not_yaml(line: int, column: int, found: str) -> NoLibrary:
    told = f" is not YAML or JSON: line {line}, column {column}: {found}"
    return NoLibrary(told, [LibraryProblem(line, f"not YAML or JSON: column {column}: {found}")])


def _json_in(text: str) -> Any:
    """Parse text as a JSON object or list; None if it is neither."""
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
