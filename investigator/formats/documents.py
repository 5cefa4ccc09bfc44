"""Retrieved documents in any of the common dialects are the same flat OpenInference keys.

Read are OTel GenAI documents (`id`, `content`, `score`), LangChain's and MLflow's
(`page_content`, `metadata`), LlamaIndex's nodes (`{"node": {"text": …}, "score": …}`) and pairs
of a document and its score. What a document does not say is left out: a text alone has only
content, and an item that is no document gives nothing.
"""

from __future__ import annotations

from investigator.ground.canonical_json import JsonValue
from investigator.ground.json_text import json_text
from investigator.traces.langchain import unwrapped

_LISTS = ("documents", "output", "docs", "nodes", "results")
_CONTENTS = ("content", "page_content", "pageContent", "text")
_IDS = ("id", "id_", "document_id", "doc_id", "chunk_id")
_SCORES = ("score", "relevance_score", "similarity")

_Fields = dict[str, JsonValue]


def document_attributes(value: JsonValue) -> dict[str, JsonValue]:
    """A list of documents, or the object that holds it, as `retrieval.documents.*` keys.

    A document's index is its place in the list, also behind an item that is none.
    """
    return {
        f"retrieval.documents.{index}.document.{name}": said
        for index, item in enumerate(_listed(value))
        for name, said in (_document(item) or {}).items()
    }


def _listed(value: JsonValue) -> list[JsonValue]:
    if isinstance(value, dict):
        return next((_listed(value[key]) for key in _LISTS if isinstance(value.get(key), list)), [])
    return value if isinstance(value, list) else []


def _document(item: JsonValue) -> _Fields | None:
    if isinstance(item, str):
        return {"content": item}
    if isinstance(item, list) and len(item) == 2 and isinstance(item[1], int | float):
        scored = _document(item[0])
        return None if scored is None else {**scored, "score": item[1]}
    fields = unwrapped(item)
    if not isinstance(fields, dict):
        return None
    node = unwrapped(fields.get("node"))
    inner = node if isinstance(node, dict) else fields
    metadata = inner.get("metadata")
    about = metadata if isinstance(metadata, dict) else {}
    content = _said(_CONTENTS, inner)
    if content is None and _said(_IDS, inner) is None:
        return None
    found: _Fields = {
        "id": _said(_IDS, inner, about),
        "content": None if content is None else json_text(content),
        "score": _said(_SCORES, fields, about),
        "metadata": json_text(metadata) if metadata else None,
    }
    return {name: said for name, said in found.items() if said is not None}


def _said(keys: tuple[str, ...], *holders: _Fields) -> JsonValue:
    """The first of the keys that has a value in the first holder that has one."""
    values = (holder.get(key) for holder in holders for key in keys)
    return next((value for value in values if value is not None), None)
