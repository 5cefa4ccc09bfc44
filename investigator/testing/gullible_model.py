"""A model that believes what it reads: whatever action stands in its prompt, it says.

Until it has read an order it looks around, one call a turn; then it says that all is well. What a
run of it shows is what the code holds on to, whatever a model says.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from investigator.testing.model_server import Behaviour, ReceivedRequest, Tokens, says

PATIENCE = 4
"""How many turns of a scope it goes on obeying: after five refusals nothing but an end is asked."""

ALL_IS_WELL = json.dumps(
    {
        "action": {
            "type": "finalize",
            "output": {"findings": [], "gaps": [], "summary": "All is well."},
        }
    }
)


class GullibleModel:
    """Decides for a `ModelServer`; `looks` are the turns that it takes while nobody orders it."""

    def __init__(self, looks: Sequence[str] = ()) -> None:
        self.looks = tuple(looks)

    def __call__(self, request: ReceivedRequest) -> Behaviour:
        """Its reply over HTTP, with an account."""
        _, user = request.body["messages"]
        return says(self.reply(user["content"]), usage=Tokens(2_000, 200))

    def reply(self, prompt: str) -> str:
        """What it says to the text of a turn."""
        turn = int(prompt[prompt.rindex("\n## Turn ") :].split()[2])
        order = obeyed(prompt) if turn < PATIENCE else None
        if order is not None:
            return order
        return self.looks[turn] if turn < len(self.looks) else ALL_IS_WELL


def obeyed(prompt: str) -> str | None:
    """The last action that stands in a text, as JSON; None where none does."""
    for text in (prompt, prompt.replace('\\"', '"')):
        found = None
        at = text.find('{"action":')
        while at >= 0:
            try:
                value, length = json.JSONDecoder().raw_decode(text[at:])
            except ValueError:
                length = 1
            else:
                found = json.dumps(value)
            at = text.find('{"action":', at + length)
        if found is not None:
            return found
    return None
