"""The shape of the code, kept by tests: imports point one way, functions fit a screen."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "investigator"
MODULES = sorted(PACKAGE.rglob("*.py"))

GROUND = {"errors", "canonical", "ground", "interrupts", "defects", "placeholders"}
RUN_MAKERS = {"investigation", "stored_runs", "batch", "earlier_runs", "agreement", "traffic"}
ENGINES = {"rca", "compliance", "incident"}
FREE_OF = {
    "errors": "*",
    "canonical": "*",
    "ground": "*",
    "interrupts": "*",
    "defects": "*",
    "workers": "*",
    "prompts": "*",
    "placeholders": "*",
    "runtime": {
        *ENGINES,
        "traces",
        "inspection",
        "signals",
        "controls",
        "snapshots",
        "claims",
        "samples",
        "cli",
        "*root",
    },
    "traces": {
        *ENGINES,
        "runtime",
        "inspection",
        "signals",
        "controls",
        "snapshots",
        "claims",
        "samples",
        "cli",
        "*root",
    },
    "inspection": {
        *ENGINES,
        "signals",
        "controls",
        "snapshots",
        "claims",
        "samples",
        "cli",
        "*root",
    },
    "signals": {*ENGINES, "controls", "snapshots", "claims", "samples", "cli", "*root"},
    "controls": {*ENGINES, "runtime", "snapshots", "claims", "samples", "cli", "*root"},
    "snapshots": {*ENGINES, "runtime", "controls", "claims", "samples", "cli", "*root"},
    "claims": {*ENGINES, "controls", "snapshots", "samples", "cli", "*root"},
    "rca": {"compliance", "incident", "controls", "snapshots", "samples", "cli", "*root"},
    "compliance": {"rca", "incident", "snapshots", "samples", "cli", "*root"},
    "incident": {"rca", "compliance", "controls", "samples", "cli", "*root"},
    "samples": {
        *ENGINES,
        "runtime",
        "inspection",
        "signals",
        "controls",
        "snapshots",
        "claims",
        "cli",
        "*root",
    },
    "phoenix": {
        *ENGINES,
        "runtime",
        "signals",
        "controls",
        "snapshots",
        "claims",
        "samples",
        "cli",
        "*root",
    },
    "writeback": {"runtime", "signals", "snapshots", "phoenix", "samples", "cli", "*root"},
    "demo_agent": {
        *ENGINES,
        "runtime",
        "inspection",
        "signals",
        "controls",
        "snapshots",
        "claims",
        "samples",
        "cli",
        "*root",
    },
    "testing": {"samples", "cli", "*root"},
    "sources": {"cli", "samples", "testing", "questions", "planners", *RUN_MAKERS},
    "annotating": {"cli", "samples", "testing", "planners", *RUN_MAKERS},
    "agreement": {"cli", "samples", "testing", "batch", "earlier_runs"},
    "traffic": {*ENGINES, "cli", "samples", "testing", "batch", "earlier_runs", "agreement"},
    "freezing": {"cli", "samples", "testing", "planners", *RUN_MAKERS},
    "questions": {"cli", "samples", "testing", *RUN_MAKERS},
    "planners": {
        "cli",
        "samples",
        "investigation",
        "stored_runs",
        "batch",
        "earlier_runs",
        "testing",
    },
    "config": {
        "cli",
        "samples",
        "investigation",
        "stored_runs",
        "batch",
        "earlier_runs",
        "testing",
    },
    "investigation": {"cli", "samples", "stored_runs", "batch", "earlier_runs", "testing"},
    "stored_runs": {"cli", "samples", "batch", "earlier_runs", "testing"},
    "batch": {"cli", "samples", "testing", "earlier_runs", "batch_lock"},
    "batch_lock": {"cli", "samples", "testing", "earlier_runs", "batch", "workers"},
    "earlier_runs": {"cli", "samples", "testing"},
    "__init__": {"cli", "samples", "batch", "earlier_runs"},
}
"""What each part may not import; `*root` stands for the modules that compose a run."""

COMPOSITION = {
    "planners",
    "config",
    "questions",
    "sources",
    "freezing",
    "investigation",
    "stored_runs",
    "batch",
    "earlier_runs",
    "annotating",
    "agreement",
    "traffic",
    "__init__",
}
LOOP = PACKAGE / "runtime" / "recursive_loop.py"


def _part(module: Path) -> str:
    first = module.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def _name(module: Path) -> str:
    return str(module.relative_to(ROOT))


def _imported(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(module=str(source)) if source == "investigator":
                yield from (f"investigator.{alias.name}" for alias in node.names)
            case ast.ImportFrom(module=str(source)):
                yield source
            case _:
                pass


def _imported_parts(module: Path) -> set[str]:
    own = (name.split(".") for name in _imported(module))
    parts = {name[1] if len(name) > 1 else "__init__" for name in own if name[0] == "investigator"}
    known = {_part(path) for path in MODULES}
    return {part if part in known else "__init__" for part in parts}


def _forbidden(part: str) -> set[str]:
    barred = FREE_OF.get(part, set())
    everything = {_part(path) for path in MODULES} - {part} - GROUND
    if barred == "*":
        return everything
    assert isinstance(barred, set)
    return (barred - {"*root"}) | (COMPOSITION if "*root" in barred else set())


def test_the_order_of_the_layers_knows_every_part() -> None:
    """A new package or module at the top has to be given its place in the order."""
    assert {_part(path) for path in MODULES} - set(FREE_OF) == {"cli", "__main__"}


@pytest.mark.parametrize("module", MODULES, ids=_name)
def test_imports_point_down_the_layers(module: Path) -> None:
    """No module imports from a layer above its own; runtime and traces do not know each other."""
    assert _imported_parts(module) & _forbidden(_part(module)) == set()


def test_the_runtime_names_no_model_vendor_outside_its_client() -> None:
    """`llm_client` alone may know providers; the rest of the runtime is free of them."""
    vendors = {"openai", "anthropic", "litellm", "pydantic_ai", "google", "phoenix"}
    found = {
        (_name(module), name)
        for module in (PACKAGE / "runtime").glob("*.py")
        if module.stem != "llm_client"
        for name in _imported(module)
        if name.split(".")[0] in vendors
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


def _functions(module: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("module", MODULES, ids=_name)
def test_a_function_fits_a_screen(module: Path) -> None:
    """No function of the package has more than 60 lines, its docstring included."""
    long = [
        f"{node.name}: {(node.end_lineno or node.lineno) - node.lineno + 1}"
        for node in _functions(module)
        if (node.end_lineno or node.lineno) - node.lineno + 1 > 60
    ]
    assert long == []


def test_the_loop_is_read_in_one_sitting() -> None:
    """The planner loop has fewer than 250 lines."""
    assert len(LOOP.read_text(encoding="utf-8").splitlines()) < 250


BOUNDARIES = {
    "investigator/runs/batch.py": "one run of a batch",
    "investigator/cli/main.py": "the process",
    "investigator/runtime/llm_client.py": "one model attempt",
    "investigator/runtime/runner.py": "one run",
}
"""Where any exception may be caught, once a module, and what ends there without the rest."""


def test_unexpected_errors_are_caught_at_named_boundaries_alone() -> None:
    """`except Exception` stands at a boundary that has a name; nothing else swallows a defect."""
    broad = [
        _name(module)
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler) and _catches_all(node)
    ]
    assert broad == sorted(BOUNDARIES)


def _catches_all(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(ast.unparse(one) in {"Exception", "BaseException"} for one in types)


@pytest.mark.parametrize("module", MODULES, ids=_name)
def test_every_module_says_what_is_true_of_it(module: Path) -> None:
    """A module with code in it opens with a docstring."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    assert not tree.body or ast.get_docstring(tree)
