"""A control is data: what it asks, how severe a breach is, when it applies, what shows it.

A library is a versioned list of controls. What does not hold together is refused when it is
read, with the field; `investigator.controls.library` adds the line.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cached_property
from typing import Any

from pydantic import (
    Field,
    PrivateAttr,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from investigator.controls.checking import Check, Params
from investigator.controls.checks import known_checks
from investigator.controls.closed import Closed
from investigator.controls.conditions.answers import Condition
from investigator.controls.conditions.any_condition import AnyCondition
from investigator.controls.parameters import (
    NOTHING_CONFIGURED,
    SAMPLE_PARAMETERS,
    UNDER_PARAMETERS,
    ControlParameters,
    not_configured,
    parameters_in,
    with_values,
)
from investigator.controls.required_evidence import RequiredEvidence
from investigator.controls.terms import Severity
from investigator.ground.canonical_json import sha256_text
from investigator.ground.placeholders import require_placeholders


class Reference(Closed):
    """A public standard that asks for the control, and the edition that is meant.

    `confirm`: the place in that edition should be confirmed by a person before it is relied on.
    """

    standard: str = Field(min_length=1)
    edition: str = Field(min_length=1)
    section: str = Field(min_length=1)
    title: str | None = None
    note: str | None = None
    confirm: bool = False


class QuotedSource(Closed):
    """Where a control comes from: a sentence of a policy's text, word for word."""

    document: str = Field(min_length=1)
    line: int = Field(ge=1)
    quote: str = Field(min_length=1)

    def __str__(self) -> str:
        return f"{self.document}, line {self.line}: “{self.quote}”"


