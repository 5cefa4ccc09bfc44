"""Config snapshots as tools of a planner: which there are, what is in them, what differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import Field

from investigator.errors import UsageError
from investigator.ground.canonical_json import JsonValue, sha256_json
from investigator.ground.redaction import Redactor
from investigator.inspection.pages import JsonObject, Lens, answer_text
from investigator.inspection.tool_args import Offset
from investigator.runtime.tools import Cite, Tool, ToolAnswer, ToolArgs
from investigator.snapshots import SnapshotStore

_LISTED = 50
_SHOWN = 4_000


class ListSnapshots(ToolArgs):
    """A page of snapshots."""

    offset: Offset


class GetSnapshot(ToolArgs):
    """A file of a snapshot."""

    tag: str = Field(description="As list_config_snapshots gives it")
    path: str | None = Field(description="null for the list of files; or one to read")
    offset: Offset


class GetDiff(ToolArgs):
    """What differs between two snapshots."""

    base: str = Field(description="Tag of the earlier snapshot")
    target: str = Field(description="Tag of the later snapshot")
    offset: Offset


SHOWN_BY_OTHERS = ("get_children", "get_retrieval_chunks")
"""Tools that are left out beside those of snapshots: `list_spans` and `read_steps` show the same.

All of them together would be more properties than a strict schema may have (100).
"""


def with_snapshots(
    tools: Sequence[Tool[Any]], store: SnapshotStore, redactor: Redactor
) -> list[Tool[Any]]:
    """The tools of a window and those over its snapshots."""
    kept = [tool for tool in tools if tool.name not in SHOWN_BY_OTHERS]
    return [*kept, *snapshot_tools(store, redactor)]


def snapshot_tools(store: SnapshotStore, redactor: Redactor) -> list[Tool[Any]]:
    """`list_config_snapshots`, `get_config_snapshot` and `get_config_diff` over a store."""

    def page(show: Callable[[Lens], JsonObject]) -> ToolAnswer:
        lens = Lens(redactor)
        return ToolAnswer(show(lens), sha256_json(show(Lens(None))), lens.redactions)

    async def listed(args: ListSnapshots, _cite: Cite) -> ToolAnswer:
        infos = store.list_config_snapshots()
        following = args.offset + _LISTED

        def show(lens: Lens) -> JsonObject:
            rows: list[JsonValue] = [
                {"tag": lens.short(i.tag), "created_at": i.created_at, "files": i.file_count}
                for i in infos[args.offset : following]
            ]
            more = following if following < len(infos) else None
            return {"snapshots": rows, "next_offset": more}

        return page(show)

    async def snapshot(args: GetSnapshot, _cite: Cite) -> ToolAnswer:
        found = store.get_config_snapshot(args.tag)
        if args.path is not None and args.path not in found.files:
            raise UsageError(f"no file '{args.path}' in config snapshot '{args.tag}'")
        text = "\n".join(found.files) if args.path is None else found.files[args.path]

        def show(lens: Lens) -> JsonObject:
            shown = lens.excerpt(text, offset=args.offset, chars=_SHOWN)
            return {"tag": args.tag, "path": args.path, "content": shown}

        return page(show)

    async def diff(args: GetDiff, cite: Cite) -> ToolAnswer:
        found = store.get_config_diff(args.base, args.target)

        def show(lens: Lens) -> JsonObject:
            return {
                "base": args.base,
                "target": args.target,
                "diff": lens.excerpt(found.text, offset=args.offset, chars=_SHOWN),
            }

        return answer_text(show, ref=found.evidence, redactor=redactor, cite=cite)

    return [
        Tool("list_config_snapshots", "Config snapshots by time.", ListSnapshots, listed),
        Tool("get_config_snapshot", "Files of a snapshot, or one of them.", GetSnapshot, snapshot),
        Tool("get_config_diff", "What differs between two snapshots.", GetDiff, diff),
    ]
