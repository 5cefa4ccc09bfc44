"""What a model says is redacted, and stays the JSON that it was."""

from __future__ import annotations

import json

import pytest

from investigator.ground.redaction import Redactor
from investigator.model_planner.replies import redacted_reply

REDACTOR = Redactor()
SECRET = "sk-proj-Ab3dEf6hIj9kLmN0pQr"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEow"


@pytest.mark.parametrize("text", ['{"action": {"n": 1.50}}', "prose", "", '{"half": '])
def test_a_reply_without_secrets_is_left_as_it_is(text: str) -> None:
    """To the byte, JSON or not."""
    assert redacted_reply(text, REDACTOR) == text


@pytest.mark.parametrize("secret", [SECRET, PEM, "a@b.io"])
def test_json_with_a_secret_stays_json(secret: str) -> None:
    """In a value, a list or a key; a secret that ends nowhere ends with its string."""
    said = json.dumps({"a": [f"it is {secret}"], secret: {"n": 1}, "z": None})
    clean = json.loads(redacted_reply(said, REDACTOR))
    assert list(clean) == ["a", clean_of(secret), "z"]
    assert clean["a"] == [f"it is {clean_of(secret)}"]
    assert clean[clean_of(secret)] == {"n": 1}


def clean_of(secret: str) -> str:
    """What is shown instead."""
    return REDACTOR.redact(secret).text


@pytest.mark.parametrize(
    "said", [f"prose {SECRET}", f'{{"cut": "{SECRET}', '{"api_key": "hunter22x"}']
)
def test_a_secret_that_only_the_whole_text_gives_away_is_found(said: str) -> None:
    """Prose, JSON that was cut off, a field whose name says what it holds."""
    clean = redacted_reply(said, REDACTOR)
    assert SECRET not in clean
    assert "hunter22x" not in clean
    assert "[REDACTED:" in clean
