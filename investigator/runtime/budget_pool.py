"""One pool for all scopes of a run: nothing is spent that was not reserved before.

Scopes form a tree. Each has a `floor`, guaranteed to it whatever its siblings do, and a `cap`.

    load   = own settled + own held + sum of the children's commit
    commit = max(floor, load) while open, load once closed
    always   load <= cap, resource by resource (but for overdraft, which is booked and shown)

A hold is checked on each ancestor whose commit it changes, all or nothing. Inside a scope's
own floor it changes none, so no sibling can make it fail; what a closed scope did not use is
free for its siblings. Each scope opens with a private finalize reserve: a hold of its own
inside its floor, which only `reserve_final` can draw on.

Operations are O(depth), synchronous and without I/O; time is handed in as run seconds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from investigator.runtime.budget import (
    CONSUMABLE,
    NOTHING,
    UNLIMITED,
    Amounts,
    Limits,
    Resource,
)

SIZE = len(CONSUMABLE)


@dataclass(frozen=True, slots=True, eq=False)
class Hold:
    """A reservation that is open until it is settled or released; two of a size are two."""

    scope_id: str
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a reservation was not granted.

    `wait` is true where unused floors of other open scopes, however deep, would cover it once
    they close.
    """

    resource: Resource
    scope_id: str
    asked: int
    left: int
    wait: bool = False

    def __str__(self) -> str:
        return (
            f"{self.resource} limit: {self.asked} asked, {self.left} left in scope {self.scope_id}"
        )


@dataclass(frozen=True, slots=True)
class Lease:
    """The terms on which a child scope opens. `cap` None: its parent's alone.

    `deadline` is in run seconds; the pool never lets it be later than the parent's.
    """

    scope_id: str
    floor: Amounts
    reserve: Amounts = NOTHING
    cap: Limits | None = None
    deadline: float = math.inf


class _Account:
    """The account of one scope; the lists run over `CONSUMABLE`.

    `load` is kept, not summed up: what the children commit is `load - settled - held`. `taken`
    is the load without unused floors: what this scope and all below it have settled and hold.
    """

    __slots__ = (
        "cap",
        "deadline",
        "depth",
        "floor",
        "held",
        "holds",
        "is_open",
        "load",
        "open_children",
        "parent",
        "reserve",
        "scope_id",
        "settled",
        "taken",
    )

    def __init__(self, lease: Lease, parent: _Account | None) -> None:
        self.scope_id = lease.scope_id
        self.parent = parent
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.floor = lease.floor
        self.cap = lease.cap or UNLIMITED
        self.deadline: float = min(lease.deadline, math.inf if parent is None else parent.deadline)
        self.reserve = lease.reserve
        self.settled = [0] * SIZE
        self.held = list(lease.reserve)
        self.load = list(lease.reserve)
        self.taken = list(lease.reserve)
        self.is_open = True
        self.open_children = 0
        self.holds: list[Hold] = []

    def commit(self, i: int) -> int:
        """What the parent's account carries for this scope, in resource `i`."""
        load = self.load[i]
        return max(self.floor[i], load) if self.is_open else load

    def grow(self, i: int, delta: int, taken: int) -> None:
        """Change the load and what is taken, and each ancestor's as far as they change with it."""
        account: _Account | None = self
        while account is not None and (delta or taken):
            account.taken[i] += taken
            old = account.load[i]
            account.load[i] = new = old + delta
            parent = account.parent
            if delta and parent is not None and account.is_open:
                floor = account.floor[i]
                delta = max(floor, new) - max(floor, old)
            account = parent


