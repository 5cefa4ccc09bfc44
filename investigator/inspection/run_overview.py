"""The run in one text of bounded size: how it ended, who took part, and its numbered steps.

Every step is whole where that fits. Where it does not, each has its head and its tail, and those
that several scopes are to begin with are whole as far as half of the room goes; where not even
these fit, the first and the last steps and those that failed, and the others are counted.
Texts are redacted before anything is cut.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Set
from functools import cached_property
from itertools import groupby

from investigator.ground.wording import counted
from investigator.inspection.reference_names import ReferenceNames
from investigator.inspection.repeats import Repeats
from investigator.inspection.step_text import (
    StepPart,
    head_and_tail,
    joined_parts,
    step_parts,
)
from investigator.model_planner.overview import Outlined
from investigator.model_planner.page_text import Estimate, cut
from investigator.readings.folding import folded
from investigator.readings.json_schema import argument_names
from investigator.readings.outcome import told_beforehand
from investigator.readings.reading import Readings
from investigator.readings.steps import Step, StepKind
from investigator.readings.telling_answer import telling_answer
from investigator.traces.evidence import EvidenceRef
from investigator.traces.openinference import tool_definitions_of

_LEAST_CHARS = 60
"""Less of a text says nothing; then fewer steps are shown."""
_MOST_CHARS = 40_000
_CHARS_A_TOKEN = 8
_QUESTION_CHARS = 1200
_ANSWER_CHARS = 800
_GAPS = 8
_GAP_CHARS = 200
_AGENTS = 12
_TOOLS = 8
_MOST_OFFERED = 20
_ARGUMENTS = 8
_NOBODY = (StepKind.SYSTEM, StepKind.USER, StepKind.DECISION)
"""What is given, and what no agent did."""
_MOST_REPEATED = 4_000_000
"""Characters of a run in which blocks that repeat are looked for."""


class TraceOutline:
    """What can be rendered of one trace.

    `wanted` are the places that more than one scope is to read: where not all of the run can be
    shown whole, their steps are, so that no scope reads what its sibling has read.
    """

    def __init__(
        self, readings: Readings, names: ReferenceNames, wanted: Sequence[EvidenceRef] = ()
    ) -> None:
        self._readings = readings
        self._names = names
        self._wanted = frozenset(ref.ref for ref in wanted)

    def whole(self, tokens: int, estimate: Estimate) -> Outlined | None:
        """The run with every step whole; None where that takes more than `tokens`."""
        steps = self._readings.steps
        if sum(len(text) for step in steps for text in step.texts) > tokens * _CHARS_A_TOKEN:
            return None
        text = self._text(steps, None, "all whole")
        return self._shown(text, steps, None) if estimate(text) <= tokens else None

    def within(self, tokens: int, estimate: Estimate) -> Outlined:
        """The run in at most `tokens`; little of it where that is very few."""
        steps = self._readings.steps
        told = "head and tail of long ones"

        def fitted(whole: frozenset[int]) -> Outlined | None:
            def fits(chars: int) -> bool:
                return estimate(self._text(steps, chars, told, whole)) <= tokens

            if len(steps) * _LEAST_CHARS > tokens * _CHARS_A_TOKEN or not fits(_LEAST_CHARS):
                return None
            chars = _largest(_LEAST_CHARS, _MOST_CHARS, fits)
            return self._shown(self._text(steps, chars, told, whole), steps, chars, whole)

        wanted = self._shown_whole(tokens // 2, estimate)
        shown = fitted(wanted) or (fitted(frozenset()) if wanted else None)
        return shown or self._of_some(tokens, estimate)

    def _shown_whole(self, tokens: int, estimate: Estimate) -> frozenset[int]:
        """The wanted steps that take so many tokens together, the short ones first."""
        costs = {
            step.number: estimate(joined_parts(self._parts[step.number], lambda text: text))
            for step in self._readings.steps
            if any(shown.ref in self._wanted for shown in step.shown)
        }
        kept: set[int] = set()
        for number in sorted(costs, key=lambda number: (costs[number], number)):
            tokens -= costs[number]
            if tokens < 0:
                break
            kept.add(number)
        return frozenset(kept)

    def _of_some(self, tokens: int, estimate: Estimate) -> Outlined:
        steps = self._readings.steps

        def text_of(count: int) -> str:
            return self._text(self._chosen(count), _LEAST_CHARS, "of many some, head and tail")

        count = _largest(0, len(steps), lambda n: estimate(text_of(n)) <= tokens)
        text = cut(text_of(count), tokens, estimate)
        return self._shown(text, self._chosen(count), _LEAST_CHARS)

    def _chosen(self, count: int) -> Sequence[Step]:
        """So many steps: half of them the first and the last, half those that failed."""
        steps = self._readings.steps
        failed = [s.number for s in steps if s.call is not None and s.call.is_error][: count // 2]
        ends = count - len(failed)
        last = len(steps) - ends // 2
        kept = {*failed, *range(ends - ends // 2), *range(last, len(steps))}
        return [step for step in steps if step.number in kept]

    def _shown(
        self,
        text: str,
        steps: Sequence[Step],
        chars: int | None,
        whole: Set[int] = frozenset(),
    ) -> Outlined:
        """The text with what can be cited of it, and what of that was cut."""
        shows: dict[str, str] = {}
        in_part: set[str] = set()
        for step in steps:
            ids = self._names.shown_by(step)
            shows |= ids
            parts = self._parts[step.number]
            if chars is None or step.number in whole:
                continue
            if _cut(parts, chars) != joined_parts(parts, lambda t: t):
                in_part |= ids.keys()
        return Outlined(text, shows, frozenset(in_part), is_whole=chars is None)

    def _text(
        self,
        steps: Sequence[Step],
        chars: int | None,
        told: str,
        whole: Set[int] = frozenset(),
    ) -> str:
        every = self._readings.steps
        shown = frozenset(step.number for step in steps)
        head = f"Steps ({len(every):,}, numbered from 0; {told}):"
        return "\n".join([*self._head(chars), head, *self._lines(shown, chars, whole)])

    def _lines(self, shown: Set[int], chars: int | None, whole: Set[int]) -> Iterator[str]:
        for kept, group in groupby(self._readings.steps, lambda step: step.number in shown):
            if not kept:
                yield self._counted(list(group))
                continue
            for step in group:
                parts = self._parts[step.number]
                cut_short = chars is not None and step.number not in whole
                yield _cut(parts, chars or 0) if cut_short else joined_parts(parts, lambda t: t)

    @cached_property
    def _parts(self) -> Sequence[tuple[StepPart, ...]]:
        """The steps in words, redacted and folded."""
        quote = self._readings.quote.whole
        steps = self._readings.steps
        repeats = Repeats()
        small = sum(len(text) for step in steps for text in step.texts) <= _MOST_REPEATED

        def shown(step: Step, text: str) -> str:
            whole = folded(quote(text))
            name = self._names.of_step(step) or str(step.number)
            return repeats.folded(name, whole) if small else whole

        return [
            tuple(
                StepPart(quote(part.head), shown(step, part.text))
                for part in step_parts(step, self._names.of_step(step))
            )
            for step in steps
        ]

    def _counted(self, steps: Sequence[Step]) -> str:
        name = self._readings.quote.name
        tools = Counter(name(step.call.tool or "?") for step in steps if step.call is not None)
        said = sum(step.call is None for step in steps)
        calls = "".join(
            f", {counted(n, 'call')} of {tool}" for tool, n in tools.most_common(_TOOLS)
        )
        first, last = steps[0].number, steps[-1].number
        span = f"step {first}" if first == last else f"steps {first} to {last}"
        return f"… {span} not shown: {counted(said, 'message')}{calls}"

    def _head(self, chars: int | None) -> Iterator[str]:
        """What is known of the run as a whole."""
        short = 1 if chars is None or chars > _LEAST_CHARS else 3
        steps, quote = self._readings.steps, self._readings.quote
        # In a chat of agents nobody is the user: the first to speak says what is asked.
        spoken = [step for step in steps if step.text and step.kind is not StepKind.SYSTEM]
        asked = next(
            (step for step in steps if step.kind is StepKind.USER), next(iter(spoken), None)
        )
        if asked is not None:
            yield f"Question: {self._pointed(asked, _QUESTION_CHARS // short, chars)}"
        known = told_beforehand(self._readings.outcome)
        ended = known.pop("outcome", "nobody says how the run ended")
        yield "; ".join([f"Known outcome: {ended}", *(f"{who}: {t}" for who, t in known.items())])
        answer = telling_answer(self._readings.steps)
        if answer is None:
            yield "Final answer: none in the trace"
        else:
            yield f"Final answer: {self._pointed(answer, _ANSWER_CHARS // short, chars)}"
        agents = self._agents()
        if agents:
            yield f"Who takes part: {'; '.join(agents)}"
        offered = self._offered()
        if offered and short == 1:
            yield f"Tools offered: {'; '.join(offered)}"
        for gap in self._readings.gaps[: _GAPS // short]:
            yield f"Gap of the trace: {quote.line(gap, _GAP_CHARS)}"

    def _pointed(self, step: Step, chars: int, shown: int | None) -> str:
        """The words of a step on a line; of a long one that stands whole below, where it stands."""
        if shown is None and len(step.text) > chars:
            return f"step [{step.number}]"
        return f"[{step.number}] {self._line(step, chars)}"

    def _line(self, step: Step, chars: int) -> str:
        return " ".join(
            head_and_tail(" ".join(self._readings.quote.whole(step.text).split()), chars).split()
        )

    def _offered(self) -> list[str]:
        """The tools that models were offered, with the names of their arguments."""
        name = self._readings.quote.name
        found: dict[str, str] = {}
        for span in self._readings.view.model_calls:
            for one in tool_definitions_of(span):
                if one.name is None or one.name in found or len(found) >= _MOST_OFFERED:
                    continue
                arguments = [name(argument) for argument in argument_names(one.json_schema)]
                more = ", …" if len(arguments) > _ARGUMENTS else ""
                found[one.name] = f"{name(one.name)}({', '.join(arguments[:_ARGUMENTS])}{more})"
        return list(found.values())

    def _agents(self) -> list[str]:
        """Each agent with its steps and the tools that it used."""
        name = self._readings.quote.name
        steps: Counter[str] = Counter()
        tools: dict[str, Counter[str]] = {}
        called = {step.call.tool for step in self._readings.steps if step.call is not None}
        for step in self._readings.steps:
            if step.agent is None or step.kind in _NOBODY:
                continue
            if step.call is not None and step.agent in called:
                continue  # a transcript names a tool where it names who spoke
            agent = name(step.agent)
            steps[agent] += 1
            if step.call is not None and step.call.tool:
                tools.setdefault(agent, Counter())[name(step.call.tool)] += 1
        return [
            f"{agent} {counted(n, 'step')}{_used(tools.get(agent))}"
            for agent, n in list(steps.items())[:_AGENTS]
        ]


def _used(tools: Counter[str] | None) -> str:
    if not tools:
        return ""
    return f" (calls {', '.join(f'{tool} ×{n}' for tool, n in tools.most_common(_TOOLS))})"


def _cut(parts: tuple[StepPart, ...], chars: int) -> str:
    """The step with `chars` characters for its texts; what a short one spares others have."""
    share: dict[int, int] = {}
    left = chars
    by_length = sorted(range(len(parts)), key=lambda n: len(parts[n].text))
    for done, number in enumerate(by_length):
        share[number] = min(len(parts[number].text), left // (len(parts) - done))
        left -= share[number]
    shown = tuple(
        StepPart(p.head, head_and_tail(p.text, max(share[n], 20))) for n, p in enumerate(parts)
    )
    return joined_parts(shown, lambda text: text)


def _largest(low: int, high: int, fits: Callable[[int], bool]) -> int:
    """The largest number from `low` to `high`, nearly, that fits; `low` where none does."""
    while high - low > max(1, low // 50):
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return high if high - low == 1 and fits(high) else low
