"""A real Phoenix on this machine: on loopback, in a folder of its own, telling nobody.

It is an installation of its own (`make .venv-phoenix`), since it is large and slow to import.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.error import URLError
from urllib.request import urlopen

EXECUTABLE = Path(".venv-phoenix/bin/phoenix")
PATIENCE_S = 180.0


class PhoenixServer:
    """Serves while it is entered; what it stored stays in `folder`.

    Raises:
        RuntimeError: its port is taken, it ended, or did not answer in time; names its log.
    """

    def __init__(self, folder: Path, executable: Path = EXECUTABLE, *, port: int = 0) -> None:
        self.folder = folder
        self._executable = executable
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port

    @property
    def base_url(self) -> str:
        """Where its pages and its API are."""
        return f"http://127.0.0.1:{self.port}"

    def address(self, project: str) -> str:
        """A project of it as a source."""
        return f"phoenix://127.0.0.1:{self.port}/{project}"

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
        own, grpc = _free_ports(2)
        self.port = self.port or own
        if _is_served(self.port):
            raise RuntimeError(f"something else listens on port {self.port}; take another port")
        settings = {
            "PHOENIX_WORKING_DIR": str(self.folder.absolute()),
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_PORT": str(self.port),
            "PHOENIX_GRPC_PORT": str(grpc),
            "PHOENIX_TELEMETRY_ENABLED": "false",
            "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
            "PHOENIX_DISABLE_AGENT_ASSISTANT": "true",
        }
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PHOENIX_", "OTEL_"))}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._executable.absolute()), "serve"],
                env=kept | settings,
                stdout=log,
                stderr=log,
            )
        with ExitStack() as on_error:
            on_error.callback(self.stop)
            self._wait()
            on_error.pop_all()

    def stop(self) -> None:
        """End it; what it stored stays."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @property
    def _log(self) -> Path:
        return self.folder / "server.log"

    def _wait(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"Phoenix ended before it answered; see {self._log}")
            try:
                with urlopen(f"{self.base_url}/readyz", timeout=2):
                    return
            except (URLError, OSError):
                time.sleep(0.2)
        raise RuntimeError(f"Phoenix did not answer within {PATIENCE_S:g} s; see {self._log}")


def _is_served(port: int) -> bool:
    with closing(socket.socket()) as asking:
        asking.settimeout(2)
        return asking.connect_ex(("127.0.0.1", port)) == 0


def _free_ports(count: int) -> list[int]:
    """Ports that are free now; all are held until each is known, so that they differ."""
    with ExitStack() as held:
        sockets = [held.enter_context(closing(socket.socket())) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
