"""The shape of the code, kept by tests: imports point one way, functions fit a screen."""

from __future__ import annotations

import ast
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.rooms import (
    BESIDE,
    LAYERS,
    ROOT,
    drawing,
    import_statements,
    imports,
    layer_table,
    module_files,
    parsed,
    rings,
    room_of,
    upward,
)
from tests.rooms import (
    PACKAGE as PACKAGE_NAME,
)

PACKAGE = ROOT / PACKAGE_NAME
MODULES = sorted(PACKAGE.rglob("*.py"))
MOST_ROOMS = 32
LOOP = PACKAGE / "runtime" / "recursive_loop.py"
DESIGN = ROOT / "docs" / "design"
ACROSS_ROOMS = {
    "demo": "the generators and the agent beside the package, and the samples they make",
    "injection": "what texts in a trace may change: nothing, in any engine",
    "live": "laws of runs that a model decides, over real HTTP",
}
"""Folders of tests that mirror no room, and why."""


def _name(module: Path) -> str:
    return str(module.relative_to(ROOT))


def _imported(module: Path) -> Iterator[str]:
    for node in import_statements(module.read_text(encoding="utf-8")):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(module=str(source)):
                yield source
            case _:
                pass


def test_every_room_has_its_place_in_the_order() -> None:
    """And the order names no room that is not there."""
    rooms = {room_of(name) for name in module_files()}
    assert rooms == {room for layer in LAYERS for room in layer.rooms}
    assert len(rooms) <= MOST_ROOMS


def test_tests_stand_in_a_folder_named_like_their_room() -> None:
    """At the root are only the tests of the project as a whole."""
    tests = ROOT / "tests"
    folders = {path.parent.name for path in tests.glob("*/__init__.py")}
    rooms = {room for layer in LAYERS for room in layer.rooms}
    assert folders - rooms == set(ACROSS_ROOMS)
    assert {path.stem for path in tests.glob("test_*.py")} == {
        "test_docs",
        "test_extending",
        "test_layers",
        "test_project",
        "test_reference",
        "test_site",
        "test_wheel",
    }


def test_imports_point_down_the_layers() -> None:
    """No module imports from its own layer's other rooms or from a layer above."""
    assert upward(imports(module_files())) == []


def test_nothing_imports_in_a_ring() -> None:
    """Neither in the package nor beside it."""
    assert rings(imports(module_files(ROOT, (PACKAGE_NAME, *BESIDE)))) == []


@pytest.mark.parametrize(
    "what",
    [
        "demo.agent",
        "investigator.connectors.phoenix.source",
        "investigator.runs.investigation",
        "investigator.traces.model",
    ],
)
def test_an_import_that_points_up_is_found(what: str, tmp_path: Path) -> None:
    """Planted in the runtime: of what is beside the package, of a room above, of one beside it."""
    shutil.copytree(PACKAGE, tmp_path / PACKAGE_NAME, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "demo", tmp_path / "demo", ignore=shutil.ignore_patterns("__pycache__"))
    planted = tmp_path / PACKAGE_NAME / "runtime" / "clock.py"
    planted.write_text(planted.read_text() + f"\n\ndef planted() -> None:\n    import {what}\n")
    files = module_files(tmp_path, (PACKAGE_NAME, "demo"))
    found = [one for one in upward(imports(files)) if one.importer.startswith(PACKAGE_NAME)]
    assert [(one.importer, one.imported) for one in found] == [
        (f"{PACKAGE_NAME}.runtime.clock", what)
    ]


def test_golden_the_rooms_are_drawn_as_they_are(golden: Callable[[Path, str], None]) -> None:
    """`docs/design/rooms.md` is what `python -m tests.rooms` prints."""
    golden(DESIGN / "rooms.md", drawing())


def test_the_map_shows_the_layers_as_they_are() -> None:
    """The table of `docs/design/architecture.md` is made of the same list."""
    assert layer_table() in (DESIGN / "architecture.md").read_text(encoding="utf-8")


def test_the_runtime_names_no_model_vendor_outside_its_providers() -> None:
    """A vendor is named by its provider alone; what they share, by the client besides."""
    vendors = {"openai", "anthropic", "litellm", "pydantic_ai", "google", "phoenix"}
    runtime = PACKAGE / "runtime"
    found = {
        (_name(module), name)
        for module in runtime.rglob("*.py")
        if module.parent != runtime / "providers"
        for name in _imported(module)
        if name.split(".")[0]
        in vendors - ({"pydantic_ai"} if module.stem == "llm_client" else set())
    }
    assert found == set()


