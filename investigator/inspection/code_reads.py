"""What code of a model's own can read of one trace: the reads that it has anyway, all at once.

Every text is redacted before the code sees it, since code could write a secret in a way that no
redactor knows (backwards, in base64). So what it makes of the texts holds none.
"""

from __future__ import annotations

from pydantic import ConfigDict, validate_call

from investigator.errors import UsageError
from investigator.ground.patterns import Pattern, well_formed
from investigator.ground.redaction import Redactor
from investigator.ground.wording import counted
from investigator.inspection.code_sandbox import Functions
from investigator.inspection.pages import JsonObject, Lens
from investigator.inspection.reference_names import ReferenceNames
from investigator.inspection.tool_rows import span_row
from investigator.readings.steps import Step
from investigator.store.reads import texts_of
from investigator.traces.evidence import EvidenceRef, span_evidence
from investigator.traces.model import Span

_MOST_CHARS = 30_000_000
"""What one read hands over, so that it fits into the sandbox's memory with room to work in."""

_MOST_HITS = 2000
_AROUND = 120

_checked = validate_call(config=ConfigDict(strict=True))


class CodeReads:
    """The reads of one trace; each text is redacted once, when it is first asked for."""

    def __init__(self, names: ReferenceNames, redactor: Redactor) -> None:
        self._names = names
        self._readings = names.readings
        self._redactor = redactor
        self._texts: dict[int, str] = {}

    @property
    def steps(self) -> tuple[Step, ...]:
        """The run as numbered steps."""
        return self._readings.steps

    def text_of(self, step: Step) -> str:
        """All words of a step."""
        if step.number not in self._texts:
            self._texts[step.number] = self._shown("\n".join(step.texts))
        return self._texts[step.number]

    def named(self, name: str) -> Step | Span:
        """The step or span of an id.

        Raises:
            UsageError: there is none.
        """
        span_id = self._names.own_span(name)
        span = None if span_id is None else self._readings.trace.get(span_id)
        step = self._names.step_named(name) if span is None else None
        if step is not None:
            return step
        if span is None:
            raise UsageError(
                f"no step or span '{name}': the steps are 0 to {len(self.steps) - 1}, and spans() "
                "gives the ids of spans"
            )
        return span

    def text_named(self, name: str) -> str:
        """The whole text of what an id names: a step's words, or the fields of a span."""
        found = self.named(name)
        if isinstance(found, Step):
            return self.text_of(found)
        return "\n".join(f"{field}: {self._shown(text, field)}" for field, text in texts_of(found))

    def evidence_of(self, name: str) -> tuple[EvidenceRef, ...]:
        """What whoever read that text has read."""
        found = self.named(name)
        return found.evidence if isinstance(found, Step) else (span_evidence(found),)

    def step_row(self, step: Step) -> JsonObject:
        """One step as the code has it."""
        call = step.call
        return {
            "number": step.number,
            "id": self.step_id(step),
            "span": step.span_id,
            "agent": self._name(step.agent),
            "kind": step.kind.value,
            "tool": self._name(call.tool if call else None),
            "error": call is not None and call.is_error,
            "asked_by": step.asked_by,
            "text": self.text_of(step),
        }

    def span_rows(self) -> list[JsonObject]:
        """All spans, as `list_spans` shows them."""
        trace = self._readings.trace
        lens = Lens(self._redactor)
        return [span_row(trace, span, lens) for span in trace.spans]

    def step_id(self, step: Step) -> str:
        """What the run calls a step; one of which nothing can be cited goes by its number."""
        return self._names.of_step(step) or str(step.number)

    def _name(self, name: str | None) -> str | None:
        return None if name is None else self._shown(name)

    def _shown(self, text: str, field: str = "") -> str:
        return well_formed(self._redactor.redact(text, field=field).text)


class CodeCalls:
    """The functions that one piece of code can call; `taken` are the texts that it took by id."""

    def __init__(self, reads: CodeReads) -> None:
        self._reads = reads
        self.taken: dict[str, str] = {}
        self.functions: Functions = {
            "steps": _checked(self._steps),
            "text": _checked(self._text),
            "search": _checked(self._search),
            "spans": _checked(self._spans),
        }

    def _steps(self, first: int = 0, last: int | None = None) -> list[object]:
        """The steps from one number to another, both included; all of them without."""
        end = len(self._reads.steps) if last is None else last + 1
        chosen = self._reads.steps[max(first, 0) : max(end, 0)]
        chars = sum(len(text) for step in chosen for text in step.texts)
        if chars > _MOST_CHARS:
            raise UsageError(
                f"{counted(len(chosen), 'step has', 'steps have')} {chars:,} characters, and "
                f"one read hands over at most {_MOST_CHARS:,}: take fewer at once, "
                "steps(first, last)"
            )
        return [self._reads.step_row(step) for step in chosen]

    def _text(self, id: str | int) -> str:  # noqa: A002 - the name that the planner is told
        """The whole text of a step (its id or number) or of a span (its id)."""
        name = str(id)
        text = self._reads.text_named(name)
        if len(text) > _MOST_CHARS:
            raise UsageError(
                f"'{name}' has {counted(len(text), 'character')}; at most {_MOST_CHARS:,}"
            )
        self.taken[name] = text
        return text

    def _search(self, pattern: str, limit: int = 200) -> list[object]:
        """The first matches of an RE2 pattern in the texts of the steps, with what is around."""
        compiled = Pattern(pattern)
        found: list[object] = []
        for step in self._reads.steps:
            text = self._reads.text_of(step)
            for hit in compiled.hits(text):
                if len(found) >= min(limit, _MOST_HITS):
                    return found
                around = text[max(hit.start - _AROUND, 0) : hit.end + _AROUND]
                found.append(
                    {
                        "number": step.number,
                        "id": self._reads.step_id(step),
                        "start": hit.start,
                        "match": hit.text,
                        "around": around,
                    }
                )
        return found

    def _spans(self) -> list[object]:
        """The spans, without their texts."""
        return list(self._reads.span_rows())
