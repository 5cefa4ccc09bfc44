"""What a file is packed in is seen from its bytes, and what cannot be unpacked is named."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from investigator.formats.source_files import Decoded, Unreadable, read_source

CHAT = json.dumps({"messages": [{"role": "user", "content": "hi"}]}).encode()
LINES = b"".join(
    json.dumps({"trace_id": f"t{n}", "span_id": "a", "name": "x"}).encode() + b"\n"
    for n in range(3)
)


def zipped(**files: bytes) -> bytes:
    """A zip archive of files by name; `__` stands for a dot."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)
    return out.getvalue()


def zstd(content: bytes) -> bytes:
    """zstd without its length, as streams are packed."""
    compressor = zstandard.ZstdCompressor().compressobj()
    return compressor.compress(content) + compressor.flush()


def message() -> bytes:
    """A binary export request of one span."""
    data = TracesData()
    scope = data.resource_spans.add().scope_spans.add()
    scope.spans.add(trace_id=b"\x01" * 16, span_id=b"\x02" * 8, name="x", start_time_unix_nano=7)
    return bytes(data.SerializeToString())


def framed(raw: bytes) -> bytes:
    """A message behind its length."""
    return len(raw).to_bytes(4, "big") + raw


def outcome(*paths: Path) -> tuple[list[str], list[str]]:
    """The trace ids that were read, and the reasons of what was not."""
    read: dict[str, None] = {}
    troubles: list[str] = []
    for item in read_source(paths):
        match item:
            case Decoded(_, spans):
                read |= dict.fromkeys(span.trace_id for span in spans)
            case Unreadable():
                troubles.append(str(item))
    return list(read), troubles


def parquet() -> bytes:
    """A data frame of Phoenix with one span."""
    out = io.BytesIO()
    columns = {"context.trace_id": ["t"], "context.span_id": ["a"], "name": ["x"]}
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "traces"),
    [
        (gzip.compress(CHAT), ["run"]),
        (gzip.compress(LINES[:60]) + gzip.compress(LINES[60:]), ["t0", "t1", "t2"]),
        (zstd(LINES), ["t0", "t1", "t2"]),
        (zstd(LINES[:60]) + zstd(LINES[60:]), ["t0", "t1", "t2"]),
        (gzip.compress(json.dumps(json.loads(CHAT), indent=2).encode()), ["run"]),
        (zstd(json.dumps(json.loads(CHAT), indent=2).encode()), ["run"]),
        (zipped(a__json=CHAT, b__jsonl=LINES), ["a", "t0", "t1", "t2"]),
        (zipped(run__json=CHAT), ["run/run"]),
        (gzip.compress(zipped(a__json=CHAT)), ["a"]),
        (zipped(a__zip=zipped(b__json=CHAT)), ["b"]),
        (zipped(a__gz=gzip.compress(LINES)), ["t0", "t1", "t2"]),
        (parquet(), ["t"]),
        (gzip.compress(parquet()), ["t"]),
        (zipped(a__parquet=parquet()), ["t"]),
        (message(), ["01" * 16]),
        (gzip.compress(message()), ["01" * 16]),
        (framed(message()) + framed(message()), ["01" * 16]),
        (framed(zstd(message())), ["01" * 16]),
    ],
    ids=lambda _: "",
)
@pytest.mark.parametrize("name", ["run.json", "run.gz"])
def test_a_packed_file_is_read_as_what_is_in_it(
    tmp_path: Path, name: str, content: bytes, traces: list[str]
) -> None:
    """Whatever its name says."""
    (tmp_path / name).write_bytes(content)
    assert outcome(tmp_path / name) == (traces, [])
    assert outcome(tmp_path) == (traces, [])


@pytest.mark.parametrize(
    ("content", "reason", "traces"),
    [
        (gzip.compress(LINES * 9000, 1)[:-9000], "damaged", ["t0", "t1", "t2"]),
        (b"\x1f\x8bnonsense", "", []),
        (b"PK\x03\x04nonsense", "a damaged zip archive", []),
        (b"\x28\xb5\x2f\xfdnonsense", "damaged", []),
        (zipped(readme__md=b"x"), "none of", []),
        (message()[:-3], "damaged binary OTLP", []),
        (framed(message()) + framed(message())[:-3], "cut off", ["01" * 16]),
        (b"BZh91AY", "bzip2", []),
        (bytes(257) + b"ustar", "a tar archive", []),
        (gzip.compress(bytes(257) + b"ustar" + bytes(512)), "a tar archive", []),
        (
            gzip.compress(gzip.compress(gzip.compress(gzip.compress(CHAT)))),
            "packed more than 3 times",
            [],
        ),
    ],
    ids=lambda _: "",
)
def test_a_damaged_file_is_named_and_what_stands_before_the_damage_is_read(
    tmp_path: Path, content: bytes, reason: str, traces: list[str]
) -> None:
    """With its name and the reason, and the way out where there is one."""
    (tmp_path / "a.json").write_bytes(content)
    (tmp_path / "b.json").write_bytes(CHAT)
    read, troubles = outcome(tmp_path)
    assert read == [*traces, "b"]
    assert "a.json" in troubles[-1]
    assert reason in troubles[-1]


def test_a_damaged_member_does_not_stop_the_others(tmp_path: Path) -> None:
    """The archive's own checksum finds it out."""
    packed = zipped(a__json=CHAT.replace(b"hi", b"h" * 500), b__json=CHAT)
    place = packed.index(b"a.json") + 40
    (tmp_path / "a.zip").write_bytes(packed[:place] + b"\xff\xff" + packed[place + 2 :])
    read, (trouble,) = outcome(tmp_path)
    assert read == ["b"]
    assert "a.zip/a.json: " in trouble


@pytest.mark.slow
@pytest.mark.parametrize("pack", [gzip.compress, zstd, lambda raw: zipped(a__json=raw)])
def test_a_bomb_is_cut_off(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """Nothing of its size is ever held."""
    (tmp_path / "a.json").write_bytes(pack(bytes(600 * 2**20)))
    read, (trouble,) = outcome(tmp_path)
    assert not read
    assert "unpacks to more than 512 MB" in trouble


def console(*names: str) -> str:
    """What the console exporter of the Python SDK writes."""
    spans = [
        {"name": name, "context": {"trace_id": "0x" + "1" * 32, "span_id": f"0x{n:016x}"}}
        for n, name in enumerate(names, 1)
    ]
    return "".join(json.dumps(span, indent=4) + "\n" for span in spans)


def test_objects_one_after_another_are_records(tmp_path: Path) -> None:
    """Each over several lines, or all on one; braces in texts are no ends."""
    (tmp_path / "a.json").write_text(console("x", "}\n{", "}{"))
    (tmp_path / "b.json").write_text(console("y").replace("\n", "") * 2)
    spans = [s for item in read_source([tmp_path]) if isinstance(item, Decoded) for s in item.spans]
    assert [span.name for span in spans] == ["x", "}\n{", "}{", "y", "y"]


def test_a_damaged_object_among_others_is_named_with_its_line(tmp_path: Path) -> None:
    """Those before and after it are read."""
    text = console("x", "broken", "y").replace('"broken",', '"broken"')
    (tmp_path / "a.json").write_text(text)
    items = list(read_source([tmp_path]))
    spans = [s.name for item in items if isinstance(item, Decoded) for s in item.spans]
    troubles = [item for item in items if isinstance(item, Unreadable)]
    assert spans == ["x", "y"]
    assert [trouble.line for trouble in troubles] == [8]
