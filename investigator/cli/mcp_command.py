"""`mcp`: the inspection tools and the engines for a client of the Model Context Protocol."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from investigator.cli.bundles import bundled
from investigator.cli.options import RunsDir
from investigator.cli.planner_options import PlannerOptions
from investigator.cli.screen import say
from investigator.errors import UsageError
from investigator.runs.runs_dir import DEFAULT_RUNS_DIR

if TYPE_CHECKING:
    from investigator.mcp_server.running_tools import RunMaking
    from investigator.runs.config import Config


ServedSourceNames: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME=]SOURCE",
        help="What may be read: files, folders, globs, phoenix://HOST:PORT/PROJECT; none: those "
        "of the table `sources` in investigator.toml.",
        show_default=False,
    ),
]


@dataclass(frozen=True, slots=True)
class ServingOptions:
    """How clients reach the server, and what it lets them use."""

    http: Annotated[
        int | None,
        typer.Option(
            "--http",
            metavar="PORT",
            min=0,
            max=65535,
            help="Serve HTTP on 127.0.0.1 there instead of stdin and stdout; 0: any free port.",
            show_default=False,
        ),
    ] = None
    materials: Annotated[
        list[str] | None,
        typer.Option(
            "--material",
            metavar="PATH",
            help="A control library, taxonomy or folder of config snapshots that clients may "
            "name; may be repeated.",
            show_default=False,
        ),
    ] = None
    jobs: Annotated[
        int, typer.Option("--jobs", metavar="N", min=1, help="Runs at a time, a process each.")
    ] = 2


@bundled
def serve_mcp(
    serving: ServingOptions,
    planner: PlannerOptions,
    sources: ServedSourceNames = None,
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
) -> None:
    """
    Serve traces and engines to MCP clients.

    Inspection tools, the engines with budgets and progress, run records,
    reports and pages. Traces are only read, no source but those named is
    opened, and budgets are at most those of investigator.toml.
    Speaks revision 2026-07-28 and those before it. Needs the extra `mcp`.

    [bold]Examples[/]
      investigator mcp exports/
      investigator mcp prod=phoenix://localhost:6006/shop exports/ --http 8722

    [bold]Exit codes[/]
      0 the client has left · 2 no such source, or the port is taken · 130 interrupted
    """
    from investigator.ground.interrupts import in_charge
    from investigator.runs.config import load_config

    _require_sdk()
    from investigator.mcp_server.protocol import served
    from investigator.mcp_server.served_sources import ServedSources, sources_named
    from investigator.mcp_server.transports import listen, serve_http, serve_stdio

    config = load_config(planner.config)
    places = sources_named(sources or (), config.sources)
    making = _making(config, planner, runs_dir, serving.materials or [])
    offered = ServedSources(places, making.settings.redact)
    offered.require_there()
    with in_charge() as interrupts:
        if serving.http is None:
            interrupts.run(lambda: serve_stdio(lambda: served(offered, making, serving.jobs)))
            return
        listening = listen(serving.http)
        interrupts.run(
            lambda: serve_http(
                lambda: served(offered, making, serving.jobs),
                listening,
                lambda url: say(f"serving {', '.join(places)} at {url}"),
            )
        )


def _making(
    config: Config, planner: PlannerOptions, runs_dir: Path, materials: list[str]
) -> RunMaking:
    """How runs are made, as the command line and the config file say."""
    from investigator.cli.planning import planner_chosen
    from investigator.mcp_server.running_tools import RunMaking
    from investigator.runs.settings import Settings

    missing = [path for path in materials if not os.path.exists(path)]
    if missing:
        raise UsageError(f"--material {missing[0]}: there is no such file or folder")
    settings = Settings(
        planner=planner_chosen(planner, config),
        runs_dir=os.path.abspath(runs_dir),
        redact=config.redaction.redact,
    )
    return RunMaking(settings, config, tuple(map(os.path.abspath, materials)))


def _require_sdk() -> None:
    """Raise `UsageError` where the extra is not installed."""
    from importlib.util import find_spec

    if find_spec("mcp") is None or find_spec("uvicorn") is None:
        raise UsageError(
            "the MCP server needs the extra `mcp`: pip install 'phoenix-rlm-investigator[mcp]'"
        )
