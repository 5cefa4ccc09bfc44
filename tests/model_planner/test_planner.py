"""A model planner asks for one offered action, and knows before it asks what that can cost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from investigator.ground.canonical_json import JsonValue, compact_json
from investigator.model_planner.model_choice import AHEAD
from investigator.model_planner.model_planner import (
    CHAT_TOKENS,
    PROMPT_TOKENS,
    SHARE,
    Model,
    ModelPlanner,
    TokenPrice,
)
from investigator.model_planner.prompting import mode_of
from investigator.model_planner.prompts import load_prompt
from investigator.runtime.actions import ActionKind, ActionSpace, Draft
from investigator.runtime.budget import UNLIMITED, Amounts, Budget, Limits
from investigator.runtime.events import ALL_BUT_FINALIZE, Head, Shown, TurnHeld, Usage
from investigator.runtime.journal import read_entries
from investigator.runtime.planner import Reply, View
from investigator.runtime.replay import replay
from investigator.runtime.run_fold import fold
from investigator.runtime.status import RunStatus
from investigator.runtime.turn_schema import strict
from investigator.testing.strict_subset import problems
from investigator.testing.toy import (
    CellAnswer,
    CellFinding,
    cell_tool,
    delegate,
    finalize,
    read,
    synthesize,
    toy_run,
)
from investigator.testing.virtual_time import in_virtual_time
from tests.running import ASKING
from tests.runtime.toys import output_of, replay_toy, run_toy

SPACE: ActionSpace[Any, Any] = ActionSpace(
    {"read_cell": cell_tool({0: "a"})}, Draft[CellFinding], CellAnswer
)
SAID = finalize("all", "e1")
FINALIZE_TOKENS = (3500, 400)


class Asked(NamedTuple):
    """One call of the client."""

    system: str
    user: str
    schema: dict[str, Any]
    max_tokens_out: int


class FakeClient:
    """Says one reply, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []

    async def complete(
        self, prompt: tuple[str, str], *, schema: dict[str, Any], max_tokens_out: int
    ) -> Reply:
        """The reply."""
        self.asked.append(Asked(*prompt, schema, max_tokens_out))
        return Reply(SAID, Usage(llm_calls=1, tokens_in=900, tokens_out=20, cost=7))


def estimate(text: str) -> int:
    """Three characters a token."""
    return len(text) // 3 + 1


class Reader(FakeClient):
    """Says what a script holds for the objective and the turn that the prompt names."""

    def __init__(self, script: Mapping[str, Sequence[str]]) -> None:
        super().__init__()
        self._script = script

    async def complete(
        self, prompt: tuple[str, str], *, schema: dict[str, Any], max_tokens_out: int
    ) -> Reply:
        """The turn of the script, charged by its length."""
        lines = prompt[1].splitlines()
        turn = int(next(line for line in lines if line.startswith("## Turn ")).split()[-1])
        said = self._script[lines[2]][turn]
        schema_tokens = estimate(compact_json(schema))
        tokens_in = sum(map(estimate, prompt)) + schema_tokens
        assert estimate(said) <= max_tokens_out
        return Reply(said, Usage(llm_calls=1, tokens_in=tokens_in, tokens_out=estimate(said)))


def planner(client: FakeClient | None = None, **fields: Any) -> ModelPlanner:
    """A planner over the toy's actions, at 2 micro-USD a token in and 10 out."""
    model = Model(
        client=client or FakeClient(),
        prompt=lambda system, user: (system, user),
        provider="fake",
        name="fake-1",
        temperature=0.0,
        max_output_tokens=1500,
        price=fields.pop("price", lambda tokens_in, tokens_out: 2 * tokens_in + 10 * tokens_out),
        estimate=estimate,
        context_tokens=fields.pop("context_tokens", None),
    )
    guide = fields.pop("guide", "Cells are numbered from 0.")
    return ModelPlanner(SPACE, model, guide=guide, finalize_tokens=FINALIZE_TOKENS, asking=ASKING)


def view(**fields: Any) -> View:
    """A first view."""
    offered = fields.pop("offered", tuple(ActionKind))
    withheld = tuple(kind for kind in ActionKind if kind not in offered)
    shown = Shown(left=fields.pop("left", UNLIMITED), time_left=None, withheld=withheld)
    plain = View(
        scope_id="0",
        depth=0,
        objective="read cells",
        context="",
        step=0,
        offered=offered,
        draft=None,
        recent=(),
        cited={},
        shown=shown,
    )
    return plain._replace(**fields)


