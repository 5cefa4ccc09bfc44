"""Secrets and personal data are replaced by `[REDACTED:<kind>]` before a planner sees a text.

Rules are RE2 patterns, so a text costs time linear in its length; most rules are skipped at
once where a text lacks what they start from. They look for the common forms and are wary of
what traces are full of: ids, timestamps, plain numbers and code that only names a secret.
What is found is marked in the text as it was, all rules at once, and replaced in one go.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import re2

from investigator.errors import UsageError
from investigator.inspection.patterns import well_formed


class Cut(NamedTuple):
    """What was replaced: `[start, end)` of the original is `[new_start, new_end)` of the result."""

    start: int
    end: int
    new_start: int
    new_end: int


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text that may be shown; `cuts` are in order and do not overlap."""

    text: str
    cuts: tuple[Cut, ...] = ()

    @property
    def count(self) -> int:
        """How many places were replaced."""
        return len(self.cuts)

    def place_of(self, position: int) -> int:
        """Where a position of the original is in the result; in a cut, where the cut starts."""
        index = bisect_right(self.cuts, position, key=lambda cut: cut.start) - 1
        if index < 0:
            return position
        cut = self.cuts[index]
        return cut.new_start if position < cut.end else position - cut.end + cut.new_end


class Candidate(NamedTuple):
    """What a pattern found, with the character on either side (empty at the ends)."""

    secret: str
    before: str
    after: str


def _any(candidate: Candidate) -> bool:
    return bool(candidate.secret)


@dataclass(frozen=True, slots=True)
class Rule:
    """One sort of secret.

    Where the pattern has groups, the first that took part is the secret, else the whole match.
    `hints` are lower-case texts of which one must occur for the rule to be tried; `accept`
    has the last word on a candidate.
    """

    kind: str
    pattern: str
    hints: tuple[str, ...] = ()
    accept: Callable[[Candidate], bool] = _any


def _has_digit(candidate: Candidate) -> bool:
    return any(character.isdigit() for character in candidate.secret)


_NOT_SECRETS = ("os.", "self.", "get", "none", "null", "true", "false", "str", "env", "process.")
_PLACEHOLDERS = ("[redacted", "__redacted__", "<", "$", "{", "*", "...", "xxx", "your")


def _is_value(candidate: Candidate) -> bool:
    """Not code that fetches the secret, not a placeholder, not a declaration of its type."""
    called = candidate.after in ("(", "[")
    return not (called or candidate.secret.lower().startswith((*_NOT_SECRETS, *_PLACEHOLDERS)))


