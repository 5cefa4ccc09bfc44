"""A model decides: it sees a view as a prompt of bounded size, and says one offered action.

What a turn may cost is known before it is asked for: the prompt is rendered first, counted with
its schema, and the output is bounded by what the provider is told. The same view gives the same
prompt, so a run can be replayed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from investigator.ground.canonical_json import compact_json, sha256_json, sha256_text
from investigator.model_planner.action_text import output_lines, tool_lines
from investigator.model_planner.fence import Asking, Fence
from investigator.model_planner.known_ids import known_in
from investigator.model_planner.model_choice import AHEAD, Leaves, Takes, strongest
from investigator.model_planner.overview import OutlineOf, Overviews, RunOverview
from investigator.model_planner.page_text import Estimate, cut
from investigator.model_planner.prompting import (
    LEAST_TURN_TOKENS,
    SYSTEM,
    TURN,
    Prompting,
    Rendered,
    mode_of,
)
from investigator.model_planner.prompts import load_prompt
from investigator.runtime.actions import ActionKind, ActionSpace
from investigator.runtime.budget import Amounts
from investigator.runtime.events import ALL_ACTIONS, ModelTurn, PlannerIdentity
from investigator.runtime.planner import Reply, TurnBound, View
from investigator.runtime.turn_schema import Sizes, narrowed, strict

GUIDE_TOKENS = 1500
"""The most that an engine's guide takes of a prompt, where the tools leave it so much."""

PROMPT_TOKENS = 32_000
"""The most that a prompt takes, its schema included."""

SHARE = 2 / 3
"""How much of what a scope has left one turn may take: what it reads still wants an answer."""

LEAST_TEXT_TOKENS = 4500
"""What a prompt may take however little is left; what cannot be held is refused by the pool."""

KEPT_TOKENS = 4000
"""What has to follow the overview, else a shorter one is shown."""

CHAT_TOKENS = 32
"""What the form of a chat adds to its texts."""

FINALIZE_ONLY = (ActionKind.FINALIZE,)

TokenPrice = Callable[[int, int], int | None]
"""Micro-USD of tokens in and out; None where it is not known."""


class Client(Protocol):
    """What a planner needs of a model client."""

    async def complete(
        self, prompt: Any, *, schema: dict[str, Any], max_tokens_out: int
    ) -> Reply: ...


@dataclass(frozen=True, slots=True)
class Model:
    """Which model is asked, how, and what it costs.

    `prompt` makes the client's own prompt of the system and the user text. `grammar`: the
    endpoint holds replies to the whole of a schema, so it is sent what the turn can say.
    `context_tokens` is what prompt and reply may take together; None: no limit.
    """

    client: Client
    prompt: Callable[[str, str], object]
    provider: str
    name: str
    temperature: float | None
    max_output_tokens: int
    price: TokenPrice
    estimate: Estimate
    latency_floor_s: float = 2.0
    grammar: bool = False
    context_tokens: int | None = None

    def amounts(self, tokens_in: int, tokens_out: int) -> Amounts:
        """One iteration, and the tokens at their price."""
        cost = self.price(tokens_in, tokens_out)
        return Amounts(iterations=1, tokens=tokens_in + tokens_out, cost=cost or 0)


@dataclass(frozen=True, slots=True)
class _Turn:
    """A turn as it will be asked: of whom, with what, and for how many tokens at most."""

    model: Model
    prompt: Rendered
    schema: dict[str, Any]
    tokens_in: int
    tokens_out: int
    overview: RunOverview

    @property
    def bound(self) -> TurnBound:
        asked = ModelTurn(model=self.model.name, request_sha256=self._request_hash())
        amounts = self.model.amounts(self.tokens_in, self.tokens_out)
        return TurnBound(
            amounts,
            self.tokens_out,
            asked,
            self.overview.shows,
            self.overview.in_part,
            self.overview.redactions,
        )

    @property
    def takes(self) -> Takes:
        """What the choice among models goes by."""
        amounts = self.model.amounts(self.tokens_in, self.tokens_out)
        return Takes(amounts.cost, amounts.tokens, self.model.latency_floor_s)

    def _request_hash(self) -> str:
        return sha256_json(
            {
                "model": self.model.name,
                "temperature": self.model.temperature,
                "system": self.prompt.system,
                "user": self.prompt.user,
                "schema": self.schema,
                "max_tokens_out": self.tokens_out,
            }
        )


