"""The ids that a scope may name: those that it was shown, whoever wrote them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import chain
from types import MappingProxyType

from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import compact_json
from investigator.runtime.planner import View
from investigator.runtime.turn_schema import EVIDENCE, SPAN, TRACE, KnownIds

_SPAN_ID = re2.compile(r"\b[0-9a-f]{16}\b")
_PLACE = re2.compile(r"(?:\d+:)?[mtds]\d+(?:\.\w+)?")
"""A short id that names a step or a span."""
_TRACE_ID = re2.compile(r"\b[0-9a-f]{32}\b")


def known_in(view: View, shown: Mapping[str, str] = MappingProxyType({})) -> KnownIds:
    """The ids that a scope was shown: those of its references, and those in what it reads.

    `shown` are the references of its overview.

    Spans are always listed with references, so without one there is none to name; traces are not.
    """
    cited = {**shown, **view.cited}
    refs = [ref for text in cited.values() if isinstance(ref := json.loads(text), dict)]
    pages = (step.result for step in view.recent)
    told = "\n".join((view.objective, view.context, *map(compact_json, view.gathered), *pages))
    spans = _distinct(_SPAN_ID.findall(told), (ref.get("span_id") for ref in refs))
    traces = _distinct(_TRACE_ID.findall(told), (ref.get("trace_id") for ref in refs))
    named = [name for name in cited if _PLACE.fullmatch(name)]
    known = {EVIDENCE: list(cited), SPAN: [*named, *spans]}
    return {**known, TRACE: traces} if traces else known


def _distinct(*ids: Iterable[object]) -> list[str]:
    """The texts among them, each once, in order."""
    return list(dict.fromkeys(one for one in chain(*ids) if isinstance(one, str)))
