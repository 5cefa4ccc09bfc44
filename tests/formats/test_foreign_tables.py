"""A table of traces is named by its columns, once a file; no other file is lost by it."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import pytest

from investigator.errors import SourceUnavailable
from investigator.formats.source_files import Decoded, Unreadable, read_source

COLUMNS = {
    "Langfuse": (
        "id,timestamp,name,userId,metadata,release,version,public,bookmarked,tags,sessionId",
        "id,type,name,startTime,endTime,traceId,traceName,timeToFirstToken,level,input,output",
        "id,trace_id,project_id,type,parent_observation_id,start_time,name,metadata,level",
        "Timestamp,Name,Input,Output,User ID,Session ID,Latency,Tokens,Total Cost,Tags",
    ),
    "LangSmith": (
        "id,name,run_type,start_time,end_time,inputs,outputs,error",
        "id,trace_id,dotted_order,name,inputs,outputs",
    ),
    "Phoenix": (
        "context.span_id,name,span_kind,parent_id,start_time,attributes.llm.model_name",
        ",name,span_kind,context.span_id,context.trace_id",
    ),
    "MLflow": ("trace_id,trace_metadata,spans,request,response,state",),
    "ClickHouse's `otel_traces`": ("Timestamp,TraceId,SpanId,SpanName,ResourceAttributes",),
    "Braintrust": ("id,span_id,root_span_id,span_attributes,input,output",),
    "spans": ("span_id,trace_id,operation,duration",),
    "messages": ("conversation,role,content",),
}
CASES = [(system, header) for system, headers in COLUMNS.items() for header in headers]
SPAN = json.dumps({"trace_id": "0" * 31 + "1", "span_id": "0" * 15 + "1", "name": "x"})


def table(header: str, delimiter: str = ",") -> str:
    """A table of these columns and a few rows, with JSON and lines in its fields."""
    cell = '"{""a"": 1,\n ""b"": {""c"": 2}}"'
    rows = [delimiter.join([cell] * len(header.split(",")))] * 3
    return "\r\n".join([header.replace(",", delimiter), *rows])


def troubles(*paths: Path) -> list[str]:
    """What is said of the files, none of which gives a span."""
    items = list(read_source(paths))
    assert not any(isinstance(item, Decoded) for item in items)
    return [item.reason for item in items if isinstance(item, Unreadable)]


@pytest.mark.parametrize(("system", "header"), CASES)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_table_is_named_by_its_columns(
    tmp_path: Path, system: str, header: str, delimiter: str, encoding: str
) -> None:
    """Whatever the file is called, whatever wrote it; once, although it holds JSON."""
    file = tmp_path / "report.json"
    file.write_bytes(table(header, delimiter).encode(encoding))
    (told,) = troubles(file)
    assert told.startswith(f"a CSV export of {system}: ")
    assert "export" in told.partition(": ")[2] or "to_parquet" in told


def test_a_table_of_columns_that_nobody_has_is_described(tmp_path: Path) -> None:
    """With the columns that it has."""
    file = tmp_path / "a.csv"
    file.write_text("question,answer\na,b\n")
    (told,) = troubles(file)
    assert told.startswith("a CSV table with the columns 'question', 'answer': export JSON")


def test_tables_of_a_folder_or_an_archive_are_named_where_they_hold_traces(tmp_path: Path) -> None:
    """Others lie there for other reasons; the spans beside them are read."""
    langfuse = table(COLUMNS["Langfuse"][0])
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "traces.csv").write_text(langfuse)
    (folder / "outcomes.csv").write_text("trace_id,outcome\na,passed\nb,failed\n")
    (folder / "a.json").write_text(SPAN)
    (folder / "b.csv.gz").write_bytes(gzip.compress(langfuse.encode()))
    with zipfile.ZipFile(folder / "c.zip", "w") as archive:
        archive.writestr("traces.csv", langfuse)
        archive.writestr("notes.csv", "a,b\n1,2\n")
    items = list(read_source([folder]))
    named = [item.file.name for item in items if isinstance(item, Unreadable)]
    assert named == ["b.csv.gz", "traces.csv", "traces.csv"]
    assert sum(isinstance(item, Decoded) for item in items) == 1


def test_a_folder_of_other_tables_holds_no_traces(tmp_path: Path) -> None:
    """They are not looked at."""
    (tmp_path / "outcomes.csv").write_text("trace_id,outcome\na,passed\n")
    with pytest.raises(SourceUnavailable):
        list(read_source([tmp_path]))


def test_a_workbook_is_named_as_one(tmp_path: Path) -> None:
    """Not as an archive without traces."""
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    (told,) = troubles(tmp_path / "a.xlsx")
    assert told.startswith("a spreadsheet: export JSON")


@pytest.mark.parametrize(
    "first", ['"role": "user", "content": "x"}', "note, started", "a,b,c", '["a", "b"]']
)
def test_lines_of_json_after_a_line_of_text_are_no_table(tmp_path: Path, first: str) -> None:
    """Damage at the start of a file costs that line alone."""
    file = tmp_path / "a.jsonl"
    file.write_text("\n".join([first, SPAN, SPAN.replace("1", "2")]) + "\n")
    assert any(isinstance(item, Decoded) for item in read_source([file]))
