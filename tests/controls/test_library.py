"""A control library is read whole or refused with the file, the line, the field and what to do."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
import yaml

from investigator.controls import yaml_lines
from investigator.controls.checks import known_checks
from investigator.controls.library import BUILT_IN_LIBRARIES, MAX_BYTES, load_library, parse_library
from investigator.errors import UsageError

OURS = """\
version: ours-1
description: What we ask.
controls:
  - control_id: ours.calls
    title: Few calls
    description: No run calls too often.
    severity: high
    applies_when: {tool_calls: true}
    required_evidence: [messages]
    check:
      code:
        name: call_limit
        params:
          calls: [search]
          at_most: 3
    remediation_template: Look at {span_id} of {trace_id}.
"""
LIBRARIES = resources.files("investigator.controls") / "libraries"
AGAIN = OURS.partition("controls:\n")[2]


def refusal(text: str) -> str:
    """What is said of a text that is no library."""
    with pytest.raises(UsageError) as told:
        parse_library(text, where="ours.yaml")
    return str(told.value)


def changed(before: str, after: str) -> str:
    """Our library with one thing put differently."""
    assert OURS.count(before) == 1
    return OURS.replace(before, after)


def only_problem(text: str) -> str:
    """The one thing that is wrong with a text, without the name of the file."""
    head, *problems = refusal(text).split("\n  ")
    assert head == "control library ours.yaml:"
    assert len(problems) == 1
    return problems[0]


def test_a_users_yaml_file_loads(tmp_path: Path) -> None:
    """By its path, as text or as a path; a byte order mark is no part of it."""
    path = tmp_path / "ours.yaml"
    path.write_text("\ufeff" + OURS, encoding="utf-8")
    library = load_library(path)
    assert library == load_library(str(path))
    control = library.get("ours.calls")
    assert control is not None
    assert control.check.code is not None
    assert control.check.code.params == {"calls": ["search"], "at_most": 3}
    assert control.remediation(trace_id="t", span_id="s") == "Look at s of t."
    assert library.get("theirs") is None


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_the_same_library_as_json_is_the_same(tmp_path: Path, indent: int | str | None) -> None:
    """JSON loads, however it is indented."""
    path = tmp_path / "ours.json"
    path.write_text(json.dumps(yaml.safe_load(OURS), indent=indent), encoding="utf-8")
    assert load_library(path).content_hash == parse_library(OURS, where="x").content_hash


def test_json_texts_are_read_as_json_writes_them() -> None:
    """Escapes mean what they mean in JSON."""
    text = json.dumps(yaml.safe_load(changed("Few calls", "Few \U0001f600 calls")))
    assert "\\ud83d" in text
    assert parse_library(text, where="x").controls[0].title == "Few \U0001f600 calls"


@pytest.mark.parametrize("name", BUILT_IN_LIBRARIES)
def test_the_built_in_libraries_load_by_name(name: str) -> None:
    """Each begins with the version that its name says."""
    assert load_library(name).version.startswith(name)


def test_a_text_is_parsed_once_a_process(tmp_path: Path) -> None:
    """Whatever file it stands in; other words are another library, in the same file too."""
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    for path in (first, second):
        path.write_text(OURS, encoding="utf-8")
    library = load_library(first)
    assert load_library(second) is library
    stood = first.stat()
    first.write_text(changed("at_most: 3", "at_most: 4"), encoding="utf-8")
    os.utime(first, ns=(stood.st_atime_ns, stood.st_mtime_ns))
    assert load_library(first) != library


def test_a_refusal_names_the_file_that_was_asked_for() -> None:
    """Also where another file of the same text was refused before."""
    text = changed("high", "grave")
    for where in ("a.yaml", "b.yaml"):
        with pytest.raises(UsageError, match=f"^control library {where}:\n  line 7: "):
            parse_library(text, where=where)


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML was built without libyaml")
@pytest.mark.parametrize("name", BUILT_IN_LIBRARIES)
def test_libyaml_and_pythons_parser_find_the_same(name: str) -> None:
    """Values, and the line of each."""
    text = (LIBRARIES / f"{name}.yaml").read_text(encoding="utf-8")
    fast, slow = yaml_lines.read_yaml(text), yaml_lines.read_in_python(text)
    assert fast.content == slow.content
    assert fast.root is not None
    assert slow.root is not None
    paths = list(_paths(fast.content))
    assert len(paths) > 50
    for path in paths:
        assert yaml_lines.line_of(fast.root, path) == yaml_lines.line_of(slow.root, path)


def test_what_is_merged_in_is_told_where_it_stands() -> None:
    """A key of a mapping's own replaces one that is merged in, and is not there twice."""
    merged = OURS.replace("- control_id", "- &one\n    control_id")
    more = "  - <<: *one\n    control_id: ours.more\n    severity: {}\n"
    assert parse_library(merged + more.format("low"), where="x").controls[1].severity == "low"
    told = only_problem(merged + more.format("grave"))
    assert told.startswith("line 20: ours.more, controls.1.severity: Input should be 'critical'")
    told = refusal(merged.replace("high", "grave") + more.format("low")).split("\n  ")[1]
    assert told.startswith("line 8: ours.calls, controls.0.severity: Input should be 'critical'")


