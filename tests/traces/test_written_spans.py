"""Whatever texts spans hold, the canonical file gives back the same spans."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from investigator.store.parquet_store import ParquetInspectionAPI
from investigator.traces.model import Span
from investigator.traces.parquet import write_spans
from tests.builders import span

BETWEEN = ("\x1e", "\x1d", "a\x1eb", "\x1d\x1d")
"""What stands between texts on their way to the engine, in place of a text, and inside of one."""
TEXTS = st.sampled_from(("", "a", "é", "null", *BETWEEN)) | st.text(
    st.characters(codec="utf-8"), max_size=4
)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS, st.none() | TEXTS), min_size=1, max_size=5))
def test_what_is_written_is_read_again(said: list[tuple[str, str, str | None]]) -> None:
    """Also texts that all spans share, and none."""
    spans = [
        span(str(number), name=name, parent=parent, attributes={"output.value": text})
        for number, (name, text, parent) in enumerate(said)
    ]
    assert written(spans) == spans


def test_a_surrogate_is_replaced_on_the_way() -> None:
    """UTF-8 has no form for it."""
    (one, _) = written([span("a", name="\ud800", attributes={"x": "\ud800"}), span("b")])
    assert (one.name, one.attributes) == ("?", {"x": "?"})


def written(spans: list[Span]) -> list[Span]:
    """The spans of one trace, written and read again."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spans.parquet"
        write_spans(spans, path)
        api = ParquetInspectionAPI(path)
        try:
            return list(api.list_spans("t"))
        finally:
            api.close()
