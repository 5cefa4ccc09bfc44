"""`python -m investigator` is the `investigator` command.

The command is imported late, so that a Ctrl-C while that is done ends quietly too.
"""

import gc
import sys
from typing import NoReturn

_COLLECTED_AFTER = 50_000
"""Values made before Python looks for cycles, of which readings have none: with its 700 a fifth of
the time of a long run goes into looking at the trace again and again."""


def main() -> NoReturn:
    """The command, from its first moment on."""
    gc.set_threshold(_COLLECTED_AFTER)  # before the imports, which make many values that stay
    try:
        from investigator.cli.main import main as command
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)
    command()


if __name__ == "__main__":
    main()
