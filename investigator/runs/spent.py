"""What stored runs have used, from their journals; of a killed one, what may be billed as well."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from investigator.errors import JournalError
from investigator.runtime.budget import NOTHING, Amounts
from investigator.runtime.journal import FILE, read_entries
from investigator.runtime.ledger import Ledger


def spent_by(run_dir: Path) -> Amounts:
    """The tokens and the cost (micro-USD) of a run; calls that it died in at their full hold."""
    ledger = Ledger()
    try:
        entries = read_entries(run_dir)
    except JournalError:
        return NOTHING
    for entry in entries:
        ledger.post(entry.event)
    used = ledger.pool.settled()
    for hold in ledger.lost_holds():
        used = used.plus(hold.amounts) if hold.lost else used
    return Amounts(tokens=used.tokens, cost=used.cost)


def spent_in(folders: Iterable[Path]) -> Amounts:
    """The same of the runs below some folders."""
    used = NOTHING
    for folder in folders:
        for path in folder.glob(f"*/{FILE}"):
            used = used.plus(spent_by(path.parent))
    return used
