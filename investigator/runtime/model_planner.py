"""A model decides: it sees a view as a prompt of bounded size, and says one offered action.

What a turn may cost is known before it is asked for: the prompt is rendered first, counted with
its schema, and the output is bounded by what the provider is told. The same view gives the same
prompt, so a run can be replayed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from investigator.canonical import compact_json, sha256_text
from investigator.prompts import load_prompt
from investigator.runtime.action_text import output_lines, tool_lines
from investigator.runtime.actions import ActionKind, ActionSpace
from investigator.runtime.budget import Amounts
from investigator.runtime.events import ALL_ACTIONS, PlannerIdentity
from investigator.runtime.page_text import Estimate, cut
from investigator.runtime.planner import Reply, TurnBound, View
from investigator.runtime.prompting import (
    LEAST_TURN_TOKENS,
    SYSTEM,
    TEXT_TOKENS,
    TURN,
    Prompting,
    Rendered,
)
from investigator.runtime.strict_schema import strict

GUIDE_TOKENS = 1500
"""The most that an engine's guide takes of a prompt, where the tools leave it so much."""

CHAT_TOKENS = 32
"""What the form of a chat adds to its texts."""

FINALIZE_ONLY = (ActionKind.FINALIZE,)

Price = Callable[[int, int], int | None]
"""Micro-USD of tokens in and out; None where it is not known."""


class Client(Protocol):
    """What a planner needs of a model client."""

    async def complete(
        self, prompt: Any, *, schema: dict[str, Any], max_tokens_out: int
    ) -> Reply: ...


@dataclass(frozen=True, slots=True)
class Model:
    """Which model is asked, how, and what it costs.

    `prompt` makes the client's own prompt of the system and the user text.
    """

    client: Client
    prompt: Callable[[str, str], object]
    provider: str
    name: str
    temperature: float | None
    max_output_tokens: int
    price: Price
    estimate: Estimate
    latency_floor_s: float = 2.0


class ModelPlanner:
    """Asks a model for each turn of a run's scopes.

    `guide` is what the engine says of its question; `finalize_tokens` the bound of a finalize
    turn that the engine declares (prompt and output), which such a turn is made to fit.
    """

    remote = True

    def __init__(
        self,
        space: ActionSpace[Any, Any],
        model: Model,
        *,
        guide: str,
        finalize_tokens: tuple[int, int],
    ) -> None:
        self._space = space
        self._model = model
        self._finalize_tokens = finalize_tokens
        self.latency_floor_s = model.latency_floor_s
        self._schemas: dict[tuple[ActionKind, ...], tuple[dict[str, Any], int]] = {}
        self._final_text = finalize_tokens[0] - self._schema(FINALIZE_ONLY)[1] - CHAT_TOKENS
        most = min(TEXT_TOKENS, self._final_text) - LEAST_TURN_TOKENS
        self._prompting = Prompting(_system(space, guide, model.estimate, most), model.estimate)
        self._rendered: dict[str, tuple[View, Rendered]] = {}

    @property
    def identity(self) -> PlannerIdentity:
        """The model, and the hash of all that a prompt says besides its view."""
        said = self._prompting.system + load_prompt(TURN).text
        return PlannerIdentity(
            planner="model",
            model_provider=self._model.provider,
            model_name=self._model.name,
            temperature=self._model.temperature,
            prompt_template_hash=sha256_text(said),
        )

    def finalize_bound(self, prompt_tokens: int, output_tokens: int) -> Amounts:
        """One iteration, and the tokens at their price."""
        return self._amounts(prompt_tokens, output_tokens)

    def bound(self, view: View) -> TurnBound:
        """The prompt as it would be sent, with its schema, and the most that may be replied."""
        schema_tokens = self._schema(view.offered)[1]
        tokens_in = self._prompt(view).tokens + schema_tokens + CHAT_TOKENS
        tokens_out = self._most_out(view)
        return TurnBound(self._amounts(tokens_in, tokens_out), tokens_out)

    async def act(self, view: View, max_tokens_out: int) -> Reply:
        """What the model says to the view."""
        prompt = self._prompt(view)
        self._rendered.pop(view.scope_id, None)
        return await self._model.client.complete(
            self._model.prompt(prompt.system, prompt.user),
            schema=self._schema(view.offered)[0],
            max_tokens_out=max_tokens_out,
        )

    def _prompt(self, view: View) -> Rendered:
        """The prompt of a view; the last of each scope is kept from `bound` to `act`."""
        kept = self._rendered.get(view.scope_id)
        if kept is not None and kept[0] is view:
            return kept[1]
        limit = min(TEXT_TOKENS, self._final_text) if _final(view) else TEXT_TOKENS
        rendered = self._prompting.render(view, limit)
        self._rendered[view.scope_id] = (view, rendered)
        return rendered

    def _schema(self, offered: Sequence[ActionKind]) -> tuple[dict[str, Any], int]:
        """The schema of the offered actions and the tokens that it takes."""
        key = tuple(offered)
        if key not in self._schemas:
            schema = strict(self._space.schema(key))
            self._schemas[key] = (schema, self._model.estimate(compact_json(schema)))
        return self._schemas[key]

    def _most_out(self, view: View) -> int:
        most = self._model.max_output_tokens
        return min(most, self._finalize_tokens[1]) if _final(view) else most

    def _amounts(self, tokens_in: int, tokens_out: int) -> Amounts:
        cost = self._model.price(tokens_in, tokens_out)
        return Amounts(iterations=1, tokens=tokens_in + tokens_out, cost=cost or 0)


def _final(view: View) -> bool:
    return view.offered == FINALIZE_ONLY


def _system(space: ActionSpace[Any, Any], guide: str, estimate: Estimate, most: int) -> str:
    """The stable text: the same for every scope and turn of a run, in `most` tokens."""
    schema = space.schema(ALL_ACTIONS)
    tools, outputs = tool_lines(schema), output_lines(schema)
    bare = load_prompt(SYSTEM).filled(tools=tools, outputs=outputs, guide="")
    room = min(GUIDE_TOKENS, most - estimate(bare))
    told = cut(guide.strip(), room, estimate)
    return load_prompt(SYSTEM).filled(tools=tools, outputs=outputs, guide=told)
