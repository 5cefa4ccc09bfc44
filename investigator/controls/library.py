"""Control libraries: those that come with the package, and a user's own by path (YAML or JSON).

A file that does not hold together is refused with the line, the field and what to do.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from investigator.controls.model import ControlLibrary
from investigator.errors import UsageError

_FOLDER = resources.files("investigator.controls") / "libraries"
_TOLD = 5
_MAX_BYTES = 2**22

Place = tuple[int | str, ...]


def _built_in_names() -> tuple[str, ...]:
    names = (file.name for file in _FOLDER.iterdir() if file.name.endswith(".yaml"))
    return tuple(sorted(name.removesuffix(".yaml") for name in names))


BUILT_IN = _built_in_names()
"""The libraries that come with the package."""


def load_library(name_or_path: str | Path) -> ControlLibrary:
    """A built-in library by name, or a user's own by path.

    Raises:
        UsageError: no such library, not readable, not YAML or JSON, or not a library; with the
            line and the field.
    """
    if str(name_or_path) in BUILT_IN:
        return _built_in(str(name_or_path))
    path = Path(name_or_path)
    if not path.is_file():
        raise UsageError(
            f"no control library {str(name_or_path)!r}: it is neither a built-in one "
            f"({', '.join(BUILT_IN)}) nor a file"
        )
    try:
        raw = path.read_bytes()
        if len(raw) > _MAX_BYTES:
            raise UsageError(f"control library {path} is larger than {_MAX_BYTES:,} bytes")
        text = raw.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"control library {path} cannot be read: {error}") from error
    return parse_library(text, where=str(path))


@lru_cache
def _built_in(name: str) -> ControlLibrary:
    return parse_library((_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"), where=name)


def parse_library(text: str, *, where: str) -> ControlLibrary:
    """The library that a text is; `where` names it in errors."""
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        at = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
        raise UsageError(
            f"control library {where} is not YAML or JSON: {at}{error.problem}"
        ) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise UsageError(f"control library {where} is not YAML or JSON: {error}") from error
    if not isinstance(content, dict):
        raise UsageError(
            f"control library {where} holds no mapping; it needs version, description and "
            "controls (see docs/controls.md)"
        )
    try:
        return ControlLibrary.model_validate(content)
    except ValidationError as error:
        told = error.errors()[:_TOLD]
        problems = "; ".join(_problem(item["loc"], item["msg"], tree) for item in told)
        raise UsageError(f"control library {where} does not hold together: {problems}") from error


def _problem(place: Place, message: str, tree: Any) -> str:
    line, field = _locate(place, tree)
    reason = message.removeprefix("Value error, ").replace("\n", " ")
    return f"line {line}: {field}: {reason}" if field else f"line {line}: {reason}"


def _locate(place: Place, tree: Any) -> tuple[int, str]:
    """The line of the deepest node that the place names, and the place in words."""
    node, words = tree, ""
    for step in place:
        following = _child(node, step)
        words += f"[{step}]" if isinstance(step, int) else f".{step}" if words else str(step)
        if following is None:
            break
        node = following
    return node.start_mark.line + 1, words


def _child(node: Any, step: int | str) -> Any:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
        return node.value[step] if step < len(node.value) else None
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == str(step)), None)
    return None
