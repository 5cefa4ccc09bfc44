"""A real server on this machine: on loopback, in a folder of its own, telling nobody.

It is an installation of its own, since such servers are large and slow to import.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self
from urllib.error import URLError
from urllib.request import urlopen

PATIENCE_S = 180.0
_NOWHERE = "http://127.0.0.1:9"
"""A proxy that nobody is: what a server would ask of another machine fails at once."""


class LocalServer(ABC):
    """Serves while it is entered; what it stored stays in `folder`.

    Raises:
        RuntimeError: its port is taken, it ended, or did not answer in time; names its log.
    """

    name: ClassVar[str]
    ready_path: ClassVar[str]
    """A page that answers once it serves."""
    own_variables: ClassVar[tuple[str, ...]]
    """How the names of variables begin that it reads, which it gets from here alone."""

    def __init__(self, folder: Path, executable: Path, *, port: int = 0) -> None:
        self.folder = folder
        self.executable = executable
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port

    @property
    def base_url(self) -> str:
        """Where its pages and its API are."""
        return f"http://127.0.0.1:{self.port}"

    @abstractmethod
    def command(self) -> Sequence[str]:
        """How it is started, after the executable."""

    @abstractmethod
    def settings(self) -> Mapping[str, str]:
        """Its variables."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, on the same port as before, and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()
        if _is_served(self.port):
            raise RuntimeError(f"something else listens on port {self.port}; take another port")
        begun = (*self.own_variables, "OTEL_")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(begun)}
        alone = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), _NOWHERE)
        alone |= {name.upper(): value for name, value in alone.items()}
        alone |= dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(self.executable.absolute()), *self.command()],
                env=kept | alone | {"DO_NOT_TRACK": "true"} | dict(self.settings()),
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
            )
        with ExitStack() as on_error:
            on_error.callback(self.stop)
            self._wait()
            on_error.pop_all()

    def stop(self) -> None:
        """End it and what it started; what it stored stays."""
        process, self._process = self._process, None
        if process is None:
            return
        for ending in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, ending)
            try:
                process.wait(timeout=15)
                break
            except subprocess.TimeoutExpired:
                continue
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    @property
    def _log(self) -> Path:
        return self.folder / "server.log"

    def _wait(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"{self.name} ended before it answered; see {self._log}")
            try:
                with urlopen(f"{self.base_url}{self.ready_path}", timeout=2):
                    return
            except (URLError, OSError):
                time.sleep(0.2)
        raise RuntimeError(f"{self.name} did not answer within {PATIENCE_S:g} s; see {self._log}")


def free_port() -> int:
    """A port that is free now."""
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _is_served(port: int) -> bool:
    with closing(socket.socket()) as asking:
        asking.settimeout(2)
        return asking.connect_ex(("127.0.0.1", port)) == 0