class ModelPlanner:
    """Asks a model for each turn of a run's scopes.

    `guide` is what the engine says of its question; `finalize_tokens` the bound of a finalize
    turn that the engine declares (prompt and output), which such a turn is made to fit. Of
    several models (`cheaper` ones beside the first, from strong to cheap) each turn asks the
    strongest that can be afforded. `outline_of` is what each scope is shown of the run.
    """

    remote = True
    advised = True

    def __init__(
        self,
        space: ActionSpace[Any, Any],
        model: Model,
        *,
        guide: str,
        finalize_tokens: tuple[int, int],
        asking: Asking,
        cheaper: Sequence[Model] = (),
        outline_of: OutlineOf = lambda _: None,
    ) -> None:
        self._space = space
        self._models = (model, *cheaper)
        self._finalize_tokens = finalize_tokens
        self.latency_floor_s = max(model.latency_floor_s for model in self._models)
        self._estimate = model.estimate
        self._schemas: dict[tuple[ActionKind, ...], tuple[dict[str, Any], int]] = {}
        self._final_text = finalize_tokens[0] - self._schema(FINALIZE_ONLY)[1] - CHAT_TOKENS
        most = min(LEAST_TEXT_TOKENS, self._final_text) - LEAST_TURN_TOKENS
        system, fence = _system(space, guide, model.estimate, most), Fence(asking.code)
        self._prompting = Prompting(system, model.estimate, fence)
        self._overviews = Overviews(outline_of, asking.run_tokens, model.estimate, fence)
        self._turns: dict[str, tuple[View, _Turn]] = {}

    @property
    def identity(self) -> PlannerIdentity:
        """The models, and the hash of all that a prompt says besides its view."""
        said = self._prompting.system + load_prompt(TURN).text
        strongest = self._models[0]
        return PlannerIdentity(
            planner="model",
            model_provider=strongest.provider,
            model_name=", ".join(model.name for model in self._models),
            temperature=strongest.temperature,
            prompt_template_hash=sha256_text(said),
        )

    def finalize_bound(self, prompt_tokens: int, output_tokens: int) -> Amounts:
        """One iteration, and the tokens at the price of the cheapest model."""
        return min(
            (model.amounts(prompt_tokens, output_tokens) for model in self._models),
            key=lambda amounts: amounts.cost,
        )

    def bound(self, view: View) -> TurnBound:
        """The prompt as it would be sent, with its schema, and the most that may be replied."""
        return self._turn(view).bound

    def prompt_of(self, view: View) -> Rendered:
        """The prompt that a turn on the view sends."""
        return self._turn(view).prompt

    async def act(self, view: View, max_tokens_out: int) -> Reply:
        """What the chosen model says to the view."""
        turn = self._turn(view)
        self._turns.pop(view.scope_id, None)
        return await turn.model.client.complete(
            turn.model.prompt(turn.prompt.system, turn.prompt.user),
            schema=turn.schema,
            max_tokens_out=max_tokens_out,
        )

    def _turn(self, view: View) -> _Turn:
        """The turn on a view; the last of each scope is kept from `bound` to `act`."""
        kept = self._turns.get(view.scope_id)
        if kept is not None and kept[0] is view:
            return kept[1]
        final = view.offered == FINALIZE_ONLY
        schema, schema_tokens = self._schema(view.offered)
        limit = self._final_text if final else self._room(view) - schema_tokens - CHAT_TOKENS
        limit = limit if final else max(limit, LEAST_TEXT_TOKENS)
        room = limit - self._prompting.system_tokens
        overview = self._overviews.fitting(view.scope_id, room, KEPT_TOKENS)
        rendered = self._prompting.render(view, limit, overview)
        tokens_in = rendered.tokens + schema_tokens + CHAT_TOKENS

        def asked_of(model: Model) -> _Turn:
            most = model.max_output_tokens
            tokens_out = min(most, self._finalize_tokens[1]) if final else most
            sent = self._narrowed(view, overview, tokens_out) if model.grammar else schema
            return _Turn(model, rendered, sent, tokens_in, tokens_out, overview)

        turns = [asked_of(model) for model in self._models]
        left = self._left_at_the_end(view) if final else _left(view)
        takes = [turn.takes for turn in turns]
        turn = turns[strongest(takes, left, AHEAD[mode_of(view, overview.tokens)])]
        self._turns[view.scope_id] = (view, turn)
        return turn

    def _room(self, view: View) -> int:
        """The most that a whole prompt takes: bounded for all, by the scope, by the contexts."""
        room = PROMPT_TOKENS
        for model in self._models:
            if model.context_tokens is not None:
                room = min(room, model.context_tokens - model.max_output_tokens)
        if view.shown.left.tokens is None:
            return room
        reply = max(model.max_output_tokens for model in self._models)
        return min(room, int(view.shown.left.tokens * SHARE) - reply)

    def _left_at_the_end(self, view: View) -> Leaves:
        """What was kept back for the last turn, where there is a limit to keep back of."""
        left, kept = view.shown.left, self.finalize_bound(*self._finalize_tokens)
        return Leaves(
            None if left.cost is None else kept.cost,
            None if left.tokens is None else kept.tokens,
            view.shown.time_left,
        )

    def _narrowed(self, view: View, overview: RunOverview, tokens_out: int) -> dict[str, Any]:
        """What a grammar is made of; it is held for as the strict schema is."""
        known = {**self._space.known, **known_in(view, overview.shows)}
        return narrowed(self._space.schema(view.offered), Sizes.of(tokens_out), known)

    def _schema(self, offered: Sequence[ActionKind]) -> tuple[dict[str, Any], int]:
        """The schema of the offered actions and the tokens that it takes."""
        key = tuple(offered)
        if key not in self._schemas:
            schema = strict(self._space.schema(key), self._space.known)
            self._schemas[key] = (schema, self._estimate(compact_json(schema)))
        return self._schemas[key]


def _left(view: View) -> Leaves:
    left = view.shown.left
    return Leaves(left.cost, left.tokens, view.shown.time_left)


def _system(space: ActionSpace[Any, Any], guide: str, estimate: Estimate, most: int) -> str:
    """The stable text: the same for every scope and turn of a run, in `most` tokens."""
    schema = space.schema(ALL_ACTIONS)
    tools, outputs = tool_lines(schema), output_lines(schema)
    bare = load_prompt(SYSTEM).filled(tools=tools, outputs=outputs, guide="")
    room = min(GUIDE_TOKENS, most - estimate(bare))
    told = cut(guide.strip(), room, estimate)
    return load_prompt(SYSTEM).filled(tools=tools, outputs=outputs, guide=told)
