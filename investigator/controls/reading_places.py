"""Where somebody who judges a trace begins to read: what was said, the newest of each first.

A question about words is mostly decided by the last answers, by what was asked, and by what the
system message allows. These are places to begin with; the rest is found from there.
"""

from __future__ import annotations

from investigator.readings.conversation import Source
from investigator.readings.reading import Readings
from investigator.traces.evidence import EvidenceRef, unique

_OF_EACH = {Source.ASSISTANT: 3, Source.USER: 2, Source.SYSTEM: 1}


def spoken_places(subject: Readings) -> tuple[EvidenceRef, ...]:
    """The last words of the assistant and of the user, and the system message."""
    said = subject.conversation
    return unique(
        utterance.evidence
        for source, count in _OF_EACH.items()
        for utterance in said.said_by(source)[: -count - 1 : -1]
    )
