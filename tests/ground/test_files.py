"""A file that somebody named is written whole, and nothing else that stands there is harmed."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from investigator.errors import CannotWrite
from investigator.ground.files import made_whole, replace_file, require_writable, write_target
from tests.ground.nodes import FULL, NULL, device, is_device, is_pipe, pipe

Write = Callable[[Path], None]


def by_content(path: Path) -> None:
    """The content is at hand."""
    write_target(path, b"new")


def by_scratch(path: Path) -> None:
    """The content is made as a file."""
    with made_whole(path) as made:
        made.write_bytes(b"new")


both = pytest.mark.parametrize("write", [by_content, by_scratch])


def names(folder: Path) -> set[str]:
    """What stands in a folder, hidden names too."""
    return set(os.listdir(folder))


@both
def test_a_file_is_replaced_whole(write: Write, tmp_path: Path) -> None:
    """Whoever has the old one open still reads the old one, and nothing is left beside it."""
    target = tmp_path / "out"
    write(target)
    assert target.read_bytes() == b"new"
    target.write_bytes(b"the old one")
    with target.open("rb") as held:
        write(target)
        assert (held.read(), target.read_bytes()) == (b"the old one", b"new")
    assert names(tmp_path) == {"out"}


@both
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755])
def test_a_file_keeps_its_mode(write: Write, mode: int, tmp_path: Path) -> None:
    """And a new one has the usual one, or the one that is asked for."""
    target = tmp_path / "out"
    usual = tmp_path / "usual"
    usual.touch()
    write(target)
    assert target.stat().st_mode == usual.stat().st_mode
    target.chmod(mode)
    write(target)
    assert stat.S_IMODE(target.stat().st_mode) == mode
    assert (target.stat().st_uid, target.stat().st_gid) == (usual.stat().st_uid, os.getgid())


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_mode_that_is_asked_for_holds(mode: int, tmp_path: Path) -> None:
    """For what is new, and for what was there with another mode."""
    for name in ("new", "there"):
        (tmp_path / "there").touch(0o666)
        write_target(tmp_path / name, b"x", mode=mode)
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode
    replace_file(tmp_path / "run", b"x", mode=mode)
    with made_whole(tmp_path / "made", mode=mode) as made:
        made.touch()
    assert all(stat.S_IMODE(path.stat().st_mode) == mode for path in tmp_path.iterdir())


@both
def test_links_are_followed(write: Write, tmp_path: Path) -> None:
    """Through several, into another folder, and where they lead to nothing yet."""
    there = tmp_path / "there"
    there.mkdir()
    (there / "file").write_bytes(b"old")
    (tmp_path / "first").symlink_to("second")
    (tmp_path / "second").symlink_to(there / "file")
    (tmp_path / "dangling").symlink_to("there/new")
    for name, file in (("first", "file"), ("dangling", "new")):
        write(tmp_path / name)
        assert (tmp_path / name).is_symlink()
        assert (there / file).read_bytes() == b"new"
        assert not (there / file).is_symlink()
    assert names(tmp_path) == {"there", "first", "second", "dangling"}
    assert names(there) == {"file", "new"}


@both
def test_folders_on_the_way_are_made(write: Write, tmp_path: Path) -> None:
    """As many as it takes."""
    write(tmp_path / "a" / "b" / "out")
    assert (tmp_path / "a" / "b" / "out").read_bytes() == b"new"


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    """Its reader gets everything; large content too; it stays a pipe, also behind a link."""
    content = os.urandom(300_000)
    for name in ("straight", "linked"):
        with pipe(tmp_path / name) as came:
            (tmp_path / f"to-{name}").symlink_to(name)
            write_target(tmp_path / (name if name == "straight" else f"to-{name}"), content)
        assert came == [content]
        assert is_pipe(tmp_path / name)


@both
def test_a_device_is_written_to(write: Write, tmp_path: Path) -> None:
    """It stays a device; one that takes nothing more is told as such."""
    null, full = device(tmp_path / "null", NULL), device(tmp_path / "full", FULL)
    (tmp_path / "link").symlink_to("null")
    write(null)
    write(tmp_path / "link")
    with pytest.raises(CannotWrite, match=r"cannot write '.*full': No space left on device"):
        write(full)
    assert is_device(null)
    assert is_device(full)
    assert (tmp_path / "link").is_symlink()
    assert names(tmp_path) == {"null", "full", "link"}


def test_a_disk_is_refused(tmp_path: Path) -> None:
    """It is looked at and never opened."""
    disk = tmp_path / "disk"
    try:
        os.mknod(disk, 0o666 | stat.S_IFBLK, os.makedev(240, 0))
    except PermissionError:
        pytest.skip("only root may make device nodes")
    with pytest.raises(CannotWrite, match="it is a disk; name a file"):
        write_target(disk, b"new")
    assert stat.S_ISBLK(disk.lstat().st_mode)


@both
def test_what_this_process_has_open_is_written_to_where_it_stands(
    write: Write, tmp_path: Path
) -> None:
    """`/dev/fd/N` is that descriptor: what was written there before stays before it."""
    with (tmp_path / "log").open("ab", buffering=0) as log:
        log.write(b"before ")
        (tmp_path / "link").symlink_to(f"/dev/fd/{log.fileno()}")
        for path in (Path(f"/dev/fd/{log.fileno()}"), tmp_path / "link"):
            write(path)
        log.write(b" after")
    assert (tmp_path / "log").read_bytes() == b"before newnew after"


def test_standard_output_that_is_appended_to_a_file_is_not_replaced(tmp_path: Path) -> None:
    """What was printed before stands before it, although Python had held it back."""
    log = tmp_path / "log"
    log.write_text("old\n")
    code = (
        "from pathlib import Path; from investigator.ground.files import write_target\n"
        "print('printed'); write_target(Path('/dev/stdout'), b'written\\n'); print('end')"
    )
    with log.open("a") as stdout:
        subprocess.run([sys.executable, "-c", code], stdout=stdout, check=True)
    assert log.read_text() == "old\nprinted\nwritten\nend\n"


def test_a_closed_descriptor_is_refused(tmp_path: Path) -> None:
    """Nothing is made in its name."""
    with (tmp_path / "log").open("wb") as log:
        gone = Path(f"/dev/fd/{log.fileno()}")
    with pytest.raises(CannotWrite, match="Bad file descriptor"):
        write_target(gone, b"new")


def a_folder(path: Path) -> str:
    """A folder stands there."""
    path.mkdir()
    return "it is a folder; name a file in it"


def a_socket(path: Path) -> str:
    """A socket stands there."""
    # A socket's path has at most 108 characters, which a test's own folder may exceed.
    with tempfile.TemporaryDirectory() as short, socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{short}/s")
        os.rename(f"{short}/s", path)
    return "it is a socket; name a file"


def below_a_file(path: Path) -> str:
    """A file stands where a folder is needed."""
    path.parent.write_bytes(b"kept")
    return "Not a directory"


def a_ring_of_links(path: Path) -> str:
    """A link leads to itself."""
    path.symlink_to(path.name)
    return "Too many levels of symbolic links"


@pytest.mark.parametrize("refused", [a_folder, a_socket, below_a_file, a_ring_of_links])
def test_what_cannot_be_written_is_refused(refused: Callable[[Path], str], tmp_path: Path) -> None:
    """With the reason, before the work and after it, and stays as it was."""
    target = tmp_path / "place" / "out"
    if refused is not below_a_file:
        target.parent.mkdir()
    reason = refused(target)
    before = (tmp_path / "place").lstat()
    for write in (by_content, by_scratch, require_writable):
        with pytest.raises(CannotWrite, match=rf"cannot write '{target}': .*{reason}"):
            write(target)
    after = (tmp_path / "place").lstat()
    assert (after.st_mode, after.st_ino) == (before.st_mode, before.st_ino)
    assert names(tmp_path) == {"place"}


def test_a_pipe_is_refused_where_it_is_no_use(tmp_path: Path) -> None:
    """Before it is opened, which would wait for a reader for ever."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CannotWrite, match="it is a pipe, which Parquet can't be read from"):
        by_scratch(tmp_path / "pipe")
    assert is_pipe(tmp_path / "pipe")
    require_writable(tmp_path / "pipe")


@pytest.mark.parametrize("ended", [ValueError, KeyboardInterrupt])
def test_what_was_not_made_to_its_end_changes_nothing(
    ended: type[BaseException], tmp_path: Path
) -> None:
    """Neither the file nor its folder."""
    (tmp_path / "out").write_bytes(b"old")

    def interrupted() -> None:
        with made_whole(tmp_path / "out") as made:
            made.write_bytes(b"half")
            raise ended

    with pytest.raises(ended):
        interrupted()
    assert (tmp_path / "out").read_bytes() == b"old"
    assert names(tmp_path) == {"out"}


def test_a_long_name_is_a_name(tmp_path: Path) -> None:
    """Of as many bytes as a disk takes."""
    for name in ("n" * 255, "é" * 127):
        by_content(tmp_path / name)
        by_scratch(tmp_path / name)
        assert (tmp_path / name).read_bytes() == b"new"
