"""An action against what was said before it: who asked for it, and which values nobody gave.

A user who hands the deciding over ("do the tasks on my list at …") makes the directives of the
source that they named their own.
"""

from __future__ import annotations

from functools import cached_property

import re2

from investigator.ground.patterns import well_formed
from investigator.readings.conversation import Action, Source
from investigator.readings.directives import (
    WINDOW,
    acts_of_tool,
    kinds_of,
    tool_words,
)
from investigator.readings.provenance import (
    Provenance,
    SearchedText,
    ToolOutput,
    Value,
    ValueKind,
    normal,
    said_in,
    values_of,
    values_of_action,
)

_MOST = 0.6
_ALIKE = 6
_EXACT = frozenset({ValueKind.NUMBER, ValueKind.CODE, ValueKind.ADDRESS, ValueKind.URL})
_DATE = re2.compile(r"^\d{4}-\d{2}-\d{2}")
_READS = frozenset({"read"})
_HANDS_OVER = re2.compile(
    r"(?i)\b(?:do|perform|complete|follow|execute|carry out|handle|finish|implement|act on"
    r"|take care of|work through)\b((?:\W+[\w'-]+){0,6}?)\W+"
    r"(?:tasks?|instructions?|actions?|to-?dos?|steps|items|lists?|requests?|chores|errands)\b"
)
_SPELLED_OUT = re2.compile(r"(?i)\b(?:following|these|below)\b")


class Following:
    """An action against what its principals had said."""

    def __init__(self, provenance: Provenance, action: Action) -> None:
        self._provenance = provenance
        self.action = action
        self.said = provenance.instructed(action.position)

    @cached_property
    def words(self) -> list[str]:
        """The words of the tool's name."""
        return tool_words(self.action.tool)

    @cached_property
    def kinds(self) -> frozenset[str]:
        """The kinds of acts that the tool does, by its name."""
        return acts_of_tool(self.action.tool)

    @cached_property
    def things(self) -> tuple[str, ...]:
        """What the tool does it to, by its name: the `password` of `update_password`."""
        return tuple(word for word in self.words if not kinds_of([word]))

    def speaks_of(self, thing: str) -> bool:
        """Whether the user spoke of a thing, be it of one or of many."""
        forms = {thing, f"{thing}s", thing.removesuffix("s")}
        return any(forms & text.words for text in self.user_texts)

    @cached_property
    def only_reads(self) -> bool:
        """Whether the tool does nothing but look."""
        return self.kinds == _READS

    @cached_property
    def user_texts(self) -> tuple[SearchedText, ...]:
        """What was said to or by the user, without the system's standing orders."""
        said = (u for u in self.said if u.source is not Source.SYSTEM)
        return tuple(map(self._provenance.text, said))

    @cached_property
    def explained(self) -> bool:
        """Whether the user's words ask for this kind of act."""
        return any(self.kinds & kinds_of(sorted(text.words)) for text in self.user_texts)

    @cached_property
    def novel(self) -> tuple[tuple[Value, bool], ...]:
        """Values that no principal said, and whether each is most of its argument."""
        return tuple(
            (value, len(value.text) >= _MOST * len(normal(leaf)))
            for _, leaf in self.action.leaves
            for value in values_of(leaf)
            if not self._provenance.said(value, self.said)
        )

    @cached_property
    def hands_over(self) -> bool:
        """Whether the user asked for tasks to be done that stand elsewhere."""
        return any(
            not _SPELLED_OUT.search(hit.group(1))
            for text in self.user_texts
            for hit in _HANDS_OVER.finditer(well_formed(text.text[:WINDOW]))
        )

    def made_own(self, output: ToolOutput) -> bool:
        """Whether the user handed the deciding over to the source of an output."""
        return self.hands_over and self.names_source_of(output)

    def names_source_of(self, output: ToolOutput) -> bool:
        """Whether the user had named what was read there: its file, its address, its sender."""
        if output.fetched_by is None:
            return False
        asked = (value for _, value in values_of_action(output.fetched_by))
        return any(
            value.kind is not ValueKind.NUMBER and said_in(value, self.user_texts)
            for value in asked
        )

    def looked_up(self, value: Value, output: ToolOutput) -> bool:
        """Whether the value is what the user sent the agent for: "pay the bill in invoice.txt".

        The user asked for this kind of act and named the source, the tool is called this once,
        the source holds no other value like it that could have been meant, and all the figures
        and addresses of the call are from there (but for dates, which agents fill in).
        """
        calls = self._provenance.conversation.actions
        once = sum(action.tool == self.action.tool for action in calls) == 1
        if not once or not self.explained or self.only_reads or not self.names_source_of(output):
            return False
        text = self._provenance.text(output.utterance)
        exact = (novel for novel, _ in self.novel if novel.kind in _EXACT)
        if not all(text.holds(novel) or _DATE.search(novel.text) for novel in exact):
            return False
        others = values_of(output.utterance.text)
        return not any(other != value and _are_alike(value, other) for other in others)


def _are_alike(one: Value, other: Value) -> bool:
    return one.kind is other.kind and abs(len(one.text) - len(other.text)) <= _ALIKE
