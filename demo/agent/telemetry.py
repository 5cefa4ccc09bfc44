"""Steps of the agent are OpenTelemetry spans in OpenInference terms, with ids and times by seed.

Needs the extra `demo-agent`. Nothing here is global: each provider has its own spans.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from random import Random
from traceback import walk_tb
from types import MappingProxyType, TracebackType

from openinference.instrumentation import TracerProvider, using_session
from openinference.semconv.trace import OpenInferenceSpanKindValues, SpanAttributes
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import Span, Status, StatusCode, use_span
from opentelemetry.util.types import AttributeValue

from demo.agent.clock import VirtualClock
from investigator.ground.canonical_json import JsonValue

Kind = OpenInferenceSpanKindValues
Attributes = Mapping[str, AttributeValue]
NO_ATTRIBUTES: Attributes = MappingProxyType({})
_SCOPE = ("demo_agent", "1.0")
_UNSEEN = "faults"


class SeededIds(IdGenerator):
    """Trace and span ids that are the same for the same seed."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def generate_span_id(self) -> int:
        """64 bits, never zero."""
        return self._rng.randrange(1, 2**64)

    def generate_trace_id(self) -> int:
        """128 bits, never zero."""
        return self._rng.randrange(1, 2**128)


class _Collected(SpanProcessor):
    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


class Step:
    """A span that is going on."""

    def __init__(self, span: Span, kind: Kind | None, name: str, above: Step | None) -> None:
        self.span = span
        self.kind = kind
        self.name = name
        self.above = above

    @property
    def span_id(self) -> str:
        """16 hex digits."""
        return f"{self.span.get_span_context().span_id:016x}"

    @property
    def trace_id(self) -> str:
        """32 hex digits."""
        return f"{self.span.get_span_context().trace_id:032x}"

    def set(self, attributes: Attributes) -> None:
        """Add attributes."""
        self.span.set_attributes(attributes)

    def output(self, value: JsonValue) -> None:
        """What the step put out: text as it is, other values as JSON."""
        self.set(text_or_json("output", value))


class Opening:
    """The lifetime of one step, as a `with` statement."""

    def __init__(
        self, tracing: Tracing, kind: Kind | None, name: str, attributes: Attributes
    ) -> None:
        self._tracing = tracing
        self._of = (kind, name, attributes)
        self._open: tuple[Step, AbstractContextManager[object]] | None = None

    def __enter__(self) -> Step:
        step = self._tracing.start(*self._of)
        current = use_span(step.span, record_exception=False, set_status_on_exception=False)
        current.__enter__()
        self._open = (step, current)
        return step

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._open is not None
        step, current = self._open
        current.__exit__(None, None, None)
        self._tracing.end(step, error)


class Tracing:
    """Opens steps inside each other and keeps every span that ended."""

    def __init__(self, rng: Random, clock: VirtualClock, *, project: str, service: str) -> None:
        self._clock = clock
        self._collected = _Collected()
        resource = Resource({"service.name": service, "openinference.project.name": project})
        provider = TracerProvider(resource=resource, id_generator=SeededIds(rng))
        provider.add_span_processor(self._collected)
        self._tracer = provider.get_tracer(*_SCOPE)
        self.current: Step | None = None

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """Every span that ended, in the order of their ends."""
        return tuple(self._collected.spans)

    @contextmanager
    def session(self, session_id: str) -> Iterator[None]:
        """Every step inside belongs to that session."""
        with using_session(session_id):
            yield

    def step(self, kind: Kind | None, name: str, attributes: Attributes = NO_ATTRIBUTES) -> Opening:
        """A step inside the current one; an exception ends it with status ERROR and goes on.

        A step without a kind is a plain client span, as instrumented HTTP libraries write it.
        """
        return Opening(self, kind, name, attributes)

    def start(self, kind: Kind | None, name: str, attributes: Attributes) -> Step:
        """Open a step; `Opening` is how it is closed again."""
        kinds = {} if kind is None else {SpanAttributes.OPENINFERENCE_SPAN_KIND: kind.value}
        self._clock.pass_ms(1)
        span = self._tracer.start_span(
            name, attributes={**kinds, **attributes}, start_time=self._clock.now_ns
        )
        self.current = Step(span, kind, name, self.current)
        return self.current

    def end(self, step: Step, error: BaseException | None) -> None:
        """Close a step; with an error, as failed."""
        if error is not None:
            self._fail(step.span, error)
        self.current = step.above
        step.span.end(end_time=self._clock.now_ns)

    def _fail(self, span: Span, error: BaseException) -> None:
        told = f"{type(error).__name__}: {error}"
        span.record_exception(
            error,
            attributes={
                "exception.type": type(error).__name__,
                "exception.stacktrace": _stack(error, told),
            },
            timestamp=self._clock.now_ns,
        )
        span.set_status(Status(StatusCode.ERROR, told))


def _stack(error: BaseException, told: str) -> str:
    """The functions that the error went through, without line numbers or places on a disk."""
    frames = [
        f'  File "{file.replace("demo/agent/", "demo_agent/")}", in {frame.f_code.co_name}'
        for frame, _ in walk_tb(error.__traceback__)
        if (file := _own_file(frame.f_code.co_filename)) and _UNSEEN not in file
    ]
    return "\n".join(("Traceback (most recent call last):", *frames, told))


def _own_file(path: str) -> str | None:
    place = path.replace("\\", "/").rfind("demo/agent/")
    return path[place:] if place >= 0 else None


def text_or_json(side: str, value: JsonValue) -> Attributes:
    """`input.value` or `output.value` with its MIME type."""
    if isinstance(value, str):
        return {f"{side}.value": value, f"{side}.mime_type": "text/plain"}
    return {f"{side}.value": json.dumps(value), f"{side}.mime_type": "application/json"}
