"""The run as a planner sees it from its first turn: rendered once a run, the same in every prompt.

How large it may be follows from the run's budget alone, so it stays the same to the byte whatever
a scope has left; what cannot afford it gets one of a few shorter forms, each fixed as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from investigator.model_planner.fence import Fence
from investigator.model_planner.page_text import Estimate

WHOLE_TOKENS = 24_000
"""The most that a run takes that is shown whole, and an eighth of its token limit."""

WHOLE_SHARE = 8
OUTLINE_SHARE = 16
"""A run that does not fit is an outline, of at most this share of the token limit."""

SHORTER = (3000, 1500, 700)
"""The shorter forms, in tokens: for scopes that cannot afford the other."""

TITLE = "The run"
_MARK = "[REDACTED:"


class Outlined(NamedTuple):
    """A run in words; `shows` are the references that can be cited of it, by short id.

    Those `in_part` are not shown whole; `is_whole`: nothing is left out.
    """

    text: str
    shows: Mapping[str, str]
    in_part: frozenset[str] = frozenset()
    is_whole: bool = False

    @property
    def redactions(self) -> int:
        """How many marks of what was taken out stand in it."""
        return self.text.count(_MARK)


class Outline(Protocol):
    """What can be rendered of a run in any size."""

    def within(self, tokens: int, estimate: Estimate) -> Outlined:
        """The run in at most `tokens`."""
        ...

    def whole(self, tokens: int, estimate: Estimate) -> Outlined | None:
        """The run with every step whole; None where that takes more than `tokens`."""
        ...


OutlineOf = Callable[[str], Outline | None]
"""What a scope, by its id, is shown of the run; None for nothing."""


@dataclass(frozen=True, slots=True)
class RunOverview:
    """One form of it as it stands in a prompt, marks included."""

    text: str
    tokens: int
    shows: Mapping[str, str]
    in_part: frozenset[str] = frozenset()
    is_whole: bool = False
    redactions: int = 0


NO_OVERVIEW = RunOverview("", 0, {})


class Overviews:
    """The forms of one run, each rendered once; `run_tokens` None: no limit."""

    def __init__(
        self, outline_of: OutlineOf, run_tokens: int | None, estimate: Estimate, fence: Fence
    ) -> None:
        self._outline_of = outline_of
        self._estimate = estimate
        self._fence = fence
        limit = WHOLE_TOKENS * WHOLE_SHARE if run_tokens is None else run_tokens
        self._most_whole = min(WHOLE_TOKENS, limit // WHOLE_SHARE)
        self._most_outlined = min(WHOLE_TOKENS // 2, limit // OUTLINE_SHARE)
        self._main: dict[int, RunOverview] = {}
        self._shorter: dict[tuple[int, int], RunOverview] = {}

    def fitting(self, scope_id: str, room: int, kept: int) -> RunOverview:
        """The run for a scope whose prompt has `room` tokens for it, `kept` of them for others.

        The main form where that leaves `kept`, else a shorter one of at most a quarter of it.
        """
        outline = self._outline_of(scope_id)
        if outline is None:
            return NO_OVERVIEW
        main = self._main_form(outline)
        if main.tokens + kept <= room:
            return main
        for size in SHORTER:
            if size * 4 <= room and size < main.tokens:
                return self._shorter_form(outline, size)
        return NO_OVERVIEW

    def _main_form(self, outline: Outline) -> RunOverview:
        key = id(outline)
        if key not in self._main:
            whole = outline.whole(self._most_whole, self._estimate)
            made = whole or outline.within(self._most_outlined, self._estimate)
            self._main[key] = self._framed(made)
        return self._main[key]

    def _shorter_form(self, outline: Outline, tokens: int) -> RunOverview:
        key = (id(outline), tokens)
        if key not in self._shorter:
            self._shorter[key] = self._framed(outline.within(tokens, self._estimate))
        return self._shorter[key]

    def _framed(self, made: Outlined) -> RunOverview:
        text = f"## {TITLE}\n{self._fence.around(made.text)}\n\n"
        tokens = self._estimate(text)
        return RunOverview(text, tokens, made.shows, made.in_part, made.is_whole, made.redactions)
