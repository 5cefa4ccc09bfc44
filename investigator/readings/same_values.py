"""Whether two runs of one task say the same: what each run makes anew may differ, all else not.

Ids, times and measures differ from run to run; each id of one run stands for one id of the other,
wherever it comes again. A value that both runs were given stands for itself. Prose may be worded
otherwise as long as its figures, names in brackets, language and negations are the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import NamedTuple

from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import JsonValue, canonical_json, read_json
from investigator.ground.patterns import well_formed
from investigator.readings.languages import common_words, language_of, word_set

_WINDOW = 50_000
_TOKEN = re2.compile(
    r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|[-+]?\d+\.\d+|[\pL\pN_]+(?:[-.:/@+#'’][\pL\pN_]+)*"
)
_SHAPES = (
    re2.compile(r"(?i)^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"),
    re2.compile(
        r"(?i)^\d{4}-\d{2}-\d{2}[t_ ]\d{2}:?\d{2}(?::?\d{2})?(?:\.\d+)?(?:z|[+-]\d{2}:?\d{2})?$"
    ),
    re2.compile(r"^\d{1,2}:\d{2}:\d{2}(?:\.\d+)?$"),
    re2.compile(r"^\d{10,19}$"),
    re2.compile(r"^[\pL]{2,}[-_#:](?:[\pL\pN]*[-_])*[\pL\pN]*\d[\pL\pN]*$"),
    re2.compile(r"(?i)^(?:[0-9a-f]*\d[0-9a-f]*[a-f][0-9a-f]*|[0-9a-f]*[a-f][0-9a-f]*\d[0-9a-f]*)$"),
    re2.compile(r"^[\pL\pN]{10,}$"),
)
"""What a run may make anew: a UUID, a time, a time of day, an epoch, a name with a number in it
(`call_7f2`, `ORD-10032`), hexadecimal digits, letters and digits without a pause."""

_TIMES = _SHAPES[1:4]
_HEX, _SHORTEST_HEX = _SHAPES[5], 6
_IDS = re2.compile(
    r"(?i)(?:^|_|\.)(?:id|ids|uuid|ref|key|number|nr|no)(?:\.\d+)*$|[a-z](?:Id|Ids)$"
)
"""Fields of ids, which may be plain numbers."""

_MEASURES = re2.compile(
    r"(?i)(?:^|_|\.)(?:elapsed|duration|latency|took|runtime|timestamp|created_?at|updated_?at"
    r"|generated_?at|ms|millis|seconds|score|similarity|distance|relevance|usage"
    r"|(?:prompt|completion|total)_tokens)(?:_?(?:ms|s|sec|seconds|time))?(?:\.\d+)*$"
)
"""Fields that say how long, when or how near; no run has the same twice."""

_TAKEN = re2.compile(r"(?i)\b\d+(?:\.\d+)? ?(?:ms|µs|milliseconds|s|sec|secs|seconds)\b")
_MARKS = re2.compile(r"\[[^\[\]\n]{1,40}\]|</?[A-Za-z][\w-]{0,40}>")
_NEGATIONS = word_set(
    "not no never none cannot can't don't doesn't didn't won't isn't aren't wasn't weren't without "
    "nicht kein keine keinen keiner nie niemals ohne non pas jamais aucun aucune sans nunca ningún "
    "ninguna sin não nenhum nenhuma sem geen niet nooit zonder"
)
_COURTESY = frozenset(
    word[:5]
    for word in word_set(
        "let know need help happy please anything else feel free ask hope helps thank thanks sure "
        "certainly course welcome glad assist question questions here"
    )
)
_SENTENCE = 2
"""So many telling words make an added sentence say something."""

_FORMS = (
    ("list", re2.compile(r"(?m)^\s*(?:[-*•]|\d{1,2}[.)])\s+\S[^\n]*\n+\s*(?:[-*•]|\d{1,2}[.)])\s")),
    ("table", re2.compile(r"\|[^|\n]+\|[^|\n]+\|")),
    ("code", re2.compile(r"```")),
)
_PROSE = 3
"""So many words make prose, which may be worded otherwise."""

_ALIKE = 0.3
"""Share of the fewer telling words that both texts have; two wordings of one answer by the same
model had 0.4 and more, answers to two questions 0.2 and less."""

_LONGER, _MORE = 2.0, 20
"""A text that is so many times as long, and has so many words more, says more."""

_LEAVES = 5_000

FORM = "(form)"
"""The path of a difference in how a text is laid out."""


class Alike(IntEnum):
    """How alike two texts are."""

    OTHER = 0
    REWORDED = 1
    SAME = 2


class Difference(NamedTuple):
    """One thing that differs, as each run has it; None where it hasn't got it."""

    path: str
    failed: str | None
    good: str | None


