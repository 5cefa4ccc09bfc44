"""What a run answered: its last words that say something, not those that only end it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from investigator.ground import lazy_re2 as re2
from investigator.readings.assertions import says_something
from investigator.readings.steps import Step, StepKind, final_answer

_IDLE = re2.compile(r"(?i)^\W*there is no code from the last \d+ messages?\b")
"""What an executor of code says where it was given none (AutoGen): no answer to anything."""


def telling_answer(steps: Sequence[Step]) -> Step | None:
    """The step that answers; None where the run ends without one.

    In a chat of agents the last words are often a bare `TERMINATE` or a line that stood there
    before: then it is the last turn before them that says something.
    """
    last = final_answer(steps)
    if last is None:
        return None
    said = [step for step in steps[: last.number + 1] if step.text.strip() and step.call is None]
    often = Counter(" ".join(step.text.split()) for step in said)
    telling = (
        step
        for step in reversed(said)
        if step.kind in (StepKind.MODEL, StepKind.ANSWER)
        and says_something(step.text)
        and often[" ".join(step.text.split())] == 1
        and not _IDLE.search(step.text)
    )
    return next(telling, last)
