"""A batch holds a lock that names its traces: no two batches ask one question of one trace at once.

The lock is a file in the runs folder, `.batch-QUESTION-PROCESS-….lock`, held for as long as the
batch's process lives, whatever ends it. One that nobody holds is left over and removed. Looking
at the others and adding one's own is a single step under a lock on the folder itself.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from investigator.errors import RunLocked
from investigator.ground.canonical_json import canonical_json
from investigator.ground.wording import counted
from investigator.runs.investigation import Options


@contextmanager
def batch_lock(runs_dir: Path, asked: Options, trace_ids: Iterable[str]) -> Iterator[None]:
    """Hold the lock of a batch.

    Raises:
        RunLocked: another batch asks the same of some of these traces.
    """
    is_new = not runs_dir.is_dir()
    runs_dir.mkdir(parents=True, exist_ok=True)
    key = hashlib.sha256(canonical_json(asked.but_for_the_trace).encode()).hexdigest()[:16]
    traces = set(trace_ids)
    with ExitStack() as held:
        if is_new:
            held.callback(_remove_where_empty, runs_dir)
        with _alone_in(runs_dir):
            for path in runs_dir.glob(f".batch-{key}-*.lock"):
                _require_none_of(traces, path)
            own = runs_dir / f".batch-{key}-{os.getpid()}-{secrets.token_hex(3)}.lock"
            descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            held.callback(os.close, descriptor)
            held.callback(own.unlink, missing_ok=True)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            own.write_text("\n".join(sorted(traces)), encoding="utf-8")
        yield


def _remove_where_empty(folder: Path) -> None:
    """Leave no folder behind where no run was started."""
    with suppress(OSError):
        folder.rmdir()


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Be the only one that looks for locks in a folder, for a moment."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _require_none_of(traces: set[str], path: Path) -> None:
    """Raise where a batch that lives holds one of these traces; remove what a dead one left."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:  # it has just ended
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        shared = len(traces.intersection(path.read_text(encoding="utf-8").split("\n")))
        if shared:
            raise RunLocked(
                f"another batch (process {path.stem.split('-')[2]}) is asking the same of "
                f"{shared:,} of these {counted(len(traces), 'trace')} in {path.parent}, so nothing "
                "was started; wait for it to end, then --continue, or choose another --runs-dir"
            ) from None
    else:
        path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)
