"""One real Phoenix for all test processes, used by one test at a time.

Phoenix stores a span id once in all of its projects, so tests that store the same spans must not
meet. The first process that needs the server starts it, and stops it when no other needs it more.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from investigator.testing.phoenix_server import PhoenixServer


class SharedPhoenix:
    """The server of a folder that all processes of a test run know."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._state = folder / "port"
        self._started: PhoenixServer | None = None
        self._users: IO[str] | None = None

    @contextmanager
    def alone(self) -> Iterator[PhoenixServer]:
        """The running server, for nobody else meanwhile."""
        with ExitStack() as held:
            held.enter_context(_locked(self._folder / "turn"))
            if self._users is None:
                self._users = (self._folder / "users").open("w")
                fcntl.flock(self._users, fcntl.LOCK_SH)
            if not self._state.exists():
                self._started = PhoenixServer(self._folder / "data")
                self._started.start()
                self._state.write_text(str(self._started.port))
            yield PhoenixServer(self._folder / "data", port=int(self._state.read_text()))

    def leave(self) -> None:
        """This process needs it no more; who started it waits for the others and stops it."""
        if self._users is None:
            return
        with self._users as users:
            if self._started is not None:
                fcntl.flock(users, fcntl.LOCK_EX)
                self._state.unlink()
                self._started.stop()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
