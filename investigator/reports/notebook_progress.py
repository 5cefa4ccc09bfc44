"""How far a run is, as one line of a notebook's cell that is written anew."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Protocol

from investigator.runs.run_progress import RunProgress


class DisplayHandle(Protocol):
    """What a notebook gives for something that it shows."""

    def update(self, value: Any, /) -> object: ...


class ProgressLine:
    """Told of a run's progress, shows it; where there is no notebook, nothing.

    `display` is the notebook's own, which is found unless it is given.
    """

    def __init__(self, display: Callable[..., DisplayHandle] | None = None) -> None:
        self._display = display or _display_of_notebook()
        self._shown: DisplayHandle | None = None

    def __call__(self, progress: RunProgress) -> None:
        """Show it."""
        if self._shown is not None:
            self._shown.update(progress)
        elif self._display is not None:
            self._shown = self._display(progress, display_id=True)


def _display_of_notebook() -> Callable[..., DisplayHandle] | None:
    """IPython's, where it runs already: nobody else can show anything."""
    module = sys.modules.get("IPython.display")
    return None if module is None else module.display
