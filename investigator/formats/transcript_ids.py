"""Every transcript of a source has an id of its own.

Benchmarks write a sample once an epoch, and every file of theirs counts its samples from one; the
spans of two such transcripts would fall together. The first that comes keeps its id. A later one is
called after its epoch where it stands in the same file, after its file where it does not, and is
numbered where that is taken too. One that says the same again, word for word, is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

from investigator.traces.model import Span, Trace


class TranscriptIds:
    """The ids that the transcripts of a source have so far."""

    def __init__(self) -> None:
        self._files: dict[str, str] = {}
        self._contents: set[tuple[str, str]] = set()

    def unique(self, spans: tuple[Span, ...], *, epoch: str, stem: str) -> tuple[Span, ...]:
        """The spans of a transcript under an id that no other has; none if it was there before.

        `stem` names its file.
        """
        named = spans[0].trace_id
        content = Trace(named, spans).content_hash
        if (named, content) in self._contents:
            return ()
        self._contents.add((named, content))
        name = next(
            name for name in self._candidates(named, epoch, stem) if name not in self._files
        )
        self._files[name] = stem
        if name == named:
            return spans
        return tuple(replace(span, trace_id=name) for span in spans)

    def _candidates(self, named: str, epoch: str, stem: str) -> Iterator[str]:
        own = named if self._files.get(named, stem) == stem else f"{stem}/{named}"
        yield own
        if epoch:
            yield f"{own}-epoch-{epoch}"
        yield from (f"{own}-{number}" for number in count(2))