def test_a_turn_is_the_clients_reply() -> None:
    """With its usage, and the output bound that was held."""
    client = FakeClient()
    reply = asyncio.run(planner(client).act(view(), 123))
    assert reply.text == SAID
    assert reply.usage.cost == 7
    assert client.asked[0].max_tokens_out == 123


@pytest.mark.parametrize(
    "offered",
    [tuple(ActionKind), (ActionKind.TOOL_CALL, ActionKind.FINALIZE), (ActionKind.FINALIZE,)],
    ids="+".join,
)
def test_the_schema_is_that_of_the_offered_actions(offered: tuple[ActionKind, ...]) -> None:
    """In the strict subset; at the guard there is nothing but finalize in it."""
    client = FakeClient()
    asyncio.run(planner(client).act(view(offered=offered), 100))
    schema = client.asked[0].schema
    assert schema == strict(SPACE.schema(offered))
    assert problems(schema) == []
    for kind in ActionKind:
        assert (f'["{kind}"]' in compact_json(schema)) == (kind in offered)


def test_the_system_text_is_the_same_in_every_turn() -> None:
    """It names the tools, the forms of the outputs and the engine's guide."""
    client = FakeClient()
    asks = planner(client)
    for step, offered in enumerate([tuple(ActionKind), (ActionKind.FINALIZE,)]):
        asyncio.run(asks.act(view(step=step, offered=offered), 100))
    first, second = (asked.system for asked in client.asked)
    assert first == second
    assert "- read_cell(cell: integer): Read one cell." in first
    assert 'OUTPUT of finalize: {"text": string, "evidence": [string]}' in first
    assert "Cells are numbered from 0." in first


def test_the_bound_covers_prompt_schema_and_reply() -> None:
    """In tokens and at their price, and it is the prompt that is then sent."""
    client = FakeClient()
    asks, shown = planner(client), view(context="c" * 5000)
    bound = asks.bound(shown)
    asyncio.run(asks.act(shown, bound.max_tokens_out))
    asked = client.asked[0]
    tokens_in = CHAT_TOKENS + sum(
        map(estimate, (asked.system, asked.user, compact_json(asked.schema)))
    )
    assert bound.max_tokens_out == 1500
    assert bound.amounts == Amounts(1, 0, 0, tokens_in + 1500, 2 * tokens_in + 10 * 1500)


def test_a_bound_is_at_most_the_limit_of_a_prompt() -> None:
    """Whatever the view holds: the text, its schema, and the reply; by the run and its model."""
    huge: JsonValue = ["x" * 300_000]
    full = view(context=compact_json(huge), gathered=(huge,), notice="n" * 9999)
    assert 20_000 < planner().bound(full).amounts.tokens <= PROMPT_TOKENS + 1500
    small = planner(context_tokens=9000).bound(full).amounts.tokens
    assert 6000 < small <= 9000


@pytest.mark.parametrize("left", [12_000, 20_000, 40_000])
def test_a_prompt_is_at_most_the_share_of_its_scope(left: int) -> None:
    """So that a scope that reads once can still answer."""
    huge: JsonValue = ["x" * 300_000]
    full = view(context=compact_json(huge), left=UNLIMITED._replace(tokens=left))
    assert planner().bound(full).amounts.tokens <= left * SHARE


def test_a_finalize_turn_fits_the_reserve() -> None:
    """What a scope keeps back for it covers any view at the guard."""
    asks = planner()
    reserve = asks.finalize_bound(*FINALIZE_TOKENS)
    assert reserve == Amounts(1, 0, 0, 3900, 2 * 3500 + 10 * 400)
    shown = view(offered=(ActionKind.FINALIZE,), context="c" * 50_000, gathered=("g" * 50_000,) * 3)
    assert shown.shown.withheld == ALL_BUT_FINALIZE
    bound = asks.bound(shown)
    assert reserve.covers(bound.amounts)
    assert bound.max_tokens_out == 400


def test_an_unknown_price_holds_no_cost() -> None:
    """Whether that is allowed under a cost cap is decided before the run."""
    asks = planner(price=lambda *_: None)
    assert asks.bound(view()).amounts.cost == 0


