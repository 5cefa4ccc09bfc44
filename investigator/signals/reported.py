"""A failure that an answer tells of is passed on; one that was asked for is the answer itself.

Told is it by its status, by its code ("AccessDenied"), or by words for what is not there or not
possible. Asked for are the states of things (does it exist, which are dead, run the tests): then a
failure is what the call was to find out, if the answer tells of it. Of a service that fails only
calls that were given its address say something: whoever asks for the weather asks for no status.
"""

from __future__ import annotations

from functools import cache, cached_property, partial

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed
from investigator.readings.assertions import declines
from investigator.readings.directives import words_of
from investigator.readings.failure_text import fault_of
from investigator.readings.faults import Fault
from investigator.readings.refused_requests import status_in
from investigator.readings.view import CODE, Attempt, TraceView
from investigator.signals.loops import Loops
from investigator.signals.recovery import is_look, telling_values

_TELLS = re2.compile(
    r"(?i)\b(?:unable|could ?n[o']t|can ?not|can't|unfortunately|fail(?:ed|ure|s|ing)?|errors?"
    r"|issue|problem|sorry|apologi[sz]e|unsuccessful(?:ly)?|try again|retry|invalid"
    r"|correct (?:that|this|it)|not (?:found|available|possible|able|there|accessible|readable)"
    r"|(?:does|do|is|are|was|were|did|has|have)(?: not|n't|n’t)|there (?:is|are|was|were) no"
    r"|no (?:such|access|answer|response|reply|result|record|data|entry|file|permission)\w*"
    r"|missing|absent|dead|broken|down|offline|gone|unreachable|inaccessible|unavailable|unknown"
    r"|denied|forbidden|refused|rejected|blocked|expired|unauthori[sz]ed|timed? ?-?out|timeout"
    r"|locked|crash\w*|none of|nothing|differs?|mismatch\w*)\b"
)
_CODE_WORD = re2.compile(r"\b(?:[A-Z][a-z]+(?:[A-Z][a-z]+)+|E[A-Z]{4,}|[A-Z]+(?:_[A-Z]+)+)\b")
"""Codes as services spell them: `AccessDenied`, `ENOENT`, `NO_SUCH_KEY`."""

_GENERIC_CODES = frozenset({"Error", "Exception", "NotFound"})
_THINGS = (
    r"links?|urls?|https?|endpoints?|sites?|pages?|hosts?|servers?|services?|domains?|addresses"
    r"|keys?|tokens?|credentials?|permissions?|access|files?|paths?|folders?|buckets?|accounts?"
    r"|exists?|status(?:es)?|reachable|alive|up"
)
_STATES = (
    r"exists?|existing|(?:still )?(?:up|down|online|offline|reachable|alive|valid|accessible|there"
    r"|working|works|readable|missing|dead|broken|expired)|resolves?|responds?|responding"
    r"|(?:have|has) access|permissions?|(?:un)?healthy|health|failed|failing|stuck"
    r"|(?:state|status) of"
    r"|(?:can|could|may) (?:\w+ ){0,3}(?:read|access|open|reach|log in)"
)
_REST = r"(?:[^.\n?]|[.?]\w){0,120}"
"""The rest of a sentence: a mark within an address or a path does not end it."""

_OF_STATES = re2.compile(
    rf"(?i)\b(?:check|verify|test|probe|ping|monitor|audit|validate|crawl|scan)\b{_REST}"
    rf"\b(?:{_THINGS})\b"
    rf"|\b(?:whether|if|is|are|does|do|which|what|who|can|any|find|list|report|tell)\b{_REST}"
    rf"\b(?:{_STATES})\b|\bstatus(?: codes?)?\b{_REST}\b[2-5]\d\d\b"
)
_OF_RUNS = re2.compile(
    r"(?i)\b(?:lint|compile|type-?check|compare|diff)\b|\b(?:run|execute|launch|try|start)\b[^.\n?]{0,80}\b(?:tests?|lint\w*|builds?|checks?|suite"
    r"|script|command|program|example|code|migration|type ?check\w*)\b"
    r"|\b(?:does|do|will|whether|if)\b[^.\n?]{0,60}\b(?:compiles?|pass(?:es)?|builds?|runs?|fails?)\b"
)
_ADDRESS = re2.compile(
    r"(?i)https?://|\b\d{1,3}(?:\.\d{1,3}){3}\b|\"(?:host(?:name)?|url|uri|endpoint|domain|server"
    r"|service|address|target|site)s?\":|\b[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|io|dev|local|example)\b"
)
_OF_THINGS = frozenset({Fault.NOT_FOUND, Fault.AUTH, Fault.EMPTY_RETRIEVAL, Fault.MISCONFIGURED})
_OF_SERVICES = frozenset(
    {Fault.CONNECTION, Fault.TIMEOUT, Fault.TOOL_TIMEOUT, Fault.HTTP_ERROR, Fault.RATE_LIMIT,
     Fault.REJECTED_REQUEST}
)  # fmt: skip
_OF_CODE = frozenset({Fault.EXCEPTION, Fault.FAILED_CODE})
_STATE = re2.compile(r"(?i)\"(?:status|state|health|phase|outcome)\"\s*:")
_WORD = 4
_REASON = 2
"""So many words of some length are a reason; "failed" alone is none."""
_WINDOW = 600


