"""A run's folder and its files are their owner's alone, since redaction is best effort.

That holds whatever the umask, and for the folders of runs that an earlier version made.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

FOLDER_MODE = 0o700
FILE_MODE = 0o600


def make_private(run_dir: Path) -> None:
    """Make the folder if it is missing; close it and what stands in it to everybody else."""
    run_dir.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    with suppress(PermissionError):  # another user's folder, which they share on purpose
        run_dir.chmod(FOLDER_MODE)
        for path in run_dir.iterdir():
            if path.is_file() and not path.is_symlink():
                path.chmod(FILE_MODE)


def open_private(path: Path, flags: int) -> int:
    """Open a file of a run for writing, and make it if it is missing."""
    descriptor = os.open(path, flags | os.O_CREAT, FILE_MODE)
    with suppress(PermissionError):
        os.fchmod(descriptor, FILE_MODE)
    return descriptor
