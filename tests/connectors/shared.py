"""One real server for all test processes, used by one test at a time.

Phoenix stores a span id once in all of its projects, so tests that store the same spans must not
meet. The first process that needs a server starts it, and stops it when no other needs it more.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Generic, Protocol, TypeVar

from investigator.testing.local_server import LocalServer

ServerT = TypeVar("ServerT", bound=LocalServer)
MadeT = TypeVar("MadeT", bound=LocalServer, covariant=True)


class Made(Protocol[MadeT]):
    """A kind of server."""

    def __call__(self, folder: Path, *, port: int = 0) -> MadeT: ...


class SharedServer(Generic[ServerT]):
    """The server of a folder that all processes of a test run know."""

    def __init__(self, folder: Path, made: Made[ServerT]) -> None:
        self._folder = folder
        self._made = made
        folder.mkdir(parents=True, exist_ok=True)
        self._state = folder / "port"
        self._started: ServerT | None = None
        self._users: IO[str] | None = None

    @contextmanager
    def alone(self) -> Iterator[ServerT]:
        """The running server, for nobody else meanwhile."""
        with ExitStack() as held:
            held.enter_context(_locked(self._folder / "turn"))
            if self._users is None:
                self._users = (self._folder / "users").open("w")
                fcntl.flock(self._users, fcntl.LOCK_SH)
            if not self._state.exists():
                self._started = self._made(self._folder / "data")
                self._started.start()
                self._state.write_text(str(self._started.port))
            yield self._made(self._folder / "data", port=int(self._state.read_text()))

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
