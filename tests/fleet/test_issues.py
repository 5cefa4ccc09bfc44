"""Issues are new, gone and back when failures are, and not by chance."""

from __future__ import annotations

import json
import random
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from investigator.errors import UsageError
from investigator.fleet.failing_rows import FailingRow, FailureKind, JudgedTraces, failure_kinds
from investigator.fleet.issues import (
    Issue,
    Issues,
    IssueState,
    after_scan,
    follow,
    mute_issue,
    read_issues,
    update_issues,
)
from investigator.fleet.webhook import notice_to
from tests.fleet.scans import scanned, tool_run, written


def failing(*trace_ids: str, text: str = "no answer within #") -> list[FailingRow]:
    """Traces that failed alike."""
    signature = f"rca | tool_failure | timeout | price | {text}"
    return [FailingRow("rca", signature, one, 1, None, "price: timeout") for one in trace_ids]


def judged(count: int) -> dict[str, JudgedTraces]:
    """So many traces, judged by RCA."""
    return {"rca": JudgedTraces({"": count}, None)}


def names(count: int) -> list[str]:
    """The ids of so many traces."""
    return [f"t{number}" for number in range(count)]


def states(known: Issues) -> list[IssueState]:
    """The states of the issues."""
    return [issue.state for issue in known.issues]


def test_a_release_breaks_is_fixed_and_breaks_again() -> None:
    """New, ongoing, resolved, regressed; one issue all the time."""
    known = Issues()
    seen = []
    for scan, bad in enumerate((30, 25, 0, 0, 20, 0)):
        known = follow(known, f"s{scan}", failing(*names(bad)), judged(100))
        seen += states(known)
    assert seen == ["new", "ongoing", "resolved", "resolved", "regressed", "resolved"]
    assert known.issues[0].count == 75


def test_a_scan_counts_once() -> None:
    """Told of twice, it changes nothing."""
    once = follow(Issues(), "s", failing("a"), judged(10))
    assert follow(once, "s", failing("a"), judged(10)) == once


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("rate", [0.01, 0.05, 0.3])
def test_nothing_flaps_while_nothing_changes(seed: int, rate: float) -> None:
    """Twenty scans of a hundred traces, a fault at one rate: never resolved, never back."""
    chance, known = random.Random(seed), Issues()
    seen: set[IssueState] = set()
    for scan in range(20):
        bad = [one for one in names(100) if chance.random() < rate]
        known = follow(known, f"s{scan}", failing(*bad), judged(100))
        seen |= set(states(known))
    assert IssueState.REGRESSED not in seen
    assert len(known.issues) <= 1


def test_an_issue_keeps_its_name_when_a_message_is_reworded() -> None:
    """Texts that are alike are one kind; others of the same tool are another."""
    first = follow(Issues(), "a", failing("t1", text="no answer from the server in #"), judged(9))
    again = failing("t2", text="no answer from the server in # seconds")
    other = failing("t3", text="certificate is not yet valid")
    known = follow(first, "b", [*again, *other], judged(9))
    assert states(known) == ["ongoing", "new"]
    assert known.issues[0].id == first.issues[0].id


def test_kinds_do_not_depend_on_the_order_of_the_rows() -> None:
    """The most frequent text names the kind."""
    rows = [*failing("a", "b", text="lost the line"), *failing("c", text="lost the line again")]
    found = failure_kinds(rows)
    assert failure_kinds(rows[::-1]).keys() == found.keys()
    assert [kind.template for kind in found] == ["lost the line"]
    assert isinstance(next(iter(found)), FailureKind)


def test_scans_are_followed_in_a_folder(tmp_path: Path) -> None:
    """With the rate in each release; muted by a person, and still followed."""
    folder = tmp_path / "issues"
    for name, bad in (("one", {1, 2, 3}), ("two", {4, 5})):
        source = tmp_path / name
        source.mkdir()
        runs = [tool_run(n, release="41" if n < 4 else "42", fails=n in bad) for n in range(12)]
        summary = scanned(written((one for run in runs for one in run), source), source / "results")
        update_issues(folder, summary.scan, source / "results")
    known = read_issues(folder)
    timeout = next(issue for issue in known.issues if issue.engine == "rca")
    assert timeout.state is IssueState.ONGOING
    first, second = timeout.history
    assert [(of.release, of.count, of.traces) for of in first.releases] == [
        ("41", 3, 4),
        ("42", 0, 8),
    ]
    assert [(of.release, of.count) for of in second.releases] == [("41", 0), ("42", 2)]
    assert mute_issue(folder, timeout.id[:6], muted=True).shown_state == "muted"
    with pytest.raises(UsageError, match="no issue 'zz'"):
        mute_issue(folder, "zz", muted=True)
    assert after_scan(known, known.scans[0], tmp_path) == known


def one_issue() -> Issue:
    """A new issue."""
    return follow(Issues(), "s", failing("a", "b"), judged(4)).issues[0]


def test_a_webhook_gets_what_is_new(tmp_path: Path) -> None:
    """As JSON with a text, or by a template; one that is not there is told of."""
    received: list[bytes] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the server's)
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/hook"
    template = tmp_path / "chat.json"
    template.write_text('{"msg": {{ text | tojson }}, "n": {{ issues | length }}}')
    try:
        assert notice_to(url, None).send("s", [one_issue()]) is None
        assert notice_to(url, template).send("s", [one_issue()]) is None
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    plain, templated = (json.loads(body) for body in received)
    assert plain["text"] == "new: price: timeout (50.0%)"
    assert plain["issues"][0]["traces"] == ["a", "b"]
    assert templated == {"msg": "new: price: timeout (50.0%)", "n": 1}
    gone = notice_to(url, None).send("s", [one_issue()])
    assert gone is not None
    assert "did not reach" in gone


@pytest.mark.parametrize("url", ["chat", "file:///etc/passwd", "https://", ""])
def test_what_is_no_address_is_refused(url: str) -> None:
    """Before anything is scanned."""
    with pytest.raises(UsageError, match="--webhook takes an address"):
        notice_to(url, None)


def test_a_template_sees_nothing_but_the_issues(tmp_path: Path) -> None:
    """It runs in a sandbox; what fails in it is told, and nothing is sent."""
    template = tmp_path / "chat.json"
    template.write_text("{{ ''.__class__.__mro__ }}")
    problem = notice_to("http://127.0.0.1:9/", template).send("s", [one_issue()])
    assert problem is not None
    assert "the template fails" in problem
