"""A library that extends another says what is different; a mistake is told at its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from investigator.controls.library import load_library
from investigator.controls.library_text import LibraryRefused
from investigator.controls.model import ControlLibrary
from investigator.errors import UsageError

BASE = load_library("controls-v1")
ADDED = """\
  - control_id: ours.calls
    title: Few calls
    description: No run calls too often.
    severity: high
    applies_when: {tool_calls: true}
    required_evidence: [messages]
    check: {code: {name: call_limit, params: {calls: [search], at_most: 3}}}
    remediation_template: Look at {span_id}.
"""
OURS = f"""\
version: ours-1
extends: controls-v1
parameters:
  approved_models: [gpt-4o]
drop: [control.operations.budget]
change:
  control.output.declared_format: {{severity: high}}
  control.operations.bounded_retries: {{params: {{same_call: 2}}}}
controls:
{ADDED}"""


def loaded(folder: Path, text: str, name: str = "ours.yaml") -> ControlLibrary:
    """The library of a file with this text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return load_library(path)


def refused(folder: Path, text: str) -> str:
    """The first line that is said of the text, without the name of the file."""
    with pytest.raises(UsageError) as told:
        loaded(folder, text)
    path = folder / "ours.yaml"
    return str(told.value).removeprefix(f"control library {path}").removeprefix(":\n  ")


def test_what_is_not_said_is_as_in_the_other_library(tmp_path: Path) -> None:
    """One is dropped, one added; severity and single params differ, all else is the same."""
    ours = loaded(tmp_path, OURS)
    assert (ours.version, ours.description) == ("ours-1", BASE.description)
    ids = [control.control_id for control in BASE.controls]
    ids.remove("control.operations.budget")
    assert [control.control_id for control in ours.controls] == [*ids, "ours.calls"]
    different = {
        control.control_id
        for control in ours.controls
        if (before := BASE.get(control.control_id)) is not None
        and before.model_dump() != control.model_dump()
    }
    assert different == {"control.output.declared_format", "control.operations.bounded_retries"}
    retries = ours.get("control.operations.bounded_retries")
    assert retries is not None
    assert retries.check.code is not None
    assert retries.check.code.params == {"same_call": 2, "same_tool": 5}


def test_a_library_made_of_two_is_the_one_that_is_written_in_full(tmp_path: Path) -> None:
    """Nothing tells them apart: written down, it is read as the same, by its hash too."""
    ours = loaded(tmp_path, OURS)
    whole = loaded(tmp_path, ours.model_dump_json(by_alias=True), "whole.json")
    assert whole == ours
    assert whole.content_hash == ours.content_hash


def test_the_hash_covers_what_is_configured_and_what_is_extended(tmp_path: Path) -> None:
    """So a run is not continued under others."""
    hashes = {
        loaded(tmp_path, text).content_hash
        for text in (
            OURS,
            OURS.replace("[gpt-4o]", "[gpt-4o-mini]"),
            OURS.replace("same_call: 2", "same_call: 4"),
            OURS.replace("extends: controls-v1", "extends: middle.yaml"),
        )
        if loaded(
            tmp_path,
            "version: m\nextends: controls-v1\ndrop: [control.guardrails.ran]\n",
            "middle.yaml",
        )
    }
    assert len(hashes) == 4


