"""What the libraries log, at their most talkative, does not hold the key.

They log the headers of answers as they come in; an endpoint may quote the key there.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

LIBRARIES = ("httpcore2", "httpx2", "pydantic_ai")
"""What every provider is asked through."""
KEY_MARK = "[REDACTED:key]"


class _WithoutKey(logging.Filter):
    """Takes a key out of each record."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        if self.key in said:
            record.msg, record.args = said.replace(self.key, KEY_MARK), ()
        return True


def keep_out_of_logs(key: str, libraries: Sequence[str]) -> None:
    """Take a key out of what the loggers that the libraries have by now will say.

    `libraries` are the provider's, besides those that all share.
    """
    quoting = {*LIBRARIES, *libraries}
    for name in list(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        known = any(isinstance(f, _WithoutKey) and f.key == key for f in logger.filters)
        if name.partition(".")[0] in quoting and not known:
            logger.addFilter(_WithoutKey(key))
