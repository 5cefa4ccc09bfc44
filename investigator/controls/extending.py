"""A library that extends another says only what is different: it adds, drops and changes controls.

    version: ours-2026
    extends: controls-v1
    parameters: {approved_models: [gpt-4o-2024-08-06]}
    drop: [control.operations.budget]
    change:
      control.output.declared_format: {severity: high}
      control.operations.bounded_retries: {params: {same_call: 2}}
    controls: []

What is changed is checked as what is written anew, and refused at the line of the change. The
result is a library like any other: nothing else knows that it was made of two.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from pydantic import Field, ValidationError, model_validator

from investigator.controls.closed import Closed
from investigator.controls.library_text import LibraryText, refused_for, too_deep
from investigator.controls.model import Control, ControlLibrary
from investigator.controls.parameters import NOTHING_CONFIGURED, ControlParameters
from investigator.controls.terms import Severity
from investigator.controls.yaml_lines import Path


class ControlChange(Closed):
    """What is different of a control: how severe a breach is, and parameters of its check."""

    severity: Severity | None = None
    params: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _changes_something(self) -> ControlChange:
        if self.severity is None and not self.params:
            raise ValueError("changes nothing; give a severity or params, or drop the control")
        return self


class Extension(Closed):
    """What a file says of the library that it extends; the controls are those that it adds."""

    version: str = Field(min_length=1)
    description: str | None = Field(default=None, min_length=1)
    extends: str = Field(min_length=1)
    parameters: ControlParameters = NOTHING_CONFIGURED
    drop: tuple[str, ...] = ()
    change: dict[str, ControlChange] = Field(default_factory=dict)
    controls: tuple[Any, ...] = ()


def extension_in(text: LibraryText) -> Extension:
    """What a text says of the library that it extends.

    Raises:
        NoLibrary: it does not hold together.
    """
    try:
        return Extension.model_validate(text.content)
    except ValidationError as error:
        raise text.refusals(error) from error


def extended(base: ControlLibrary, text: LibraryText) -> ControlLibrary:
    """The library that a text makes of another.

    Raises:
        NoLibrary: the text names a control that there is not, adds one that there is, or changes
            one to what its check does not take.
    """
    own = extension_in(text)
    if not own.controls and {control.control_id for control in base.controls} <= set(own.drop):
        raise text.refusal(("drop",), "drops every control; one at least has to be left")
    misnamed = [text.problem(path, message) for path, message in _misnamed(base, own)]
    kept = [c for c in base.controls if c.control_id not in own.drop]
    places: list[Path] = [("change", control.control_id) for control in kept]
    places += [("controls", number) for number in range(len(own.controls))]
    content = {
        "version": own.version,
        "description": own.description or base.description,
        "parameters": own.parameters.over(base.parameters).model_dump(),
        "controls": [
            *(_changed(c, own.change.get(c.control_id)) for c in kept),
            *own.controls,
        ],
    }
    try:
        made = ControlLibrary.model_validate(content)
    except ValidationError as error:
        wrong = text.refusals(error, lambda path: _place(path, places))
        raise refused_for([*misnamed, *wrong.problems]) from error
    except RecursionError as error:
        raise too_deep() from error
    if misnamed:
        raise refused_for(misnamed)
    return made


def _changed(control: Control, change: ControlChange | None) -> dict[str, Any]:
    """A control of the base as the file has it."""
    told = control.model_dump(mode="json", by_alias=True)
    if change is None:
        return told
    if change.severity is not None:
        told["severity"] = change.severity
    if change.params and told["check"]["code"] is not None:
        told["check"]["code"]["params"] |= change.params
    return told


def _place(path: Path, places: list[Path]) -> Path:
    """Where in the text something stands of a control of the result."""
    if len(path) < 2 or path[0] != "controls" or not isinstance(path[1], int):
        return path
    own = places[path[1]]
    below = path[2:]
    if own[0] == "change" and below[:3] == ("check", "code", "params"):
        return (*own, *below[2:])
    return (*own, *below)


def _misnamed(base: ControlLibrary, own: Extension) -> Iterator[tuple[Path, str]]:
    """Ids that the base does not have, and additions that it has."""
    yield from _unknown(base, own)
    yield from _clashing(base, own)


def _unknown(base: ControlLibrary, own: Extension) -> Iterator[tuple[Path, str]]:
    named: list[tuple[Path, str]] = [(("drop", n), one) for n, one in enumerate(own.drop)]
    named += [(("change", one), one) for one in own.change]
    for path, control_id in named:
        control = base.get(control_id)
        if control is None:
            yield path, no_control(base, control_id)
        elif path[0] == "change" and control_id in own.drop:
            yield path, "is dropped by this file as well; do one of the two"
        elif path[0] == "change" and own.change[control_id].params and control.check.code is None:
            yield (*path, "params"), "the control has no check in code that takes parameters"


def _clashing(base: ControlLibrary, own: Extension) -> Iterator[tuple[Path, str]]:
    for number, control in enumerate(own.controls):
        control_id = control.get("control_id") if isinstance(control, dict) else None
        if isinstance(control_id, str) and base.get(control_id) and control_id not in own.drop:
            yield (
                ("controls", number, "control_id"),
                f"{base.version} has this control; change it under `change:`, or drop it as well",
            )


def no_control(library: ControlLibrary, control_id: str) -> str:
    """What is said of an id that a library does not have."""
    known = sorted(control.control_id for control in library.controls)
    near = get_close_matches(control_id, known, 1)
    meant = f"did you mean {near[0]}?" if near else f"it has: {', '.join(known)}"
    return f"no control '{control_id}' in {library.version}; {meant}"
