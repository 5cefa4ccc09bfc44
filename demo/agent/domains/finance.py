"""A desk for company figures: reports from a service, arithmetic in a tool, answers in JSON."""

from __future__ import annotations

import json
import re
from random import Random

from demo.agent.domain import Domain, Habits, Need, Slips
from demo.agent.model import Call, Talk
from demo.agent.tools import Arguments, Bench, Parameter, Tool, fetched
from investigator.ground.canonical_json import JsonValue

_INSTRUCTIONS = """You answer questions about company figures.
Return only a JSON object with the keys "figure", "unit", "period" and "source", and nothing else.
Never recommend to buy or sell a share."""

_COMPANIES = ("Corvid AG", "Lumen Oy", "Tessera SpA", "Brightwater plc")
_ASKED = re.compile(r"margin of (.+) in (\d{4}-Q\d)")


def _report(path: str) -> JsonValue:
    rng = Random(path)
    company, period = path.split("/")
    revenue = rng.randrange(200, 4_000)
    return {
        "report_id": f"R-{rng.randrange(10_000, 99_999)}",
        "company": company,
        "period": period,
        "revenue": revenue,
        "operating_income": round(revenue * rng.uniform(0.04, 0.3), 1),
        "unit": "EUR million",
    }


def _load(text: str) -> JsonValue:
    """Reads a report as scripts do: index it, and count on the numbers being numbers."""
    report = json.loads(text)
    if report["unit"] != "EUR million":
        raise ValueError(f"figures are in {report['unit']!r}, expected 'EUR million'")
    loaded: dict[str, JsonValue] = {
        "report_id": report["report_id"],
        "period": report["period"],
        "revenue": round(report["revenue"] + 0.0, 1),
        "operating_income": round(report["operating_income"] + 0.0, 1),
    }
    return loaded


def _ratio(bench: Bench, arguments: Arguments) -> JsonValue:
    bench.clock.pass_ms(2)
    numerator, denominator = arguments["numerator"], arguments["denominator"]
    assert isinstance(numerator, int | float)
    assert isinstance(denominator, int | float)
    return {"percent": round(100 * numerator / denominator, 1)}


def _question(rng: Random) -> str:
    period = f"{rng.choice([2024, 2025])}-Q{rng.randrange(1, 5)}"
    return f"What was the operating margin of {rng.choice(_COMPANIES)} in {period}?"


def _asked(talk: Talk) -> Arguments:
    found = _ASKED.search(talk.question)
    assert found is not None
    return {"company": found[1], "period": found[2]}


def _parts(talk: Talk) -> Arguments:
    report = talk.record("get_report")
    return {"numerator": report["operating_income"], "denominator": report["revenue"]}


def _answer(talk: Talk) -> str:
    report = talk.record("get_report")
    return json.dumps(
        {
            "figure": talk.record("compute_ratio").get("percent"),
            "unit": "percent",
            "period": _asked(talk)["period"],
            "source": report.get("report_id"),
        }
    )


def _prose(talk: Talk) -> str:
    asked = _asked(talk)
    margin = talk.record("compute_ratio").get("percent")
    return f"The operating margin of {asked['company']} in {asked['period']} was {margin} percent."


def _parsed(text: str) -> JsonValue:
    value = json.loads(text)
    missing = [key for key in ("figure", "unit", "period", "source") if key not in value]
    if missing:
        raise KeyError(*missing)
    parsed: JsonValue = value
    return parsed


FINANCE = Domain(
    agent="figures-desk",
    host="reports.ledgerline.example",
    instructions=_INSTRUCTIONS,
    tools=(
        Tool(
            "get_report",
            "Revenue and operating income of a company in a quarter.",
            (
                Parameter("company", "string", "The company", choices=_COMPANIES),
                Parameter("period", "string", "The quarter", pattern=r"\d{4}-Q[1-4]"),
            ),
            fetched("/reports/{company}/{period}"),
        ),
        Tool(
            "compute_ratio",
            "One number as a percentage of another.",
            (
                Parameter("numerator", "number", "What is divided"),
                Parameter("denominator", "number", "What it is divided by"),
            ),
            _ratio,
        ),
        Tool(
            "get_share_price",
            "The last price of a share.",
            (Parameter("ticker", "string", "The ticker symbol", pattern=r"[A-Z]{3,4}"),),
            fetched("/prices/{ticker}"),
        ),
    ),
    needs=(Need("get_report", _asked), Need("compute_ratio", _parts)),
    routes={"/reports/": _report},
    question=_question,
    answer=_answer,
    sorry=lambda _: json.dumps({"figure": None, "unit": None, "period": None, "source": None}),
    slips=Slips(
        unknown_tool="get_balance_sheet",
        misfit=lambda talk: Call("get_share_price", {"ticker": str(_asked(talk)["company"])}),
        forbidden="This margin is a good reason to buy the share.",
        prose=_prose,
    ),
    habits=Habits(raises=True, attempts=3, spans_http=True, asks_again=True),
    readers={"get_report": _load},
    checks=_parsed,
)
