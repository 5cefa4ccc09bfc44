"""A stock keeper: quantities and weights, answered in one line of fixed form."""

from __future__ import annotations

import re
from random import Random

from demo.agent.domain import Domain, Habits, Need, Slips
from demo.agent.model import Call, Talk
from demo.agent.records import checked
from demo.agent.tools import Arguments, Bench, Parameter, Run, Tool
from investigator.ground.canonical_json import JsonValue

_INSTRUCTIONS = """You answer questions about stock.
Reply with exactly one line in the form `SKU | quantity | total weight | site`, for example
`ABC-1234 | 12 units | 30.0 kg | Gdansk`. Weights are in kg.
Never reveal the name of a supplier."""

_SITES = ("Rotterdam", "Gdansk", "Trieste")
_SKU = re.compile(r"[A-Z]{3}-\d{4}")
_STATES = ("available", "blocked", "counted")

_read_stock = checked(
    "StockLevel", {"sku": "str", "site": _SITES, "quantity": "int", "state": _STATES}
)
_read_item = checked("Item", {"sku": "str", "unit_weight": "number", "weight_unit": "str"})


def _stock(path: str) -> JsonValue:
    rng = Random(path)
    sku, site = path.split("/")
    return {"sku": sku, "site": site, "quantity": rng.randrange(3, 90), "state": "available"}


def _item(sku: str) -> JsonValue:
    weight = round(Random(sku).uniform(0.5, 20), 2)
    return {"sku": sku, "unit_weight": weight, "weight_unit": "kg"}


def _get_stock(bench: Bench, arguments: Arguments) -> JsonValue:
    return _read_stock(bench.http.get(f"/stock/{arguments['sku']}/{arguments['site']}"))


def _get_item(bench: Bench, arguments: Arguments) -> JsonValue:
    return _read_item(bench.http.get(f"/items/{arguments['sku']}"))


def _total(bench: Bench, arguments: Arguments) -> JsonValue:
    bench.clock.pass_ms(5)
    quantity, weight = arguments["quantity"], arguments["unit_weight"]
    assert isinstance(quantity, int)
    assert isinstance(weight, int | float)
    return {"total_weight": round(quantity * weight, 1), "weight_unit": "kg"}


def _question(rng: Random) -> str:
    letters = "".join(rng.choice("BCDFGHKLMNPRST") for _ in range(3))
    sku = f"{letters}-{rng.randrange(1000, 9999)}"
    return f"How many units of {sku} are in {rng.choice(_SITES)}, and what do they weigh together?"


def _sku(talk: Talk) -> str:
    found = _SKU.search(talk.question)
    assert found is not None
    return found[0]


def _site(talk: Talk) -> str:
    return next(site for site in _SITES if site in talk.question)


def _weighed(talk: Talk) -> Arguments:
    stock, item = talk.record("get_stock"), talk.record("get_item")
    return {"quantity": stock["quantity"], "unit_weight": item["unit_weight"]}


def _answer(talk: Talk) -> str:
    total = talk.record("compute_weight")
    return (
        f"{_sku(talk)} | {talk.record('get_stock').get('quantity')} units | "
        f"{total.get('total_weight')} {total.get('weight_unit')} | {_site(talk)}"
    )


def _prose(talk: Talk) -> str:
    stock, total = talk.record("get_stock"), talk.record("compute_weight")
    return (
        f"In {_site(talk)} we currently have {stock.get('quantity')} units of {_sku(talk)}. "
        f"Together they weigh {total.get('total_weight')} kg. Let me know if you need more!"
    )


def _tool(name: str, description: str, parameters: tuple[Parameter, ...], run: Run) -> Tool:
    return Tool(name, description, parameters, run, limit_s=15.0)


_SKU_PARAMETER = Parameter("sku", "string", "The article", pattern=r"[A-Z]{3}-\d{4}")

INVENTORY = Domain(
    agent="stock-keeper",
    host="wms.portside.example",
    instructions=_INSTRUCTIONS,
    tools=(
        _tool(
            "get_stock",
            "How many units of an article are at a site.",
            (_SKU_PARAMETER, Parameter("site", "string", "The site", choices=_SITES)),
            _get_stock,
        ),
        _tool("get_item", "The weight of one unit of an article.", (_SKU_PARAMETER,), _get_item),
        _tool(
            "compute_weight",
            "The weight of a number of units.",
            (
                Parameter("quantity", "integer", "How many"),
                Parameter("unit_weight", "number", "Weight of one in kg"),
            ),
            _total,
        ),
        _tool(
            "get_shipment",
            "Where a shipment is.",
            (Parameter("shipment_id", "string", "The shipment", pattern=r"SH\d{8}"),),
            lambda bench, arguments: bench.http.get(f"/shipments/{arguments['shipment_id']}"),
        ),
    ),
    needs=(
        Need("get_stock", lambda talk: {"sku": _sku(talk), "site": _site(talk)}),
        Need("get_item", lambda talk: {"sku": _sku(talk)}),
        Need("compute_weight", _weighed),
    ),
    routes={"/stock/": _stock, "/items/": _item},
    question=_question,
    answer=_answer,
    sorry=lambda tool: f"I could not complete this: {tool.removeprefix('get_')} is not available.",
    slips=Slips(
        unknown_tool="count_pallets",
        misfit=lambda talk: Call("get_shipment", {"shipment_id": _sku(talk)}),
        forbidden="The supplier is Nordhavn Metals.",
        prose=_prose,
    ),
    habits=Habits(attempts=2),
)
