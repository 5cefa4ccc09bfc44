"""The categories of a taxonomy as a model reads them: every one by its id, in bounded text.

A title that only repeats its id is left out. Descriptions share a number of characters, so that
a taxonomy of any size names all of its categories; short ones leave their rest to the longer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from investigator.ground import lazy_re2 as re2
from investigator.rca.taxonomy import Category

DESCRIPTIONS_CHARS = 2400
"""The most that all descriptions of a taxonomy take; about 500 tokens."""

_WORDS = re2.compile(r"[\pL\pN]+")


def category_lines(categories: Sequence[Category]) -> Iterator[str]:
    """A line for each category."""
    most = _share([len(_said(category)) for category in categories])
    for category in categories:
        said = _said(category)
        cut = said if len(said) <= most else f"{said[: most - 1].rstrip()}…"
        yield f"- {category.id}: {cut}" if cut else f"- {category.id}"


def _said(category: Category) -> str:
    description = " ".join(category.description.split())
    if description and _stems(category.title) <= _stems(category.id):
        return description
    return f"{category.title}. {description}".strip()


def _share(lengths: Sequence[int]) -> int:
    """The most that each may have, where all together have `DESCRIPTIONS_CHARS`."""
    left = DESCRIPTIONS_CHARS
    for number, length in enumerate(sorted(lengths)):
        share = left // (len(lengths) - number)
        if length > share:
            return max(share, 2)
        left -= length
    return max(lengths, default=2)


def _stems(text: str) -> set[str]:
    """The words of a text, singular and plural as one."""
    return {word.casefold().removesuffix("s") for word in _WORDS.findall(text)}
