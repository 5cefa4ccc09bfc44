"""Drafts a control library from a policy's file: which model is asked, and what the file becomes.

The library that is written is read again before it is given away, so `check` accepts it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from investigator.controls.drafting.agent_tools import MOST_SHOWN_TRACES, AgentTool, agent_tools
from investigator.controls.drafting.drafting import (
    NotCovered,
    PolicyDraft,
    draft_controls,
    drafted_library,
)
from investigator.controls.drafting.policy_sentences import policy_sentences
from investigator.controls.library import parse_library
from investigator.controls.library_writing import as_yaml
from investigator.errors import UsageError
from investigator.ground.redaction import Redactor
from investigator.ground.visible import one_visible_line
from investigator.ground.wording import counted
from investigator.model_planner.fence import Fence, new_code
from investigator.model_planner.replies import RedactedReplies
from investigator.runs.investigation import run_now
from investigator.runs.planners import PlannerChoice, ready, require_price
from investigator.runtime.budget import Amounts, Budget
from investigator.runtime.llm_client import ModelClient, ModelSettings, Prompt
from investigator.runtime.planner import Reply
from investigator.runtime.prices import most_of, price_of
from investigator.runtime.tokens import estimate_tokens
from investigator.store.open import OpenedSource

DRAFT_BUDGET = Budget(iterations=200, tokens=400_000, wall_time_s=900)
"""Enough for a policy of some three hundred sentences."""

MAX_POLICY_BYTES = 2**20
"""A text of more bytes than this is no policy that one person reviews."""

_OUTPUT_TOKENS = 4000
"""What a reply about one part of a policy takes, unless the model's settings say otherwise."""


def policy_text(path: Path) -> str:
    """The text of a policy.

    Raises:
        UsageError: it is not there, too large, or no text.
    """
    try:
        size = path.stat().st_size
        if size > MAX_POLICY_BYTES:
            raise UsageError(
                f"{path} is too large for a policy: {size:,} bytes, above the limit of "
                f"{MAX_POLICY_BYTES:,}"
            )
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no UTF-8 text (byte {error.start})") from error


def tools_in(opened: OpenedSource, redactor: Redactor) -> tuple[AgentTool, ...]:
    """The tools of the agent whose traces a source holds.

    Raises:
        UsageError: no trace of it shows a tool.
    """
    found = opened.api.list_traces(limit=MOST_SHOWN_TRACES)
    traces = opened.api.get_traces([one.trace_id for one in found])
    tools = agent_tools(traces, redactor)
    if not tools:
        raise UsageError(
            f"none of {counted(len(found), 'trace')} shows a tool; leave --traces out, or give it "
            "traces in which tools are offered or called"
        )
    return tools


def draft_from(
    path: Path,
    choice: PlannerChoice,
    budget: Budget,
    redactor: Redactor,
    tools: Sequence[AgentTool] = (),
) -> PolicyDraft:
    """What a model drafts from a policy; all that it reads and says is redacted.

    Raises:
        UsageError: no text, or a model that cannot be asked.
    """
    sentences = policy_sentences(redactor.redact(policy_text(path)).text)
    if not sentences:
        raise UsageError(f"{path} has no sentence: a policy is Markdown or plain text")
    require_price(choice, budget)
    asked = ready(choice)
    assert asked.model is not None
    model = _Asked(asked.model, redactor)
    fence = Fence(new_code())
    return run_now(lambda: draft_controls(sentences, path.name, model, fence, budget, tools=tools))


class _Asked:
    """The model, and what a request may use."""

    def __init__(self, settings: ModelSettings, redactor: Redactor) -> None:
        self._client = RedactedReplies(ModelClient(settings), redactor)
        self._price = most_of(price_of(settings))
        own = "max_output_tokens" in settings.model_fields_set
        self._out = settings.max_output_tokens if own else _OUTPUT_TOKENS

    async def draft(self, system: str, user: str, schema: dict[str, Any]) -> Reply:
        """Its reply."""
        prompt = Prompt(system=system, user=user)
        return await self._client.complete(prompt, schema=schema, max_tokens_out=self._out)

    @property
    def reply_tokens(self) -> int:
        """What it is told that a reply may take."""
        return self._out

    def bound(self, text: str) -> Amounts:
        """All of the text read, and all that a reply may take written."""
        tokens_in = estimate_tokens(text)
        return Amounts(1, 0, 0, tokens_in + self._out, self._price(tokens_in, self._out) or 0)


def draft_as_yaml(draft: PolicyDraft, model: str) -> str:
    """The draft as the text of a library, what is not covered at its end.

    Raises:
        UsageError: nothing could be drafted.
    """
    if not draft.controls:
        why = draft.failure or "the model drafted no control that stands"
        raise UsageError(f"no library could be drafted from {draft.document}: {why}")
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(draft.document).stem).strip("-") or "policy"
    head = (
        f"# Drafted from {one_visible_line(draft.document)} by {one_visible_line(model)}, for a "
        "person to review: each control\n# has the sentence that it comes from under `source`.\n"
    )
    body = as_yaml(drafted_library(draft, f"{stem}-draft"))
    text = head + body + "".join(_not_covered(draft.not_covered))
    parse_library(text, where=f"{draft.document} (draft)")
    return text


def _not_covered(left: list[NotCovered]) -> list[str]:
    if not left:
        return []
    return [
        "\n# Not covered:\n",
        *(
            f"# - line {one.sentence.line}: {one_visible_line(one.sentence.text, 400)}\n"
            f"#   ({one_visible_line(one.why, 300)})\n"
            for one in left
        ),
    ]
