"""What tools say when they did not do what they were asked, and texts that only sound like it."""

from __future__ import annotations

import json

import pytest

from investigator.ground.canonical_json import JsonValue
from investigator.readings.failure_text import failure_in

REFUSED = (
    "HTTP Error 500: Internal Server Error",
    "Server responded with status 503",
    "Got response 503 from upstream",
    "ERROR - could not open ledger",
    "E: Unable to locate package foo",
    "error[E0425]: cannot find value `x` in this scope",
    'Exception in thread "main" java.lang.NullPointerException',
    'psql: error: connection to server failed: FATAL:  no password for user "x"',
    "docker: Error response from daemon: No such container: x",
    'Error from server (NotFound): pods "x" not found',
    "ping: nohost: Name or service not known",
    "╷\n│ Error: Invalid reference",
    "⚠️ Tool call failed: no quota",
    "Sorry, something went wrong.",
    "Something went wrong. Please try again later.",
    "The booking service is temporarily unavailable. Please try again later.",
    "No response from server",
    "rpc error: code = Unavailable desc = transport is closing",
    "connect ETIMEDOUT 10.0.0.1:443",
    "Fehler: Datei nicht gefunden",
    "Erreur : fichier introuvable",
    "Error al abrir el archivo",
    "错误: 文件不存在",
    "Ошибка: файл не найден",
    "Operation timed out after 30000 milliseconds with 0 bytes received",
    "The request was throttled. Expected available in 30 seconds.",
    "API rate limit exceeded for 1.2.3.4",
    "You exceeded your current quota, please check your plan.",
    "Access to the resource is forbidden",
    "User is not authorized to perform: s3:GetObject",
    "[exit code: 127]\nsh: foo: not found",
    "! [rejected] main -> main (fetch first)\nerror: failed to push some refs",
    "CONFLICT (content): Merge conflict in a.py\nAutomatic merge failed; fix it and commit.",
)
FINE = (
    "Error handling in Go is explicit.",
    "Errors: 0",
    "Failed tests: 0",
    "Failing: none",
    "0 failed, 12 passed",
    "The error rate is 2%.",
    "error.log 12 kB",
    "Panic: the history of 1907 is a book.",
    "Something went wrong in 1912 when the ship left port.",
    "Access to the beach is free.",
    "The server room is on floor 3.",
    "The user is happy with the delivery.",
    "Requests this week: 14, of which 3 were rejected.",
    "No response is needed to this letter.",
    "E: 4, N: 2",
    "Feld: Fehler sind erlaubt",
    "The request form is attached.",
    "Our rate limit is 60 calls a minute.",
    "Sorry seems to be the hardest word",
    "The model is available in two colours.",
)


@pytest.mark.parametrize("text", REFUSED)
def test_a_refusal_is_one_in_the_words_of_any_service(text: str) -> None:
    """Shells, clusters, drivers and chats each have a form of their own."""
    assert failure_in(text) is not None


@pytest.mark.parametrize("text", FINE)
def test_what_only_has_the_words_is_none(text: str) -> None:
    """A count of none, a name of a file, a sentence about errors."""
    assert failure_in(text) is None


def test_a_long_text_that_begins_so_is_a_document() -> None:
    """Only a short answer is nothing but its first sentence."""
    assert failure_in("The request was rejected in the end. " + "It is a long story. " * 40) is None


@pytest.mark.parametrize(
    "record",
    [
        {"fault": {"faultstring": "Invalid ApiKey"}},
        {"response": {"success": 0, "message": "no seat left"}},
        {"state": "ERROR", "message": "lost"},
        {"Message": "User is not authorized to access this resource"},
        {"detail": "Not authenticated"},
        {"message": "Endpoint request timed out"},
        {"status": "denied", "message": "no rights"},
        {"status": "timeout"},
        {"status": "not_ok", "message": "limit"},
    ],
)
def test_a_record_that_shows_nothing_else_says_so_by_its_state(record: JsonValue) -> None:
    """Alone, or beside a message, a state is that of the call."""
    assert failure_in(json.dumps(record)) is not None


@pytest.mark.parametrize(
    "record",
    [
        {"status": "rejected", "application": 7},
        {"state": "error", "run": 3, "steps": [1]},
        {"success": 0, "failed": 0, "total": 0},
        {"message": "Order created"},
        {"detail": "blue shirt, size M"},
        {"status": "timeout", "run_id": 3, "owner": "x"},
        {"fault": None, "reading": 4},
    ],
)
def test_the_state_of_a_thing_is_data(record: JsonValue) -> None:
    """A rejected application was found."""
    assert failure_in(json.dumps(record)) is None
