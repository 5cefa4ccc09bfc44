"""A prefix of a real S3 server: what is read of it, what is not, and what goes wrong."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from investigator import RCA, Settings, investigate, replay_run, verify_run
from investigator.connectors.objects.bucket import Bucket
from investigator.connectors.objects.object_address import (
    ObjectAddress,
    is_object_address,
    object_address,
)
from investigator.connectors.objects.object_source import ObjectInspectionAPI
from investigator.errors import SourceUnavailable, TraceNotFound, UsageError
from investigator.runs.run_store import annotate_run
from investigator.runs.verification import Verification
from investigator.store.open import open_files
from investigator.traces.parquet import write_spans
from tests.builders import span
from tests.connectors.objects.s3_server import VARIABLES, S3Server


@pytest.fixture
def s3() -> Iterator[S3Server]:
    """An S3 server with nothing in it."""
    with S3Server() as server:
        yield server


def source(server: S3Server, place: str, folder: Path) -> ObjectInspectionAPI:
    """A place of the server, opened anew; `folder` is the cache."""
    return ObjectInspectionAPI(Bucket(object_address(place), server.environ), cache_dir=folder)


def document(trace_id: str, name: str = "agent") -> bytes:
    """A file of one trace."""
    one = {
        "traceId": trace_id,
        "spanId": "a",
        "name": name,
        "startTimeUnixNano": "1772359200000000000",
        "endTimeUnixNano": "1772359201000000000",
    }
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [one]}]}]}).encode()


def test_a_trace_is_read_without_the_others_that_are_named_after_theirs(
    s3: S3Server, tmp_path: Path
) -> None:
    """The one object is fetched, once, and is in the cache afterwards."""
    objects = {f"runs/trace-{n:03}x.json": document(f"trace-{n:03}x") for n in range(40)}
    s3.put("traces", objects)
    for _ in range(2):
        api = source(s3, "s3://traces/runs", tmp_path)
        assert [one.name for one in api.get_trace("trace-007x").spans] == ["agent"]
    assert [r.path for r in s3.read()] == ["/traces/runs/trace-007x.json"]
    assert s3.bytes_of_objects() == len(objects["runs/trace-007x.json"])


def test_once_all_were_listed_a_trace_is_read_from_the_cache(s3: S3Server, tmp_path: Path) -> None:
    """Names say nothing here; which traces an object holds is kept beside its copy."""
    s3.put("traces", {f"p/{n}.json": document(f"t{n}") for n in range(5)})
    assert source(s3, "s3://traces/p", tmp_path).count_traces() == 5
    assert len(s3.read()) == 5
    again = source(s3, "s3://traces/p/", tmp_path)
    assert [row.trace_id for row in again.list_traces()] == [f"t{n}" for n in range(5)]
    assert again.get_trace("t3").trace_id == "t3"
    assert again.trace_ids_from("t", limit=2) == ("t0", "t1")
    with pytest.raises(TraceNotFound, match=r"no trace 'x' in s3://traces/p \(5 traces\)"):
        again.get_trace("x")
    assert len(s3.read()) == 5


def test_a_changed_object_is_never_served_from_the_cache(s3: S3Server, tmp_path: Path) -> None:
    """Not even one of the same length; one that changes while it is read is an error."""
    s3.put("traces", {"p/a.json": document("t", "one")})
    assert source(s3, "s3://traces/p", tmp_path).get_trace("t").spans[0].name == "one"
    late = source(s3, "s3://traces/p", tmp_path / "other")
    assert late.objects
    s3.put("traces", {"p/a.json": document("t", "two")})
    assert source(s3, "s3://traces/p", tmp_path).get_trace("t").spans[0].name == "two"
    with pytest.raises(SourceUnavailable, match="was changed while it was read"):
        late.get_trace("t")


def table(folder: Path, *, traces: int = 60) -> bytes:
    """An `otel_traces` Parquet of small row groups, in order of time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    at = 1_772_359_200_000_000_000
    columns = {
        "TraceId": [f"{n:032x}" for n in range(traces) for _ in range(50)],
        "SpanId": [f"{n * 50 + m:016x}" for n in range(traces) for m in range(50)],
        "SpanName": ["step"] * (50 * traces),
        "Timestamp": pa.array(
            [at + n * 10**9 + m for n in range(traces) for m in range(50)], pa.timestamp("ns")
        ),
        "Body": [os.urandom(400).hex() for _ in range(50 * traces)],
    }
    path = folder / "table.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=100)
    return path.read_bytes()


def test_of_parquet_the_row_groups_of_a_trace_or_a_window_are_read(
    s3: S3Server, tmp_path: Path
) -> None:
    """By ranges: a fraction of the object, with the same answer as of the file."""
    content = table(tmp_path)
    s3.put("traces", {"day/otel_traces.parquet": content})
    place = "s3://traces/day/otel_traces.parquet"
    api = source(s3, place, tmp_path / "cache")
    wanted = f"{17:032x}"
    assert len(api.get_trace(wanted).spans) == 50
    assert s3.bytes_of_objects() < len(content) / 10
    s3.requests.clear()
    windowed = source(s3, place, tmp_path / "cache")
    start = 1_772_359_200_000_000_000 + 20 * 10**9
    rows = windowed.list_traces(start_ns=start, end_ns=start + 2 * 10**9)
    assert [row.trace_id for row in rows] == [f"{n:032x}" for n in (20, 21)]
    assert s3.bytes_of_objects() < len(content) / 10
    file = open_files([tmp_path / "table.parquet"], cache_dir=tmp_path / "files").api
    assert windowed.get_trace(wanted).content_hash == file.get_trace(wanted).content_hash
    assert list(file.list_traces(start_ns=start, end_ns=start + 2 * 10**9)) == list(rows)
    file.close()


