"""A taxonomy is data that holds together, or it is refused with the place and the reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from investigator.errors import UsageError
from investigator.rca.report import Label
from investigator.rca.taxonomy import BUILT_IN_TAXONOMIES, load_taxonomy
from investigator.readings.faults import Fault


@pytest.mark.parametrize("name", BUILT_IN_TAXONOMIES)
def test_the_built_in_taxonomies_place_every_fault(name: str) -> None:
    """Every fault has a category, and every category a label."""
    taxonomy = load_taxonomy(name)
    assert taxonomy.name == name
    for fault in Fault:
        category = taxonomy.category_of(fault)
        assert category.label in Label


def test_the_default_categories_are_the_five_labels() -> None:
    """In the default taxonomy a category is its label."""
    categories = load_taxonomy("default").categories
    assert [category.id for category in categories] == [label.value for label in Label]


def test_spellings_of_one_category_are_one() -> None:
    """Aliases lead to the category."""
    trail = load_taxonomy("trail")
    assert trail.category("Context Handling Failure") is trail.category("Context Handling Failures")
    assert trail.category("no such") is None


def _own(tmp_path: Path, **changes: object) -> Path:
    content = load_taxonomy("default").model_dump(mode="json") | {"name": "mine"} | changes
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_a_taxonomy_of_ones_own_is_read_from_yaml_or_json(tmp_path: Path) -> None:
    """JSON is YAML."""
    assert load_taxonomy(_own(tmp_path)).name == "mine"
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(load_taxonomy("trail").model_dump(mode="json")), encoding="utf-8")
    assert load_taxonomy(str(path)).name == "trail"


def test_no_such_taxonomy_names_the_ones_there_are() -> None:
    """What was asked, what there is."""
    with pytest.raises(UsageError, match=r"no taxonomy 'mine'.*default, trail, mast, agentrx"):
        load_taxonomy("mine")


def test_a_yaml_error_names_its_line(tmp_path: Path) -> None:
    """The line is counted from 1."""
    path = tmp_path / "broken.yaml"
    path.write_text("name: x\nversion: [1\nfoo: bar\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"broken\.yaml.*line 3"):
        load_taxonomy(path)


def test_faults_that_a_taxonomy_does_not_name_have_its_default(tmp_path: Path) -> None:
    """So a file of a user's own need not list them all."""
    own = load_taxonomy(_own(tmp_path, faults={}, default="tool_failure"))
    assert {own.category_of(fault).id for fault in Fault} == {"tool_failure"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"faults": {}, "default": None}, "no category for"),
        ({"default": "odd"}, "default: 'odd' names no category"),
        ({"surprise": 1}, "surprise"),
        ({"categories": []}, "categories"),
        ({"version": None}, "version"),
    ],
)
def test_what_does_not_hold_together_is_refused(
    tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    """The field and the reason are named."""
    with pytest.raises(UsageError, match=reason):
        load_taxonomy(_own(tmp_path, **changes))


def test_a_remedy_may_name_nothing_unknown(tmp_path: Path) -> None:
    """A placeholder that nothing fills would break in the middle of a report."""
    category = load_taxonomy("default").categories[0].model_dump(mode="json")
    changed = [category | {"remediation": "ask {who}"}]
    with pytest.raises(UsageError, match=r"categories\.0\.remediation.*\{who\}"):
        load_taxonomy(_own(tmp_path, categories=changed))


@pytest.mark.parametrize("text", ["", "just text", "- a\n- b\n"])
def test_a_file_that_holds_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    """Empty files and lists are no taxonomies."""
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="isn't a mapping"):
        load_taxonomy(path)


def test_the_documented_taxonomy_holds_together(tmp_path: Path) -> None:
    """What the page shows is read as it stands."""
    page = (Path(__file__).parents[2] / "docs" / "taxonomies.md").read_text(encoding="utf-8")
    path = tmp_path / "own.yaml"
    path.write_text(page.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    own = load_taxonomy(path)
    assert own.category_of(Fault.SCHEMA_MISMATCH).id == "bad data"
    assert own.category_of(Fault.TIMEOUT).id == "wrong order"
