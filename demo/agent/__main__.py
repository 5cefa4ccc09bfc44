"""`python -m demo.agent --seed 0 -o DIR` writes the agent's traces, and the truth."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

from investigator.errors import InvestigatorError

_NEEDED = ("openinference", "opentelemetry")


def main(argv: list[str] | None = None) -> int:
    """Generate a set; 2 where that cannot be done as asked."""
    arguments = _arguments(argv)
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        print(
            f"the demo agent needs {' and '.join(missing)}: "
            "pip install 'phoenix-rlm-investigator[demo-agent]'",
            file=sys.stderr,
        )
        return 2
    try:
        _generate(arguments.seed, arguments.output, arguments.otlp)
    except (InvestigatorError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _generate(seed: int, output: Path | None, otlp: str | None) -> None:
    from demo.agent.export import send
    from demo.agent.generate import generate, write

    seeded = generate(seed)
    print(f"{len(seeded.runs)} traces and {len(seeded.windows)} windows of seed {seed}")
    if output is not None:
        write(seeded, output)
        print(f"written to {output}")
    if otlp is not None:
        print(f"{send(seeded.runs, otlp)} spans sent to {otlp}")


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m demo.agent", description="Run the demo agent by seed."
    )
    parser.add_argument("--seed", type=int, default=0, help="everything follows from it")
    parser.add_argument("-o", "--output", type=Path, help="folder to write the set to")
    parser.add_argument(
        "--otlp", metavar="URL", help="send the traces to an OTLP/HTTP endpoint (…/v1/traces)"
    )
    arguments = parser.parse_args(argv)
    if arguments.output is None and arguments.otlp is None:
        parser.error("say where the traces go: -o DIR, --otlp URL, or both")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
