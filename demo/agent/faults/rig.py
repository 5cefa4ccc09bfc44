"""What a run is put together from, part by part, so that a part can be a bad one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from demo.agent.agent import World
from demo.agent.clock import VirtualClock
from demo.agent.documents import Document, DocumentStore, Hit
from demo.agent.domain import Domain
from demo.agent.model import Model, Settings, Skill, StubModel
from demo.agent.telemetry import Kind, Step, Tracing
from demo.agent.tools import Bench, Tool
from demo.agent.transport import HttpClient, Services, Transport


class Trouble:
    """Strikes so many times (always where that is None), and knows where it struck first."""

    def __init__(self, tracing: Tracing, times: int | None) -> None:
        self._tracing = tracing
        self._left = times
        self.began: str | None = None

    def strikes(self) -> bool:
        """Whether it strikes now."""
        if self._left == 0:
            return False
        if self._left is not None:
            self._left -= 1
        return True

    def here(self) -> None:
        """It began in the current step, the innermost one."""
        self._mark(self._tracing.current)

    def in_tool(self) -> None:
        """It began with what the current tool delivers."""
        self._mark(self.tool)

    @property
    def tool(self) -> Step | None:
        """The tool that runs now."""
        step = self._tracing.current
        while step is not None and step.kind is not Kind.TOOL:
            step = step.above
        return step

    def _mark(self, step: Step | None) -> None:
        if self.began is None and step is not None:
            self.began = step.span_id


class _Watched(DocumentStore):
    """A store that tells the trouble where it was searched first."""

    def __init__(self, store: DocumentStore, trouble: Trouble) -> None:
        self._store = store
        self._trouble = trouble

    def search(
        self, collection: str, query: str, *, where: Mapping[str, str], limit: int
    ) -> list[Hit]:
        """What the store finds; that is where the trouble began."""
        self._trouble.here()
        return self._store.search(collection, query, where=where, limit=limit)


@dataclass
class Rig:
    """The parts of one run, before it starts."""

    domain: Domain
    rng: Random
    tracing: Tracing
    clock: VirtualClock
    trouble: Trouble
    settings: Settings
    tools: dict[str, Tool]
    transport: Transport
    model: Model
    instructions: str
    collections: dict[str, tuple[Document, ...]]
    where: Callable[[str], Mapping[str, str]]
    blames_store: bool = False

    @classmethod
    def of(
        cls,
        domain: Domain,
        *,
        rng: Random,
        tracing: Tracing,
        clock: VirtualClock,
        times: int | None = None,
    ) -> Rig:
        """A rig in which nothing is wrong; its trouble would strike `times` times."""
        library = domain.library
        return cls(
            domain=domain,
            rng=rng,
            tracing=tracing,
            clock=clock,
            trouble=Trouble(tracing, times),
            settings=Settings(),
            tools={tool.name: tool for tool in domain.tools},
            transport=Services(domain.routes, lambda: rng.uniform(30, 240)),
            model=StubModel(domain.skill, rng, clock),
            instructions=domain.instructions,
            collections={library.collection: library.documents} if library else {},
            where=library.where if library else lambda _: {},
        )

    @classmethod
    def bare(cls, domain: Domain) -> Rig:
        """A rig that is only looked at: what would be deployed."""
        clock = VirtualClock(0)
        tracing = Tracing(Random(0), clock, project="", service="")
        return cls.of(domain, rng=Random(0), tracing=tracing, clock=clock)

    def ask(self, skill: Skill) -> None:
        """Have the model follow another skill."""
        self.model = StubModel(skill, self.rng, self.clock)

    def world(self) -> World:
        """What the agent works with, as the rig stands."""
        habits = self.domain.habits
        http = HttpClient(
            self.transport,
            self.tracing,
            self.clock,
            self.domain.host,
            attempts=habits.attempts,
            spans=habits.spans_http,
        )
        store = DocumentStore(self.collections)
        return World(
            tracing=self.tracing,
            clock=self.clock,
            store=_Watched(store, self.trouble) if self.blames_store else store,
            model=self.model,
            bench=Bench(http, self.clock),
            where=self.where,
        )