def test_the_identity_names_model_and_prompt() -> None:
    """Another guide is another prompt; another view is not."""
    identity = planner().identity
    assert (identity.planner, identity.model_provider, identity.model_name) == (
        "model",
        "fake",
        "fake-1",
    )
    assert identity.temperature == 0.0
    assert identity == planner().identity
    other = planner(guide="Cells are letters.").identity
    assert other.prompt_template_hash != identity.prompt_template_hash


def test_a_long_guide_is_cut_with_a_mark() -> None:
    """The prompt still has room for a turn."""
    client = FakeClient()
    asyncio.run(planner(client, guide="A guide. " * 2000).act(view(), 100))
    assert "more characters" in client.asked[0].system


def test_scopes_side_by_side_do_not_mix_their_prompts() -> None:
    """Each turn is asked with its own view, whichever was bounded last."""
    client = FakeClient()
    asks = planner(client)
    one, two = view(scope_id="0/0", objective="one"), view(scope_id="0/1", objective="two")
    asks.bound(one)
    asks.bound(two)
    for shown in (one, two, one._replace(objective="three")):
        asyncio.run(asks.act(shown, 100))
    told = [asked.user.splitlines()[2] for asked in client.asked]
    assert told == ["one", "two", "three"]


def test_a_run_by_a_model_is_bounded_and_replays_without_it(tmp_path: Path) -> None:
    """The loop, children and all: nothing over its hold, and a replay asks nobody."""
    script = {
        "read cells": [read(1), delegate("one", "two"), synthesize("so far", "e1"), SAID],
        "one": [read(2), read(2), finalize("one", "e1")],
        "two": [read(3), finalize("two", "e1")],
    }
    budget = Budget(tokens=120_000, cost_usd=1.0)
    client = Reader(script)
    record = run_toy(toy_run(planner(client), budget=budget), tmp_path / "run")
    assert record.status is RunStatus.SUCCEEDED
    usage = record.runtime_ref.usage
    assert usage.llm_calls == 9
    assert usage.tokens_in > 9 * 900
    assert usage.overdraft.tokens == 0
    silent = FakeClient()
    assert replay_toy(toy_run(planner(silent), budget=budget), tmp_path / "run").identical
    assert silent.asked == []


def a_run(run_dir: Path) -> None:
    """A short run by a model."""
    script = {"read cells": [read(1), SAID]}
    run_toy(toy_run(planner(Reader(script)), budget=Budget(tokens=40_000)), run_dir)


def test_a_changed_prompt_is_the_first_difference_of_a_replay(tmp_path: Path) -> None:
    """By the hash of what is sent, though the reply stands in the journal."""
    a_run(tmp_path / "run")
    changed = planner(guide="Cells are numbered from 1.")
    again = replay_toy(toy_run(changed, budget=Budget(tokens=40_000)), tmp_path / "run")
    assert again.difference is not None
    assert again.difference.startswith("scope 0, step 0, turn_held: asks was ")


def test_a_journal_that_names_no_model_replays(tmp_path: Path) -> None:
    """Those that were written before turns were known by their hash."""
    a_run(tmp_path / "run")
    entries = read_entries(tmp_path / "run")
    older = [
        entry._replace(event=msgspec.structs.replace(entry.event, asks=None))
        if isinstance(entry.event, TurnHeld)
        else entry
        for entry in entries
    ]
    assert older != entries
    record = fold(older, Head(len(older), ""))
    assert record is not None
    assert "models" not in record.runtime_ref.model_dump()
    run = toy_run(planner(), budget=Budget(tokens=40_000))
    assert in_virtual_time(replay(run, older, output_of(tmp_path / "run"))).identical


def test_prompts_are_known_by_their_hash() -> None:
    """A prompt's hash is that of its text; a place that is not filled is an error."""
    prompt = load_prompt("system-v2.md")
    assert prompt == load_prompt("system-v2.md")
    assert len(prompt.sha256) == 64
    with pytest.raises(KeyError):
        prompt.filled(tools="")
    with pytest.raises(FileNotFoundError):
        load_prompt("system-v0.md")


