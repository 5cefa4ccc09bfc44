"""A Phoenix that cannot be started says why, before anything is sent to another one."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from investigator.testing.phoenix_server import PhoenixServer


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    """What listens there may well be a Phoenix with traces of somebody's."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RuntimeError, match=f"port {port}; take another"):
            PhoenixServer(tmp_path, Path("never-run"), port=port).start()


def test_a_server_that_ends_at_once_names_its_log(tmp_path: Path) -> None:
    """There is nothing to wait for."""
    with pytest.raises(RuntimeError, match="ended before it answered; see"):
        PhoenixServer(tmp_path, Path("/bin/false")).start()
