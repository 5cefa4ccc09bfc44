"""A large trace is read with Python's search for reference cycles at rest.

That search looks at every object there is each time their number has grown by a quarter, and a
trace of 200,000 spans is millions of objects, none of them in a cycle: a fifth of the time of a run
went there. Whatever is made meanwhile is freed as ever once nothing refers to it.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def cycle_search_at_rest() -> Iterator[None]:
    """Make many objects of which few are dropped; not for work that drops large ones in cycles.

    Nested or in several threads it is at rest until the first to begin has ended.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
