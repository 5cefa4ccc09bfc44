"""What becomes of each reply of a planner."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from investigator.runtime.actions import (
    MAX_SIBLINGS,
    ActionKind,
    ActionSpace,
    CallTool,
    DelegateSubcall,
    Draft,
    Finalize,
    Invalid,
    NotAllowed,
    Synthesize,
    fixed_turns,
    turn_text,
)
from investigator.runtime.tools import Cite, Tool, ToolAnswer, ToolArgs
from investigator.testing.toy import (
    CellAnswer,
    CellFinding,
    Cells,
    cell_tool,
    delegate,
    finalize,
    read,
    synthesize,
)

ALL = tuple(ActionKind)
SUBSETS = [subset for n in range(1, 5) for subset in combinations(ALL, n)]


class SearchArgs(ToolArgs):
    """A second tool's arguments: one may be null, none may be left out."""

    pattern: str
    limit: int | None


async def _search(args: SearchArgs, cite: Cite) -> ToolAnswer:  # noqa: ARG001
    return ToolAnswer(None, "")


SEARCH = Tool("search", "Search.", SearchArgs, _search)


def space(*tools: Tool[Any]) -> ActionSpace[Draft[CellFinding], CellAnswer]:
    """The toy's actions over some tools."""
    return ActionSpace({t.name: t for t in tools}, Draft[CellFinding], CellAnswer)


TWO_TOOLS = space(cell_tool(Cells()), SEARCH)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (read(1), CallTool),
        (synthesize("s", "e1"), Synthesize),
        (finalize("f"), Finalize),
        (delegate("a"), tuple),
        (delegate("a", "b"), tuple),
        (delegate(*"abcdefgh"), tuple),
    ],
)
def test_what_is_offered_is_understood_and_what_is_not_is_refused(
    reply: str, kind: type[object]
) -> None:
    """The refusal names what is offered instead."""
    turn = TWO_TOOLS.parse(reply, ALL)
    assert isinstance(turn, kind)
    if not isinstance(turn, tuple | NotAllowed | Invalid):
        assert json.loads(turn_text(turn)) == json.loads(reply)
    for offered in SUBSETS:
        said = json.loads(reply)["action"]
        type_ = (said[0] if isinstance(said, list) else said)["type"]
        answer = TWO_TOOLS.parse(reply, offered)
        if type_ in offered:
            assert isinstance(answer, kind)
        else:
            assert isinstance(answer, NotAllowed)
            assert all(other in answer.reason for other in offered)


def call(**changes: object) -> str:
    action = {"type": "tool_call", "tool_name": "read_cell", "args": {"cell": 1}, **changes}
    return json.dumps({"action": action})


@pytest.mark.parametrize(
    ("reply", "named"),
    [
        (call(tool_name="write_cell"), "write_cell"),
        (call(args={"cell": 1, "mode": "w"}), "mode"),
        (call(args={}), "cell"),
        (call(args={"cell": "one"}), "cell"),
        (call(tool_name="search", args={"pattern": "x"}), "limit"),
        (call(args=None), "args"),
        (call(extra=1), "extra"),
        ('{"action": {"type": "tool_call"}}', "tool_name"),
    ],
)
def test_a_tool_call_that_cannot_be_made_is_refused_with_the_reason(reply: str, named: str) -> None:
    """Unknown tools and arguments are never dropped: the planner sees what was wrong."""
    answer = TWO_TOOLS.parse(reply, ALL)
    assert isinstance(answer, NotAllowed)
    assert named in answer.reason


def delegation(**changes: object) -> dict[str, object]:
    return {
        "type": "delegate_subcall",
        "objective": "look",
        "context": "",
        "use_planner": True,
        "actions": None,
        **changes,
    }


FIXED = json.loads(read(1))["action"]


@pytest.mark.parametrize(
    "action",
    [
        None,
        [],
        {},
        "finalize",
        {"type": "dance"},
        [delegation()],
        [delegation()] * (MAX_SIBLINGS + 1),
        [FIXED, FIXED],
        [delegation(), FIXED],
        delegation(use_planner=False),
        delegation(use_planner=False, actions=[]),
        delegation(actions=[FIXED]),
        delegation(objective=""),
        delegation(use_planner=False, actions=[delegation()]),
        delegation(depth=0),
        {"type": "finalize", "output": {"text": "x"}},
        {"type": "synthesize", "output": {"findings": [], "gaps": []}},
    ],
)
def test_a_reply_that_is_no_turn_is_invalid(action: object) -> None:
    """Only 2 to 8 delegations may be a list; a child has a planner or actions, not both."""
    for reply in (json.dumps({"action": action}), json.dumps({"action": action, "why": "x"})):
        answer = TWO_TOOLS.parse(reply, ALL)
        assert isinstance(answer, Invalid)
        assert 0 < len(answer.reason) <= 600


