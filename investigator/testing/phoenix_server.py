"""A real Phoenix on this machine, as `make .venv-phoenix` installs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from investigator.testing.local_server import LocalServer, free_port

EXECUTABLE = Path(".venv-phoenix/bin/phoenix")


class PhoenixServer(LocalServer):
    """A Phoenix over SQLite in its folder."""

    name = "Phoenix"
    ready_path = "/readyz"
    own_variables = ("PHOENIX_",)

    def __init__(self, folder: Path, executable: Path = EXECUTABLE, *, port: int = 0) -> None:
        super().__init__(folder, executable, port=port)

    def address(self, project: str) -> str:
        """A project of it as a source."""
        return f"phoenix://127.0.0.1:{self.port}/{project}"

    def command(self) -> Sequence[str]:
        """Everything else is said by variables."""
        return ["serve"]

    def settings(self) -> Mapping[str, str]:
        """On loopback, without telemetry and without what it would load from elsewhere."""
        grpc = free_port()
        while grpc == self.port:
            grpc = free_port()
        return {
            "PHOENIX_WORKING_DIR": str(self.folder.absolute()),
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_PORT": str(self.port),
            "PHOENIX_GRPC_PORT": str(grpc),
            "PHOENIX_TELEMETRY_ENABLED": "false",
            "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
            "PHOENIX_DISABLE_AGENT_ASSISTANT": "true",
        }
