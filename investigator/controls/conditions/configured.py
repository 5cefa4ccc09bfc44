"""Whether the organisation has configured what a control is to be judged by."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr

from investigator.controls.conditions.answers import Condition, ConditionResult
from investigator.controls.conditions.call_facts import CallFacts
from investigator.controls.parameters import (
    NOTHING_CONFIGURED,
    ControlParameters,
    parameters_in,
    require_parameter,
)


def _several(raw: object) -> object:
    return (raw,) if isinstance(raw, str) else raw


ParameterNames = Annotated[
    tuple[Annotated[str, AfterValidator(require_parameter)], ...],
    BeforeValidator(_several),
    Field(min_length=1),
]
"""One parameter or several."""


class Configured(Condition):
    """These parameters have values, in the library or in what was configured beside it."""

    configured: ParameterNames
    _parameters: ControlParameters = PrivateAttr(default=NOTHING_CONFIGURED)

    def model_post_init(self, context: Any) -> None:
        """Keep the parameters of the library that the condition is of."""
        self._parameters = parameters_in(context)

    @property
    def lacking(self) -> tuple[str, ...]:
        return tuple(name for name in self.configured if self._parameters.value(name) is None)

    def ask(self, facts: CallFacts) -> ConditionResult:
        if self.lacking and not facts.as_configured:
            return ConditionResult(False, f"not configured: {', '.join(self.lacking)}")
        return ConditionResult(True, f"{', '.join(self.configured)} configured")
