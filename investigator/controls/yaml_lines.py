"""Where in a YAML (or JSON) file a value stands: lines for what a model of it refuses.

The nodes of the file are kept beside its values, so that a field can be found again by its path.
A text is composed once, its values are made of its nodes, and libyaml does it where PyYAML has it,
in a fifteenth of the time. What libyaml refuses is given to Python's own parser too, so that the
messages are the same everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

Path = tuple[int | str, ...]

_FAST: type[Any] | None = getattr(yaml, "CSafeLoader", None)
_FAST_NESTING = 4096
"""libyaml has no bound on nesting and takes the square of it in time and much memory; Python's
parser stops at its recursion limit. So libyaml is given what cannot be nested deeper than this."""


class YamlText(NamedTuple):
    """The node of a text and its value, None where the text is empty, and its keys that are twice.

    What a mapping merges in (`<<`) stands before its own keys in the node.
    """

    root: yaml.Node | None
    content: Any
    twice: tuple[tuple[int, str], ...]
    """Line and name of each key that its mapping holds already."""


def read_yaml(text: str) -> YamlText:
    """What a YAML text says.

    Raises:
        yaml.YAMLError: it is not YAML.
        RecursionError: it is nested too deeply.
        ValueError: a value of it cannot be (the 30th of February).
    """
    if _FAST is not None and _nesting(text) <= _FAST_NESTING:
        try:
            return _read(text, _FAST)
        except (yaml.YAMLError, ValueError):
            pass
    return read_in_python(text)


def read_in_python(text: str) -> YamlText:
    """`read_yaml` by Python's own parser, wherever PyYAML has another."""
    return _read(text, yaml.SafeLoader)


def with_lines(text: str, content: Any) -> YamlText:
    """What a JSON text says: JSON's parser has read it, which bounds how deeply it is nested."""
    spaced = text.replace("\t", " ")
    try:
        root: yaml.Node | None = yaml.compose(spaced, Loader=_FAST or yaml.SafeLoader)
    except (yaml.YAMLError, ValueError):
        root = yaml.compose(spaced, Loader=yaml.SafeLoader)
    return YamlText(root, content, _twice(root))


def _read(text: str, kind: type[Any]) -> YamlText:
    loader = kind(text)
    try:
        root = loader.get_single_node()
        twice = _twice(root)  # before merged keys stand beside those that replace them
        return YamlText(root, None if root is None else loader.construct_document(root), twice)
    finally:
        loader.dispose()


def _twice(root: yaml.Node | None) -> tuple[tuple[int, str], ...]:
    return () if root is None else tuple(_duplicate_keys(root))


def _nesting(text: str) -> int:
    """No fewer than the levels of a text: each has a bracket, or a column further to the right.

    A list may stand in the column of the mapping that holds it: two levels a column.
    """
    widest = max(map(len, text.splitlines()), default=0)
    return text.count("[") + text.count("{") + 2 * widest


def _duplicate_keys(root: yaml.Node) -> Iterator[tuple[int, str]]:
    pending, seen = [root], set[int]()
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            pending += node.value
        elif isinstance(node, yaml.MappingNode):
            names = set[str]()
            for key, value in node.value:
                if str(key.value) in names:
                    yield key.start_mark.line + 1, str(key.value)
                names.add(str(key.value))
                pending.append(value)


def line_of(root: yaml.Node, path: Path) -> int:
    """The 1-based line of what the path names, or of the deepest part of it that is there.

    Parts that the file does not hold, such as the tag of a union, are passed over.
    """
    node, line = root, root.start_mark.line
    for part in path:
        found = _step(node, part)
        if found is not None:
            line, node = found
    return line + 1


def _step(node: yaml.Node, part: int | str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
        within = 0 <= part < len(node.value)
        return (node.value[part].start_mark.line, node.value[part]) if within else None
    if isinstance(node, yaml.MappingNode):
        for key, value in reversed(node.value):  # the last holds, where the first is merged in
            if key.value == part:
                return key.start_mark.line, value
    return None
