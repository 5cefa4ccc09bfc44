"""A kind of secret or personal data is a value: its pattern, its check, and examples of both.

Patterns are RE2, so a text costs time linear in its length whatever it holds. An example marks
with «» what has to go; a test runs every example of every kind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Literal, NamedTuple, TypeAlias

SecretMarker: TypeAlias = Literal[
    "private_key", "bearer_token", "jwt", "api_key", "password", "webhook", "cookie", "code"
]
PersonalMarker: TypeAlias = Literal[
    "card_number", "iban", "ssn", "phone", "email", "passport", "date_of_birth", "ip_address"
]
Marker: TypeAlias = SecretMarker | PersonalMarker
"""What `[REDACTED:<marker>]` says; many kinds share one."""


class Candidate(NamedTuple):
    """What a pattern found, and what stands around it.

    `before` and `after` are the characters on either side (empty at the ends), `label` is what
    the pattern matched before the secret.
    """

    secret: str
    before: str
    after: str
    label: str = ""


def anything(candidate: Candidate) -> bool:
    """Whatever the pattern finds."""
    return bool(candidate.secret)


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of secret.

    Where the pattern has groups, the first that took part is the secret, else the whole match.
    `accept` has the last word on a candidate.
    """

    name: str
    marker: Marker
    pattern: str
    accept: Callable[[Candidate], bool] = anything
    finds: tuple[str, ...] = ()
    spares: tuple[str, ...] = ()


def _of(alphabet: str, length: int) -> str:
    return "".join(islice(cycle(alphabet), length))


def mixed(length: int) -> str:
    """Letters of both cases and digits, for examples: no example is a key of anybody's."""
    return _of("aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY", length)


def letters(length: int) -> str:
    """Letters of both cases alone."""
    return _of("aBcDeFgHiJkLmNoPqRsTuVwXyZ", length)


def lower(length: int) -> str:
    """Small letters and digits."""
    return mixed(length).lower()


def upper(length: int) -> str:
    """Capital letters and digits."""
    return mixed(length).upper()


def hexes(length: int) -> str:
    """Small hexadecimal digits."""
    return _of("3fa9c07e1b5d8264", length)


def digits(length: int) -> str:
    """Decimal digits."""
    return _of("4820719356", length)