def test_examples_in_the_prompt_are_json() -> None:
    """The forms that the prompt shows parse, once their placeholders are filled."""
    text = load_prompt("system-v2.md").text.replace("{...}", "{}").replace("OUTPUT}", "{}}")
    forms = [line for line in text.splitlines() if line.startswith('{"type"')]
    kinds = [json.JSONDecoder().raw_decode(form)[0]["type"] for form in forms]
    assert kinds == ["tool_call", "synthesize", "delegate_subcall", "finalize"]


def test_limits_are_told_in_the_prompt() -> None:
    """What is left stands in the last section."""
    client = FakeClient()
    asyncio.run(planner(client).act(view(left=Limits(5, None, 2, None, 1_500_000)), 100))
    assert "left: 5 iterations, 2 subcalls, 1.5000 US dollars" in client.asked[0].user


PRICES = (100, 10, 1)
"""Micro-USD a token of three models, from strong to cheap."""


def several(clients: Sequence[FakeClient] | None = None) -> ModelPlanner:
    """A planner over three models."""
    asked = clients or [FakeClient() for _ in PRICES]

    def at(each: int) -> TokenPrice:
        return lambda tokens_in, tokens_out: each * (tokens_in + tokens_out)

    strongest, *cheaper = (
        Model(
            client=client,
            prompt=lambda system, user: (system, user),
            provider="fake",
            name=f"fake-{price}",
            temperature=0.0,
            max_output_tokens=1500,
            price=at(price),
            estimate=estimate,
        )
        for price, client in zip(PRICES, asked, strict=True)
    )
    return ModelPlanner(
        SPACE, strongest, guide="", finalize_tokens=FINALIZE_TOKENS, cheaper=cheaper, asking=ASKING
    )


def limits(cost: int | None, iterations: int | None = None) -> Limits:
    """Limits of cost and turns alone."""
    return UNLIMITED._replace(cost=cost, iterations=iterations)


@given(cost=st.integers(0, 10_000_000), iterations=st.integers(1, 50), step=st.integers(0, 20))
def test_the_strongest_model_is_asked_that_the_turns_to_come_can_afford(
    cost: int, iterations: int, step: int
) -> None:
    """More money never means a weaker one, and the cheapest is asked where none is affordable."""
    asked = several()
    seen = view(left=limits(cost, iterations), step=step)
    turn = asked.bound(seen)
    assert turn.asks is not None
    place = PRICES.index(int(turn.asks.model.removeprefix("fake-")))
    ahead = AHEAD[mode_of(seen)]
    per_token = turn.amounts.tokens
    affordable = [price * per_token * ahead <= cost for price in PRICES]
    assert place == (affordable.index(True) if any(affordable) else len(PRICES) - 1)
    more = asked.bound(view(left=limits(cost * 2 + 1, iterations), step=step))
    assert more.amounts.cost >= turn.amounts.cost


@given(cost=st.integers(0, 10_000_000))
def test_the_last_turn_is_within_what_is_kept_back_for_it(cost: int) -> None:
    """The reserve is priced for the cheapest model, so that the end can always be paid."""
    asked = several()
    kept = asked.finalize_bound(*FINALIZE_TOKENS)
    last = asked.bound(view(left=limits(cost), offered=(ActionKind.FINALIZE,)))
    assert last.amounts.cost <= kept.cost == sum(FINALIZE_TOKENS)
    assert last.amounts.tokens <= kept.tokens


def test_without_a_cost_limit_the_strongest_is_asked_to_the_end() -> None:
    """There is nothing to save."""
    for offered in (tuple(ActionKind), (ActionKind.FINALIZE,)):
        turn = several().bound(view(left=limits(None), offered=offered))
        assert turn.asks is not None
        assert turn.asks.model == "fake-100"


def test_who_is_asked_is_who_was_held_for() -> None:
    """The journal names the model, and the hash of all that it is sent."""
    clients = [FakeClient() for _ in PRICES]
    asked = several(clients)
    seen = view(left=limits(600_000))
    turn = asked.bound(seen)
    asyncio.run(asked.act(seen, turn.max_tokens_out))
    assert turn.asks is not None
    assert turn.asks.model == "fake-10"
    assert [len(client.asked) for client in clients] == [0, 1, 0]
    same = asked.bound(view(left=limits(600_000)))
    assert same.asks == turn.asks
    other = asked.bound(view(left=limits(600_000), objective="Something else."))
    assert other.asks is not None
    assert other.asks.request_sha256 != turn.asks.request_sha256