class RuntimeBudgetPool:
    """The accounts of a run; scope `0` is opened with the pool.

    `limits` caps the root, `depth` is the deepest level a scope may have, `deadline` the root's
    in run seconds. Misuse (an unknown or closed scope, a hold settled twice) is a defect of the
    caller and raises ValueError.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        depth: int = 2,
        reserve: Amounts = NOTHING,
        deadline: float = math.inf,
    ) -> None:
        for i, limit in enumerate(limits):
            if limit is not None and limit < reserve[i]:
                raise ValueError(f"{CONSUMABLE[i]} limit {limit} does not cover {reserve[i]}")
        self.depth = depth
        self.overdraft = NOTHING
        root = _Account(Lease("0", NOTHING, reserve, limits, deadline), None)
        self._accounts: dict[str, _Account] = {"0": root}
        self._root = root
        self._ended: list[_Account] = []

    def open(self, parent_id: str, leases: Sequence[Lease]) -> Refusal | None:
        """Open children side by side, all or none; each costs the parent one subcall."""
        parent = self._open_account(parent_id)
        if parent.depth >= self.depth:
            return Refusal(Resource.DEPTH, parent_id, parent.depth + 1, self.depth)
        for lease in leases:
            for i in range(SIZE):
                if lease.floor[i] < lease.reserve[i]:
                    asked, floor = lease.reserve[i], lease.floor[i]
                    return Refusal(CONSUMABLE[i], lease.scope_id, asked, floor)
        total = Amounts(subcalls=len(leases))
        for lease in leases:
            total = total.plus(lease.floor)
        refusal = self._refusal(parent, total)
        if refusal is None:
            self._book(parent, Amounts(subcalls=len(leases)), parent.settled)
            for lease in leases:
                self._attach(parent, _Account(lease, parent))
        return refusal

    def reserve(self, scope_id: str, amounts: Amounts, *, now: float = 0.0) -> Hold | Refusal:
        """Hold an upper bound of what is about to be spent, or say why not."""
        account = self._open_account(scope_id)
        if now >= account.deadline:
            return Refusal(Resource.WALL_TIME, scope_id, 1, 0)
        return self._refusal(account, amounts) or self._hold(account, amounts)

    def reserve_final(self, scope_id: str, amounts: Amounts, *, now: float = 0.0) -> Hold | Refusal:
        """Hold for the finalize turn: the private reserve is given up for it first.

        Where the turn needs more than the reserve, the rest is checked like any other hold.
        """
        account = self._open_account(scope_id)
        if now >= account.deadline:
            return Refusal(Resource.WALL_TIME, scope_id, 1, 0)
        beyond = amounts.minus(account.reserve).largest(NOTHING)
        refusal = self._refusal(account, beyond)
        if refusal is not None:
            return refusal
        self._drop_reserve(account)
        return self._hold(account, amounts)

    def settle(self, hold: Hold, actual: Amounts) -> Amounts:
        """Replace a hold by what was spent; returns the part above the hold (overdraft).

        All of `actual` is booked, overdraft included: money spent is never dropped.
        """
        account = self._accounts[hold.scope_id]
        account.holds.remove(hold)
        amounts = hold.amounts
        for i in range(SIZE):
            held, spent = amounts[i], actual[i]
            if held or spent:
                account.held[i] -= held
                account.settled[i] += spent
                if spent != held:
                    account.grow(i, spent - held, spent - held)
        if amounts.covers(actual):
            return NOTHING
        over = actual.minus(hold.amounts).largest(NOTHING)
        self.overdraft = self.overdraft.plus(over)
        return over

    def release(self, hold: Hold) -> None:
        """Give a hold back unspent."""
        self.settle(hold, NOTHING)

    def close(self, scope_id: str) -> None:
        """End a scope: its reserve and the unused part of its floor are free for the others."""
        account = self._open_account(scope_id)
        if account.holds or account.open_children:
            raise ValueError(f"scope {scope_id} is closed with open holds or open children")
        self._drop_reserve(account)
        unused = [account.commit(i) - account.load[i] for i in range(SIZE)]
        account.is_open = False
        parent = account.parent
        if parent is not None:
            parent.open_children -= 1
            for i, freed in enumerate(unused):
                parent.grow(i, -freed, 0)

    def reopen(self, scope_id: str, reserve: Amounts = NOTHING) -> Refusal | None:
        """Open a closed scope again: no floor but what it has used, its parent's deadline."""
        account = self._accounts[scope_id]
        if account.is_open:
            raise ValueError(f"scope {scope_id} is open")
        refusal = self._refusal(account, reserve)
        if refusal is not None:
            return refusal
        account.is_open = True
        account.floor = NOTHING
        account.reserve = reserve
        if account.parent is not None:
            account.parent.open_children += 1
            account.deadline = account.parent.deadline
        self._book(account, reserve, account.held)
        return None

    def raise_limits(self, limits: Limits, *, depth: int, deadline: float) -> None:
        """Replace what the run as a whole may use; what was spent stays spent."""
        self._root.cap, self._root.deadline, self.depth = limits, deadline, depth

    def left(self, scope_id: str) -> Limits:
        """What the scope could still reserve now, its finalize reserve not counted."""
        return Limits(*_left(self._accounts[scope_id]))

    def used(self, scope_id: str) -> Amounts:
        """What the scope has settled and holds, the commits of its children included."""
        return Amounts(*self._accounts[scope_id].load)

    def settled(self) -> Amounts:
        """What all scopes together have settled."""
        accounts = [*self._accounts.values(), *self._ended]
        return Amounts(*(sum(a.settled[i] for a in accounts) for i in range(SIZE)))

    def deadline(self, scope_id: str) -> float:
        """The latest moment of the scope, in run seconds."""
        return self._accounts[scope_id].deadline

    def narrow_deadline(self, scope_id: str, deadline: float) -> None:
        """Bring a scope's deadline forward; it is never put back."""
        account = self._accounts[scope_id]
        account.deadline = min(account.deadline, deadline)

    def is_open(self, scope_id: str) -> bool:
        """Whether the scope was opened and not closed."""
        return scope_id in self._accounts and self._accounts[scope_id].is_open

    def open_scopes(self) -> list[str]:
        """The open scopes, each after its parent."""
        opened = [account for account in self._accounts.values() if account.is_open]
        return [account.scope_id for account in sorted(opened, key=lambda a: a.depth)]

    def _attach(self, parent: _Account, child: _Account) -> None:
        """Hang a child into the tree; a closed scope of the same id stays on the books."""
        before = self._accounts.get(child.scope_id)
        if before is not None:
            if before.is_open:
                raise ValueError(f"scope {child.scope_id} is open already")
            self._ended.append(before)
        self._accounts[child.scope_id] = child
        parent.open_children += 1
        for i in range(SIZE):
            parent.grow(i, child.commit(i), child.taken[i])

    def _open_account(self, scope_id: str) -> _Account:
        account = self._accounts.get(scope_id)
        if account is None or not account.is_open:
            raise ValueError(f"scope {scope_id} is not open")
        return account

    def _hold(self, account: _Account, amounts: Amounts) -> Hold:
        hold = Hold(account.scope_id, amounts)
        account.holds.append(hold)
        self._book(account, amounts, account.held)
        return hold

    def _drop_reserve(self, account: _Account) -> None:
        reserve, account.reserve = account.reserve, NOTHING
        self._book(account, NOTHING.minus(reserve), account.held)

    def _book(self, account: _Account, amounts: Amounts, column: list[int]) -> None:
        for i, delta in enumerate(amounts):
            if delta:
                column[i] += delta
                account.grow(i, delta, delta)

    def _refusal(self, account: _Account, amounts: Amounts) -> Refusal | None:
        """Check a growth of the load on every account whose commit it changes."""
        waits: Refusal | None = None
        for i, delta in enumerate(amounts):
            if delta > 0:
                refusal = _shortage(account, i, delta)
                if refusal is not None and not refusal.wait:
                    return refusal
                waits = waits or refusal
        return waits


