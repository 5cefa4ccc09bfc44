"""A document store that really ranks: scores are the cosine of words weighted by their rarity."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_WORD = re.compile(r"[a-zà-ÿ0-9]+")
_PLAIN = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be by can do does for from have how i if in is it may my of on or our "
        "that the their this to was we what when which with you your",
    )
)


class CollectionNotFoundError(LookupError):
    """The store has no collection of that name."""


@dataclass(frozen=True, slots=True)
class Document:
    """One passage. `metadata` are what filters are about, and its dates."""

    id: str
    content: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found, with its score from 0 to 1."""

    document: Document
    score: float


class DocumentStore:
    """Named collections of passages."""

    def __init__(self, collections: Mapping[str, Sequence[Document]]) -> None:
        self._collections = {name: tuple(held) for name, held in collections.items()}

    def search(
        self, collection: str, query: str, *, where: Mapping[str, str], limit: int
    ) -> list[Hit]:
        """The best passages whose metadata have the values of `where`, best first.

        Raises:
            CollectionNotFoundError: there is no such collection.
        """
        if collection not in self._collections:
            raise CollectionNotFoundError(f"collection '{collection}' does not exist")
        held = self._collections[collection]
        rarity = _rarity(held)
        asked = _weighted(query, rarity)
        hits = [
            Hit(document, round(_cosine(asked, _weighted(document.content, rarity)), 4))
            for document in held
            if all(document.metadata.get(key) == value for key, value in where.items())
        ]
        hits.sort(key=lambda hit: (-hit.score, hit.document.id))
        return hits[:limit]


def words_of(text: str) -> list[str]:
    """The words that carry meaning, plural endings taken off."""
    found = _WORD.findall(text.lower())
    return [w.removesuffix("s") if len(w) > 3 else w for w in found if w not in _PLAIN]


def _rarity(held: Sequence[Document]) -> Mapping[str, float]:
    counts = Counter(word for document in held for word in set(words_of(document.content)))
    return {word: 1 + math.log((1 + len(held)) / (1 + n)) for word, n in counts.items()}


def _weighted(text: str, rarity: Mapping[str, float]) -> Mapping[str, float]:
    return {word: n * rarity.get(word, 1.0) for word, n in Counter(words_of(text)).items()}


def _cosine(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    shared = sum(one[word] * other[word] for word in one.keys() & other.keys())
    lengths = math.hypot(*one.values()) * math.hypot(*other.values())
    return shared / lengths if lengths else 0.0
