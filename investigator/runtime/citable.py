"""What a scope can cite, by short id, and what of that it has seen in part only."""

from __future__ import annotations

from collections.abc import Collection, Mapping


class Citable(dict[str, str]):
    """References as JSON text by short id; `in_part` are those of which only a part was shown.

    What was once seen whole stays so.
    """

    def __init__(self) -> None:
        super().__init__()
        self.in_part: set[str] = set()
        self._whole: set[str] = set()

    def learn(self, refs: Mapping[str, str], in_part: Collection[str] = ()) -> None:
        """Make references citable; of those whose ids are `in_part`, a part was shown."""
        for short_id, text in refs.items():
            self[short_id] = text
            if short_id not in in_part:
                self._whole.add(text)
                self.in_part.discard(text)
            elif text not in self._whole:
                self.in_part.add(text)


def seen_in_part(refs: Mapping[str, str]) -> frozenset[str]:
    """The references, as JSON text, of which only a part was shown."""
    return frozenset(refs.in_part) if isinstance(refs, Citable) else frozenset()