def test_canonical_files_and_damaged_ones_are_read_as_in_a_folder(
    s3: S3Server, tmp_path: Path
) -> None:
    """A file of our own by its row groups; what cannot be read is named by its key."""
    write_spans([span("a", trace_id="own"), span("b", trace_id="other")], tmp_path / "o.parquet")
    held = {
        "p/own.parquet": (tmp_path / "o.parquet").read_bytes(),
        "p/bad.json": b"{broken",
        "p/.hidden.json": document("hidden"),
        "p/notes.txt": b"nothing",
        "p/run.json": document("t"),
    }
    s3.put("traces", held)
    api = source(s3, "s3://traces/p", tmp_path / "cache")
    assert {row.trace_id for row in api.list_traces()} == {"own", "other", "t"}
    assert [str(one).partition(":")[0] for one in api.unreadable] == ["p/bad.json"]
    s3.put("traces", {"q/x.parquet": b"PAR1 and no more"})
    with pytest.raises(SourceUnavailable, match=r"s3://traces/q/x.parquet' is no readable Parquet"):
        source(s3, "s3://traces/q", tmp_path / "cache").get_trace("t")


def test_a_run_keeps_what_it_read_and_is_verified_and_replayed(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the object gone; nothing can be written back to it."""
    for name, value in s3.environ.items():
        monkeypatch.setenv(name, value)
    s3.put("traces", {"p/a.json": document("t")})
    run = investigate("s3://traces/p", RCA(trace_id="t"), Settings(runs_dir=tmp_path, run_id="run"))
    assert run.report is not None
    assert run.record.dataset_ref.dataset_id == "s3://traces/p"
    s3.put("traces", {"p/a.json": document("t", "changed")})
    assert verify_run("run", tmp_path) == Verification()
    assert replay_run("run", tmp_path).identical
    with pytest.raises(UsageError, match="which takes no annotations"):
        annotate_run("run", tmp_path)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("s3://nowhere/p", "there is no bucket 'nowhere'"),
        ("s3://traces/none.json", "no traces at 's3://traces/none.json'"),
    ],
)
def test_what_is_not_there_is_one_clear_line(
    s3: S3Server, tmp_path: Path, place: str, words: str
) -> None:
    """A bucket or a key."""
    s3.put("traces", {"p/a.json": document("t")})
    with pytest.raises(SourceUnavailable, match=words) as told:
        source(s3, place, tmp_path).count_traces()
    assert "\n" not in str(told.value)
    assert VARIABLES["AWS_SECRET_ACCESS_KEY"] not in str(told.value)


class Metadata(BaseHTTPRequestHandler):
    """Stands for every address that is asked; refuses what is unsigned."""

    asked: list[str]

    def do_any(self) -> None:
        """Note what is asked."""
        self.asked.append(self.path)
        self.send_response(403)
        self.send_header("content-length", "0")
        self.end_headers()

    do_GET = do_PUT = do_POST = do_HEAD = do_any  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    ("place", "endpoint", "metadata", "keys"),
    [
        ("s3://b/p", "AWS_ENDPOINT_URL", "AWS_METADATA_ENDPOINT", "AWS_ACCESS_KEY_ID"),
        (
            "gs://b/p",
            "STORAGE_EMULATOR_HOST",
            "GCE_METADATA_HOST",
            "GOOGLE_APPLICATION_CREDENTIALS",
        ),
        ("az://b/p", "AZURE_STORAGE_ENDPOINT", "IDENTITY_ENDPOINT", "AZURE_STORAGE_ACCOUNT_KEY"),
    ],
)
def test_without_keys_no_metadata_address_is_asked(
    place: str, endpoint: str, metadata: str, keys: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is asked unsigned, refuses, and the message says which variables to set."""
    handler: Any = type("Handler", (Metadata,), {"asked": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    named: Mapping[str, str] = {endpoint: f"{url}/store", metadata: f"{url}/metadata"}
    if place.startswith("az"):
        named = {**named, "AZURE_STORAGE_ACCOUNT_NAME": "account"}
    for name in [*VARIABLES, "GOOGLE_APPLICATION_CREDENTIALS", "AWS_SESSION_TOKEN"]:
        monkeypatch.delenv(name, raising=False)
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    try:
        with pytest.raises(SourceUnavailable, match=f"refuses access: set .*{keys}"):
            Bucket(object_address(place), dict(os.environ)).listed()
        assert handler.asked
        assert all(path.startswith("/store") for path in handler.asked)
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("s3://b", ObjectAddress("s3", "b", "")),
        ("gs://b/a/c.json", ObjectAddress("gs", "b", "a/c.json")),
        ("az://b/a/", ObjectAddress("az", "b", "a")),
    ],
)
def test_an_address_is_read_and_written_alike(text: str, address: ObjectAddress) -> None:
    """A slash at its end says nothing more."""
    assert object_address(text) == address
    assert object_address(str(address)) == address
    assert is_object_address(text)


@pytest.mark.parametrize("text", ["s3://", "s3:///p", "s3://key@b/p", "gs://b/../c"])
def test_what_is_no_address_of_objects_is_refused(text: str) -> None:
    """The message says how to name one, or where keys belong."""
    with pytest.raises(UsageError, match=r"objects are named|holds no key"):
        object_address(text)
