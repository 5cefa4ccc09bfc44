"""Secrets and personal data stand neither in what is said nor in what tools are given.

What they look like is the list by which they are redacted everywhere
(`investigator.ground.sensitive`). Of personal data only card and social security numbers
count unless the parameters say otherwise, and of secrets no one-time codes: the others are given
to be used, and are part of ordinary work. A summary names the kind and the place and never quotes
what was found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from investigator.controls.checking import Check, Checked, Params, Violation
from investigator.ground.redaction import Redactor
from investigator.ground.sensitive import OPTIONAL, PersonalMarker, SecretMarker
from investigator.ground.wording import counted, times
from investigator.readings.conversation import Action, Item, Source
from investigator.readings.reading import Readings

Place = Literal["system", "user", "assistant", "outputs", "arguments"]

_SECRETS: tuple[SecretMarker, ...] = (
    *("private_key", "bearer_token", "jwt", "api_key", "password", "webhook", "cookie"),
)
_SOURCES: dict[Source, Place] = {
    Source.SYSTEM: "system",
    Source.USER: "user",
    Source.ASSISTANT: "assistant",
    Source.TOOL: "outputs",
    Source.RETRIEVAL: "outputs",
}


class SecretsParams(Params):
    """The kinds that count, and where they may not stand."""

    kinds: tuple[SecretMarker, ...] = Field(default=_SECRETS, min_length=1)
    where: tuple[Place, ...] = Field(
        default=("system", "user", "assistant", "arguments"), min_length=1
    )


class PersonalDataParams(Params):
    """The kinds that count, and where they may not stand."""

    kinds: tuple[PersonalMarker, ...] = Field(default=("card_number", "ssn"), min_length=1)
    where: tuple[Place, ...] = Field(
        default=("system", "user", "assistant", "arguments"), min_length=1
    )


def check_secrets(subject: Readings, params: SecretsParams) -> Checked:
    """Keys, tokens and passwords in messages or in the arguments of tools."""
    return _look(subject, params.kinds, params.where, strength=0.8)


def check_personal_data(subject: Readings, params: PersonalDataParams) -> Checked:
    """Personal data of the kinds that count, in messages or in the arguments of tools."""
    return _look(subject, params.kinds, params.where, strength=0.8)


@dataclass(frozen=True, slots=True)
class _Place:
    """A text that is looked at, and where it stands."""

    item: Item
    place: Place
    text: str


def _look(
    subject: Readings, kinds: Iterable[str], where: tuple[Place, ...], *, strength: float
) -> Checked:
    wanted, finder = frozenset(kinds), finder_of_all()
    places = [place for place in map(_place, subject.conversation.items) if place.place in where]
    violations = tuple(
        Violation(
            span_id=place.item.span.span_id,
            summary=f"{_counted(found)} in {_where(subject, place)}",
            evidence=(place.item.evidence,),
            strength=strength,
        )
        for place in places
        if (found := Counter(kind for kind in kinds_in(place.text, finder) if kind in wanted))
    )
    sources = {source for source, name in _SOURCES.items() if name in where}
    if "arguments" in where:
        sources.add(Source.ASSISTANT)
    return Checked(
        violations=violations,
        missing=subject.conversation.missing(*sources),
        scanned=f"{counted(len(places), 'message or argument', 'messages and arguments')} for "
        f"{', '.join(sorted(wanted))}",
        evidence=tuple(place.item.evidence for place in places[:3]),
    )


def _place(item: Item) -> _Place:
    if isinstance(item, Action):
        return _Place(item, "arguments", item.arguments)
    return _Place(item, _SOURCES[item.source], item.text)


def _where(subject: Readings, place: _Place) -> str:
    if isinstance(place.item, Action):
        return f"the arguments of {subject.quote.name(place.item.tool)}"
    if place.place == "outputs":
        return f"an output of {subject.quote.name(place.item.tool or 'a tool')}"
    return f"a message of the {place.place}"


def _counted(found: Counter[str]) -> str:
    names = (
        f"{kind.replace('_', ' ')}{f' ({times(n)})' if n > 1 else ''}" for kind, n in found.items()
    )
    return ", ".join(names)


def finder_of_all() -> Redactor:
    """Finds every kind of the list, the optional ones as well; what it makes is never shown."""
    return Redactor({name: kind.pattern for name, kind in OPTIONAL.items()})


def kinds_in(text: str, finder: Redactor) -> Iterator[str]:
    """The kind of each secret and each piece of personal data in a text, in order."""
    redacted = finder.redact(text)
    for cut in redacted.cuts:
        yield redacted.text[cut.new_start : cut.new_end].removeprefix("[REDACTED:").rstrip("]")


CHECKS = (
    Check("secrets", SecretsParams, check_secrets),
    Check("personal_data", PersonalDataParams, check_personal_data),
)
