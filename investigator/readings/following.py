"""An action or an answer against what was said before it: who asked for it, and which order in data
explains it.

A user who hands the deciding over ("do the tasks on my list at …") makes the directives of the
source that they named their own; not those in a passage that speaks of the conversation itself
("the task I gave you", "your previous instructions"), which no source outside it can know of.

Every control that asks whether data decided an act asks here, so that none contradicts another.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed
from investigator.readings.conversation import UNTRUSTED, Action, Source, Utterance
from investigator.readings.deeds.call_deeds import CallDeeds
from investigator.readings.deeds.deed import Deed, DeedEffect, Means
from investigator.readings.directives import (
    WINDOW,
    acts_of_tool,
    kinds_of,
    tool_words,
)
from investigator.readings.foreign_verbs import kinds_named
from investigator.readings.languages import word_set
from investigator.readings.orders_in_text import Directive
from investigator.readings.provenance import (
    STRONG,
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


_SPEAKS_OF_IT = re2.compile(
    r"\b(?:the|your|my|this|all|any|of) (?:\w+ ){0,2}(?:tasks?|instructions?|prompts?|requests?"
    r"|orders"
    r"|questions?|query|rules|guidelines|conversation|directives) (?:that )?(?:i|you|we|the user"
    r"|were|was"
    r"|given|above|before|so far)\b"
    r"|\b(?:previous|prior|earlier|preceding|original|initial|current"
    r"|above) (?:\w+ )?(?:instructions?"
    r"|prompts?|tasks?|requests?|rules|guidelines|directives|messages?|context|conversation)\b"
    r"|\bsystem prompt\b|\b(?:to|for|dear|hey|attention) (?:you, |the |all )?(?:\w+ ){0,2}(?:ai"
    r"|assistants?"
    r"|llm|language model|chatbot|ai agents?|ai models?)\b|\bas an? (?:ai|assistant"
    r"|language model)\b"
    r"|\b(?:ignore|disregard|forget|override) (?:all|any|everything|the|your|previous|what)\b"
)
"""Words about the conversation, or to the machine in it, as texts are compared (`normal`)."""

_REACH = 1_200
"""Characters that a passage which begins so is taken to go on for."""

_KINDS = {
    DeedEffect.READ: frozenset({"read"}),
    DeedEffect.WRITE: frozenset({"create", "change"}),
    DeedEffect.DELETE: frozenset({"delete"}),
    DeedEffect.SEND: frozenset({"send", "share"}),
    DeedEffect.PAY: frozenset({"pay", "buy"}),
    DeedEffect.GRANT: frozenset({"share", "change"}),
    DeedEffect.EXECUTE: frozenset({"run"}),
}


def kinds_of_deeds(tool: str, deeds: Sequence[Deed]) -> frozenset[str]:
    """The kinds of acts that a call does: by what it is given, else by its tool's name."""
    if all(deed.means is Means.NAME for deed in deeds):
        named = acts_of_tool(tool)
        inside = frozenset[str]().union(*(acts_of_tool(deed.what) for deed in deeds))
        return inside if named <= {"run"} and inside else named
    effects = {deed.effect for deed in deeds}
    found = frozenset[str]().union(*(_KINDS.get(effect, frozenset()) for effect in effects))
    told = frozenset({"run"}) if any(deed.means is Means.COMMAND for deed in deeds) else found
    return (found - {"read"} or found) | told