class Reported:
    """What the answers of a trace tell of its failed calls.

    Requests and answers are searched once each, however many calls failed.
    """

    def __init__(self, view: TraceView) -> None:
        self._view = view
        self._loops = Loops(view)
        self._asks_states = cache(partial(_has, _OF_STATES))
        self._asks_runs = cache(partial(_has, _OF_RUNS))
        self._tells = cache(partial(_has, _TELLS))

    @cached_property
    def answering_spans(self) -> frozenset[str]:
        """The TOOL spans of failed calls that found out what they were to find out."""
        return frozenset(
            attempt.span.span_id
            for attempt in self._view.attempts
            if attempt.message_index is None and self.is_the_answer(attempt)
        )

    def told(self, attempt: Attempt) -> bool:
        """Whether anything said after a failed call tells of the failure, in whatever words."""
        return any(self._tells_of(attempt, text) for _, text in self._loops.words_after(attempt))

    def is_told_truth(self, attempt: Attempt) -> bool:
        """Whether a look for what the request named failed, and the answer tells so.

        What the model named by itself it may have got wrong, and an act is not a question.
        """
        answer = self._loops.answer_after(attempt)
        if answer is None or not is_look(attempt) or not self._tells_of(attempt, answer[1]):
            return False
        request = self._loops.request(attempt)
        return any(value in request for value in telling_values(attempt.arguments))

    def is_told_refusal(self, attempt: Attempt) -> bool:
        """Whether an act was refused in words, and the answer declines in most of those words."""
        answer = self._loops.answer_after(attempt)
        if answer is None or is_look(attempt) or not declines(answer[1]):
            return False
        why = {word for word in words_of((attempt.failure or "")[:_WINDOW]) if len(word) >= _WORD}
        said = set(words_of(answer[1])) | set(words_of(attempt.arguments))
        return len(why) >= _REASON and len(why & said) * 2 >= len(why)

    def is_the_answer(self, attempt: Attempt) -> bool:
        """Whether a failed call found out what it was to find out, and the answer says so."""
        if attempt.failure is None or not self._was_asked_for(attempt, attempt.failure):
            return False
        answer = self._loops.answer_after(attempt)
        return answer is not None and self._tells_of(attempt, answer[1])

    def _was_asked_for(self, attempt: Attempt, failure: str) -> bool:
        request = self._loops.request(attempt)
        states, runs = self._asks_states(request), self._asks_runs(request)
        if not states and not runs:
            return False
        if states and _shows_the_state(attempt):
            return True
        fault = fault_of(failure) or Fault.EXCEPTION
        if fault in _OF_CODE or attempt.tool == CODE:
            return runs
        at_an_address = _has(_ADDRESS, attempt.arguments[:_WINDOW])
        return states and (fault in _OF_THINGS or (fault in _OF_SERVICES and at_an_address))

    def _tells_of(self, attempt: Attempt, text: str) -> bool:
        """Whether a text tells of a failed call: its status, its code, or words for it."""
        failure = well_formed((attempt.failure or "")[:_WINDOW])
        status = status_in(failure)
        if status is not None and str(status) in text:
            return True
        codes = set(_CODE_WORD.findall(failure)) - _GENERIC_CODES
        return any(code in text for code in codes) or self._tells(text)


def _has(pattern: re2.LazyPattern, text: str) -> bool:
    return pattern.search(well_formed(text)) is not None


def _shows_the_state(attempt: Attempt) -> bool:
    """Whether a result is a record of the thing that was asked about, with its state."""
    result = (attempt.result or "")[:_WINDOW]
    if not result.lstrip().startswith("{") or not _has(_STATE, result):
        return False
    asked = telling_values(attempt.arguments)
    return is_look(attempt) and any(f'"{value}"' in result for value in asked)
