"""Laws of the budget pool, against a naive model that adds everything up anew each time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from investigator.runtime.budget import CONSUMABLE, NOTHING, UNLIMITED, Amounts, Limits, Resource
from investigator.runtime.budget_pool import (
    Hold,
    Lease,
    Refusal,
    RuntimeBudgetPool,
    allocate_run_budget,
)

SIZE = len(CONSUMABLE)
small = st.integers(0, 4)
amounts = st.builds(Amounts, small, small, small, small, small)
limit = st.one_of(st.none(), st.integers(0, 30))
limits = st.builds(Limits, limit, limit, limit, limit, limit)


@dataclass(eq=False)
class Node:
    """A scope in the model: nothing in it is derived."""

    scope_id: str
    parent: Node | None
    floor: Amounts = NOTHING
    cap: Limits = UNLIMITED
    reserve: Amounts = NOTHING
    deadline: float = math.inf
    is_open: bool = True
    settled: Amounts = NOTHING
    holds: list[Hold] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)

    def load(self, i: int) -> int:
        own = self.settled[i] + self.reserve[i] + sum(hold.amounts[i] for hold in self.holds)
        return own + sum(child.commit(i) for child in self.children)

    def commit(self, i: int) -> int:
        return max(self.floor[i], self.load(i)) if self.is_open else self.load(i)

    def path(self) -> Iterator[Node]:
        node: Node | None = self
        while node is not None:
            yield node
            node = node.parent

    def all(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            yield from child.all()


def short_of(node: Node, i: int, more: int) -> tuple[Node, int] | None:
    """The first account upwards that `more` of resource `i` would push over its cap, by how much.

    Only accounts whose load grows count.
    """
    path = list(node.path())
    before = [account.load(i) for account in path]
    node.settled = _with(node.settled, i, more)
    after = [account.load(i) for account in path]
    node.settled = _with(node.settled, i, -more)
    for account, old, new in zip(path, before, after, strict=True):
        cap = account.cap[i]
        if new > old and cap is not None and new > cap:
            return account, new - cap
    return None


def fits_without_others(node: Node, i: int, more: int) -> bool:
    """Whether `more` would fit if every open scope beside the path to the root closed now."""
    path = list(node.path())
    kept = {*path, *node.all()}
    others = [n for n in path[-1].all() if n not in kept and n.is_open]
    floors = [other.floor for other in others]
    node.settled = _with(node.settled, i, more)
    for other in others:
        other.floor = NOTHING
    fits = all(a.cap[i] is None or a.load(i) <= (a.cap[i] or 0) for a in path)
    for other, floor in zip(others, floors, strict=True):
        other.floor = floor
    node.settled = _with(node.settled, i, -more)
    return fits


def _with(total: Amounts, i: int, more: int) -> Amounts:
    return Amounts(*(amount + more * (i == j) for j, amount in enumerate(total)))


def check_answer(answer: Hold | Refusal | None, node: Node, growth: Amounts) -> bool:
    """The pool's answer is the model's; whether it was a grant."""
    shortages = {i: short_of(node, i, growth[i]) for i in range(SIZE) if growth[i] > 0}
    short = {i: shortage for i, shortage in shortages.items() if shortage is not None}
    if not short:
        assert not isinstance(answer, Refusal), answer
        return True
    assert isinstance(answer, Refusal)
    assert answer.resource in {CONSUMABLE[i] for i in short}
    assert answer.wait == all(fits_without_others(node, i, growth[i]) for i in short)
    return False


class PoolMachine(RuleBasedStateMachine):
    """Random scripts over random trees: the pool and the model never disagree."""

    @initialize(limits=limits, reserve=amounts, depth=st.integers(0, 3))
    def start(self, limits: Limits, reserve: Amounts, depth: int) -> None:
        if any(cap is not None and cap < r for cap, r in zip(limits, reserve, strict=True)):
            reserve = NOTHING
        self.pool = RuntimeBudgetPool(limits, depth=depth, reserve=reserve, deadline=100.0)
        self.depth = depth
        self.root = Node("0", None, cap=limits, reserve=reserve, deadline=100.0)
        self.nodes = {"0": self.root}
        self.overdraft = NOTHING
        self.replaced: list[Node] = []

    def pick(self, data: st.DataObject, nodes: list[Node]) -> Node:
        return data.draw(st.sampled_from(nodes))

    def open_nodes(self) -> list[Node]:
        return [node for node in self.nodes.values() if node.is_open]

    def closed_nodes(self) -> list[Node]:
        closed = [n for n in self.nodes.values() if not n.is_open]
        return [n for n in closed if n.parent is None or n.parent.is_open]

    def with_holds(self) -> list[Node]:
        return [node for node in self.nodes.values() if node.holds]

    def closable(self) -> list[Node]:
        return [
            node
            for node in self.open_nodes()
            if not node.holds and not any(child.is_open for child in node.children)
        ]

    @precondition(lambda self: self.open_nodes() and len(self.nodes) < 12)
    @rule(
        data=st.data(),
        terms=st.lists(st.tuples(amounts, amounts, st.none() | small), min_size=1, max_size=3),
    )
    def open(self, data: st.DataObject, terms: list[tuple[Amounts, Amounts, int | None]]) -> None:
        parent = self.pick(data, self.open_nodes())
        known = [n.scope_id for n in self.closed_nodes() if n.parent is parent]
        ids = known[:1] + [f"{parent.scope_id}/{len(self.nodes) + n}" for n in range(3)]
        leases = []
        for scope_id, (floor, reserve, over) in zip(ids, terms, strict=False):
            cap = None if over is None else Limits(*(f + over for f in floor))
            deadline = data.draw(st.sampled_from([50.0, 150.0]))
            leases.append(Lease(scope_id, floor, reserve, cap, deadline))
        answer = self.pool.open(parent.scope_id, leases)
        if parent.scope_id.count("/") >= self.depth:
            assert isinstance(answer, Refusal)
            assert answer.resource is Resource.DEPTH
            return
        if any(not lease.floor.covers(lease.reserve) for lease in leases):
            assert isinstance(answer, Refusal)
            assert not answer.wait
            return
        total = Amounts(subcalls=len(leases))
        for lease in leases:
            total = total.plus(lease.floor)
        if check_answer(answer, parent, total):
            parent.settled = parent.settled.plus(Amounts(subcalls=len(leases)))
            for lease in leases:
                self.attach(parent, lease)

    def attach(self, parent: Node, lease: Lease) -> None:
        deadline = min(lease.deadline, parent.deadline)
        cap = lease.cap or UNLIMITED
        node = Node(lease.scope_id, parent, lease.floor, cap, lease.reserve, deadline)
        parent.children.append(node)
        self.nodes[lease.scope_id] = node

    @precondition(lambda self: self.open_nodes())
    @rule(data=st.data(), asked=amounts)
    def reserve(self, data: st.DataObject, asked: Amounts) -> None:
        node = self.pick(data, self.open_nodes())
        answer = self.pool.reserve(node.scope_id, asked)
        if check_answer(answer, node, asked) and isinstance(answer, Hold):
            node.holds.append(answer)

    @precondition(lambda self: self.open_nodes())
    @rule(data=st.data(), beyond=st.booleans(), asked=amounts)
    def reserve_final(self, data: st.DataObject, beyond: bool, asked: Amounts) -> None:
        node = self.pick(data, self.open_nodes())
        asked = asked if beyond else node.reserve
        answer = self.pool.reserve_final(node.scope_id, asked)
        growth = asked.minus(node.reserve)
        if check_answer(answer, node, growth) and isinstance(answer, Hold):
            node.reserve = NOTHING
            node.holds.append(answer)
        else:
            assert beyond, "what the reserve covers is never refused"

    @precondition(lambda self: self.with_holds())
    @rule(data=st.data(), part=st.floats(0, 1))
    def settle(self, data: st.DataObject, part: float) -> None:
        node = self.pick(data, self.with_holds())
        hold = node.holds.pop(data.draw(st.integers(0, len(node.holds) - 1)))
        actual = Amounts(*(int(held * part) for held in hold.amounts))
        assert self.pool.settle(hold, actual) == NOTHING
        node.settled = node.settled.plus(actual)

    @precondition(lambda self: self.with_holds())
    @rule(data=st.data(), over=amounts)
    def overdraw(self, data: st.DataObject, over: Amounts) -> None:
        node = self.pick(data, self.with_holds())
        hold = node.holds.pop()
        assert self.pool.settle(hold, hold.amounts.plus(over)) == over
        node.settled = node.settled.plus(hold.amounts).plus(over)
        self.overdraft = self.overdraft.plus(over)

    @precondition(lambda self: self.with_holds())
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        node = self.pick(data, self.with_holds())
        self.pool.release(node.holds.pop())

    @precondition(lambda self: self.closable())
    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        node = self.pick(data, self.closable())
        self.pool.close(node.scope_id)
        node.is_open, node.reserve = False, NOTHING

    @precondition(lambda self: self.closed_nodes())
    @rule(data=st.data(), reserve=amounts)
    def reopen(self, data: st.DataObject, reserve: Amounts) -> None:
        node = self.pick(data, self.closed_nodes())
        answer = self.pool.reopen(node.scope_id, reserve)
        if check_answer(answer, node, reserve):
            node.is_open, node.floor, node.reserve = True, NOTHING, reserve
            if node.parent is not None:
                node.deadline = node.parent.deadline

    @rule(more=st.integers(0, 5))
    def raise_limits(self, more: int) -> None:
        raised = Limits(*(None if cap is None else cap + more for cap in self.root.cap))
        self.pool.raise_limits(raised, depth=self.depth, deadline=self.root.deadline)
        self.root.cap = raised

    @rule(data=st.data(), deadline=st.floats(1, 200))
    def narrow(self, data: st.DataObject, deadline: float) -> None:
        node = self.pick(data, list(self.nodes.values()))
        self.pool.narrow_deadline(node.scope_id, deadline)

    @invariant()
    def load_is_settled_and_held_and_what_the_children_commit(self) -> None:
        for node in self.nodes.values():
            loads = Amounts(*(node.load(i) for i in range(SIZE)))
            assert self.pool.used(node.scope_id) == loads, node.scope_id
            assert self.pool.is_open(node.scope_id) == node.is_open

    @invariant()
    def nothing_settled_is_lost(self) -> None:
        total = NOTHING
        for node in self.root.all():
            total = total.plus(node.settled)
        assert self.pool.settled() == total
        assert self.pool.overdraft == self.overdraft

    @invariant()
    def no_resource_is_overshot(self) -> None:
        spent = self.pool.settled().minus(self.overdraft)
        for used, cap in zip(spent, self.root.cap, strict=True):
            assert cap is None or used <= cap
        if self.overdraft == NOTHING:
            for node in self.root.all():
                assert all(c is None or node.load(i) <= c for i, c in enumerate(node.cap))

    @invariant()
    def what_is_left_is_the_most_that_would_be_granted(self) -> None:
        for node in self.open_nodes():
            for i, left in enumerate(self.pool.left(node.scope_id)):
                if left is None:
                    assert all(account.cap[i] is None for account in node.path())
                    continue
                assert left == 0 or short_of(node, i, left) is None
                assert short_of(node, i, left + 1) is not None

    @invariant()
    def a_floor_is_always_granted(self) -> None:
        for node in self.open_nodes():
            for i in range(SIZE):
                unused = node.commit(i) - node.load(i)
                cap = node.cap[i]
                inside = unused if cap is None else min(unused, cap - node.load(i))
                assert inside <= 0 or short_of(node, i, inside) is None

    def teardown(self) -> None:
        """Everything unused goes back: closed to the root, the load is what was spent."""
        for node in list(self.nodes.values()):
            for hold in node.holds:
                self.pool.release(hold)
        for node in sorted(self.open_nodes(), key=lambda n: -n.scope_id.count("/")):
            self.pool.close(node.scope_id)
        if self.nodes:
            assert self.pool.used("0") == self.pool.settled()


TestRandomScripts = PoolMachine.TestCase
TestRandomScripts.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)


def tokens(n: int) -> Amounts:
    return Amounts(tokens=n)


def pool_of(limit: int | None, **terms: object) -> RuntimeBudgetPool:
    return RuntimeBudgetPool(Limits(tokens=limit), **terms)  # type: ignore[arg-type]


def granted(answer: Hold | Refusal) -> Hold:
    assert isinstance(answer, Hold), answer
    return answer


def refused(answer: Hold | Refusal | None) -> Refusal:
    assert isinstance(answer, Refusal), answer
    return answer


def siblings(pool: RuntimeBudgetPool, count: int) -> list[str]:
    """Equal siblings under scope 0, with the floors that the budget gives them."""
    floor = allocate_run_budget(pool, "0", sibling_count=count)
    ids = [f"0/{n}" for n in range(count)]
    assert pool.open("0", [Lease(scope_id, floor) for scope_id in ids]) is None
    return ids


@dataclass
class Spender:
    """A sibling that asks for `chunk` every `every`-th round until it has had `wants`."""

    scope_id: str
    chunk: int
    wants: float
    every: int = 1
    spent: int = 0
    refusals: int = 0


def spend(pool: RuntimeBudgetPool, spenders: list[Spender]) -> None:
    """Rounds until all are done: a refusal that may wait is asked again, a final one closes."""
    active, turn = list(spenders), 0
    while active:
        waiting = 0
        for spender in list(active):
            if turn % spender.every:
                continue
            answer = pool.reserve(spender.scope_id, tokens(spender.chunk))
            if isinstance(answer, Hold):
                pool.settle(answer, tokens(spender.chunk))
                spender.spent += spender.chunk
                done = spender.spent >= spender.wants
            else:
                spender.refusals += 1
                waiting += 1
                done = not answer.wait or waiting == len(active)
            if done:
                pool.close(spender.scope_id)
                active.remove(spender)
        turn += 1


@settings(max_examples=10, deadline=None)
@given(
    chunks=st.lists(st.integers(1, 40), min_size=16, max_size=16),
    slow=st.lists(st.integers(1, 9), min_size=16, max_size=16),
)
def test_greedy_siblings_never_take_a_modest_one_s_floor_and_leave_little_unused(
    chunks: list[int], slow: list[int]
) -> None:
    """16 siblings, half greedy: no modest refusal, no overshoot, 95 % used; slow or fast."""
    limit = 16_000
    pool = pool_of(limit)
    floor = allocate_run_budget(pool, "0", sibling_count=16).tokens
    spenders = [
        Spender(scope_id, chunk, math.inf if n % 2 else floor // 2 - chunk, 1 if n % 2 else every)
        for n, (scope_id, chunk, every) in enumerate(
            zip(siblings(pool, 16), chunks, slow, strict=True)
        )
    ]
    spend(pool, spenders)
    assert all(s.refusals == 0 for s in spenders[::2])
    assert 0.95 * limit <= pool.settled().tokens <= limit


@settings(max_examples=5, deadline=None)
@given(chunks=st.lists(st.integers(1, 100), min_size=32, max_size=32))
def test_32_greedy_siblings_use_the_budget_up_and_not_more(chunks: list[int]) -> None:
    """Overshoot 0 and utilisation of at least 95 %, whatever sizes they ask for."""
    limit = 32_000
    pool = pool_of(limit)
    names = siblings(pool, 32)
    spend(pool, [Spender(n, chunk, math.inf) for n, chunk in zip(names, chunks, strict=True)])
    assert 0.95 * limit <= pool.settled().tokens <= limit


def test_the_finalize_reserve_is_out_of_reach_of_descendants_and_siblings() -> None:
    """Everyone else takes all they can get; the reserved turn is granted all the same."""
    turn = Amounts(iterations=1, tokens=10)
    pool = RuntimeBudgetPool(Limits(iterations=9, tokens=100), reserve=turn)
    pool.open("0", [Lease("0/0", turn, turn), Lease("0/1", turn, turn)])
    pool.open("0/0", [Lease("0/0/0", NOTHING)])
    for scope_id in ("0/0/0", "0/1", "0/0", "0"):
        while isinstance(pool.reserve(scope_id, Amounts(iterations=1)), Hold):
            pass
        while isinstance(pool.reserve(scope_id, tokens(1)), Hold):
            pass
    assert [granted(pool.reserve_final(s, turn)).amounts for s in ("0/0", "0/1", "0")] == [turn] * 3
    assert pool.used("0") == Amounts(iterations=9, tokens=100, subcalls=3)


def test_the_reserve_serves_once() -> None:
    """A second finalize turn is checked like any other hold."""
    pool = pool_of(10, reserve=tokens(10))
    granted(pool.reserve_final("0", tokens(10)))
    assert refused(pool.reserve_final("0", tokens(1))).left == 0


def test_zero_forbids_its_kind_and_nothing_else() -> None:
    """With no tool calls allowed, tokens are still to be had; and so for each resource."""
    for i in range(SIZE):
        one = _with(NOTHING, i, 1)
        pool = RuntimeBudgetPool(Limits(*(0 if j == i else 5 for j in range(SIZE))))
        answer = refused(pool.reserve("0", one))
        assert (answer.resource, answer.left, answer.wait) == (CONSUMABLE[i], 0, False)
        granted(pool.reserve("0", Amounts(1, 1, 1, 1, 1).minus(one)))


def test_none_is_unlimited() -> None:
    """Without a limit any amount is granted and the left is None."""
    pool = pool_of(None)
    granted(pool.reserve("0", Amounts(*(10**15,) * SIZE)))
    assert pool.left("0") == Limits()


def test_a_limit_below_the_reserve_is_a_mistake_of_the_caller() -> None:
    """A pool that could not pay the finalize turn is not made."""
    with pytest.raises(ValueError, match="tokens limit 9"):
        pool_of(9, reserve=tokens(10))


@given(
    own=st.floats(0, 100), parents=st.floats(0, 100), narrowed=st.floats(0, 100), now=st.floats(0)
)
def test_a_child_s_deadline_is_never_later_than_its_parent_s(
    own: float, parents: float, narrowed: float, now: float
) -> None:
    """At opening, after narrowing, and after it is opened again; holds end with it."""
    pool = pool_of(None, deadline=parents)
    pool.open("0", [Lease("0/0", NOTHING, deadline=own)])
    assert pool.deadline("0/0") == min(own, parents)
    pool.narrow_deadline("0/0", narrowed)
    assert pool.deadline("0/0") == min(own, parents, narrowed)
    for reserve in (pool.reserve, pool.reserve_final):
        answer = reserve("0/0", NOTHING, now=now)
        late = now >= pool.deadline("0/0")
        assert (isinstance(answer, Refusal) and answer.resource is Resource.WALL_TIME) == late
        if isinstance(answer, Hold):
            pool.release(answer)
    pool.close("0/0")
    pool.reopen("0/0")
    assert pool.deadline("0/0") <= pool.deadline("0")


def test_no_child_is_deeper_than_the_budget() -> None:
    """The depth limit refuses the opening, and no wait helps."""
    pool = pool_of(None, depth=1)
    assert pool.open("0", [Lease("0/0", NOTHING)]) is None
    answer = refused(pool.open("0/0", [Lease("0/0/0", NOTHING)]))
    assert (answer.resource, answer.wait, answer.asked) == (Resource.DEPTH, False, 2)


def test_a_refusal_waits_only_for_unused_floors_of_open_siblings() -> None:
    """While a sibling keeps enough it is `wait`; once that is used or freed it is not."""
    pool = pool_of(10)
    pool.open("0", [Lease("0/0", tokens(2)), Lease("0/1", tokens(6))])
    granted(pool.reserve("0/0", tokens(4)))
    assert refused(pool.reserve("0/0", tokens(6))).wait
    assert not refused(pool.reserve("0/0", tokens(7))).wait
    kept = granted(pool.reserve("0/1", tokens(3)))
    assert refused(pool.reserve("0/0", tokens(3))).wait
    assert not refused(pool.reserve("0/0", tokens(4))).wait
    pool.settle(kept, tokens(1))
    pool.close("0/1")
    assert not refused(pool.reserve("0/0", tokens(6))).wait
    granted(pool.reserve("0/0", tokens(5)))


def test_a_refusal_waits_for_floors_that_nephews_and_cousins_do_not_use() -> None:
    """However deep an unused floor lies, it comes free when its scope closes."""
    pool = pool_of(20)
    pool.open("0", [Lease("0/0", tokens(8)), Lease("0/1", tokens(8))])
    pool.open("0/0", [Lease("0/0/0", NOTHING), Lease("0/0/1", tokens(8))])
    pool.open("0/1", [Lease("0/1/0", tokens(8))])
    granted(pool.reserve("0/0/0", tokens(4)))
    assert refused(pool.reserve("0/0/0", tokens(16))).wait
    assert not refused(pool.reserve("0/0/0", tokens(17))).wait
    pool.close("0/0/1")
    granted(pool.reserve("0/0/0", tokens(8)))
    assert refused(pool.reserve("0/0/0", tokens(8))).wait
    granted(pool.reserve("0/1/0", tokens(1)))
    assert not refused(pool.reserve("0/0/0", tokens(8))).wait


def test_siblings_open_all_or_none() -> None:
    """Where the last of three does not fit, nothing is booked for the first two."""
    pool = pool_of(10)
    before = pool.used("0")
    leases = [Lease(f"0/{n}", tokens(4)) for n in range(3)]
    assert refused(pool.open("0", leases)).resource is Resource.TOKENS
    assert pool.used("0") == before
    assert not any(pool.is_open(lease.scope_id) for lease in leases)


def test_a_floor_that_does_not_cover_the_child_s_reserve_refuses_it() -> None:
    """No child opens that could not pay its last turn."""
    pool = pool_of(10)
    answer = refused(pool.open("0", [Lease("0/0", tokens(1), tokens(2))]))
    assert (answer.scope_id, answer.asked, answer.left, answer.wait) == ("0/0", 2, 1, False)


def test_overdraft_is_booked_in_full() -> None:
    """What a provider charged above the hold counts, and stops what comes after it."""
    pool = pool_of(10)
    hold = granted(pool.reserve("0", tokens(4)))
    assert pool.settle(hold, tokens(13)) == tokens(9)
    assert (pool.settled(), pool.overdraft) == (tokens(13), tokens(9))
    assert pool.left("0").tokens == 0
    refused(pool.reserve("0", tokens(1)))


def test_another_s_overdraft_does_not_touch_a_floor() -> None:
    """What is guaranteed is still shown as left and granted after a sibling overdrew."""
    pool = pool_of(10)
    pool.open("0", [Lease("0/0", tokens(5)), Lease("0/1", tokens(5))])
    pool.settle(granted(pool.reserve("0/0", tokens(5))), tokens(8))
    assert pool.left("0/1").tokens == 5
    granted(pool.reserve("0/1", tokens(5)))


def test_a_hold_ends_once() -> None:
    """Settling or releasing it again is a mistake, also beside another hold of equal size."""
    pool = pool_of(10)
    first, second = (granted(pool.reserve("0", tokens(2))) for _ in range(2))
    pool.settle(first, tokens(1))
    with pytest.raises(ValueError):
        pool.settle(first, tokens(1))
    with pytest.raises(ValueError):
        pool.release(first)
    pool.release(second)
    assert pool.used("0") == tokens(1)


def test_a_scope_closes_only_when_nothing_in_it_is_open() -> None:
    """Open holds and open children keep it; unknown and closed scopes answer nothing."""
    pool = pool_of(10)
    pool.open("0", [Lease("0/0", NOTHING)])
    hold = granted(pool.reserve("0/0", tokens(1)))
    for scope_id in ("0", "0/0"):
        with pytest.raises(ValueError, match="open holds or open children"):
            pool.close(scope_id)
    pool.release(hold)
    pool.close("0/0")
    for act in (pool.close, lambda s: pool.reserve(s, NOTHING), lambda s: pool.open(s, [])):
        for scope_id in ("0/0", "nowhere"):
            with pytest.raises(ValueError, match="is not open"):
                act(scope_id)
    with pytest.raises(ValueError, match="is open"):
        pool.reopen("0")


@given(
    limits=limits,
    count=st.integers(1, 12),
    parent_shares=st.integers(0, 1),
    reserve=amounts,
    spent=amounts,
)
def test_siblings_share_equally_and_their_floors_fit(
    limits: Limits, count: int, parent_shares: int, reserve: Amounts, spent: Amounts
) -> None:
    """Equal shares of what is left after their opening, rounded down; the rest stays free."""
    pool = RuntimeBudgetPool(limits)
    pool.reserve("0", spent)
    left = pool.left("0")
    floor = allocate_run_budget(
        pool, "0", sibling_count=count, reserve=reserve, parent_shares=parent_shares
    )
    shares = count + parent_shares
    for i, total in enumerate(left):
        if total is None:
            assert floor[i] == reserve[i]
            continue
        fee = count if CONSUMABLE[i] is Resource.SUBCALLS else 0
        assert floor[i] == max(0, total - fee) // shares
        assert floor[i] * count <= max(0, total - fee)
    can_pay = left.subcalls is None or left.subcalls >= count
    leases = [Lease(f"0/{n}", floor) for n in range(count)]
    assert (pool.open("0", leases) is None) == can_pay


def test_a_reopened_scope_keeps_what_it_spent_and_has_no_floor() -> None:
    """Its use stays on the books; what it asks anew is checked against everyone."""
    pool = pool_of(10)
    pool.open("0", [Lease("0/0", tokens(8))])
    pool.settle(granted(pool.reserve("0/0", tokens(5))), tokens(5))
    pool.close("0/0")
    assert refused(pool.reopen("0/0", tokens(6))).left == 5
    assert pool.reopen("0/0", tokens(1)) is None
    granted(pool.reserve("0", tokens(4)))
    refused(pool.reserve("0/0", tokens(1)))
    granted(pool.reserve_final("0/0", tokens(1)))
    assert pool.used("0") == Amounts(subcalls=1, tokens=10)


def test_a_scope_opened_again_under_its_id_leaves_the_old_one_s_use_on_the_books() -> None:
    """What the replaced scope spent is still settled and still in its parent's load."""
    pool = pool_of(10)
    pool.open("0", [Lease("0/0", NOTHING)])
    pool.settle(granted(pool.reserve("0/0", tokens(3))), tokens(3))
    with pytest.raises(ValueError, match="open already"):
        pool.open("0", [Lease("0/0", NOTHING)])
    pool.close("0/0")
    pool.open("0", [Lease("0/0", NOTHING)])
    assert pool.used("0/0") == NOTHING
    assert pool.settled().tokens == pool.used("0").tokens == 3