class Likeness(NamedTuple):
    """What was found of two texts; `differences` is what they say or show otherwise.

    Of a rewording that is its form (a list, a table), or a sentence that only one of them has.
    """

    alike: Alike
    differences: tuple[Difference, ...] = ()


SAME = Likeness(Alike.SAME)
REWORDED = Likeness(Alike.REWORDED)


def value_tokens(text: str) -> list[str]:
    """The words, numbers and ids of a text."""
    return [hit.group(0) for hit in _TOKEN.finditer(well_formed(text[:_WINDOW]))]


class SameValues:
    """Which values of two runs stand for each other; learns while it compares."""

    def __init__(self, given: Iterable[tuple[str, str]], days: tuple[str, str] = ("", "")) -> None:
        self._shared: set[str] = set()
        self._to_good: dict[str, str] = {}
        self._to_failed: dict[str, str] = {}
        self._bound: list[tuple[str, str]] = []
        self._taken_over: set[str] = set()
        self._followed: set[str] = set()
        self._days = days
        for failed, good in given:
            self.learn(failed, good)

    def learn(self, failed: str, good: str) -> None:
        """What stands in both texts stands for itself from now on."""
        self._shared.update(
            token
            for token in set(map(str.casefold, value_tokens(failed)))
            & set(map(str.casefold, value_tokens(good)))
            if any(map(str.isdigit, token))
        )

    def take_over(self, differences: Iterable[Difference]) -> None:
        """Let what differs stand for each other: what follows from it is no further departure."""
        for one in differences:
            if one.failed and one.good:
                self._bind(_plain(one.failed), _plain(one.good))
                self._taken_over.add(_plain(one.failed))

    def followed(self, differences: Iterable[Difference]) -> bool:
        """Whether something that came later had one of the values that were taken over."""
        return any(one.failed and _plain(one.failed) in self._followed for one in differences)

    @contextmanager
    def trying(self) -> Iterator[None]:
        """Learn nothing from what is compared meanwhile."""
        mark = len(self._bound)
        yield
        self._forget(mark)

    def _forget(self, mark: int) -> None:
        for failed, good in self._bound[mark:]:
            self._to_good.pop(failed, None)
            self._to_failed.pop(good, None)
        del self._bound[mark:]

    def value(self, failed: str, good: str) -> bool:
        """Whether two single values are the same, or stand for each other."""
        one, other = _plain(failed), _plain(good)
        if one == other:
            return True
        if self._to_good.get(one) == other:
            self._followed |= {one} & self._taken_over
            return True
        if self._days[0] and (one, other) == self._days:
            return True
        shape = _shape(one)
        if shape is None or shape != _shape(other):
            return False
        if _SHAPES[shape] in _TIMES:
            return one not in self._shared and other not in self._shared
        return self._stands_for(one, other)

    def _stands_for(self, failed: str, good: str) -> bool:
        """Whether two ids may stand for each other; from now on they do."""
        if self._to_good.get(failed) == good:
            return True
        known = self._shared, self._to_good, self._to_failed
        if failed in known[0] or good in known[0] or failed in known[1] or good in known[2]:
            return False
        self._bind(failed, good)
        return True

    def _bind(self, failed: str, good: str) -> None:
        if failed not in self._to_good and good not in self._to_failed:
            self._to_good[failed] = good
            self._to_failed[good] = failed
            self._bound.append((failed, good))

    def texts(self, failed: str, good: str) -> Likeness:
        """How alike two texts are, records by their fields."""
        mark = len(self._bound)
        found = SAME if failed == good else self._compared(failed, good)
        if found.alike is Alike.OTHER:
            self._forget(mark)
        return found

    def _compared(self, failed: str, good: str) -> Likeness:
        one, other = _record(failed), _record(good)
        if one is not None and other is not None:
            found = tuple(self._records(one, other))
            differs = tuple(d for alike, d in found if alike is Alike.OTHER)
            if differs:
                return Likeness(Alike.OTHER, differs)
            return REWORDED if found else SAME
        if (one is None) != (other is None):
            return Likeness(Alike.OTHER, (Difference("", failed, good),))
        return self._prose(failed, good)

    def arguments(self, failed: str, good: str) -> Likeness:
        """How alike two calls' arguments are; one that only one call has is another wording."""
        found = self.texts(failed, good)
        if found.alike is not Alike.OTHER:
            return found
        one_sided = all(d.path and (d.failed is None or d.good is None) for d in found.differences)
        return Likeness(Alike.REWORDED, found.differences) if one_sided else found

    def _records(self, failed: JsonValue, good: JsonValue) -> Iterator[tuple[Alike, Difference]]:
        """Where two records differ; those that only the order of a list tells apart do not."""
        stack: list[tuple[str, JsonValue, JsonValue]] = [("", failed, good)]
        seen = 0
        while stack and seen < _LEAVES:
            seen += 1
            where, one, other = stack.pop()
            if isinstance(one, dict) and isinstance(other, dict):
                names = list(dict.fromkeys((*one, *other)))
                stack += [(_below(where, n), one.get(n), other.get(n)) for n in reversed(names)]
            elif isinstance(one, list) and isinstance(other, list):
                if len(one) == len(other):
                    pairs = zip(*_in_one_order(one, other), strict=True)
                    below = [(_below(where, str(n)), *pair) for n, pair in enumerate(pairs)]
                    stack += reversed(below)
                else:
                    told = Difference(where, canonical_json(one), canonical_json(other))
                    yield Alike.OTHER, told
            elif (alike := self._leaf(where, one, other)) is not Alike.SAME:
                yield alike, Difference(where, _told(one), _told(other))

    def _leaf(self, path: str, failed: JsonValue, good: JsonValue) -> Alike:
        held = (failed, good)
        if (failed == good and _types(held) == 1) or (_is_nothing(failed) and _is_nothing(good)):
            return Alike.SAME
        if any(isinstance(v, dict | list) or v is None for v in held) or _types(held) > 1:
            return Alike.OTHER
        if _MEASURES.search(path):
            return Alike.SAME
        one, other = str(failed), str(good)
        if isinstance(failed, str) and min(len(one.split()), len(other.split())) >= _PROSE:
            return self._prose(one, other).alike
        is_id = _IDS.search(path) is not None and one.isdigit() and other.isdigit()
        alike = self._stands_for(one, other) if is_id else self.value(one, other)
        return Alike.SAME if alike else Alike.OTHER

    def _prose(self, failed: str, good: str) -> Likeness:
        """Two texts by their figures and marks first, then by their words."""
        one, other = (value_tokens(_TAKEN.sub(" ", text)) for text in (failed, good))
        if len(one) == len(other) and all(map(self.value, one, other)):
            return SAME
        found = tuple(self._figures(one, other))
        marks = tuple(_marks(failed, good))
        if found or marks:
            return Likeness(Alike.OTHER, (*found, *marks))
        if _says_as_much(one, other) and _worded_alike(failed, good, one, other):
            return Likeness(Alike.REWORDED, tuple(_shown_otherwise(failed, good)))
        return Likeness(Alike.OTHER, (Difference("", failed, good),))

    def _figures(self, failed: Sequence[str], good: Sequence[str]) -> Iterator[Difference]:
        """The figures and ids that only one of the texts has, however often, in their order."""
        ours, theirs = list(_with_digits(failed)), list(_with_digits(good))
        left = [one for one in ours if one not in set(theirs)]
        right = [one for one in theirs if one not in set(ours)]
        for one in list(left):
            match = next((other for other in right if self.value(one, other)), None)
            if match is not None:
                left.remove(one)
                right.remove(match)
        for number in range(max(len(left), len(right))):
            yield Difference(
                "",
                left[number] if number < len(left) else None,
                right[number] if number < len(right) else None,
            )


