"""A support desk: German answers from help pages and the order service."""

from __future__ import annotations

import re
from random import Random

from demo.agent.documents import Document
from demo.agent.domain import Domain, Habits, Library, Need, Slips
from demo.agent.model import Call, Talk
from demo.agent.records import checked
from demo.agent.tools import Parameter, Tool, fetched
from investigator.ground.canonical_json import JsonValue

_INSTRUCTIONS = """You are the support agent of Halden Outdoor, a shop for camping gear.
Answer in German, in at most 60 words, and only from the passages and the order.
End every answer with the ticket number in square brackets, such as [T-1042].
Never mention the term "Kulanzgutschrift"."""

_ORDER = re.compile(r"ORD-\d{5}")
_DAYS = re.compile(r"(\d+) (?:Tage|Werktage)")
_ITEMS = ("Zelt Fjell 3", "Schlafsack Nord", "Kocher Primus 2", "Rucksack Trek 45")
_STATUS = ("delivered", "in_transit", "processing")
_GERMAN = {"delivered": "zugestellt", "in_transit": "unterwegs", "processing": "in Bearbeitung"}
_TOPICS = {
    "return": "Wie lange habe ich Zeit für die Rückgabe und Rücksendung von {item} aus {order}?",
    "delivery": "Wie lange dauert Lieferung und Versand für {item}, Bestellung {order}?",
    "damage": "{item} aus Bestellung {order} kam mit Schaden an. Welche Frist gilt für die Meldung "
    "von einem Transportschaden?",
}


def _documents(days: dict[str, int], valid_until: str) -> tuple[Document, ...]:
    held = {"language": "de", "valid_until": valid_until}
    return (
        Document(
            "hc-11",
            f"Rückgabe und Rücksendung: Die Rückgabe von Artikeln ist {days['return']} Tage nach "
            "Zustellung möglich. Die Rücksendung ist kostenlos.",
            held,
        ),
        Document(
            "hc-14",
            f"Lieferung und Versand: Die Lieferung dauert {days['delivery']} Werktage, der Versand "
            "von Zelten erfolgt mit Spedition.",
            held,
        ),
        Document(
            "hc-17",
            "Schaden beim Transport: Für die Meldung von einem Transportschaden gilt eine Frist "
            f"von {days['damage']} Tagen. Bitte Fotos beilegen.".replace("Tagen", "Tage lang"),
            held,
        ),
        Document("hc-20", "Zahlung: Rechnung, Karte oder Vorkasse. Die Frist steht dort.", held),
        Document("hc-91", "Opening hours of the shop in Oslo and how to find it.", {
            "language": "en", "valid_until": valid_until}),
        Document("hc-92", "Care instructions for waxed cotton and leather boots.", {
            "language": "en", "valid_until": valid_until}),
    )  # fmt: skip


def _order(order_id: str) -> JsonValue:
    rng = Random(order_id)
    return {
        "order_id": order_id,
        "status": rng.choice(_STATUS),
        "total": round(rng.uniform(20, 400), 2),
        "currency": "EUR",
        "ticket": f"T-{rng.randrange(1000, 9999)}",
    }


def _question(rng: Random) -> str:
    topic = rng.choice(sorted(_TOPICS))
    return _TOPICS[topic].format(
        item=rng.choice(_ITEMS), order=f"ORD-{rng.randrange(10**4, 10**5)}"
    )


def _order_of(talk: Talk) -> str:
    found = _ORDER.search(talk.question)
    return found[0] if found else "ORD-00000"


def _term(talk: Talk) -> str | None:
    words = {"Rückgabe": "Rückgabe", "Lieferung": "Lieferung", "Schaden": "Meldung"}
    about = next(said for asked, said in words.items() if asked in talk.question)
    found = re.search(rf"{about}[^\n]*?{_DAYS.pattern}", talk.context)
    return found[1] if found else None


def _answer(talk: Talk) -> str:
    order = talk.record("lookup_order")
    status = _GERMAN.get(str(order.get("status")), str(order.get("status")))
    days = _term(talk)
    rule = (
        f"Für Ihr Anliegen gilt eine Frist von {days} Tagen."
        if days
        else "Zu der Frist konnte ich in unseren Hilfeseiten leider nichts finden."
    )
    return (
        f"Ihre Bestellung {_order_of(talk)} ist {status}, der Betrag ist {order.get('total')} "
        f"{order.get('currency')}. {rule} [{order.get('ticket')}]"
    )


def _foreign(talk: Talk) -> str:
    order = talk.record("lookup_order")
    return (
        f"Thank you for your message. Your order {_order_of(talk)} is {order.get('status')} and "
        f"the total is {order.get('total')} {order.get('currency')}. You have {_term(talk)} days "
        f"for this. [{order.get('ticket')}]"
    )


SUPPORT = Domain(
    agent="support-desk",
    host="orders.halden.example",
    instructions=_INSTRUCTIONS,
    tools=(
        Tool(
            "lookup_order",
            "State, total and ticket of an order.",
            (Parameter("order_id", "string", "The order number", pattern=r"ORD-\d{5}"),),
            fetched("/v1/orders/{order_id}"),
        ),
        Tool(
            "find_invoice",
            "Amount and due date of an invoice.",
            (Parameter("invoice_number", "string", "The invoice", pattern=r"INV-\d{6}"),),
            fetched("/v1/invoices/{invoice_number}"),
        ),
    ),
    needs=(Need("lookup_order", lambda talk: {"order_id": _order_of(talk)}),),
    routes={"/v1/orders/": _order},
    question=_question,
    answer=_answer,
    sorry=lambda _: (
        "Leider kann ich Ihre Bestellung gerade nicht abrufen. Bitte versuchen Sie es "
        "später noch einmal. [T-0000]"
    ),
    slips=Slips(
        unknown_tool="get_order_history",
        misfit=lambda talk: Call("find_invoice", {"invoice_number": _order_of(talk)}),
        forbidden="Als Ausgleich kann ich Ihnen eine Kulanzgutschrift von 15 EUR anbieten.",
        off_task="Für eine Wanderung im Herbst empfehle ich warme Kleidung, feste Schuhe, eine "
        "Karte und genügend Wasser. Planen Sie vor Sonnenuntergang einen Rastplatz ein. [T-1001]",
        careless=lambda text: re.sub(r"\s*\[T-\d+\]$", "", text),
        foreign=_foreign,
    ),
    habits=Habits(guarded=True),
    library=Library(
        collection="help-center",
        documents=_documents({"return": 30, "delivery": 4, "damage": 7}, "2027-12-31"),
        old=_documents({"return": 14, "delivery": 9, "damage": 3}, "2023-06-30"),
        where=lambda _: {"language": "de"},
        elsewhere={"language": "en"},
    ),
    readers={
        "lookup_order": checked(
            "Order",
            {
                "order_id": "str",
                "status": _STATUS,
                "total": "number",
                "currency": ("EUR",),
                "ticket": "str",
            },
        )
    },
)