def _shortage(account: _Account, i: int, delta: int) -> Refusal | None:
    """The refusal of `delta` more of resource `i`, if an account on the way up has no room."""
    asked = delta
    current: _Account | None = account
    while current is not None and delta > 0:
        load, cap = current.load[i], current.cap[i]
        if cap is not None and load + delta > cap:
            wait = _fits_without_others(account, i, asked)
            return Refusal(CONSUMABLE[i], account.scope_id, delta, max(0, cap - load), wait)
        parent = current.parent
        if parent is not None and current.is_open:
            floor = current.floor[i]
            delta = max(floor, load + delta) - max(floor, load)
        current = parent
    return None


def _fits_without_others(account: _Account, i: int, delta: int) -> bool:
    """Whether the growth would fit if every scope beside the path to the root closed now."""
    load = account.load[i] + delta
    while True:
        cap, parent = account.cap[i], account.parent
        if cap is not None and load > cap:
            return False
        if parent is None:
            return True
        commit = max(account.floor[i], load) if account.is_open else load
        load = parent.taken[i] - account.taken[i] + commit
        account = parent


def _left(account: _Account) -> list[int | None]:
    """What is left for an account: what its cap leaves, its own floor and its parent's rest."""
    parent = account.parent
    above = [None] * SIZE if parent is None else _left(parent)
    left: list[int | None] = []
    for i in range(SIZE):
        cap, load, reach = account.cap[i], account.load[i], above[i]
        if reach is not None:
            reach += account.commit(i) - load
        if cap is not None and (reach is None or cap - load < reach):
            reach = cap - load
        left.append(reach if reach is None or reach > 0 else 0)
    return left


def allocate_run_budget(
    pool: RuntimeBudgetPool,
    parent_id: str,
    *,
    sibling_count: int,
    reserve: Amounts = NOTHING,
    parent_shares: int = 0,
) -> Amounts:
    """The floor of each of `sibling_count` siblings: an equal share of what is left.

    What their opening costs (one subcall each) is taken off first; `parent_shares=1` leaves the
    parent one share, as for children that a planner delegates. Integers round down, the rest is
    free. Where a resource is unlimited a floor means nothing and is just the reserve.
    """
    left = pool.left(parent_id)
    shares = sibling_count + parent_shares

    def share(index: int) -> int:
        limit = left[index]
        if limit is None:
            return reserve[index]
        fee = sibling_count if CONSUMABLE[index] is Resource.SUBCALLS else 0
        return max(0, limit - fee) // shares

    return Amounts(*(share(i) for i in range(SIZE)))
