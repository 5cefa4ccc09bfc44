"""What a call was to find out is no failure of it, if the answer says so in whatever words."""

from __future__ import annotations

import pytest

from tests.signals.runs import FORMS, Called, Run

EACH_FORM = pytest.mark.parametrize("form", FORMS)
NOT_FOUND = '{"url": "https://docs.example/old", "status": 404, "reason": "Not Found"}'
CHECKED = [[Called("check_url", {"url": "https://docs.example/old"}, NOT_FOUND)]]

ASKED_FOR = {
    "dead link": ("Check https://docs.example/old", CHECKED, "It is dead (404)."),
    "in words": ("Which links are dead?", CHECKED, "The old guide does not exist any more."),
    "access": (
        "Which of our buckets can the new role read?",
        [[Called("head_bucket", {"bucket": "audit-2"},
                 '{"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}')]],
        "audit-1: yes; audit-2: no (AccessDenied).",
    ),
    "file": (
        "Does /etc/app/config.toml exist?",
        [[Called("read_file", {"path": "/etc/app/config.toml"},
                 "cat: /etc/app/config.toml: No such file or directory")]],
        "No, there is no such file.",
    ),
    "service": (
        "Is https://api.example up?",
        [[Called("ping", {"url": "https://api.example"}, "HTTP 503 Service Unavailable")]],
        "It is down at the moment (503).",
    ),
    "tests": (
        "Run the tests and tell me the result.",
        [[Called("run", {"command": "make test"}, '{"exit_code": 1, "stdout": "2 failed"}')]],
        "Two tests fail: test_a and test_b.",
    ),
    "state": (
        "What is the state of job j-19?",
        [[Called("get_job", {"job_id": "j-19"},
                 '{"job_id": "j-19", "status": "failed", "error": "disk full"}')]],
        "Job j-19 failed: its disk was full.",
    ),
    "health": (
        "Which of api-a and api-b are healthy?",
        [[Called("health", {"service": "api-b"},
                 '{"service": "api-b", "status": "failed", "message": "db down"}')]],
        "Only api-a; api-b is not (db down).",
    ),
    "lint": (
        "Lint the code and list the problems.",
        [[Called("lint", {"path": "src"}, '{"exit_code": 1, "stdout": "a.py:3: E501"}')]],
        "One problem: line 3 of a.py is too long.",
    ),
    "comparison": (
        "Compare a.txt with b.txt.",
        [[Called("run", {"command": "diff a.txt b.txt"},
                 '{"exit_code": 1, "stdout": "2c2", "stderr": ""}')]],
        "They differ in line 2.",
    ),
    "search": (
        "Is TODO left in src?",
        [[Called("run", {"command": "grep -rn TODO src"},
                 '{"exit_code": 1, "stdout": "", "stderr": ""}')]],
        "No.",
    ),
    "verdict": (
        "Is {a} JSON?",
        [[Called("validate", {"text": "{a}"}, '{"valid": false, "error": "no value at 2"}')]],
        "It is not.",
    ),
}  # fmt: skip
NOT_ASKED_FOR = {
    "weather": (
        "Check the weather in Paris.",
        [[Called("get_weather", {"city": "Paris"}, "HTTP 500 Internal Server Error")]],
        "Sorry, the weather service has an error (500).",
    ),
    "key": (
        "Summarise my inbox.",
        [[Called("list_mail", {"folder": "inbox"}, "401 Unauthorized: invalid api key")]],
        "I have no access to your mail (401).",
    ),
    "made-up id": (
        "Send the minutes to the team.",
        [[Called("send_file", {"file_id": "minutes_file_id"}, "Error: file not found")]],
        "The file was not found.",
    ),
}


@EACH_FORM
@pytest.mark.parametrize("case", ASKED_FOR)
def test_a_state_that_was_asked_for_and_told_is_the_answer(form: str, case: str) -> None:
    """A status, a code or plain words for it."""
    question, turns, answer = ASKED_FOR[case]
    assert Run(question, turns, answer).signals(form) == ()


@EACH_FORM
@pytest.mark.parametrize("case", NOT_ASKED_FOR)
def test_a_failure_of_the_way_there_stays_one_though_it_is_told(form: str, case: str) -> None:
    """Whoever asks for the weather does not ask whether its service is up."""
    question, turns, answer = NOT_ASKED_FOR[case]
    assert Run(question, turns, answer).open(form) != []


@EACH_FORM
def test_an_answer_that_passes_over_what_was_asked_for_ignores_it(form: str) -> None:
    """The link is dead, and the answer says that it works."""
    run = Run("Check https://docs.example/old", CHECKED, "The link works fine.")
    assert "ignored_tool_error" in run.open(form)


@EACH_FORM
def test_that_the_thing_which_was_named_is_not_there_may_be_the_truth(form: str) -> None:
    """So such a call, told honestly, is no failure of the run by itself."""
    turns = [[Called("get_order", {"order_id": "ord-77"}, '{"error": "order not found"}')]]
    asked = "Where is my order ord-77?"
    assert (
        Run(asked, turns, "There is no order ord-77 on file: it does not exist.").open(form) == []
    )
    assert Run(asked, turns, "There is no order of that number.").open(form) == []
    assert Run(asked, turns, "It will arrive on Monday.").open(form) != []