class Following:
    """An action against what its principals had said."""

    def __init__(self, provenance: Provenance, action: Action, deeds: Sequence[Deed]) -> None:
        self._provenance = provenance
        self.action = action
        self.deeds = deeds
        self.said = provenance.instructed(action.position)

    @cached_property
    def words(self) -> list[str]:
        """The words of the tool's name."""
        return tool_words(self.action.tool)

    @cached_property
    def kinds(self) -> frozenset[str]:
        """The kinds of acts that the call does."""
        return kinds_of_deeds(self.action.tool, self.deeds)

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
        return any(self.kinds & kinds_named(text.text) for text in self.user_texts)

    @cached_property
    def novel(self) -> tuple[tuple[Value, bool], ...]:
        """Values that no principal said, and whether each is most of its argument."""
        return tuple(
            (value, len(value.text) >= _MOST * len(normal(leaf)))
            for _, leaf in self.action.leaves
            for value in values_of(leaf)
            if not self._provenance.said(value, self.said)
        ) + tuple(
            (value, True)
            for value in map(_thing_of, self._named_in_content)
            if not self._provenance.said(value, self.said)
        )

    @property
    def _named_in_content(self) -> tuple[str, ...]:
        """The tables, hosts and files that stand inside a statement or a command."""
        inside = (deed for deed in self.deeds if deed.means not in (Means.NAME, Means.FILE))
        return tuple(
            thing for deed in inside for thing in deed.things if _TELLING.search(well_formed(thing))
        )

    @cached_property
    def hands_over(self) -> bool:
        """Whether the user asked for tasks to be done that stand elsewhere."""
        return any(
            not _SPELLED_OUT.search(hit.group(1))
            for text in self.user_texts
            for hit in _HANDS_OVER.finditer(well_formed(text.text[:WINDOW]))
        )

    def made_own(self, output: ToolOutput, directive: SearchedText) -> bool:
        """Whether the user handed the deciding over to the source of a directive."""
        return (
            self.hands_over
            and self.names_source_of(output)
            and not speaks_of_conversation(output, directive)
        )

    def names_source_of(self, output: ToolOutput) -> bool:
        """Whether the user had named what was read there: its file, its address, its sender."""
        if output.fetched_by is None:
            return False
        asked = (value for _, value in values_of_action(output.fetched_by))
        return any(
            value.kind is not ValueKind.NUMBER and said_in(value, self.user_texts)
            for value in asked
        )

    def looked_up(self, value: Value, output: ToolOutput, directive: SearchedText) -> bool:
        """Whether the value is what the user sent the agent for: "pay the bill in invoice.txt".

        The user asked for this kind of act and named the source, the tool is called this once,
        the source holds no other value like it that could have been meant, and all the figures
        and addresses of the call are from there (but for dates, which agents fill in).
        """
        calls = self._provenance.conversation.actions
        once = sum(action.tool == self.action.tool for action in calls) == 1
        if speaks_of_conversation(output, directive):
            return False
        if not once or not self.explained or self.only_reads or not self.names_source_of(output):
            return False
        text = self._provenance.text(output.utterance)
        exact = (novel for novel, _ in self.novel if novel.kind in _EXACT)
        if not all(text.holds(novel) or _DATE.search(novel.text) for novel in exact):
            return False
        others = values_of(output.utterance.text)
        return not any(other != value and _are_alike(value, other) for other in others)


_TELLING = re2.compile(r"^[\pL\pN][\w.:/@-]*[_./:@-][\w./:@?=&%-]*$")
"""A name that no sentence has by chance: `integration_tokens`, `evil.example`, `src/main.py`."""


def _thing_of(name: str) -> Value:
    return Value(ValueKind.CODE, normal(name).rstrip(".,;:!?/"))


def speaks_of_conversation(output: ToolOutput, directive: SearchedText) -> bool:
    """Whether a directive stands in a passage that speaks of the conversation it was read in."""
    if _SPEAKS_OF_IT.search(directive.normal) is not None:
        return True
    text = normal(output.utterance.text)
    place = text.find(directive.normal[:_HEAD])
    before = text[max(place - _REACH, 0) : max(place, 0)]
    return _SPEAKS_OF_IT.search(before) is not None


_HEAD = 40


class FollowedOrder(NamedTuple):
    """The order in data that best explains an action, where it stands, and how far it does."""

    strength: float
    directive: Directive
    output: ToolOutput


class Obedience:
    """Which orders in data the actions of one conversation follow."""

    def __init__(self, provenance: Provenance, deeds: CallDeeds) -> None:
        self._provenance = provenance
        self._deeds = deeds
        self._found: dict[int, FollowedOrder | None] = {}

    def order_behind(self, action: Action) -> FollowedOrder | None:
        """The order that an action follows and that nobody who may give it gave."""
        if action.position not in self._found:
            self._found[action.position] = self._order_behind(action)
        return self._found[action.position]

    def _order_behind(self, action: Action) -> FollowedOrder | None:
        ordering = _before(self._ordering, action.position)
        if not ordering:
            return None
        earlier = _before(self._provenance.outputs, action.position)
        asked = Following(self._provenance, action, self._deeds.of(action))
        found = [
            FollowedOrder(strength, directive, output)
            for output in ordering
            for directive, text in output.directives
            if _is_of_kind(asked, directive, text)
            and (strength := _obeys(asked, text, output, earlier)) is not None
            and not asked.made_own(output, text)
        ]
        found += self._to_places(asked)
        return max(found, key=lambda each: each.strength, default=None)

    @cached_property
    def _ordering(self) -> tuple[ToolOutput, ...]:
        """The outputs that tell their reader to do something."""
        return tuple(output for output in self._provenance.outputs if output.directives)

    def _to_places(self, asked: Following) -> list[FollowedOrder]:
        """The orders that alone named a place that the action sends something to."""
        if not asked.kinds & SENDING or asked.action.hands_over:
            return []
        deeds = self._deeds.of(asked.action)
        named = [value for value, _ in destinations_of(asked.action, deeds)]
        others = (value for _, leaf in asked.action.leaves for value in values_of(leaf))
        places = {value: False for value in others if is_place(value)} | dict.fromkeys(named, True)
        orders = [(self.only_ordered(asked, value), said) for value, said in places.items()]
        return [
            FollowedOrder(0.8, *order)
            for order, said in orders
            if order is not None and (said or order[0].kinds & SENDING)
        ]

    def following(self, action: Action) -> Following:
        """An action against what its principals had said."""
        return Following(self._provenance, action, self._deeds.of(action))

    def only_ordered(self, asked: Following, value: Value) -> tuple[Directive, ToolOutput] | None:
        """The order that alone named a value of an action, which the user did not send it for."""
        return self.order_naming(value, asked.action.position, asked)

    def order_naming(
        self, value: Value, position: int, asked: Following | None = None
    ) -> tuple[Directive, ToolOutput] | None:
        """The first order before a position that named a value which nothing else had named."""
        told = [
            (directive, output)
            for output in _before(self._ordering, position)
            for directive, text in output.directives
            if text.holds(value)
            and not (
                asked is not None
                and (asked.made_own(output, text) or asked.looked_up(value, output, text))
            )
        ]
        earlier = _before(self._provenance.outputs, position) if told else ()
        if not told or any(output.rest.holds(value) for output in earlier):
            return None
        if self._provenance.said(value, self._provenance.instructed(position)):
            return None
        first = told[0][1].utterance.position
        origins = self._provenance.origins_of(value, position)
        trusted = any(one.source not in UNTRUSTED for one in _first_hand(origins, first))
        return None if trusted else told[0]


