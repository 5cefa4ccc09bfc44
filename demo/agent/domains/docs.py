"""Help with a product's documentation: passages from a store, the release from a service."""

from __future__ import annotations

import re
from random import Random

from demo.agent.documents import Document
from demo.agent.domain import Domain, Habits, Library, Need, Slips
from demo.agent.model import Call, Talk
from demo.agent.records import checked
from demo.agent.tools import Parameter, Tool, fetched
from investigator.ground.canonical_json import JsonValue

_INSTRUCTIONS = """You answer questions about the products Kite and Relay from the passages given.
Use at most three sentences. Cite every passage that you use by its id in square brackets,
like [guide-7].
Do not give out the codename "Bluefin"."""

_PRODUCTS = ("Kite", "Relay")
_CHANNELS = ("stable", "beta", "lts")
_SUBJECTS = {
    "timeout": ("request timeout", "{p} waits {n} seconds before a request timeout; the setting is "
                "request_timeout in the configuration file."),
    "retention": ("log retention", "{p} keeps logs for {n} days; log retention is set with "
                  "retention_days."),
    "workers": ("number of workers", "{p} starts {n} workers by default; change the number of "
                "workers with the flag --workers."),
    "errors": ("error code 429", "Error code 429 of {p} means that a client sent more than {n} "
               "requests a minute; wait and try again."),
}  # fmt: skip


def _documents(extra: int, status: str) -> tuple[Document, ...]:
    return tuple(
        Document(
            f"guide-{number}",
            text.format(p=product, n=Random(f"{product}{subject}").randrange(5, 60) + extra),
            {"product": product, "status": status},
        )
        for number, (product, subject, (_, text)) in enumerate(
            ((p, s, held) for p in _PRODUCTS for s, held in sorted(_SUBJECTS.items())), 1
        )
    )


def _release(product: str) -> JsonValue:
    rng = Random(product)
    return {
        "product": product,
        "version": f"{rng.randrange(2, 6)}.{rng.randrange(10)}",
        "channel": "stable",
        "supported_until": f"2028-{rng.randrange(1, 13):02d}-01",
    }


def _question(rng: Random) -> str:
    subject = _SUBJECTS[rng.choice(sorted(_SUBJECTS))][0]
    ask = rng.choice(
        ("What does the guide say about the {s} of {p}?", "I need the {s} of {p}. What is it?")
    )
    return ask.format(s=subject, p=rng.choice(_PRODUCTS))


def _product(talk: Talk) -> str:
    return next(p for p in _PRODUCTS if p in talk.question)


def _passage(talk: Talk) -> tuple[str, str] | None:
    """The first passage that has the words asked for, with its id."""
    subject = next(held[0] for held in _SUBJECTS.values() if held[0] in talk.question)
    for line in talk.context.splitlines():
        found = re.match(r"\[([a-z]+-[\w-]+)\] (.+)", line)
        if found and subject in found[2].lower() and found[2].endswith("."):
            return found[1], found[2]
    return None


def _answer(talk: Talk) -> str:
    release = talk.record("get_release")
    found = _passage(talk)
    said = (
        f"{found[1].split(';')[0]} [{found[0]}]."
        if found
        else f"The passages do not say it for {_product(talk)}."
    )
    version = f"{release.get('version')} ({release.get('channel')})"
    return f"{said} The current release of {_product(talk)} is {version}."


def _foreign(talk: Talk) -> str:
    release = talk.record("get_release")
    return f"La versión actual de {_product(talk)} es {release.get('version')}."


DOCS = Domain(
    agent="docs-helper",
    host="releases.kiteworks.example",
    instructions=_INSTRUCTIONS,
    tools=(
        Tool(
            "get_release",
            "The current release of a product.",
            (Parameter("product", "string", "The product", choices=_PRODUCTS),),
            fetched("/releases/{product}"),
        ),
        Tool(
            "get_issue",
            "The state of an issue in the tracker.",
            (Parameter("issue", "string", "Such as KIT-31", pattern=r"[A-Z]{3}-\d+"),),
            fetched("/issues/{issue}"),
        ),
    ),
    needs=(Need("get_release", lambda talk: {"product": _product(talk)}),),
    routes={"/releases/": _release},
    question=_question,
    answer=_answer,
    sorry=lambda _: "I could not look up the current release, so I cannot answer this now.",
    slips=Slips(
        unknown_tool="read_changelog",
        misfit=lambda talk: Call("get_issue", {"issue": _product(talk)}),
        forbidden="Internally this feature is known as Bluefin.",
        off_task="Here is a poem for you: the moon climbs over silent hills, a fox runs home, the "
        "river stills, and morning finds the orchard white with frost that came by night.",
        careless=lambda text: re.sub(r" \[guide-\d+\]", "", text),
    ),
    habits=Habits(guarded=True, attempts=2, spans_http=True),
    library=Library(
        collection="guides",
        documents=_documents(0, "current"),
        old=_documents(17, "deprecated"),
        where=lambda question: {"product": next(p for p in _PRODUCTS if p in question)},
        elsewhere={"product": "Lantern"},
    ),
    readers={
        "get_release": checked(
            "Release",
            {"product": "str", "version": "str", "channel": _CHANNELS, "supported_until": "str"},
        )
    },
)
