"""One run of the agent: its spans, and the truth about it, which the spans do not tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from opentelemetry.sdk.trace import ReadableSpan

from demo.agent.agent import Agent, ModelAPIError, StepLimitError, UnusableAnswerError
from demo.agent.clock import VirtualClock
from demo.agent.documents import CollectionNotFoundError
from demo.agent.domain import Domain
from demo.agent.faults.form import Install
from demo.agent.faults.rig import Rig
from demo.agent.telemetry import Tracing
from demo.agent.tools import InvalidArgumentsError, ToolTimeoutError, UnknownToolError
from demo.agent.transport import HTTPStatusError

PROJECT = "demo-agent"
_ENDS = (
    ModelAPIError,
    StepLimitError,
    UnusableAnswerError,
    CollectionNotFoundError,
    HTTPStatusError,
    InvalidArgumentsError,
    ToolTimeoutError,
    UnknownToolError,
    OSError,
    ValueError,
    TypeError,
    ArithmeticError,
    LookupError,
    AttributeError,
)
"""What may end a run; the caller of the agent gets an error page for it."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run left behind. `began` is the span where its trouble began, None without any."""

    trace_id: str
    spans: Sequence[ReadableSpan]
    began: str | None


def run_once(
    domain: Domain,
    seed: str,
    start_ns: int,
    *,
    installs: Sequence[Install] = (),
    times: int | None = None,
    project: str = PROJECT,
    asked: str | None = None,
) -> Ran:
    """Run the agent on a question of the domain; all of it follows from `seed` and `start_ns`.

    `asked` is the question where it is not to be drawn: so that two runs have the same.
    """
    rng = Random(seed)
    clock = VirtualClock(start_ns)
    tracing = Tracing(Random(f"{seed}/ids"), clock, project=project, service=domain.agent)
    drawn = domain.question(rng)
    question = drawn if asked is None else asked
    rig = Rig.of(domain, rng=rng, tracing=tracing, clock=clock, times=times)
    for install in installs:
        install(rig)
    agent = Agent(
        domain,
        rig.world(),
        settings=rig.settings,
        tools=rig.tools,
        instructions=rig.instructions,
    )
    try:
        agent.run(question, f"session-{rng.randrange(16**6):06x}")
    except _ENDS:
        clock.pass_ms(1)
    context = tracing.spans[-1].get_span_context()
    assert context is not None
    return Ran(f"{context.trace_id:032x}", tracing.spans, rig.trouble.began)
