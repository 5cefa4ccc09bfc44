"""Where in a YAML (or JSON) file a value stands: lines for what a model of it refuses.

The nodes of the file are kept beside its values, so that a field can be found again by its path.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

Path = tuple[int | str, ...]


def duplicate_keys(root: yaml.Node) -> Iterator[tuple[int, str]]:
    """Line and name of each key that its mapping holds already."""
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
        for key, value in node.value:
            if key.value == part:
                return key.start_mark.line, value
    return None