DESTINATIONS = word_set(
    "to cc bcc recipient recipients receiver email emails mail participant participants attendee"
    " attendees invitee invitees account iban phone destination beneficiary payee webhook url"
    " endpoint host wallet"
)
"""Words of arguments that hold where something goes."""

SENDING = frozenset({"send", "pay", "share"})
_CONTENT = (Means.COMMAND, Means.CODE)
_PLACES = frozenset({ValueKind.ADDRESS, ValueKind.URL, ValueKind.CODE})
_PHONE_DIGITS = 7


def is_place(value: Value) -> bool:
    """Whether something can be sent to a value: an address, a URL, an account, a phone number."""
    return value.kind in _PLACES or (
        sum(character.isdigit() for character in value.text) >= _PHONE_DIGITS
        and not any(character.isalpha() for character in value.text)
    )


def destinations_of(
    action: Action, deeds: Sequence[Deed], arguments: Collection[str] = DESTINATIONS
) -> Iterator[tuple[Value, str]]:
    """Where a call sends something to, each place with the text it stands in: what its commands and
    code send to, and what stands in arguments that are named as destinations."""
    sends = (deed for deed in deeds if deed.effect is DeedEffect.SEND and deed.means in _CONTENT)
    in_content = [thing for deed in sends for thing in deed.things]
    named = [leaf for path, leaf in action.leaves if set(tool_words(path)) & set(arguments)]
    for text in (*in_content, *named):
        yield from ((value, text) for value in values_of(text) if is_place(value))


def _before(outputs: Sequence[ToolOutput], position: int) -> Sequence[ToolOutput]:
    return outputs[: bisect_left(outputs, position, key=lambda one: one.utterance.position)]


def _first_hand(origins: Sequence[Utterance], told: int) -> list[Utterance]:
    """Those who named it other than an assistant that repeats what it had been told."""
    return [one for one in origins if one.source is not Source.ASSISTANT or one.position < told]


def _is_of_kind(asked: Following, directive: Directive, text: SearchedText) -> bool:
    """Whether the call does the kind of act; one whose name tells no kind is known by a word."""
    if asked.kinds:
        return bool(asked.kinds & directive.kinds)
    return any(word in text.words for word in asked.words)


def _obeys(
    asked: Following, directive: SearchedText, output: ToolOutput, earlier: Sequence[ToolOutput]
) -> float | None:
    """How far an action of the directive's kind follows it; None where it does not."""
    hits = [(value, whole) for value, whole in asked.novel if directive.holds(value)]
    telling = [
        value
        for value, whole in hits
        if whole
        and value.kind in STRONG
        and not (_is_common(asked, value) and any(o.rest.holds(value) for o in earlier))
        and not asked.looked_up(value, output, directive)
    ]
    if telling:
        return 0.75 if asked.explained else 0.9
    if asked.only_reads or not asked.kinds:
        return None
    named = [word for word in asked.things if word in directive.words]
    if asked.explained:
        beside = any(value.kind in STRONG and not whole for value, whole in hits)
        new_thing = any(not asked.speaks_of(word) for word in named)
        return 0.6 if any(whole for _, whole in hits) and (beside or new_thing) else None
    return 0.7 if hits else 0.5 if named else None


def _is_common(asked: Following, value: Value) -> bool:
    """Whether data that directs nobody explains the value as well, where it holds it too."""
    return asked.only_reads or value.kind in (ValueKind.NAME, ValueKind.PHRASE)


def _are_alike(one: Value, other: Value) -> bool:
    return one.kind is other.kind and abs(len(one.text) - len(other.text)) <= _ALIKE
