"""`python -m investigator` is the `investigator` command.

The command is imported late, so that a Ctrl-C while that is done ends quietly too.
"""

import sys
from typing import NoReturn


def main() -> NoReturn:
    """The command, from its first moment on."""
    try:
        from investigator.cli.main import main as command
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)
    command()


if __name__ == "__main__":
    main()
