"""A library as a file: what is written is read as the same library, by its hash too."""

from __future__ import annotations

import json
from typing import Any

import yaml

from investigator.controls.model import ControlLibrary

_WIDTH = 100
_LONG = 80


class _Folded(str):
    """Text that is long enough to be folded over several lines."""


class _Flow(list[Any]):
    """A list that stands on one line."""


class _Dumper(yaml.SafeDumper):
    """Writes without aliases: whoever changes one place means that place."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


_Dumper.add_representer(
    _Folded, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style=">")
)
_Dumper.add_representer(
    _Flow,
    lambda dumper, items: dumper.represent_sequence(
        "tag:yaml.org,2002:seq", items, flow_style=True
    ),
)


def library_content(library: ControlLibrary) -> dict[str, Any]:
    """What a file says of the library, without what it may leave out."""
    told = library.model_dump(mode="json", by_alias=True, exclude_none=True)
    if not told["parameters"]:
        del told["parameters"]
    for control in told["controls"]:
        for name in ("references", "source"):
            if not control.get(name):
                control.pop(name, None)
        code = control["check"].get("code")
        if code is not None and not code["params"]:
            del code["params"]
        for reference in control.get("references", ()):
            if not reference["confirm"]:
                del reference["confirm"]
    return told


def as_yaml(library: ControlLibrary) -> str:
    """The library as YAML."""
    return str(
        yaml.dump(
            _shaped(library_content(library)),
            Dumper=_Dumper,
            sort_keys=False,
            allow_unicode=True,
            width=_WIDTH,
        )
    )


def as_json_text(library: ControlLibrary) -> str:
    """The library as JSON."""
    return json.dumps(library_content(library), indent=1, ensure_ascii=False) + "\n"


def _shaped(value: Any) -> Any:
    """Long texts folded, lists of plain values on one line."""
    if isinstance(value, dict):
        return {key: _shaped(item) for key, item in value.items()}
    if isinstance(value, list):
        plain = all(not isinstance(item, dict | list) for item in value)
        return _Flow(value) if plain else [_shaped(item) for item in value]
    if isinstance(value, str) and len(value) > _LONG and _folds(value):
        return _Folded(value)
    return value


def _folds(text: str) -> bool:
    """Whether folding gives the text back as it was."""
    return text == text.strip() and "\n" not in text and "  " not in text and text.isprintable()