def _with_digits(tokens: Iterable[str]) -> Mapping[str, None]:
    return dict.fromkeys(_plain(t) for t in tokens if any(map(str.isdigit, t)))


def _plain(text: str) -> str:
    """One spelling of a value: no case, no spaces around, numbers as numbers."""
    plain = " ".join(text.split()).casefold()
    try:
        number = float(plain.replace(",", ""))
    except ValueError:
        return plain
    return plain if len(plain) > 15 or number != number else f"{number:.15g}"


def _shape(value: str) -> int | None:
    for number, shape in enumerate(_SHAPES):
        long_enough = shape is not _HEX or len(value) >= _SHORTEST_HEX
        if shape.match(value) and long_enough and any(map(str.isdigit, value)):
            return number
    return None


def _record(text: str) -> JsonValue:
    """What a text is as JSON; None where it is none, or a single value."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return read_json(text)
    except (ValueError, RecursionError):
        return None


def _in_one_order(
    failed: list[JsonValue], good: list[JsonValue]
) -> tuple[list[JsonValue], list[JsonValue]]:
    """Both as they are, unless they hold the same in another order."""
    ours, theirs = map(canonical_json, failed), map(canonical_json, good)
    return (good, good) if Counter(ours) == Counter(theirs) else (failed, good)


def _types(values: Iterable[JsonValue]) -> int:
    """How many kinds of value: a number is one kind, a text that is a number another."""
    return len({"number" if isinstance(v, int | float) else type(v).__name__ for v in values})


def _is_nothing(value: JsonValue) -> bool:
    return value is None or value in ("", [], {})


def _told(value: JsonValue) -> str | None:
    if value is None:
        return None
    return value if isinstance(value, str) else canonical_json(value)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _marks(failed: str, good: str) -> Iterator[Difference]:
    """Marks in brackets that only one text has, apart from numbers, which are figures."""
    ours, theirs = (
        {m for m in _MARKS.findall(well_formed(text[:_WINDOW])) if not any(map(str.isdigit, m))}
        for text in (failed, good)
    )
    yield from (Difference("", one, None) for one in sorted(ours - theirs))
    yield from (Difference("", None, other) for other in sorted(theirs - ours))


def _shown_otherwise(failed: str, good: str) -> Iterator[Difference]:
    """Another form, or a sentence more where all else is the same to the word."""
    ours, theirs = (frozenset(n for n, form in _FORMS if form.search(t)) for t in (failed, good))
    if ours != theirs:
        yield Difference(
            FORM, ", ".join(sorted(ours)) or "prose", ", ".join(sorted(theirs)) or "prose"
        )
    more, less = _added(failed, good), _added(good, failed)
    if more or less:
        yield Difference("", more, less)


def _added(longer: str, shorter: str) -> str | None:
    """What one text has besides the whole of the other; None where that is mere courtesy."""
    whole, part = " ".join(longer.split()), " ".join(shorter.split())
    if not part or len(whole) <= len(part) or part.rstrip(".!") not in whole:
        return None
    rest = whole.replace(part.rstrip(".!"), " ", 1).strip(" .!,;:\n-")
    telling = _telling(map(str.casefold, value_tokens(rest))) - _COURTESY
    return rest if len(telling) >= _SENTENCE else None


def _says_as_much(failed: Sequence[str], good: Sequence[str]) -> bool:
    fewer, more = sorted((len(failed), len(good)))
    return more <= fewer * _LONGER or more - fewer < _MORE


def _worded_alike(failed: str, good: str, ours: Sequence[str], theirs: Sequence[str]) -> bool:
    languages = {language_of(failed), language_of(good)} - {None}
    if len(languages) > 1:
        return False
    one, other = ([word.casefold().replace("’", "'") for word in held] for held in (ours, theirs))
    if any(word in _NEGATIONS for word in one) != any(word in _NEGATIONS for word in other):
        return False
    mine, yours = _telling(one), _telling(other)
    fewer = min(len(mine), len(yours))
    return not fewer or len(mine & yours) >= _ALIKE * fewer


def _telling(words: Iterable[str]) -> frozenset[str]:
    """The words that carry what is said, by their first letters, so that inflection is none."""
    return frozenset(w[:5] for w in words if len(w) > 2 and w not in common_words())
