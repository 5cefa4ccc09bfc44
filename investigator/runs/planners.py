"""Who decides in a run: rules, a model, or rules that open scopes in which a model decides.

The choice is data that a run keeps in its journal, so that it goes on, and is replayed, under
the same. It names the environment variable of a key, never the key. Whatever asks a model is
imported when one is named: rules start without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from investigator.errors import UsageError
from investigator.ground.redaction import Redactor
from investigator.inspection.engine import Prepared
from investigator.model_planner.fence import Asking
from investigator.runtime.budget import Budget
from investigator.runtime.deciders import Deciders, one_planner
from investigator.runtime.events import OpenedScope
from investigator.runtime.llm_settings import ModelSettings

if TYPE_CHECKING:
    from investigator.model_planner.model_planner import Model, ModelPlanner


class PlannerChoice(BaseModel):
    """Who decides. A model is needed for all but rules.

    `cheaper` are models to ask where `model`, the strongest, cannot be afforded any more, from
    strong to cheap.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    planner: Literal["rules", "model", "hybrid"] = "rules"
    """`rules` (no model), `model` (asked every turn), or `hybrid` (rules open scopes, the model
    decides in them)."""
    model: ModelSettings | None = None
    cheaper: tuple[ModelSettings, ...] = ()

    @property
    def models(self) -> tuple[ModelSettings, ...]:
        """All that may be asked, the strongest first; none for rules."""
        return () if self.model is None else (self.model, *self.cheaper)

    @model_validator(mode="after")
    def _model_is_named(self) -> PlannerChoice:
        if self.planner != "rules" and self.model is None:
            raise ValueError(f"the planner '{self.planner}' needs a model (--model)")
        if self.models and "planner" not in self.model_fields_set:
            raise ValueError(
                "a model is named, and rules decide, which ask none: add planner='hybrid' (rules, "
                "and the model in what they leave open) or planner='model'"
            )
        return self


RULES = PlannerChoice()


def require_providers(choice: PlannerChoice) -> None:
    """Raise `UsageError` for a model of a provider that there is not, with its place."""
    if not choice.models:
        return
    from investigator.runtime.providers import providers

    for number, settings in enumerate(choice.models):
        if settings.provider not in providers():
            place = f"cheaper.{number - 1}" if number else "model"
            raise UsageError(
                f"{place}.provider: no model provider '{settings.provider}'; there are: "
                f"{', '.join(providers())} (a plug-in that brought it may be missing or left out)"
            )


def require_price(choice: PlannerChoice, budget: Budget) -> None:
    """Raise `UsageError` for a cost limit that could not be kept: a model's price is unknown."""
    if budget.cost_usd is None or not choice.models:
        return
    from investigator.runtime.prices import price_of

    for settings in choice.models:
        if price_of(settings)(1, 1) is None:
            raise UsageError(
                f"the price of {settings.model} is not known, so the cost limit of "
                f"{budget.cost_usd:g} USD cannot be kept; say whose it has (price_as) or give it "
                "(price_in_per_mtok and price_out_per_mtok) under [model] in investigator.toml, "
                "or no --max-cost-usd"
            )


def ready(choice: PlannerChoice) -> PlannerChoice:
    """The choice with each model's settings as it will be asked; a model has to be within reach.

    Raises:
        UsageError: a model's provider, package or key is missing.
    """
    require_providers(choice)
    if choice.planner == "rules" or choice.model is None:
        return choice
    from investigator.runtime.llm_client import ModelClient

    first, *others = (ModelClient(settings).as_asked() for settings in choice.models)
    return choice.model_copy(update={"model": first, "cheaper": tuple(others)})


def optional_tools(choice: PlannerChoice) -> tuple[str, ...]:
    """The tools that are not there everywhere and are to be offered: code is for models to write.

    What rules decide is the same on every machine, whatever is installed on it.
    """
    if choice.planner == "rules":
        return ()
    from investigator.inspection.code_sandbox import has_sandbox
    from investigator.inspection.code_tool import RUN_CODE

    return (RUN_CODE,) if has_sandbox() else ()


def deciders_for(
    choice: PlannerChoice, prepared: Prepared, redactor: Redactor, asking: Asking
) -> Deciders:
    """Who decides in each scope of a run, by what was chosen."""
    if choice.planner == "rules" or choice.model is None:
        return one_planner(prepared.planner)
    model = _model_planner(choice, prepared, redactor, asking)
    takes_model = prepared.strategy.takes_model
    identity = model.identity.model_copy(update={"planner": choice.planner})
    if choice.planner == "model":
        return Deciders(identity, prepared.planner, model, takes_model, takes_model)
    rules = prepared.beside_model or prepared.planner

    def left_open(scope: OpenedScope) -> bool:
        return takes_model(scope) and _is_opened_by_rules(scope)

    return Deciders(identity, rules, model, left_open, takes_model, stand_in=True)


def _is_opened_by_rules(scope: OpenedScope) -> bool:
    """Whether rules opened the scope for somebody to decide in it: a lead, or the synthesis."""
    return scope.opened_by == "planner" or scope.synthesis


def _model_planner(
    choice: PlannerChoice, prepared: Prepared, redactor: Redactor, asking: Asking
) -> ModelPlanner:
    from investigator.model_planner.model_planner import ModelPlanner

    strategy = prepared.strategy
    strongest, *cheaper = (_model(settings, redactor) for settings in choice.models)
    return ModelPlanner(
        strategy.space,
        strongest,
        guide=strategy.guide,
        finalize_tokens=strategy.finalize_tokens,
        cheaper=cheaper,
        outline_of=prepared.outline_of,
        asking=asking,
    )


def _model(settings: ModelSettings, redactor: Redactor) -> Model:
    from investigator.model_planner.model_planner import Model
    from investigator.model_planner.replies import RedactedReplies
    from investigator.runtime.llm_client import ModelClient, Prompt
    from investigator.runtime.prices import most_of, price_of
    from investigator.runtime.tokens import estimate_tokens

    return Model(
        client=RedactedReplies(ModelClient(settings), redactor),
        prompt=lambda system, user: Prompt(system=system, user=user),
        provider=settings.provider,
        name=settings.model,
        temperature=settings.temperature,
        max_output_tokens=settings.max_output_tokens,
        price=most_of(price_of(settings)),
        estimate=estimate_tokens,
        latency_floor_s=settings.latency_s,
        context_tokens=settings.context_tokens,
        grammar=settings.structured == "grammar",
    )
