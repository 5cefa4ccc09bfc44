"""Stores that find nothing, or the wrong thing, or only part of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from demo.agent.domain import Domain
from demo.agent.domains import DOMAINS
from demo.agent.faults.form import Form
from demo.agent.faults.rig import Rig

_LABEL = "retrieval_failure"
_CHUNK = 22


def _empty(rig: Rig) -> None:
    """The index was made anew and nothing has been written to it yet."""
    rig.collections = dict.fromkeys(rig.collections, ())


def _lost(rig: Rig) -> None:
    """The collection was renamed in the store and not in the application."""
    rig.collections = {f"{name}-v2": held for name, held in rig.collections.items()}


def _another(rig: Rig) -> None:
    """The collection's alias points at another team's passages."""
    others = [d.library for d in DOMAINS if d.library and d.agent != rig.domain.agent]
    other = rig.rng.choice(others)
    rig.collections = dict.fromkeys(rig.collections, other.documents)
    rig.where = lambda _: {}


def _old_edition(rig: Rig) -> None:
    """The index was never brought up to date."""
    assert rig.domain.library is not None
    rig.collections = dict.fromkeys(rig.collections, rig.domain.library.old)


def _cut(rig: Rig) -> None:
    """The indexer cut every passage to one length."""
    rig.collections = {
        name: tuple(replace(d, content=d.content[:_CHUNK]) for d in held)
        for name, held in rig.collections.items()
    }


def _elsewhere(rig: Rig) -> None:
    """The filter is built for another case than the question's."""
    library = rig.domain.library
    assert library is not None
    rig.where = lambda _: library.elsewhere


def _searches(domain: Domain) -> bool:
    return domain.library is not None


def _finds_others(domain: Domain) -> bool:
    """Whether the wrong filter of a domain finds passages at all; it is dropped if not."""
    library = domain.library
    return library is not None and any(
        all(d.metadata.get(k) == v for k, v in library.elsewhere.items()) for d in library.documents
    )


def _recovers_from_filter(domain: Domain) -> bool:
    return _searches(domain) and not _finds_others(domain)


def _form(
    name: str,
    install: Callable[[Rig], None],
    suits: Callable[[Domain], bool] = _searches,
    recovers: Callable[[Domain], bool] = lambda _: False,
) -> Form:
    def watched(rig: Rig) -> None:
        install(rig)
        rig.blames_store = True

    return Form(name, _LABEL, watched, suits, recovers)


RETRIEVAL = (
    _form("empty_index", _empty),
    _form("lost_collection", _lost),
    _form("off_topic", _another),
    _form("old_edition", _old_edition),
    _form("cut_passages", _cut),
    _form("wrong_filter", _elsewhere, _finds_others, _recovers_from_filter),
)