def _is_card(candidate: Candidate) -> bool:
    """Luhn's check (ISO/IEC 7812-1), on a number of an issuer's form that stands alone."""
    if candidate.before in (".", "-", "_", "/") or candidate.after in ("-", "_", "/"):
        return False
    digits = [int(character) for character in candidate.secret if character.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 and len(set(digits)) > 1


def _stands_alone(candidate: Candidate) -> bool:
    """As many digits as a phone number has (ITU-T E.164), no part of an id, a time or a sum."""
    secret, before, after = candidate
    digits = sum(character.isdigit() for character in secret)
    part = before.isalnum() or before in ("-", ".", "+", "/", "_") or after in ("-", "/", "_", ":")
    return 9 <= digits <= 15 and not part and not after.isalnum()


_KEY_PREFIXES = (
    r"sk-[\w-]{16,}",
    r"[spr]k_(?:live|test)_\w{10,}",
    r"(?:AKIA|ASIA)[0-9A-Z]{16}",
    r"gh[opsur]_[A-Za-z0-9]{20,}",
    r"github_pat_\w{20,}",
    r"glpat-[\w-]{16,}",
    r"xox[abeoprs]-[\w-]{10,}",
    r"xapp-[\w-]{10,}",
    r"AIza[\w-]{30,}",
    r"ya29\.[\w-]{20,}",
    r"hf_[A-Za-z0-9]{20,}",
    r"(?:gsk|r8|npm)_[A-Za-z0-9]{30,}",
    r"pypi-[\w-]{30,}",
    r"(?:pplx|xai|tvly)-[\w-]{20,}",
    r"lsv2_(?:pt|sk)_\w{20,}",
    r"SG\.[\w-]{16,}\.[\w-]{16,}",
    r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",
    r"dop_v1_[0-9a-f]{40,}",
)
_KEY_HINTS = (
    *("sk-", "_live_", "_test_", "akia", "asia", "ghp_", "gho_", "ghs_", "ghu_", "ghr_"),
    *("github_pat_", "glpat-", "xox", "xapp-", "aiza", "ya29.", "hf_", "gsk_", "r8_", "npm_"),
    *("pypi-", "pplx-", "xai-", "tvly-", "lsv2_", "sg.", "shp", "dop_v1_"),
)
_SECRET_NAMES = (
    r"(?:pass(?:word|wd|phrase)|pwd|secret|api[_-]?key|access[_-]?key|account[_-]?key"
    r"|private[_-]?key|(?:access|auth|refresh|session|api)[_-]?token)"
)
_SECRET_HINTS = ("pass", "pwd", "secret", "key", "token")
_CARD = (
    r"(?:4\d{3}|5[1-5]\d{2}|2[2-7]\d{2}|6011|64[4-9]\d|65\d{2}|35[2-8]\d)(?:[ -]?\d{4}){3}"
    r"|3[47]\d{2}[ -]?\d{6}[ -]?\d{5}"
)

RULES: tuple[Rule, ...] = (
    Rule(
        "private_key",
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-[^-])*"
        r"(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z)",
        ("private key",),
    ),
    Rule(
        "bearer_token",
        r"(?i)\bbearer\s+([\w.~+/=-]{16,})",
        ("bearer",),
        _has_digit,
    ),
    Rule("password", r"(?i)\bauthorization\W{1,6}basic\s+([\w+/=-]{8,})", ("authorization",)),
    Rule("jwt", r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*", ("eyj",)),
    Rule("api_key", rf"\b(?:{'|'.join(_KEY_PREFIXES)})", _KEY_HINTS, _has_digit),
    Rule("password", r"\b[A-Za-z][\w+.-]*://[^\s/:@]*:([^\s/@]+)@", ("://",), _is_value),
    Rule(
        "password",
        rf"(?i){_SECRET_NAMES}\\*[\"']?\s*(?:=|:|=>)\s*"
        r"(?:\\*\"([^\"\\\n]{4,})|\\*'([^'\\\n]{4,})|([^\s\"'&,;<>(){}\[\]\\]{4,}))",
        _SECRET_HINTS,
        _is_value,
    ),
    Rule(
        "email",
        r"\b[A-Za-z0-9][\w.%+-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24}\b",
        ("@",),
    ),
    Rule("card_number", rf"\b(?:{_CARD})\b", (), _is_card),
    Rule(
        "phone",
        r"\+[1-9]\d{0,2}[ .-]?\(?\d{1,4}\)?(?:[ .-]\d{2,4}){2,4}\b|\+[1-9]\d{9,12}\b"
        r"|\([2-9]\d{2}\) ?[2-9]\d{2}[ -]\d{4}\b|\b[2-9]\d{2}-[2-9]\d{2}-\d{4}\b",
        ("+", "(", "-"),
        _stands_alone,
    ),
)
"""What is redacted; earlier rules name the kind where two find the same place."""


class Redactor:
    """Replaces what the rules find, and what the user's own patterns find.

    `extra` maps a kind to an RE2 pattern.

    Raises:
        UsageError: an extra pattern is no RE2 pattern.
    """

    def __init__(self, extra: Mapping[str, str] | None = None) -> None:
        own = tuple(Rule(kind, pattern) for kind, pattern in (extra or {}).items())
        self._rules = tuple((rule, _hints(rule), _compiled(rule)) for rule in (*RULES, *own))

    def redact(self, text: str) -> Redacted:
        """The text as it may be shown."""
        clean = well_formed(text)
        encoded = clean.encode()
        lowered = encoded.lower()
        found: list[tuple[int, int, str]] = []
        for rule, hints, pattern in self._rules:
            if not hints or any(map(lowered.__contains__, hints)):
                found += _found(rule, pattern, encoded)
        return _replaced(encoded, found) if found else Redacted(clean)


def _hints(rule: Rule) -> tuple[bytes, ...]:
    return tuple(hint.encode() for hint in rule.hints)


def _compiled(rule: Rule) -> re2._Regexp:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(rule.pattern.encode(), options)
    except re2.error as error:
        raise UsageError(f"redaction '{rule.kind}' is no RE2 pattern: {rule.pattern}") from error


def _found(rule: Rule, pattern: re2._Regexp, text: bytes) -> Iterator[tuple[int, int, str]]:
    for match in pattern.finditer(text):
        group = next((g for g in range(1, pattern.groups + 1) if match.start(g) >= 0), 0)
        start, end = match.span(group)
        around = (text[start:end], text[max(start - 1, 0) : start], text[end : end + 1])
        if rule.accept(Candidate(*(part.decode("utf-8", "replace") for part in around))):
            yield start, end, rule.kind


def _replaced(text: bytes, found: Iterable[tuple[int, int, str]]) -> Redacted:
    """The text with each place replaced; offsets of bytes become offsets of characters."""
    pieces: list[str] = []
    cuts: list[Cut] = []
    done = old = new = 0
    for start, end, kind in _merged(found):
        kept = text[done:start].decode("utf-8", "replace")
        marker = f"[REDACTED:{kind}]"
        pieces += (kept, marker)
        old, new = old + len(kept), new + len(kept)
        length = len(text[start:end].decode("utf-8", "replace"))
        cuts.append(Cut(old, old + length, new, new + len(marker)))
        done, old, new = end, old + length, new + len(marker)
    pieces.append(text[done:].decode("utf-8", "replace"))
    return Redacted("".join(pieces), tuple(cuts))


def _merged(found: Iterable[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Places in order, those that overlap made one, so that no tail of a secret is left."""
    merged: list[tuple[int, int, str]] = []
    for start, end, kind in sorted(found, key=lambda place: place[0]):
        if merged and start < merged[-1][1]:
            first, last, named = merged[-1]
            merged[-1] = (first, max(last, end), named)
        else:
            merged.append((start, end, kind))
    return merged
