"""What an organisation decides for all its agents: which models, tools and places, for how long.

Controls ask for these by name, and the values stand in `investigator.toml` or in a library. What
nobody decided is absent, and a control that needs it is not applicable: "not configured".
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import Field, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from investigator.controls.closed import Closed

_KEY = "parameter"
"""`{parameter: NAME}` stands for a value that the organisation decides."""

_Name = Annotated[str, Field(min_length=1)]
_Names = Annotated[tuple[_Name, ...], Field(min_length=1)]


class ControlParameters(Closed):
    """The values; None: not configured. In names, `*` stands for any text."""

    approved_models: _Names | None = Field(
        default=None, description="Models that may be called, by name or as PROVIDER/NAME."
    )
    pinned_models: _Names | None = Field(
        default=None, description="Models that never change, though their names carry no version."
    )
    allowed_tools: _Names | None = Field(default=None, description="Tools that may be called.")
    allowed_destinations: _Names | None = Field(
        default=None,
        description="Parts of addresses that data may always go to, such as `@example.com`.",
    )
    prompt_versions: _Names | None = Field(
        default=None, description="Versions of prompts that may be used; `*` for any."
    )
    releases: _Names | None = Field(
        default=None, description="Releases of the agent that may run; `*` for any."
    )
    required_guardrails: _Names | None = Field(
        default=None, description="Guardrails that each run needs, by the names of their spans."
    )
    retention_days: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="How long anything may be kept."
    )

    def value(self, name: str) -> Any:
        """The value of a parameter as a library writes it; None: not configured."""
        found = getattr(self, name)
        return list(found) if isinstance(found, tuple) else found

    def over(self, other: ControlParameters) -> ControlParameters:
        """These, and what only the other has."""
        return other.model_copy(update=self.model_dump(exclude_none=True))


NOTHING_CONFIGURED = ControlParameters()
_NAMES = ("*",)
SAMPLE_PARAMETERS = ControlParameters(
    approved_models=_NAMES,
    pinned_models=_NAMES,
    allowed_tools=_NAMES,
    allowed_destinations=_NAMES,
    prompt_versions=_NAMES,
    releases=_NAMES,
    required_guardrails=_NAMES,
    retention_days=1.0,
)
"""A value for each parameter: whether a check takes its kind is known before it is configured."""


def require_parameter(name: object) -> str:
    """The name, if there is a parameter of that name.

    Raises:
        ValueError: there is none; the message has the near one.
    """
    names = list(ControlParameters.model_fields)
    if not isinstance(name, str) or name not in names:
        near = get_close_matches(str(name), names, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(names)}"
        raise ValueError(f"no parameter '{name}'; {hint}")
    return name


UNDER_PARAMETERS = "parameters"
"""Where a library's parameters stand in the context in which its controls are validated."""


def parameters_in(context: Any) -> ControlParameters:
    """The parameters of the library that is being validated; none outside of one."""
    found = context.get(UNDER_PARAMETERS) if isinstance(context, Mapping) else None
    return found if isinstance(found, ControlParameters) else NOTHING_CONFIGURED


def parameter_of(value: Any) -> str | None:
    """The parameter that a value in `params` stands for; None where it is a value itself.

    Raises:
        PydanticCustomError: it names a parameter that there is not.
    """
    if not (isinstance(value, Mapping) and set(value) == {_KEY}):
        return None
    try:
        return require_parameter(value[_KEY])
    except ValueError as error:
        raise PydanticCustomError("parameter", "{told}", {"told": str(error)}) from error


def with_values(params: Mapping[str, Any], parameters: ControlParameters) -> dict[str, Any]:
    """The params with the values of the parameters that they name; what is not configured is out.

    Raises:
        ValidationError: a parameter that there is not, at the key that names it.
    """
    found = {}
    for key, value in params.items():
        try:
            name = parameter_of(value)
        except PydanticCustomError as error:
            details = InitErrorDetails(type=error, loc=(key,), input=value)
            raise ValidationError.from_exception_data("params", [details]) from None
        given = value if name is None else parameters.value(name)
        if name is None or given is not None:
            found[key] = given
    return found


def not_configured(params: Mapping[str, Any], parameters: ControlParameters) -> dict[str, str]:
    """The parameters without a value that the params name, by key."""
    named = {key: parameter_of(value) for key, value in params.items()}
    return {k: name for k, name in named.items() if name and parameters.value(name) is None}
