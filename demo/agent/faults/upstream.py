"""Services that are down, slow, limited, unreachable or closed to the agent."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from demo.agent.agent import ModelAPIError
from demo.agent.domain import Domain
from demo.agent.faults.form import Form
from demo.agent.faults.rig import Rig, Trouble
from demo.agent.model import Completion, Message, Model, Settings
from demo.agent.transport import ConnectError, Request, Response, Transport

_LABEL = "upstream_dependency_failure"
Answer = Callable[[Request], Response]


@dataclass(frozen=True, slots=True)
class _Failing:
    """A transport that answers badly while the trouble lasts."""

    healthy: Transport
    trouble: Trouble
    answer: Answer

    def send(self, request: Request) -> Response:
        if not self.trouble.strikes():
            return self.healthy.send(request)
        self.trouble.here()
        return self.answer(request)


@dataclass(frozen=True, slots=True)
class _RefusingModel:
    """A model whose provider refuses requests while the trouble lasts."""

    healthy: Model
    trouble: Trouble
    message: str

    def complete(
        self, messages: Sequence[Message], tools: Sequence[str], settings: Settings
    ) -> Completion:
        if self.trouble.strikes():
            self.trouble.here()
            raise ModelAPIError(self.message)
        return self.healthy.complete(messages, tools, settings)


def _status(status: int, detail: str) -> Answer:
    return lambda _: Response(status, json.dumps({"detail": detail}), 60)


def _slow(_: Request) -> Response:
    return Response(200, "{}", 45_000)


def _refused(request: Request) -> Response:
    raise ConnectError(f"[Errno 111] Connection refused ({request.host}:443)")


def _no_name(request: Request) -> Response:
    raise ConnectError(f"[Errno -2] Name or service not known: {request.host}")


def _service(answer: Answer) -> Callable[[Rig], None]:
    def install(rig: Rig) -> None:
        rig.transport = _Failing(rig.transport, rig.trouble, answer)

    return install


def _provider(message: str) -> Callable[[Rig], None]:
    def install(rig: Rig) -> None:
        rig.model = _RefusingModel(rig.model, rig.trouble, message)

    return install


def _alone(domain: Domain) -> bool:
    """Whether the task cannot be done without the service."""
    return domain.agent != "people-desk"


def _any(_: Domain) -> bool:
    return True


UPSTREAM = (
    Form("too_many_requests", _LABEL, _service(_status(429, "slow down")), _alone, _any),
    Form("unavailable", _LABEL, _service(_status(503, "maintenance")), _alone, _any),
    Form("slow_service", _LABEL, _service(_slow), _alone, _any),
    Form("connection_refused", _LABEL, _service(_refused), _alone, _any),
    Form("name_not_resolved", _LABEL, _service(_no_name), _alone, _any),
    Form("credential_expired", _LABEL, _service(_status(401, "token expired")), _alone),
    Form(
        "quota_used_up",
        _LABEL,
        _provider("402: You exceeded your current quota, please check your plan and billing"),
        _any,
    ),
    Form(
        "model_overloaded",
        _LABEL,
        _provider("529: the model is overloaded, please try again later"),
        _any,
        _any,
    ),
)
