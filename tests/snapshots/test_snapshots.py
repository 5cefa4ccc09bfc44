"""Config snapshots: read from folders, ordered by time, compared, cited, and checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from investigator.errors import UsageError
from investigator.ground.canonical_json import sha256_text
from investigator.ground.redaction import Redactor
from investigator.snapshots import FileStatus, SnapshotStore, open_snapshots
from investigator.traces.evidence import EvidenceKind


def written(root: Path, tags: Mapping[str, Mapping[str, str | bytes]]) -> Path:
    """A folder of snapshots with these files."""
    for tag, files in tags.items():
        for path, content in files.items():
            file = root / tag / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def two(root: Path) -> SnapshotStore:
    """Two snapshots: the prompt changes, a tool goes, a tool comes."""
    return open_snapshots(
        written(
            root,
            {
                "v2": {
                    "metadata.yaml": "deployed_at: 2026-03-02T10:00:00Z\nauthor: ops\n",
                    "prompt.txt": "Be brief.\nAnswer in JSON.\n",
                    "tools/new.json": "{}",
                },
                "v1": {
                    "metadata.json": '{"tag": "v1", "created_at": "2026-03-01T10:00:00+01:00"}',
                    "prompt.txt": "Be brief.\r\nAnswer in words.",
                    "tools/old.json": "{}",
                },
            },
        )
    )


def test_snapshots_are_listed_by_time_with_their_facts(tmp_path: Path) -> None:
    """Order is by time; times are RFC 3339 in UTC; free fields stay."""
    first, second = two(tmp_path).list_config_snapshots()
    assert (first.tag, first.created_at) == ("v1", "2026-03-01T09:00:00Z")
    assert (second.tag, second.created_at) == ("v2", "2026-03-02T10:00:00Z")
    assert second.metadata == {"author": "ops"}
    assert (first.file_count, second.file_count) == (2, 2)


def test_a_diff_names_what_came_went_and_changed(tmp_path: Path) -> None:
    """Entries are in order of path; the unified text shows the lines."""
    diff = two(tmp_path).get_config_diff("v1", "v2")
    assert [(entry.path, entry.status) for entry in diff.entries] == [
        ("prompt.txt", FileStatus.CHANGED),
        ("tools/new.json", FileStatus.ADDED),
        ("tools/old.json", FileStatus.REMOVED),
    ]
    assert "-Answer in words.\n+Answer in JSON." in diff.entries[0].unified
    assert diff.entries[1].base_hash is None
    assert diff.entries[2].target_hash is None


def test_a_diff_is_evidence_that_can_be_checked(tmp_path: Path) -> None:
    """The reference hashes the whole text, and resolves in a store opened anew."""
    ref = two(tmp_path).get_config_diff("v1", "v2").evidence
    assert (ref.kind, ref.trace_id, ref.span_id) == (EvidenceKind.CONFIG_DIFF, None, None)
    assert ref.ts == "2026-03-02T10:00:00Z"
    store = open_snapshots(tmp_path)
    assert store.problem(ref) is None
    assert store.get_config_diff("v1", "v2").sha256 == ref.excerpt_hash
    assert sha256_text(store.get_config_diff("v1", "v2").text) == ref.excerpt_hash
    other = ref.model_copy(update={"ref": "configdiff:0"})
    assert "no diff of two known" in (store.problem(other) or "")
    later = ref.model_copy(update={"ts": None})
    assert "other content" in (store.problem(later) or "")


def test_line_endings_and_a_final_newline_do_not_count(tmp_path: Path) -> None:
    """CRLF, CR and LF are one, so such snapshots are equal, hash and all."""
    store = open_snapshots(
        written(tmp_path, {"a": {"x": "1\r\n2\r\n"}, "b": {"x": "1\n2"}, "c": {"x": "1\r2\r"}})
    )
    assert store.get_config_diff("a", "b").entries == ()
    assert store.get_config_diff("b", "c").entries == ()
    assert len({info.content_hash for info in store.list_config_snapshots()}) == 1


def test_what_is_no_text_is_named_and_left_out(tmp_path: Path) -> None:
    """Binary files and links out of the folder are no part of a snapshot, and do not stop it."""
    (tmp_path / "secret.txt").write_text("key")
    store = open_snapshots(
        written(tmp_path / "s", {"a": {"ok": "1", "latin": b"\xff\xfe", "nul": b"a\x00b"}})
    )
    (tmp_path / "s" / "a" / "link").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "s" / "a" / "folder").symlink_to(tmp_path)
    store = open_snapshots(tmp_path / "s")
    snapshot = store.get_config_snapshot("a")
    assert dict(snapshot.files) == {"ok": "1"}
    assert snapshot.info.skipped == (
        "folder: a link out of the snapshot",
        "latin: not UTF-8 text",
        "link: a link out of the snapshot",
        "nul: binary",
    )


def test_a_diff_is_shown_bounded_and_without_secrets(tmp_path: Path) -> None:
    """What people see is short and redacted; what is hashed is whole."""
    key = "sk-proj-" + "a1B2c3D4" * 5
    store = open_snapshots(
        written(tmp_path, {"a": {"x": "1"}, "b": {"x": f"key = '{key}'\n" + "line\n" * 900}})
    )
    diff = store.get_config_diff("a", "b")
    assert key in diff.text
    assert key not in diff.shown(Redactor())
    assert len(diff.shown(Redactor(), 500)) < 560


def test_long_files_are_compared_in_linear_time(tmp_path: Path) -> None:
    """Beyond some thousands of lines the differing part is one block."""
    lines = [f"line {i % 7}" for i in range(30_000)]
    changed = [*lines[:15_000], "here", *lines[15_000:]]
    store = open_snapshots(
        written(tmp_path, {"a": {"x": "\n".join(lines)}, "b": {"x": "\n".join(changed)}})
    )
    assert "+here" in store.get_config_diff("a", "b").entries[0].unified


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a: [1", "line 1"),
        ("- 1", "isn't a mapping"),
        ("deployed_at: soon", "ISO 8601"),
        ("deployed_at: 12", "ISO 8601"),
        ("tag: other", "folder is named 'v1'"),
        ("project: [1]", "not text"),
        ("a: &a [*a]", "levels"),
    ],
)
def test_bad_metadata_are_refused_with_their_place(tmp_path: Path, content: str, told: str) -> None:
    """The message names the file and what is wrong with it."""
    with pytest.raises(UsageError, match=r"metadata\.yaml") as caught:
        open_snapshots(written(tmp_path, {"v1": {"metadata.yaml": content}}))
    assert told in str(caught.value)


def test_unknown_tags_and_folders_are_told(tmp_path: Path) -> None:
    """An unknown tag lists the known ones."""
    with pytest.raises(UsageError, match="no folder"):
        open_snapshots(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="no config snapshots in"):
        open_snapshots(tmp_path)
    with pytest.raises(UsageError, match="known are: v1, v2"):
        two(tmp_path).get_config_diff("v1", "v3")
