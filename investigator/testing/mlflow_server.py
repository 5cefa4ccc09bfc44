"""A real MLflow tracking server on this machine, as `make .venv-mlflow` installs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from investigator.testing.local_server import LocalServer

MLFLOW_EXECUTABLE = Path(".venv-mlflow/bin/mlflow")


class MLflowServer(LocalServer):
    """An MLflow over SQLite in its folder, which serves its artifacts itself."""

    name = "MLflow"
    ready_path = "/health"
    own_variables = ("MLFLOW_", "_MLFLOW_")

    def __init__(
        self, folder: Path, executable: Path = MLFLOW_EXECUTABLE, *, port: int = 0
    ) -> None:
        super().__init__(folder, executable, port=port)

    def address(self, experiment: str) -> str:
        """An experiment of it as a source."""
        return f"mlflow://127.0.0.1:{self.port}/{experiment}"

    def command(self) -> Sequence[str]:
        """One process: whoever starts it for a test asks one thing at a time."""
        folder = self.folder.absolute()
        return [
            *("server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"),
            *("--artifacts-destination", str(folder / "artifacts")),
        ]

    def settings(self) -> Mapping[str, str]:
        """Without telemetry, and without the jobs that only its own evaluations need."""
        return {
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }
