"""Services that answer in another form than the agent's code was written for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from demo.agent.domain import Domain
from demo.agent.faults.form import Form
from demo.agent.faults.rig import Rig, Trouble
from demo.agent.transport import Request, Response, Transport
from investigator.ground.canonical_json import JsonValue

_LABEL = "data_schema_mismatch"
Record = dict[str, JsonValue]
Change = Callable[[Record, Random], Record]

_NEEDED = {
    "support-desk": ("status", "total", "ticket"),
    "trip-planner": ("price", "currency"),
    "figures-desk": ("revenue", "operating_income", "report_id"),
    "stock-keeper": ("quantity", "unit_weight"),
    "docs-helper": ("version", "channel"),
    "people-desk": ("remaining_days", "as_of"),
}
_NUMBERS = ("total", "price", "revenue", "operating_income", "quantity", "unit_weight",
            "remaining_days")  # fmt: skip
_STATES = {"status": "PARTIALLY_SHIPPED", "class": "flex", "state": "in_review",
           "channel": "nightly"}  # fmt: skip
_RENAMED = {"revenue": "totalRevenue", "operating_income": "ebit", "report_id": "reportId",
            "status": "orderState", "total": "totalAmount", "ticket": "ticketRef",
            "price": "amount", "currency": "currencyCode", "quantity": "qty",
            "unit_weight": "weightPerUnit", "version": "releaseVersion", "channel": "track",
            "remaining_days": "daysLeft", "as_of": "asOf"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Changed:
    """A transport whose bodies are changed on the way, those of one tool."""

    healthy: Transport
    trouble: Trouble
    tool: str
    change: Callable[[str], str]

    def send(self, request: Request) -> Response:
        response = self.healthy.send(request)
        at = self.trouble.tool
        if at is None or at.name != self.tool or response.status >= 400:
            return response
        changed = self.change(response.body)
        if changed == response.body or not self.trouble.strikes():
            return response
        self.trouble.in_tool()
        return Response(response.status, changed, response.ms)


def _target(domain: Domain, wanted: Callable[[Record], bool]) -> str | None:
    """The first needed tool whose record is a wanted one, unless another could stand in."""
    for need in domain.needs:
        if need.tool.startswith("compute"):
            continue
        if wanted(_sample(domain, need.tool)):
            return need.tool
    return None


_PATHS = {
    "lookup_order": ("/v1/orders/", "ORD-10000"),
    "search_trains": ("/trains/", "Lyon/Basel/2026-05-01"),
    "get_fare": ("/fares/", "IC100/first"),
    "get_report": ("/reports/", "Corvid AG/2025-Q1"),
    "get_stock": ("/stock/", "ABC-1234/Gdansk"),
    "get_item": ("/items/", "ABC-1234"),
    "get_release": ("/releases/", "Kite"),
    "get_leave_balance": ("/balances/", "E1000"),
}


def _sample(domain: Domain, tool: str) -> Record:
    route, argument = _PATHS[tool]
    record = domain.routes[route](argument)
    assert isinstance(record, dict)
    return record


def _any(_: Domain) -> bool:
    return True


def _of_record(domain: Domain, change: Change, rng: Random) -> tuple[str, Callable[[str], str]]:
    """The tool that the change befalls, and the change of its body."""
    seed = rng.randrange(2**32)

    def changed(record: Record) -> Record:
        return change(dict(record), Random(seed))

    tool = _target(domain, lambda record: changed(record) != record)
    assert tool is not None
    return tool, lambda body: json.dumps(changed(json.loads(body)))


def _form(name: str, change: Change, *, noticed: Callable[[Domain], bool] = _any) -> Form:
    """A change of a record, for the domains whose records have what it changes."""

    def install(rig: Rig) -> None:
        tool, body = _of_record(rig.domain, change, rig.rng)
        rig.transport = _Changed(rig.transport, rig.trouble, tool, body)

    def applies(domain: Domain) -> bool:
        return _target(domain, lambda held: change(dict(held), Random(0)) != held) is not None

    return Form(
        name,
        _LABEL,
        install,
        lambda d: applies(d) and not _backed(d),
        lambda d: applies(d) and _told(d) and noticed(d),
    )


def _backed(domain: Domain) -> bool:
    return not domain.unbacked


def _told(domain: Domain) -> bool:
    """Whether the model is told of a record that cannot be read, and may ask again."""
    return not domain.habits.raises


def _cut(rig: Rig) -> None:
    share = rig.rng.uniform(0.4, 0.8)
    tool = next(n.tool for n in rig.domain.needs if n.instead is None or _backed(rig.domain))
    rig.transport = _Changed(
        rig.transport, rig.trouble, tool, lambda body: body[: int(len(body) * share)]
    )


def _pick(record: Record, rng: Random, among: tuple[str, ...]) -> str | None:
    here = [key for key in among if key in record]
    return rng.choice(here) if here else None


def _all_needed() -> tuple[str, ...]:
    return tuple(dict.fromkeys(key for keys in _NEEDED.values() for key in keys))


def _without_field(record: Record, rng: Random) -> Record:
    key = _pick(record, rng, _all_needed())
    return {k: v for k, v in record.items() if k != key}


def _renamed(record: Record, rng: Random) -> Record:
    key = _pick(record, rng, _all_needed())
    return {(_RENAMED[k] if k == key else k): v for k, v in record.items()}


def _typed_otherwise(record: Record, rng: Random) -> Record:
    key = _pick(record, rng, _NUMBERS)
    if key is None:
        return record
    return record | {key: rng.choice(("n/a", f"{record[key]} approx.", None))}


def _new_state(record: Record, rng: Random) -> Record:
    key = _pick(record, rng, tuple(_STATES))
    return record if key is None else record | {key: _STATES[key]}


def _other_unit(record: Record, rng: Random) -> Record:  # noqa: ARG001
    match record:
        case {"weight_unit": "kg", "unit_weight": float(weight)}:
            return record | {"unit_weight": round(weight * 2.2046, 2), "weight_unit": "lb"}
        case {"unit": "EUR million", "revenue": int(revenue), "operating_income": float(income)}:
            thousands = {"revenue": revenue * 1000, "operating_income": round(income * 1000, 1)}
            return record | thousands | {"unit": "EUR thousand"}
        case {"currency": "EUR", "price": float(price)}:
            return record | {"price": round(price * 0.86, 2), "currency": "GBP"}
        case {"currency": "EUR", "total": float(total)}:
            return record | {"total": round(total * 11.4, 2), "currency": "NOK"}
    return record


SCHEMA = (
    Form("cut_json", _LABEL, _cut, lambda d: not _backed(d), _told),
    _form("field_left_out", _without_field),
    _form("other_unit", _other_unit, noticed=lambda d: d.agent != "stock-keeper"),
    _form("other_type", _typed_otherwise),
    _form("key_renamed", _renamed),
    _form("value_not_known", _new_state),
)
