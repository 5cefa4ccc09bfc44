"""The one list of secrets and personal data, held to its own examples wherever they may stand."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from investigator.controls.checks.private_data import kinds_in
from investigator.ground.redaction import Redactor
from investigator.ground.sensitive import FAMILIES, KINDS, OPTIONAL, Kind

BUILT_IN = Redactor()
ALL = Redactor({name: kind.pattern for name, kind in OPTIONAL.items()})
EVERY = (*KINDS, *OPTIONAL.values())
FINDS = [(kind, example) for kind in EVERY for example in kind.finds]
SPARES = [(kind, example) for kind in EVERY for example in kind.spares]


def secret_of(example: str) -> str:
    """What stands between the marks."""
    return example[example.index("«") + 1 : example.index("»")]


def plain(example: str) -> str:
    """The example without its marks."""
    return example.replace("«", "").replace("»", "")


def named(case: tuple[Kind, str]) -> str:
    """A test's name by its kind."""
    return case[0].name


@pytest.mark.parametrize("case", FINDS, ids=named)
def test_what_an_example_marks_goes_and_all_else_stays(case: tuple[Kind, str]) -> None:
    """Under the marker of its kind."""
    kind, example = case
    shown = f"[REDACTED:{kind.marker}]".join(
        (example[: example.index("«")], example[example.index("»") + 1 :])
    )
    assert ALL.redact(plain(example)).text == shown


@pytest.mark.parametrize("case", SPARES, ids=named)
def test_what_only_looks_like_a_secret_stays(case: tuple[Kind, str]) -> None:
    """Placeholders, code, words of a sentence, numbers that fail their checksum."""
    kind, example = case
    redactor = ALL if kind.name in OPTIONAL else BUILT_IN
    assert redactor.redact(example).text == example


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.name)
def test_a_kind_has_a_name_of_its_own_and_an_example(kind: Kind) -> None:
    """So that the tests above say something about it."""
    assert kind.finds
    assert [other.name for other in EVERY].count(kind.name) == 1


@pytest.mark.parametrize("case", FINDS, ids=named)
def test_checks_find_what_redaction_finds(case: tuple[Kind, str]) -> None:
    """They use the one list, and call what they find alike."""
    assert list(kinds_in(plain(case[1]), ALL)) == [case[0].marker]


WRAPPINGS: list[Callable[[str], str]] = [
    lambda text: f"He said: {text}",
    lambda text: f"{text}\nand went on",
    lambda text: json.dumps({"note": text}),
    lambda text: json.dumps(json.dumps({"note": [text, 1]})),
    lambda text: json.dumps({"note": f"first\n{text}\nlast"}),
    lambda text: f"```\n{text}\n```",
    lambda text: f"({text})",
]


ON_ITS_OWN_LINE = "line_secret"
"""The kind that is known by a line that says nothing else."""


@pytest.mark.parametrize("case", [c for c in FINDS if c[0].name != ON_ITS_OWN_LINE], ids=named)
def test_a_secret_goes_wherever_the_example_stands(case: tuple[Kind, str]) -> None:
    """In prose, in JSON, in JSON in JSON, after an escaped line break, in brackets."""
    secret = secret_of(case[1])
    for wrap in WRAPPINGS:
        shown = ALL.redact(wrap(plain(case[1]))).text
        assert secret not in shown
        assert json.dumps(secret)[1:-1] not in shown


def in_a_url(case: tuple[Kind, str]) -> bool:
    """Whether an example is a value that a URL would hold, and no command, line or URL."""
    kind, example = case
    no_value = kind.name in {ON_ITS_OWN_LINE, "curl_user", "option"} or "://" in example
    return not no_value and not any(sign in secret_of(example) for sign in ' \n"')


@pytest.mark.parametrize("case", [c for c in FINDS if in_a_url(c)], ids=named)
def test_a_url_hides_nothing(case: tuple[Kind, str]) -> None:
    """What a URL escapes is found as it was."""
    secret = secret_of(case[1])
    text = f"https://example.com/?q={quote(plain(case[1]), safe='')}&page=2"
    assert quote(secret, safe="") not in ALL.redact(text).text


@given(st.lists(st.sampled_from([plain(example) for _, example in (*FINDS, *SPARES)]), max_size=4))
def test_redacting_twice_changes_nothing(parts: list[str]) -> None:
    """What is left around a marker is no secret."""
    once = ALL.redact(" ".join(parts)).text
    assert ALL.redact(once).text == once


@given(
    st.text(alphabet="ab1 .:=\"'\n", max_size=60),
    st.sampled_from([r"\w+", r"a.", r"b|ab", r"(a)b", r"^.", r"REDACTED", r"[^\]]+", r"\d{2,}"]),
)
def test_redacting_twice_with_any_pattern_of_a_user_changes_nothing(
    text: str, pattern: str
) -> None:
    """Markers stand, even where a pattern would match them."""
    redactor = Redactor({"own": pattern})
    once = redactor.redact(f"{text} write to a@b.io").text
    assert redactor.redact(once).text == once


def test_no_family_outgrows_its_automaton() -> None:
    """A text that holds every example keeps none of the secrets."""
    text = "\n".join(plain(example) for _, example in FINDS for _ in range(3))
    shown = ALL.redact(text).text
    left = [kind.name for kind, example in FINDS if secret_of(example) in shown]
    assert left == []
    assert sum(map(len, FAMILIES)) == len(KINDS)