@given(st.text())
def test_no_text_breaks_the_parser(reply: str) -> None:
    """Whatever a model says is a turn, a refusal or invalid."""
    assert isinstance(TWO_TOOLS.parse(reply, ALL), Invalid)


def child_of(reply: str) -> DelegateSubcall[Any]:
    turn = TWO_TOOLS.parse(reply, ALL)
    assert isinstance(turn, tuple)
    (child,) = turn
    assert isinstance(child, DelegateSubcall)
    return child


def test_a_fixed_list_of_actions_is_what_the_child_will_say() -> None:
    """Each action comes back as the turn that says it."""
    reply = json.dumps({"action": delegation(use_planner=False, actions=[FIXED, FIXED])})
    turns = fixed_turns(child_of(reply))
    assert turns is not None
    assert [json.loads(turn) for turn in turns] == [{"action": FIXED}] * 2
    assert all(isinstance(TWO_TOOLS.parse(turn, ALL), CallTool) for turn in turns)
    assert fixed_turns(child_of(delegate("a"))) is None


names = st.sampled_from(["a", "b", "c", "d"])
findings = st.lists(st.builds(CellFinding, id=names, evidence=names), max_size=4)
drafts = st.builds(
    Draft[CellFinding],
    findings=findings.map(lambda found: tuple({f.id: f for f in found}.values())),
    gaps=st.lists(names, max_size=3, unique=True).map(tuple),
    summary=st.sampled_from(["", "one", "two"]),
)
EMPTY = Draft[CellFinding](findings=(), gaps=(), summary="")


@given(draft=drafts, update=drafts, third=drafts)
def test_a_draft_is_updated_by_id(
    draft: Draft[CellFinding], update: Draft[CellFinding], third: Draft[CellFinding]
) -> None:
    """Findings are replaced in place, others appended, gaps added once, the summary replaced."""
    both = draft.updated(update)
    was, now, new = ({finding.id: finding for finding in d.findings} for d in (draft, both, update))
    assert now == was | new
    assert [f.id for f in both.findings][: len(was)] == list(was)
    assert set(both.gaps) == {*draft.gaps, *update.gaps}
    assert both.gaps[: len(draft.gaps)] == draft.gaps
    assert both.summary == (update.summary or draft.summary)
    assert draft.updated(EMPTY) == draft == EMPTY.updated(draft)
    assert both.updated(update) == both
    assert both.updated(third) == draft.updated(update.updated(third))


@pytest.mark.parametrize("kind", ["Tool Call", " tool_call ", "TOOL-CALL"])
@pytest.mark.parametrize("tool", ["search", "SEARCH", " Search "])
def test_case_and_spaces_of_closed_sets_are_forgiven(kind: str, tool: str) -> None:
    """A tool, a type, a category: there is one that can be meant."""
    said = {"type": kind, "tool_name": tool, "args": {"pattern": "a", "limit": None}}
    answer = space(SEARCH).parse(json.dumps({"action": said}), ALL)
    assert isinstance(answer, CallTool)
    assert answer.tool_name == "search"


def test_everything_wrong_is_named_at_once_and_without_internals() -> None:
    """By the place in what was written, and what should stand there."""
    wrong = {
        "type": "delegate_subcall",
        "objective": " ",
        "context": 3,
        "use_planner": "maybe",
        "actions": None,
        "budget": 9,
    }
    answer = space(SEARCH).parse(json.dumps({"action": wrong}), ALL)
    assert isinstance(answer, Invalid)
    assert answer.reason.split("; ") == [
        "action.objective: say what the child is to find out",
        "action.context is 3 and should be text",
        'action.use_planner is "maybe" and should be true or false',
        "action.budget is no field here",
    ]


def test_a_value_of_no_set_is_refused_with_those_that_there_are() -> None:
    """The union and its variants are not mentioned."""
    answer = space(SEARCH).parse('{"action": {"type": "dance"}}', ALL)
    assert isinstance(answer, Invalid)
    assert answer.reason == (
        "action.type is 'dance' and should be one of "
        "tool_call, synthesize, delegate_subcall, finalize"
    )
