"""`run_code`: one turn that looks at the whole trace, by code that the planner wrote.

Its output is a page like any other: redacted, bounded, data and never instruction. It makes no
evidence by itself. What was taken with `text(id)` and stands whole in what is shown was read, and
can be cited; what the code only counted, searched or cut was not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from investigator.ground.canonical_json import JsonValue, sha256_json
from investigator.ground.redaction import Redactor
from investigator.inspection.code_reads import CodeCalls, CodeReads
from investigator.inspection.code_sandbox import CODE_BOUNDS, CodeBounds, Printed, run_python
from investigator.inspection.pages import JsonObject, Lens
from investigator.inspection.reference_names import ReferenceNames
from investigator.inspection.tool_args import RunCode, RunCodeOf
from investigator.runtime.tools import Cite, Tool, ToolAnswer

RUN_CODE = "run_code"
"""The tool's name, by which a record says that it was offered."""

_DESCRIPTION = (
    "Runs Python of yours over the whole trace and shows what it prints. steps(first, last) gives "
    "dicts of number, id, span, agent, kind, tool, error, asked_by, text; text(id) the whole text "
    "of a step or span; search(pattern, limit) dicts of number, id, start, match, around (RE2); "
    "spans() dicts of id, parent, kind, name, status. A sandbox: no files, network, processes; "
    "imports json, re, math, collections, itertools, datetime; no yield. Bounded in time, memory, "
    "output. A text is read, and can be cited, if text(id) gave it and you print it whole."
)

PRINTED_CHARS = 12_000
"""What code prints was asked for; a prompt with less room cuts it, and says how to read on."""

_ERROR_CHARS = 300
_MOST_READ = 20
"""As many ids as leave the page to what was printed."""


def code_tool(
    names_of: Callable[[str], ReferenceNames],
    redactor: Redactor,
    *,
    trace_id: str | None = None,
    bounds: CodeBounds = CODE_BOUNDS,
) -> Tool[Any]:
    """The tool over one trace, or over the trace that each call names.

    It is `remote`, since it waits for another process: the scope's time ends it too.
    """
    reads: dict[str, CodeReads] = {}

    async def run(trace_id: str, args: RunCode, cite: Cite) -> ToolAnswer:
        if trace_id not in reads:
            reads[trace_id] = CodeReads(names_of(trace_id), redactor)
        calls = CodeCalls(reads[trace_id])
        printed = await run_python(args.code, calls.functions, bounds)
        return _page(printed, args.offset, reads[trace_id], calls.taken, redactor, cite)

    async def run_bound(args: RunCode, cite: Cite) -> ToolAnswer:
        assert trace_id is not None
        return await run(trace_id, args, cite)

    async def run_named(args: RunCodeOf, cite: Cite) -> ToolAnswer:
        return await run(args.trace_id, args, cite)

    if trace_id is None:
        return Tool(RUN_CODE, _DESCRIPTION, RunCodeOf, run_named, remote=True)
    return Tool(RUN_CODE, _DESCRIPTION, RunCode, run_bound, remote=True)


def _page(
    printed: Printed,
    offset: int,
    reads: CodeReads,
    taken: Mapping[str, str],
    redactor: Redactor,
    cite: Cite,
) -> ToolAnswer:
    """What can be cited, and what was printed from the offset on; a cut takes none of the ids."""
    lens = Lens(redactor)
    page = _shown(printed, offset, lens)
    read: list[JsonValue] = []
    for name in [name for name, text in taken.items() if stands_whole(text, str(page["text"]))]:
        if len(read) < _MOST_READ:
            refs = reads.evidence_of(name)
            read += [{"id": name, "evidence": cite(ref.model_dump(mode="json"))} for ref in refs]
    original = _shown(printed, offset, Lens(None))
    own: JsonObject = {"read": read[:_MOST_READ]} if read else {}
    return ToolAnswer(
        page={**own, **page},
        original_hash=sha256_json({**own, **original}),
        redactions=lens.redactions,
    )


def _shown(printed: Printed, offset: int, lens: Lens) -> JsonObject:
    window = lens.window(printed.text, offset=offset, chars=PRINTED_CHARS)
    error: JsonObject = {}
    if printed.error is not None:
        error = {"error": lens.short(printed.error, chars=_ERROR_CHARS)}
    elif not printed.text:
        error = {"error": "the code printed nothing: only what it prints is shown"}
    return {
        "text": window.text,
        "offset": offset,
        "length": window.length,
        "next_offset": window.next_offset,
        **error,
    }


def stands_whole(text: str, shown: str) -> bool:
    """Whether a text stands in what is shown, from its first word to its last.

    A text that is part of a longer word or number there does not: `4` was not read in `2024`.
    """
    wanted = text.strip()
    at = shown.find(wanted) if wanted else -1
    while at >= 0:
        before, after = shown[at - 1 : at] if at else "", shown[at + len(wanted) :][:1]
        if not (_joins(before, wanted[0]) or _joins(wanted[-1], after)):
            return True
        at = shown.find(wanted, at + 1)
    return False


def _joins(left: str, right: str) -> bool:
    """Whether two characters are of one word."""
    return left.isalnum() and right.isalnum()
