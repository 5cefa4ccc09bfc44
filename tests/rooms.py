"""The rooms of the house and the order of its layers, in one place: `python -m tests.rooms`.

A room is a folder or a loose module directly in `investigator/`. A module imports from rooms on
lower layers and from its own; rooms on one layer do not know each other. The test of the layers,
the table in `docs/design/architecture.md` and the drawing in `docs/design/rooms.md` are made of
the list below.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PACKAGE = "investigator"
BESIDE = ("benchmarks", "demo", "documentation")
"""Folders beside the package that import it, drawn above it."""
PUBLIC = "(public API)"
"""`investigator/__init__.py`, as a room."""


class Layer(NamedTuple):
    """Rooms side by side, and what they are for."""

    rooms: tuple[str, ...]
    purpose: str


LAYERS = (
    Layer(("__main__",), "`python -m investigator`"),
    Layer(("cli",), "what people touch: the only place that prints"),
    Layer(
        (PUBLIC, "samples", "mcp_server"),
        "the typed interface for Python · the traces that ship with it · the same for MCP clients",
    ),
    Layer(("reports",), "reports in the forms in which people and programs take them; baselines"),
    Layer(("fleet",), "many traces: shards, screening, result tables, recurring issues"),
    Layer(
        ("runs",),
        "request, settings, one run, the store of runs, batch, export, write-back, feedback; names "
        "concrete sources, planners and engines",
    ),
    Layer(("connectors",), "live sources and their annotations"),
    Layer(
        ("rca", "compliance", "incident"),
        "strategies: narrow, plan, conclude (pure), check; each is one `Engine` value",
    ),
    Layer(
        ("inspection", "controls"),
        "tools and pages for planners, what an engine is · control libraries, checks, policy",
    ),
    Layer(
        ("signals", "store"),
        "detectors, each signal with its evidence · the read API, DuckDB, filters",
    ),
    Layer(
        ("readings", "formats"),
        "what a trace says: calls, conversation, provenance, completeness · one value a format",
    ),
    Layer(
        ("model_planner", "claims", "snapshots", "testing"),
        "how a model decides, with its prompts · what scopes say and how code checks it · config "
        "snapshots and their diffs · public test doubles",
    ),
    Layer(
        ("runtime", "traces"),
        "loop, pool, journal, model client · trace values, evidence, the canonical file",
    ),
    Layer(("ground",), "JSON, text, redaction, patterns, files, interrupts, plug-ins"),
    Layer(("errors",), "the error tree"),
)
"""From the top down."""


class Import(NamedTuple):
    """One module imports another, both by dotted name."""

    importer: str
    imported: str


def module_files(root: Path = ROOT, folders: tuple[str, ...] = (PACKAGE,)) -> Mapping[str, Path]:
    """The modules below the folders by dotted name."""
    return {
        _dotted(path.relative_to(root)): path
        for folder in folders
        for path in sorted((root / folder).rglob("*.py"))
    }


@cache
def parsed(text: str) -> ast.Module:
    """The syntax tree of a module's text, made once."""
    return ast.parse(text)


@cache
def import_statements(text: str) -> tuple[ast.Import | ast.ImportFrom, ...]:
    """The imports of a module's text, at whatever depth they stand."""
    walked = ast.walk(parsed(text))
    return tuple(node for node in walked if isinstance(node, ast.Import | ast.ImportFrom))


def imports(files: Mapping[str, Path]) -> Iterator[Import]:
    """Every import of one of the modules by another, also inside functions."""
    for name, path in files.items():
        for node in import_statements(path.read_text(encoding="utf-8")):
            for imported in _imported(node):
                target = imported if imported in files else imported.rpartition(".")[0]
                if target in files and target != name:
                    yield Import(name, target)


def _imported(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=str(module), names=names):
            yield from (f"{module}.{alias.name}" for alias in names)
        case _:
            pass


def room_of(module: str) -> str:
    """The room that a module stands in."""
    first, *rest = module.split(".")
    if first != PACKAGE:
        return first
    return rest[0] if rest else PUBLIC


def upward(found: Iterator[Import]) -> list[Import]:
    """The imports that do not point down the list of layers, from rooms unknown to it too."""
    level = {room: number for number, layer in enumerate(LAYERS) for room in layer.rooms}
    return [
        one
        for one in found
        if room_of(one.importer) != room_of(one.imported)
        and not level.get(room_of(one.imported), -1) > level.get(room_of(one.importer), -1)
    ]


def rings(found: Iterator[Import]) -> list[str]:
    """The modules that import each other in a ring; empty where there is none."""
    arrows = set(found)
    while True:
        ahead = {one.importer for one in arrows}
        behind = {one.imported for one in arrows}
        left = {one for one in arrows if one.imported in ahead and one.importer in behind}
        if left == arrows:
            return sorted(ahead)
        arrows = left


def layer_table() -> str:
    """The layers as a Markdown table, from the top down."""
    rows = [
        f"| {' · '.join(f'`{room}`' for room in layer.rooms)} | {layer.purpose} |"
        for layer in LAYERS
    ]
    return "\n".join(["| rooms | what they are for |", "|---|---|", *rows])


def drawing(root: Path = ROOT) -> str:
    """The page `docs/design/rooms.md`: each room, and the rooms that it imports from."""
    files = module_files(root, (PACKAGE, *BESIDE))
    arrows = {(room_of(one.importer), room_of(one.imported)) for one in imports(files)}
    present = {room_of(name) for name in files}
    floors = [*((folder,) for folder in BESIDE), *(layer.rooms for layer in LAYERS)]
    order = [room for rooms in floors for room in rooms if room in present]
    below = {a: [b for b in order if b != a and (a, b) in arrows] for a in order}
    return "\n".join(
        [
            "# Rooms",
            "",
            "Drawn by `python -m tests.rooms` from the imports of the code; a test keeps this page",
            "as it is drawn. Every arrow points down.",
            "",
            "```mermaid",
            "flowchart TD",
            *(_floor(number, rooms) for number, rooms in enumerate(floors)),
            *(f"  {_id(a)} --> {_id(b)}" for a in order for b in below[a]),
            "```",
            "",
            "| room | imports from |",
            "|---|---|",
            *(f"| `{a}` | {', '.join(f'`{b}`' for b in below[a]) or '–'} |" for a in order),
            "",
        ]
    )


def _floor(number: int, rooms: tuple[str, ...]) -> str:
    inside = "\n".join(f'    {_id(room)}["{room}"]' for room in rooms)
    return f"  subgraph floor{number}[ ]\n    direction LR\n{inside}\n  end"


def _id(room: str) -> str:
    return "".join(character for character in room if character.isalnum())


def _dotted(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


if __name__ == "__main__":
    print(drawing(), end="")
