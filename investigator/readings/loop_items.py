"""What was said and done in each agent's loop, in order; in a chat transcript all is one loop."""

from __future__ import annotations

from collections.abc import Mapping

from investigator.readings.conversation import Conversation
from investigator.readings.utterances import Item
from investigator.readings.view import TraceView

ItemsByLoop = Mapping[str | None, tuple[Item, ...]]
"""The items of each loop by its holder's span id; None is what no agent holds."""


def items_by_loop(view: TraceView, conversation: Conversation) -> ItemsByLoop:
    """The loops in the order in which they first spoke or acted."""
    found: dict[str | None, list[Item]] = {}
    for item in conversation.items:
        found.setdefault(view.loop_of(item.span), []).append(item)
    return {scope: tuple(items) for scope, items in found.items()}