def _paths(value: object, above: yaml_lines.Path = ()) -> Iterator[yaml_lines.Path]:
    yield above
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _paths(below, (*above, key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _paths(below, (*above, index))


def test_controls_are_ordered_by_severity_then_id() -> None:
    """The gravest first, whatever the order of the file."""
    asked = [("b", "low"), ("z", "critical"), ("a", "low"), ("c", "info"), ("y", "critical")]
    found = yaml.safe_load(OURS)
    found["controls"] = [
        {**found["controls"][0], "control_id": name, "severity": severity}
        for name, severity in asked
    ]
    library = parse_library(json.dumps(found), where="x")
    assert [control.control_id for control in library.ordered] == ["y", "z", "a", "b", "c"]
    assert [control.control_id for control in library.controls] == [name for name, _ in asked]


def test_the_hash_is_of_what_the_library_says() -> None:
    """Not of how it is written: comments and order of keys make no difference, a word does."""
    same = changed("description: What we ask.\n", "") + "# hm\ndescription: What we ask.\n"
    known = parse_library(OURS, where="x").content_hash
    assert parse_library(same, where="y").content_hash == known
    for before, after in [("at_most: 3", "at_most: 4"), ("Few calls", "Fewer"), ("high", "low")]:
        assert parse_library(changed(before, after), where="x").content_hash != known


def test_an_unknown_check_lists_the_known_ones() -> None:
    """With the line of the name."""
    told = only_problem(changed("name: call_limit", "name: cal_limit"))
    assert told.startswith("line 12: ours.calls, controls.0.check.code.name: no check 'cal_limit'")
    assert all(name in told for name in known_checks())


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (
            "          calls",
            "          per: [a]\n          tool: x\n          calls",
            "line 15: ours.calls, controls.0.check.code.params.tool: no such field",
        ),
        (
            "at_most: 3",
            "at_most: x",
            "line 15: ours.calls, controls.0.check.code.params.at_most: Inp",
        ),
        (
            "          at_most: 3\n",
            "",
            "line 13: ours.calls, controls.0.check.code.params.at_most: is req",
        ),
        ("high", "grave", "line 7: ours.calls, controls.0.severity: Input should be 'critical'"),
        ("    title", "    colour: x\n    title", "line 5: ours.calls, controls.0.colour: no such"),
        ("    title: Few calls\n", "", "line 4: ours.calls, controls.0.title: is required; add it"),
        ("[messages]", "[words]", "line 9: ours.calls, controls.0.required_evidence.0: Input"),
        ("[messages]", "messages", "line 9: ours.calls, controls.0.required_evidence: should be a"),
        ("ours.calls", "Ours!", "line 4: Ours!, controls.0.control_id: String should match"),
        ("ours-1", "1", "line 1: version: should be text; write it in quotes"),
        ("Few calls", "x\n    title: y", "line 6: the key 'title' stands here twice"),
        (AGAIN, "  []\n", "line 3: controls: is empty; it needs one at least"),
        ("{span_id}", "{user}", "line 16: ours.calls, controls.0.remediation_template: unknown"),
        ("{span_id}", "{span_id:9d}", "line 16: ours.calls, controls.0.remediation_template: unk"),
        ("{span_id}", "{span_id", "line 16: ours.calls, controls.0.remediation_template: not a t"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_field(before: str, after: str, told: str) -> None:
    """And with the control, where it has an id."""
    assert only_problem(changed(before, after)).startswith(told)


def test_a_check_without_the_parameters_that_it_needs_is_refused() -> None:
    """Each that is lacking is told at the check."""
    told = refusal(changed(OURS[OURS.index("        params:") : OURS.index("    remed")], ""))
    assert told.split("\n  ")[1:] == [
        f"line 11: ours.calls, controls.0.check.code.params.{name}: is required; add it"
        for name in ("calls", "at_most")
    ]


def test_an_id_that_is_taken_is_told_where_it_stands_again() -> None:
    """And where it stands first."""
    told = only_problem(OURS + AGAIN)
    assert told == (
        "line 17: ours.calls, controls.1.control_id: controls.0 has this id; give each its own"
    )


@pytest.mark.parametrize(
    ("predicate", "field", "told"),
    [
        ('{tool_name: "(?=a)"}', ".tool_name", "'(?=a)' isn't a valid RE2 pattern"),
        ("{always: true, tool_calls: true}", "", "write a mapping with exactly one of: always"),
        ("{any_of: [{always: true}, {x: 1}]}", ".any_of.1", "write a mapping with exactly one of"),
        ("{any_of: [{tol_calls: true}]}", ".any_of.0", "no 'tol_calls' here; did you mean tool_c"),
        ("{not: {not: {tool_name: '('}}}", ".not.not.tool_name", "'(' isn't a valid RE2 pattern"),
        ("{all_of: []}", ".all_of", "is empty; it needs one at least"),
        ("{tool_calls: true, toolname: x}", ".toolname", "no such field here"),
        ("{said_by_user: ''}", ".said_by_user", "String should have at least 1 character"),
        ("{given: call.x}", "", "'call.x': there is no call and no record to look into here"),
        ("{not: {value: a.b, equals: 1}}", "", "'a.b': there is no call and no record to look"),
        ("{}", "", "write a mapping with exactly one of: always"),
        ("often", "", "write a mapping with exactly one of: always"),
    ],
)
def test_a_condition_is_one_key_that_is_known(predicate: str, field: str, told: str) -> None:
    """The field is named as the file writes it."""
    problem = only_problem(changed("{tool_calls: true}", predicate))
    assert problem.startswith(f"line 8: ours.calls, controls.0.applies_when{field}: {told}")


@pytest.mark.parametrize(
    ("require", "field", "told"),
    [
        ("{value: call.x, equals: [1]}", ".equals", "is no single value; write text (in quotes)"),
        ("{value: call.x, equals: 2024-05-17}", ".equals", "is a date; write text (in quotes)"),
        ("{value: call.x, at_most: true}", ".at_most", "an amount is a number, a path, or one of"),
        ("{value: call.x, at_most: {sums: [1]}}", ".at_most", "no 'sums' here; did you mean sum?"),
        ("{value: call.x, at_most: {sum: []}}", ".at_most.sum", "is empty; it needs one at least"),
        ("{value: call.x, eqals: 1}", "", "no 'eqals' here; did you mean equals?"),
        ("{equals: 1}", ".value", "is required; add it"),
        ("{value: call..x, equals: 1}", ".value", "'call..x' is no path; write call.ARGUMENT"),
    ],
)
def test_a_condition_that_is_wrong_is_told_at_its_field(
    require: str, field: str, told: str
) -> None:
    """Where the file writes it, with one line each, and the name that was meant."""
    rule = f"name: call_rule\n        params:\n          calls: [a]\n          require: {require}\n"
    at = OURS.index("name: call_limit")
    problem = only_problem(OURS[:at] + rule + OURS[OURS.index("    remediation") :])
    place = f"line 15: ours.calls, controls.0.check.code.params.require{field}: "
    assert problem.startswith(place + told)


@pytest.mark.parametrize(
    "deep",
    [
        "{not: " * 3_000 + "{always: true}" + "}" * 3_000,
        "&a {not: *a}",
    ],
    ids=["deep", "round"],
)
def test_conditions_that_are_nested_without_end_are_refused(deep: str) -> None:
    """In one line, whatever reads them."""
    told = refusal(changed("{tool_calls: true}", deep))
    assert told == "control library ours.yaml is nested too deeply to be one"


def test_several_problems_are_told_at_once() -> None:
    """Five at most, with how many more there are."""
    lines = refusal("".join(f"field_{i}: x\n" for i in range(9))).split("\n  ")
    assert lines[0] == "control library ours.yaml:"
    assert len(lines) == 7
    assert lines[-1] == "and 7 more"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "ours.yaml is empty; it needs version, description and controls"),
        ("# nothing yet\n", "ours.yaml is empty; it needs version, description and controls"),
        ("\n- a\n- b\n", "ours.yaml, line 2: it holds a list, not a mapping"),
        ("words", "ours.yaml, line 1: it holds a single value, not a mapping"),
        ("a: [1\nb: 2", "ours.yaml is not YAML or JSON: line 2, column 2: "),
        ('{"a": 1,\n "b" 2}', "ours.yaml is not YAML or JSON: line 2, column 6: "),
        ("a: 1\n\tb: 2", "ours.yaml is not YAML or JSON: line 2, column 1: "),
        ("a: 1\nb: \x00", "ours.yaml is not YAML or JSON: line 2, column 4: character #x0000"),
        ("a: 1\n--- \nb: 2", "ours.yaml is not YAML or JSON: line 2, column 1: "),
        ("a: !!python/name:os.system x", "ours.yaml is not YAML or JSON: line 1, column 4: "),
        ("[" * 20_000, "ours.yaml is nested too deeply"),
        ("- " * 20_000 + "a", "ours.yaml is nested too deeply"),
        ("a: " + "{b: " * 20_000, "ours.yaml is nested too deeply"),
        (
            "&a\nversion: *a\ndescription: x\ncontrols: [*a]",
            "ours.yaml:\n  line 2: version: should",
        ),
    ],
)
def test_a_text_that_is_no_library_is_refused(text: str, told: str) -> None:
    """With the place where it stops being one."""
    assert refusal(text).startswith(f"control library {told}")


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Not UTF-8, too large, a folder, a name that no file can have."""
    latin, large = tmp_path / "latin.yaml", tmp_path / "large.yaml"
    latin.write_bytes(OURS.encode() + "# für\n".encode("latin-1"))
    large.write_bytes(b"#" * (MAX_BYTES + 1))
    for path, told in [
        (latin, f"control library {latin}, line 17: a byte that is not UTF-8; save the file as"),
        (large, f"control library {large} is too large: 4,194,305 bytes, above the limit of"),
        (tmp_path, f"no control library '{tmp_path}': it is neither a built-in one"),
        (Path("x" * 5_000), "control library xxx"),
    ]:
        with pytest.raises(UsageError) as error:
            load_library(path)
        assert str(error.value).startswith(told)


def test_a_name_that_is_not_known_lists_the_built_in_ones() -> None:
    """So that a typo is seen at once."""
    with pytest.raises(
        UsageError, match=r"controls-v9.*neither a built-in one \(.*\) nor a file"
    ) as e:
        load_library("controls-v9")
    assert all(name in str(e.value) for name in BUILT_IN_LIBRARIES)
