"""Secrets and personal data stand neither in what is said nor in what tools are given.

Secrets are found by the rules that redact them everywhere (`investigator.inspection.redaction`).
Of personal data these kinds are known: card numbers (Luhn's check, ISO/IEC 7812-1), IBANs
(checksum of ISO 13616), US social security numbers, phone numbers and e-mail addresses. Only card
and social security numbers count unless the parameters say otherwise: the others are given to be
used, and are part of ordinary work. A summary names the kind and the place and never quotes what
was found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from investigator.controls.checking import Checked, Params, Subject, Violation, check
from investigator.controls.checks.violations import one_line
from investigator.controls.conversation import Action, Item, Source
from investigator.inspection.redaction import Redactor
from investigator.signals.building import shortened

Place = Literal["system", "user", "assistant", "outputs", "arguments"]
SecretKind = Literal["private_key", "bearer_token", "jwt", "api_key", "password"]
PersonalKind = Literal["card_number", "iban", "ssn", "phone", "email"]

_IBAN = r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"
_SSN = r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b"
_REDACTOR = Redactor({"iban": _IBAN, "ssn": _SSN})
_SOURCES: dict[Source, Place] = {
    Source.SYSTEM: "system",
    Source.USER: "user",
    Source.ASSISTANT: "assistant",
    Source.TOOL: "outputs",
    Source.RETRIEVAL: "outputs",
}


class SecretsParams(Params):
    """The kinds that count, and where they may not stand."""

    kinds: tuple[SecretKind, ...] = Field(
        default=("private_key", "bearer_token", "jwt", "api_key", "password"), min_length=1
    )
    where: tuple[Place, ...] = Field(
        default=("system", "user", "assistant", "arguments"), min_length=1
    )


class PersonalDataParams(Params):
    """The kinds that count, and where they may not stand."""

    kinds: tuple[PersonalKind, ...] = Field(default=("card_number", "ssn"), min_length=1)
    where: tuple[Place, ...] = Field(
        default=("system", "user", "assistant", "arguments"), min_length=1
    )


@check("secrets", SecretsParams)
def check_secrets(subject: Subject, params: SecretsParams) -> Checked:
    """Keys, tokens and passwords in messages or in the arguments of tools."""
    return _look(subject, params.kinds, params.where, strength=0.8)


@check("personal_data", PersonalDataParams)
def check_personal_data(subject: Subject, params: PersonalDataParams) -> Checked:
    """Personal data of the kinds that count, in messages or in the arguments of tools."""
    return _look(subject, params.kinds, params.where, strength=0.8)


@dataclass(frozen=True, slots=True)
class _Place:
    """A text that is looked at, and where it stands."""

    item: Item
    place: Place
    text: str


def _look(
    subject: Subject, kinds: Iterable[str], where: tuple[Place, ...], *, strength: float
) -> Checked:
    wanted = frozenset(kinds)
    places = [place for place in map(_place, subject.conversation.items) if place.place in where]
    violations = tuple(
        Violation(
            span_id=place.item.span.span_id,
            summary=one_line(f"{_counted(found)} in {_where(place)}"),
            evidence=(place.item.evidence,),
            strength=strength,
        )
        for place in places
        if (found := Counter(kind for kind in kinds_in(place.text) if kind in wanted))
    )
    sources = {source for source, name in _SOURCES.items() if name in where}
    if "arguments" in where:
        sources.add(Source.ASSISTANT)
    return Checked(
        violations=violations,
        missing=subject.conversation.missing(*sources),
        scanned=f"{len(places)} messages and arguments for {', '.join(sorted(wanted))}",
        evidence=tuple(place.item.evidence for place in places[:3]),
    )


def _place(item: Item) -> _Place:
    if isinstance(item, Action):
        return _Place(item, "arguments", item.arguments)
    return _Place(item, _SOURCES[item.source], item.text)


def _where(place: _Place) -> str:
    if isinstance(place.item, Action):
        return f"the arguments of {shortened(place.item.tool, 60)}"
    if place.place == "outputs":
        return f"an output of {shortened(place.item.tool or 'a tool', 60)}"
    return f"a message of the {place.place}"


def _counted(found: Counter[str]) -> str:
    names = (
        f"{kind.replace('_', ' ')}{f' ({n} times)' if n > 1 else ''}" for kind, n in found.items()
    )
    return ", ".join(names)


def kinds_in(text: str) -> Iterator[str]:
    """The kind of each secret and each piece of personal data in a text, in order."""
    redacted = _REDACTOR.redact(text)
    for cut in redacted.cuts:
        kind = redacted.text[cut.new_start : cut.new_end].removeprefix("[REDACTED:").rstrip("]")
        if _CHECKED.get(kind, _always)(text[cut.start : cut.end]):
            yield kind


def _always(_: str) -> bool:
    return True


def _is_iban(text: str) -> bool:
    """The checksum of ISO 13616: moved and read as digits, the number leaves 1 when divided."""
    plain = text.replace(" ", "")
    if not 15 <= len(plain) <= 34:
        return False
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def _is_ssn(text: str) -> bool:
    """The area, group and serial numbers that were ever given out (SSA, before 2011)."""
    area, group, serial = text.split("-")
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


_CHECKED: dict[str, Callable[[str], bool]] = {"iban": _is_iban, "ssn": _is_ssn}