def test_every_package_that_is_imported_is_declared() -> None:
    """What an installed wheel imports, its dependencies bring, or an extra that users can name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    optional = [line for name, lines in extras.items() if name != "dev" for line in lines]
    names = {
        name.replace("-", "_").lower()
        for line in (*project["dependencies"], *optional)
        for name in line.split(">")[0].rstrip("]").replace("[", ",").split(",")
    }
    renamed = {"yaml", "re2", "pydantic_core", "pydantic_ai"}
    renamed |= {"phoenix", "opentelemetry", "openinference"}
    provided = names | renamed | set(sys.stdlib_module_names) | {"investigator"}
    used = {name.split(".")[0] for module in MODULES for name in _imported(module)}
    assert used - provided == set()


def test_a_function_fits_a_screen() -> None:
    """No function of the package has more than 60 lines, its docstring included."""
    long = [
        f"{_name(module)}: {node.name}"
        for module in MODULES
        for node in ast.walk(parsed(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno + 1 > 60
    ]
    assert long == []


def test_the_loop_is_read_in_one_sitting() -> None:
    """The planner loop has fewer than 250 lines."""
    assert len(LOOP.read_text(encoding="utf-8").splitlines()) < 250


BOUNDARIES = {
    "investigator/ground/plugins.py": "one plug-in",
    "investigator/runs/batch.py": "one run of a batch",
    "investigator/runs/dispatch.py": "one task, as if in another process",
    "investigator/fleet/judging.py": "one trace of a scan",
    "investigator/cli/main.py": "the process",
    "investigator/formats/plugin_formats.py": "one plug-in",
    "investigator/runtime/llm_client.py": "one model attempt",
    "investigator/runtime/runner.py": "one run",
}
"""Where any exception may be caught, once a module, and what ends there without the rest."""


def test_unexpected_errors_are_caught_at_named_boundaries_alone() -> None:
    """`except Exception` stands at a boundary that has a name; nothing else swallows a defect."""
    broad = [
        _name(module)
        for module in MODULES
        for node in ast.walk(parsed(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler) and _catches_all(node)
    ]
    assert broad == sorted(BOUNDARIES)


def _catches_all(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(ast.unparse(one) in {"Exception", "BaseException"} for one in types)


CONVENTIONAL = {
    *(
        "CHECKS",
        "DETECTOR",
        "ENGINE",
        "FORMAT",
        "SESSION",
        "PROVIDER",
    ),  # what a plug-in brings, by kind
    *("RUN_TYPE", "SCHEMA_VERSION"),  # what every stored report says of itself
    "SESSION",  # how a format puts its lines together
    "main",  # where a process begins
}
"""Names that have one meaning in every module that defines them, so that each may."""


def test_each_public_name_is_defined_once() -> None:
    """Who searches for a name finds one thing; two things of one name are told apart by name."""
    assert _defined_twice({_name(module): module.read_text("utf-8") for module in MODULES}) == {}


ROLES = {
    *("case", "engine", "outputs", "presentation", "question", "report", "rules"),  # of an engine
    "model",  # the values that a room is about
    "__init__",
}
"""What a module is to its folder, and the same in each folder that has one."""


def test_each_module_is_named_once() -> None:
    """Its name says which one is meant, without its folder."""
    names = [module.stem for module in MODULES if module.stem not in ROLES]
    assert [name for name in sorted(set(names)) if names.count(name) > 1] == []


@pytest.mark.parametrize(
    "planted",
    [
        "class Span: ...",
        "def Span(): ...",
        "async def Span(): ...",
        "Span = dict",
        "Span: TypeAlias = dict",
        "A, Span = 1, 2",
    ],
)
def test_a_name_that_is_defined_twice_is_found(planted: str) -> None:
    """However it is defined."""
    twice = _defined_twice({"a.py": "class Span: ...", "b.py": planted})
    assert twice == {"Span": ["a.py", "b.py"]}


def test_a_name_may_recur_where_it_is_no_name_of_the_package() -> None:
    """As a method, as a private name, as a type variable, by convention, or imported."""
    text = (
        "from a import Span\nT = TypeVar('T')\nFORMAT = 1\n_limit = 1\n"
        "def main(): ...\nclass _Held:\n    def read(self): ...\n"
    )
    assert _defined_twice({"a.py": text, "b.py": text}) == {}


def _defined_twice(modules: Mapping[str, str]) -> dict[str, list[str]]:
    """The public names that several of the modules define, each with those modules."""
    homes: dict[str, list[str]] = {}
    for module, text in modules.items():
        for name in sorted({name for node in parsed(text).body for name in _defined(node)}):
            homes.setdefault(name, []).append(module)
    return {
        name: where
        for name, where in homes.items()
        if len(where) > 1 and not name.startswith("_") and name not in CONVENTIONAL
    }


def _defined(node: ast.stmt) -> Iterator[str]:
    """The names that a statement defines; a type variable is only a letter of a signature."""
    match node:
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            yield node.name
        case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar"))):
            pass
        case ast.Assign() | ast.AnnAssign():
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                names = (part for part in ast.walk(target) if isinstance(part, ast.Name))
                yield from (part.id for part in names if isinstance(part.ctx, ast.Store))
        case _:
            pass


def test_every_module_says_what_is_true_of_it() -> None:
    """A module with code in it opens with a docstring."""
    trees = {_name(module): parsed(module.read_text(encoding="utf-8")) for module in MODULES}
    assert [name for name, tree in trees.items() if tree.body and not ast.get_docstring(tree)] == []
