"""What is redacted, and what must not be."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from investigator.errors import UsageError
from investigator.ground.redaction import Redactor

REDACTOR = Redactor()
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow+/IBAAKCAQEA\n-----END RSA PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"

SECRETS = [
    ("key: sk-proj-Ab3dEf6hIj9kLmN0pQr", "key: [REDACTED:api_key]"),
    ("sk-ant-api03-AbCdEf123456_-xyz!", "[REDACTED:api_key]!"),
    ("AKIAIOSFODNN7EXAMPLE", "[REDACTED:api_key]"),
    ("push with ghp_16C7e42F292c6912E7710c838347Ae178B4a.", "push with [REDACTED:api_key]."),
    ("xoxb-123456789012-abcdefGHIJ", "[REDACTED:api_key]"),
    ("AIzaSyA1234567890abcdefghijklmnopqrstuv", "[REDACTED:api_key]"),
    ("stripe sk_live_4eC39HqLyjWDarjtT1zdp7dc", "stripe [REDACTED:api_key]"),
    ("Authorization: Bearer abcDEF0123456789xyz", "Authorization: Bearer [REDACTED:bearer_token]"),
    ("authorization: Basic dXNlcjpwYXNzdzByZA==", "authorization: Basic [REDACTED:password]"),
    (f"cookie={JWT};", "cookie=[REDACTED:jwt];"),
    (f"before\n{PEM}\nafter", "before\n[REDACTED:private_key]\nafter"),
    ("-----BEGIN PRIVATE KEY-----\nMIIEow", "[REDACTED:private_key]"),
    ("postgres://app:hunter22@db/prod", "postgres://app:[REDACTED:password]@db/prod"),
    ("login?password=hunter22&x=1", "login?password=[REDACTED:password]&x=1"),
    ('{"api_key": "a b c d", "n": 1}', '{"api_key": "[REDACTED:password]", "n": 1}'),
    (r'"{\"password\": \"hunter22\"}"', r'"{\"password\": \"[REDACTED:password]\"}"'),
    ("DB_PASSWORD='correct horse'", "DB_PASSWORD='[REDACTED:password]'"),
    ("write to jane.doe+x@example.co.uk.", "write to [REDACTED:email]."),
    ("card 4111 1111 1111 1111 ok", "card [REDACTED:card_number] ok"),
    ("card=5555555555554444,", "card=[REDACTED:card_number],"),
    ("amex 3782-822463-10005", "amex [REDACTED:card_number]"),
    ("call +1 (415) 555-2671 now", "call [REDACTED:phone] now"),
    ("tel:+442071838750", "tel:[REDACTED:phone]"),
    ("(415) 555-2671", "[REDACTED:phone]"),
    ("mobile 415-555-2671.", "mobile [REDACTED:phone]."),
    ("é🙂 a@b.io é", "é🙂 [REDACTED:email] é"),
]

HARMLESS = [
    "trace 4bf92f3577b34da6a3ce929d0e0e4736 span 00f067aa0ba902b7",
    "6b29fc40-ca47-1067-b31d-00dd010662da",
    "1700000000000000000 1700000000000 1741944443",
    "2025-03-14T09:27:23.123456Z and 2025-03-14 09:27:23+01:00",
    "score 0.4111111111111111 and 4111111111111112",
    "sizes 100-200-3000, version 1.22.333.4444, 10.0.0.12:8080",
    "api_key = os.environ['OPENAI_API_KEY'] or self.api_key",
    "password: str | None = None, api_key=get_key(), token_count: 1234",
    'the "secret" to it, key: value, a password is needed',
    "task-specific-multilingual-tokenization and sk-learn-like-models-are-many",
    "npm install left-pad@1.3.0; see https://example.com:8080/a@b",
    "@decorator user@localhost",
    "def f(x): return x['key']",
    "bearer of unexpectedlylongwords",
    "[REDACTED:api_key] __REDACTED__ password=[REDACTED:password]",
    "",
]


@pytest.mark.parametrize(("text", "shown"), SECRETS)
def test_a_secret_is_replaced_and_what_is_around_it_kept(text: str, shown: str) -> None:
    """The marker names the kind."""
    redacted = REDACTOR.redact(text)
    assert redacted.text == shown
    assert redacted.count == 1


@pytest.mark.parametrize("text", HARMLESS)
def test_ids_times_numbers_and_code_are_left_alone(text: str) -> None:
    """What is no secret must stay readable, since it is evidence."""
    assert REDACTOR.redact(text).text == text


def test_redacting_twice_changes_nothing() -> None:
    """Markers are no secrets."""
    once = REDACTOR.redact("; ".join(text for text, _ in SECRETS)).text
    assert REDACTOR.redact(once).text == once


def test_own_patterns_are_added_to_the_rules() -> None:
    """They stand beside the rules and are named by the user."""
    redacted = Redactor({"employee": r"\bE\d{4}\b"}).redact("E1234 wrote to a@b.io")
    assert redacted.text == "[REDACTED:employee] wrote to [REDACTED:email]"
    assert redacted.count == 2


def test_an_own_pattern_that_is_none_is_refused() -> None:
    """Rather than ignored."""
    with pytest.raises(UsageError, match="'x' isn't a valid RE2 pattern"):
        Redactor({"x": "(?=a)"})


def test_overlapping_finds_leave_no_tail() -> None:
    """Two rules that find parts of one place make one marker."""
    assert Redactor({"x": "bcd"}).redact("password=abcdefgh").text == "password=[REDACTED:password]"


@given(st.lists(st.sampled_from([text for text, _ in SECRETS] + HARMLESS + ["é", " "])))
def test_positions_outside_of_cuts_point_at_the_same_text(parts: list[str]) -> None:
    """Each stretch between two cuts is found where `place_of` says."""
    text = "\n".join(parts)
    redacted = REDACTOR.redact(text)
    edges = [0, *(edge for cut in redacted.cuts for edge in (cut.start, cut.end)), len(text)]
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        place = redacted.place_of(start)
        assert redacted.text[place : place + end - start] == text[start:end]


def test_a_large_text_takes_little_time() -> None:
    """Ten million characters without a secret in a few seconds, on one core."""
    text = "The agent called search(query='x') at 1700000000000 and got 3 rows.\n" * 150_000
    started = time.process_time()
    assert REDACTOR.redact(text).count == 0
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("attributes.db.password", "hunter"),
        ("attributes.http.request.header.authorization", '["Basic dXNlcjpwYXNz"]'),
        ("attributes.http.response.header.set-cookie", '["a=b"]'),
        ("attributes.client_secret", "abcd"),
        ("attributes.GITHUB_TOKEN", "abcdef12"),
        ("events.0.apiKey", "a b c d"),
    ],
)
def test_the_name_of_a_field_gives_its_text_away(field: str, text: str) -> None:
    """Though the text alone looks like any other."""
    redacted = REDACTOR.redact(text, field=field)
    assert redacted.text == "[REDACTED:password]"
    assert redacted.place_of(len(text)) == len(redacted.text)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("attributes.llm.token_count.prompt", "12345"),
        ("attributes.llm.eos_token", "</s>"),
        ("attributes.password", "<your password>"),
        ("attributes.credentials", '{"user": "bob"}'),
        ("attributes.input.value", "hunter"),
    ],
)
def test_other_fields_are_read_as_any_text(field: str, text: str) -> None:
    """Counts, placeholders, objects, and what no name gives away."""
    assert REDACTOR.redact(text, field=field).text == text


def test_a_secret_of_the_user_is_no_part_of_an_id() -> None:
    """Ids stand wherever they are whole words; what only holds one does not."""
    redactor = Redactor({"number": r"\d{6,}"})
    redactor.keep(["4820719356", "12"])
    text = "span 4820719356: order 482071935 and CUST4820719356, 12, 123456."
    assert redactor.redact(text).text == (
        "span 4820719356: order [REDACTED:number] and CUST[REDACTED:number], 12, [REDACTED:number]."
    )
