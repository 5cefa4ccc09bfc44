"""The control library as tools of a planner: what is asked, and what would show it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from investigator.controls.model import Control, ControlLibrary
from investigator.errors import UsageError
from investigator.ground.canonical_json import JsonValue, sha256_json
from investigator.runtime.tools import Cite, Tool, ToolAnswer, ToolArgs

_LISTED = 60


class ListControls(ToolArgs):
    """A page of the library."""

    offset: Annotated[int, Field(ge=0, le=10_000, description="0, or the next_offset of a page")]


class ControlId(ToolArgs):
    """Names a control."""

    control_id: str = Field(description="As list_controls gives it")


def control_tools(library: ControlLibrary) -> list[Tool[Any]]:
    """`list_controls`, `get_control` and `required_evidence` over a library."""

    def find(control_id: str) -> Control:
        found = library.get(control_id)
        if found is None:
            raise UsageError(f"no control '{control_id}' in {library.version}")
        return found

    async def listed(args: ListControls, _cite: Cite) -> ToolAnswer:
        rows: list[JsonValue] = [
            {"control_id": c.control_id, "title": c.title, "severity": c.severity.value}
            for c in library.ordered[args.offset : args.offset + _LISTED]
        ]
        following = args.offset + _LISTED
        more = following if following < len(library.ordered) else None
        return _answer({"version": library.version, "controls": rows, "next_offset": more})

    async def control(args: ControlId, _cite: Cite) -> ToolAnswer:
        return _answer(find(args.control_id).model_dump(mode="json"))

    async def evidence(args: ControlId, _cite: Cite) -> ToolAnswer:
        needed: list[JsonValue] = [kind.value for kind in find(args.control_id).required_evidence]
        return _answer({"control_id": args.control_id, "required_evidence": needed})

    return [
        Tool("list_controls", "The controls of the library, gravest first.", ListControls, listed),
        Tool("get_control", "One control, whole.", ControlId, control),
        Tool("required_evidence", "What must be seen to judge a control.", ControlId, evidence),
    ]


def _answer(page: JsonValue) -> ToolAnswer:
    return ToolAnswer(page, sha256_json(page))