def test_a_file_that_is_extended_stands_beside_the_one_that_extends_it(tmp_path: Path) -> None:
    """Whatever folder the command runs in; parameters of the nearer one come first."""
    deeper = tmp_path / "base"
    deeper.mkdir()
    (deeper / "root.yaml").write_text(
        "version: root\nextends: controls-v1\nparameters:\n  approved_models: [a]\n"
        "  retention_days: 30\n"
    )
    (deeper / "middle.yaml").write_text("version: middle\nextends: root.yaml\n")
    ours = loaded(
        tmp_path,
        "version: ours\nextends: base/middle.yaml\nparameters: {approved_models: [b]}\n",
    )
    assert ours.parameters.approved_models == ("b",)
    assert ours.parameters.retention_days == 30


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (
            "extends: controls-v1",
            "extends: controls-v2",
            "line 2: extends: no control library",
        ),
        (
            "severity: high}",
            "severity: hihg}",
            "line 7: change.control.output.declared_format.severity: Input should be 'critical', "
            "'high', 'medium', 'low' or 'info'; did you mean high?",
        ),
        (
            "[control.operations.budget]",
            "[control.operations.buget]",
            "line 5: drop.0: no control 'control.operations.buget' in controls-v1; did you mean "
            "control.operations.budget?",
        ),
        (
            "control.output.declared_format: {severity",
            "control.output.declaredformat: {severity",
            "line 7: change.control.output.declaredformat: no control "
            "'control.output.declaredformat' in controls-v1; did you mean",
        ),
        (
            "{severity: high}",
            "{severity: grave}",
            "line 7: change.control.output.declared_format.severity: Input should be 'critical'",
        ),
        (
            "{severity: high}",
            "{}",
            "line 7: change.control.output.declared_format: changes nothing; give a severity",
        ),
        (
            "{severity: high}",
            "{severty: high}",
            "line 7: change.control.output.declared_format.severty: no such field here; did you "
            "mean severity?",
        ),
        (
            "same_call: 2",
            "same_call: none",
            "line 8: change.control.operations.bounded_retries.params.same_call: Input should be",
        ),
        (
            "same_call: 2",
            "same_cal: 2",
            "line 8: change.control.operations.bounded_retries.params.same_cal: no such field "
            "here; did you mean same_call?",
        ),
        (
            "  approved_models: [gpt-4o]",
            "  aproved_models: [gpt-4o]",
            "line 4: parameters.aproved_models: no such field here; did you mean approved_models?",
        ),
        ("[gpt-4o]", "gpt-4o", "line 4: parameters.approved_models: should be a list"),
        ("[gpt-4o]", "[]", "line 4: parameters.approved_models: is empty; it needs one at least"),
        (
            "ours.calls",
            "control.guardrails.ran",
            "line 10: control.guardrails.ran, controls.0.control_id: controls-v1 has this control",
        ),
        (
            "at_most: 3",
            "at_most: -3",
            "line 16: ours.calls, controls.0.check.code.params.at_most: Input should be greater",
        ),
        ("title: Few", "titel: Few", "line 10: ours.calls, controls.0.title: is required; add it"),
        (
            "calls: [search]",
            "calls: {parameter: alowed_tools}",
            "line 16: ours.calls, controls.0.check.code.params.calls: no parameter 'alowed_tools'; "
            "did you mean allowed_tools?",
        ),
        (
            "at_most: 3",
            "at_most: {parameter: allowed_tools}",
            "line 16: ours.calls, controls.0.check.code.params.at_most: Input should be a valid",
        ),
        (
            "{tool_calls: true}",
            "{configured: aproved_models}",
            "line 14: ours.calls, controls.0.applies_when.configured.0: no parameter "
            "'aproved_models'; did you mean approved_models?",
        ),
        (
            "drop: [control.operations.budget]",
            "drop: [control.output.declared_format]",
            "line 7: change.control.output.declared_format: is dropped by this file as well",
        ),
        ("version: ours-1", "version: 1", "line 1: version: should be text; write it in quotes"),
        ("extends: controls-v1", "extends: [controls-v1]", "line 2: extends: should be text"),
    ],
)
def test_a_mistake_is_told_at_its_line(before: str, after: str, told: str, tmp_path: Path) -> None:
    """With the field as the file writes it, and the name that was meant."""
    assert OURS.count(before) == 1
    assert refused(tmp_path, OURS.replace(before, after)).startswith(told)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """Names and values alike, each once."""
    text = OURS.replace("operations.budget]", "operations.buget]").replace("same_call: 2", "x: 2")
    with pytest.raises(LibraryRefused) as told:
        loaded(tmp_path, text)
    assert [problem.line for problem in told.value.problems] == [5, 8]


def test_a_question_for_a_model_has_no_params_to_change(tmp_path: Path) -> None:
    """Its control has no check in code."""
    (first, *_) = load_library("judgement-v1").controls
    text = (
        f"version: x\nextends: judgement-v1\nchange:\n  {first.control_id}: {{params: {{a: 1}}}}\n"
    )
    assert refused(tmp_path, text).startswith(
        f"line 4: change.{first.control_id}.params: the control has no check in code"
    )


def test_a_file_that_extends_itself_is_refused(tmp_path: Path) -> None:
    """Straight or by way of another."""
    (tmp_path / "other.yaml").write_text("version: b\nextends: ours.yaml\n")
    told = refused(tmp_path, "version: a\nextends: other.yaml\n")
    assert "other.yaml:\n  line 2: extends: control library" in told
    assert told.endswith("extends itself: ours.yaml → other.yaml → ours.yaml")


def test_drop_and_change_need_a_library_that_they_change(tmp_path: Path) -> None:
    """A file that stands alone has nothing to drop."""
    text = OURS.replace("extends: controls-v1\n", "description: x\n")
    assert refused(tmp_path, text).startswith(
        "line 5: drop: needs `extends: LIBRARY`, the library that it changes"
    )


def test_a_library_of_nothing_is_none(tmp_path: Path) -> None:
    """At least one control has to be left."""
    ids = ", ".join(control.control_id for control in BASE.controls)
    text = f"version: x\nextends: controls-v1\ndrop: [{ids}]\n"
    assert refused(tmp_path, text).startswith("line 3: drop: drops every control")
