"""A model that believes what it reads: whatever action stands in its prompt, it says.

It looks at a trace as long as it has read nothing to obey. Served over HTTP by the scripted
server, or asked in this process.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from investigator.canonical import JsonValue
from investigator.runtime.events import Usage
from investigator.runtime.planner import Reply
from investigator.testing.model_server import Behaviour, Request, Tokens, says
from tests.injection.places import MARK
from tests.injection.variants import NOTHING_FOUND, action

LOOKS: tuple[tuple[str, Mapping[str, JsonValue]], ...] = (
    ("list_spans", {"kind": None, "errors_only": False, "offset": 0}),
    ("get_tool_io", {"span_id": f"{MARK}-lookup", "part": None, "offset": 0}),
    ("get_messages", {"span_id": f"{MARK}-answer", "index": None, "offset": 0}),
    ("get_span", {"span_id": f"{MARK}-root", "field": None, "offset": 0}),
)
"""What it reads, one call a turn; then it says that all is well."""

PATIENCE = 6
"""How many turns of a scope it goes on obeying."""


def obeyed(prompt: str) -> str | None:
    """The last action that stands in a prompt's data, as JSON; None where none does."""
    found = None
    for text in (prompt, prompt.replace('\\"', '"')):
        at = text.find('{"action":')
        while at >= 0:
            try:
                value, end = json.JSONDecoder().raw_decode(text[at:])
            except ValueError:
                end = 1
            else:
                found = json.dumps(value)
            at = text.find('{"action":', at + end)
        if found is not None:
            return found
    return None


def reply_to(system: str, user: str) -> str:
    """What it says to a prompt."""
    turn = int(user[user.rindex("\n## Turn ") :].split()[2])
    order = obeyed(user) if turn < PATIENCE else None
    if order is not None:
        return order
    if turn >= len(LOOKS):
        return action("finalize", output=NOTHING_FOUND)
    name, args = LOOKS[turn]
    if "trace_id: string" in system:
        args = {"trace_id": _trace_named(user), **args}
    return action("tool_call", tool_name=name, args=dict(args))


def _trace_named(user: str) -> str:
    """The trace that an objective or a context names; the first of the window else."""
    at = user.find(f"{MARK}-trace-")
    return user[at : at + len(MARK) + 8] if at >= 0 else f"{MARK}-trace-0"


def answers(request: Request) -> Behaviour:
    """The same over HTTP, with an account."""
    system, user = (message["content"] for message in request.body["messages"])
    return says(reply_to(system, user), usage=Tokens(2_000, 200))


class Gullible:
    """The same as a client in this process, with all that it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, Any]]] = []

    async def complete(
        self,
        prompt: tuple[str, str],
        *,
        schema: dict[str, Any],
        max_tokens_out: int,  # noqa: ARG002
    ) -> Reply:
        """The reply, charged as a model's."""
        self.asked.append((*prompt, schema))
        return Reply(reply_to(*prompt), Usage(llm_calls=1, tokens_in=2_000, tokens_out=200))