class CodeCheck(Closed):
    """A check by its name, with parameters of that check's own form.

    In place of a value, `{parameter: NAME}` stands for what the library's organisation configured.
    """

    name: str
    params: dict[str, Any] = Field(default_factory=dict, validate_default=True)
    _parameters: ControlParameters = PrivateAttr(default=NOTHING_CONFIGURED)

    def model_post_init(self, context: Any) -> None:
        """Keep the parameters of the library that the check is of."""
        self._parameters = parameters_in(context)

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in known_checks():
            near = get_close_matches(name, known_checks(), 1)
            known = ", ".join(sorted(known_checks()))
            hint = f"did you mean {near[0]}? There are: {known}" if near else f"there are: {known}"
            raise ValueError(f"no check '{name}'; {hint}")
        return name

    @field_validator("params")
    @classmethod
    def _fit_the_check(cls, params: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if "name" in info.data:
            whole = parameters_in(info.context).over(SAMPLE_PARAMETERS)
            known_checks()[info.data["name"]].params.model_validate(with_values(params, whole))
        return params

    @cached_property
    def known(self) -> Check[Any]:
        """The check itself."""
        return known_checks()[self.name]

    @cached_property
    def ready(self) -> Params:
        """What the check is given, in its own form; made once, though asked of every trace."""
        params: Params = self.known.params.model_validate(self.given)
        return params

    @cached_property
    def given(self) -> dict[str, Any]:
        """The params with the values of the parameters that they name."""
        return with_values(self.params, self._parameters)

    @cached_property
    def unset(self) -> dict[str, str]:
        """The parameters without a value that the params name, by key."""
        return not_configured(self.params, self._parameters)

    @cached_property
    def lacking(self) -> tuple[str, ...]:
        """Those of them without which the check cannot run."""
        keys = _lacking(self.params, self.given, self.known.params)
        return tuple(self.unset[key] for key in keys)


def _lacking(params: dict[str, Any], given: dict[str, Any], known: type[Params]) -> list[str]:
    """The keys without a value that the check needs and that a parameter would give."""
    needed = (name for name, field in known.model_fields.items() if field.is_required())
    return [name for name in needed if name in params and name not in given]


class ModelCheck(Closed):
    """A question that a model judges."""

    question: str = Field(min_length=1)


class CheckSpec(Closed):
    """What judges a control: code, a model, or both."""

    code: CodeCheck | None = None
    model: ModelCheck | None = None

    @model_validator(mode="after")
    def _one_at_least(self) -> CheckSpec:
        if self.code is None and self.model is None:
            raise ValueError("a check has code, model or both")
        return self


class Control(Closed):
    """One thing asked of an agent. `remediation_template` may name `{trace_id}`, `{span_id}`."""

    control_id: str = Field(pattern=r"^[a-z0-9]+([._-][a-z0-9]+)*$")
    title: str = Field(min_length=1)
    description: str = Field(min_length=1)
    severity: Severity
    applies_when: AnyCondition
    required_evidence: tuple[RequiredEvidence, ...]
    check: CheckSpec
    remediation_template: str = Field(min_length=1)
    references: tuple[Reference, ...] = ()
    source: QuotedSource | None = None

    @property
    def not_configured(self) -> tuple[str, ...]:
        """The parameters without a value that it names."""
        code = () if self.check.code is None else self.check.code.unset.values()
        return tuple(sorted({*self.applies_when.lacking, *code}))

    @field_validator("applies_when")
    @classmethod
    def _of_the_whole_trace(cls, condition: Condition) -> Condition:
        for path in condition.operands():
            raise ValueError(f"{path!r}: there is no call and no record to look into here")
        return condition

    @field_validator("remediation_template")
    @classmethod
    def _known_placeholders(cls, template: str) -> str:
        return require_placeholders(template, ("trace_id", "span_id"))

    def remediation(self, *, trace_id: str, span_id: str) -> str:
        """What to do about a breach at `span_id`."""
        return self.remediation_template.format(trace_id=trace_id, span_id=span_id)


_CONTROLS: TypeAdapter[tuple[Control, ...]] = TypeAdapter(tuple[Control, ...])


class ControlLibrary(Closed):
    """A versioned list of controls, in the order of the file, under what is configured."""

    version: str = Field(min_length=1)
    description: str = Field(min_length=1)
    parameters: ControlParameters = NOTHING_CONFIGURED
    controls: tuple[Control, ...] = Field(min_length=1)

    @field_validator("controls", mode="before")
    @classmethod
    def _under_its_parameters(cls, controls: Any, info: ValidationInfo) -> Any:
        """The controls as they are under what is configured; the parameters were read before."""
        context = {UNDER_PARAMETERS: info.data.get("parameters", NOTHING_CONFIGURED)}
        return _CONTROLS.validate_python(controls, context=context)

    @field_validator("controls")
    @classmethod
    def _ids_are_unique(cls, controls: tuple[Control, ...]) -> tuple[Control, ...]:
        first: dict[str, int] = {}
        for index, control in enumerate(controls):
            first.setdefault(control.control_id, index)
        twice = [
            InitErrorDetails(
                type=PydanticCustomError(
                    "id_twice", "controls.{first} has this id; give each its own", {"first": where}
                ),
                loc=(index, "control_id"),
                input=control.control_id,
            )
            for index, control in enumerate(controls)
            if (where := first[control.control_id]) != index
        ]
        if twice:
            raise ValidationError.from_exception_data("controls", twice)
        return controls

    @cached_property
    def ordered(self) -> tuple[Control, ...]:
        """The controls by severity, most severe first, then by id."""
        grave = list(Severity)
        return tuple(sorted(self.controls, key=lambda c: (grave.index(c.severity), c.control_id)))

    @property
    def not_configured(self) -> tuple[str, ...]:
        """The parameters without a value that its controls name."""
        return tuple(sorted({name for one in self.controls for name in one.not_configured}))

    @cached_property
    def _by_id(self) -> dict[str, Control]:
        return {control.control_id: control for control in self.controls}

    def get(self, control_id: str) -> Control | None:
        """The control of that id; None where there is none."""
        return self._by_id.get(control_id)

    def configured(self, parameters: ControlParameters) -> ControlLibrary:
        """The library under these parameters too; what it says itself comes first."""
        together = self.parameters.over(parameters)
        if together == self.parameters:
            return self
        return type(self).model_validate(
            {**self.model_dump(by_alias=True), "parameters": together.model_dump()}
        )

    def __hash__(self) -> int:
        return hash(self.content_hash)

    @cached_property
    def content_hash(self) -> str:
        """sha256 of all that it says; a run is not continued under another."""
        return sha256_text(self.model_dump_json())
