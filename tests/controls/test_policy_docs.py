"""`docs/controls.md` is true: its examples are controls, and it names all that can be written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from investigator.controls.checks import known_checks
from investigator.controls.conditions.any_condition import CONDITIONS
from investigator.controls.library import load_library, parse_library
from investigator.controls.model import CheckSpec
from investigator.controls.parameters import ControlParameters
from investigator.controls.required_evidence import RequiredEvidence

DOCS = Path(__file__).parent.parent.parent / "docs"
TEXT = (DOCS / "controls.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
POLICY = (
    "call_after",
    "call_before",
    "call_limit",
    "call_rule",
    "calls_per_turn",
    "confirmation_before",
    "conversation_rule",
    "no_reply_with_call",
    "statement_rule",
)


def test_the_example_of_a_library_is_one() -> None:
    """The first example can be copied as it stands."""
    assert parse_library(EXAMPLES[0], where="docs/controls.md").controls


def test_the_example_of_an_extension_is_one() -> None:
    """It drops one, adds one, and configures what it says."""
    library = parse_library(EXAMPLES[1], where="docs/controls.md")
    assert len(library.controls) == len(load_library("controls-v1").controls)
    assert library.parameters.approved_models == ("gpt-4o-2024-08-06",)


def test_every_parameter_is_named() -> None:
    """In the table, and in the table of what is public."""
    python = (DOCS / "python.md").read_text(encoding="utf-8")
    for name in ControlParameters.model_fields:
        assert f"| `{name}` |" in TEXT
        assert f"`{name}`" in python


@pytest.mark.parametrize("example", EXAMPLES[2:])
def test_the_examples_of_checks_are_checks(example: str) -> None:
    """So can the others."""
    assert CheckSpec.model_validate(yaml.safe_load(example)["check"]).code is not None


def test_every_check_is_named() -> None:
    """Those of a policy with all their parameters."""
    assert [name for name in known_checks() if f"`{name}`" not in TEXT] == []
    for name in POLICY:
        section = TEXT.partition(f"### `{name}`")[2].partition("\n### ")[0]
        fields = known_checks()[name].params.model_fields
        assert [field for field in fields if f"`{field}`" not in section] == []


def test_every_condition_and_kind_of_evidence_is_named() -> None:
    """Whatever a control may say is in the reference."""
    assert [key for key in CONDITIONS if f"{key}:" not in TEXT and f"`{key}`" not in TEXT] == []
    assert [kind for kind in RequiredEvidence if f"`{kind.value}`" not in TEXT] == []
