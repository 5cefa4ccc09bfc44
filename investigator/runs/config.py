r"""`investigator.toml`: what a team decides once, for every run. Flags come before it.

    [planner]
    planner = "hybrid"

    [model]
    model = "gpt-4o-mini"
    api_key_env = "OPENAI_API_KEY"

    [[cheaper]]                  # asked when the one before can no longer be afforded
    model = "gpt-4.1-nano"

    [budget.incident]
    wall_time_s = 600

    [redaction]
    patterns = { customer = 'CUST-\d+' }

    [controls]                   # what controls are judged by
    approved_models = ["gpt-4o-2024-08-06", "anthropic/*"]

    [sources]                    # what `investigator mcp` serves, by name
    shop = "phoenix://localhost:6006/shop"

Every part may be left out. What is not understood is refused with the file and the field.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from investigator.controls.parameters import NOTHING_CONFIGURED, ControlParameters
from investigator.errors import UsageError
from investigator.ground import lazy_re2 as re2
from investigator.ground.near_names import did_you_mean
from investigator.ground.own_patterns import OwnPatterns
from investigator.ground.redaction import Redactor
from investigator.ground.sensitive import OPTIONAL
from investigator.ground.toml_lines import line_of_key
from investigator.inspection.engine import FromConfig, Question
from investigator.runs.engines import engine_named
from investigator.runtime.budget import Budget
from investigator.runtime.llm_settings import ModelSettings

FILE_NAME = "investigator.toml"
_KEY = re2.compile(r"(?i)^(?:api_?)?(?:key|token|secret|password)$|^(?:auth|authorization|bearer)$")
"""Names under which somebody would put a key."""

QuestionT = TypeVar("QuestionT", bound=Question[Any])


class Redaction(BaseModel):
    """What is redacted besides the common secrets and personal data."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    patterns: OwnPatterns = Field(default_factory=dict)
    """RE2 patterns of your own, by name: `{ customer = 'CUST-\\d+' }`."""
    kinds: tuple[Literal["ip_address"], ...] = ()
    """Kinds that are redacted on request only."""

    @property
    def redact(self) -> dict[str, str]:
        """All of them as patterns by name."""
        return {**{name: OPTIONAL[name].pattern for name in self.kinds}, **self.patterns}


class Config(BaseModel):
    """The file; models and `planner` are checked where a planner is made of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    planner: Mapping[Literal["planner"], str] = Field(default_factory=dict)
    model: Mapping[str, Any] = Field(default_factory=dict)
    cheaper: tuple[Mapping[str, Any], ...] = ()
    budget: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)
    redaction: Redaction = Redaction()
    controls: ControlParameters = NOTHING_CONFIGURED
    sources: Mapping[str, str] = Field(default_factory=dict)

    def added_to(self, question: QuestionT) -> QuestionT:
        """The question with what the file says of those of its fields that are no options."""
        told = {
            name: getattr(self, mark.table)
            for name, field in type(question).model_fields.items()
            for mark in field.metadata
            if isinstance(mark, FromConfig)
        }
        return question.model_copy(update=told)

    def budget_for(self, engine: str) -> Budget:
        """The engine's default budget with what the file says of it."""
        default = engine_named(engine).default_budget
        return Budget.model_validate(default.model_dump() | dict(self.budget.get(engine, {})))


def load_config(path: Path | None) -> Config:
    """The file at `path`, or `investigator.toml` in this folder; empty where there is none.

    Raises:
        UsageError: a file that was named is not there, or it does not hold together.
    """
    file = Path(FILE_NAME) if path is None else path
    if path is None and not file.is_file():
        return Config()
    try:
        text = file.read_text(encoding="utf-8")
        content = tomllib.loads(text)
        _check_names(content, text, file)
        config = Config.model_validate(content)
        _check_budgets(config, file)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file} is not TOML: {error}") from error
    except ValidationError as error:
        told = error.errors()[0]
        place = ".".join(map(str, told["loc"]))
        said = told["msg"].removeprefix("Value error, ")
        line = line_of_key(text, [str(part) for part in told["loc"] if isinstance(part, str)])
        where = f"{file}, line {line}" if line is not None else str(file)
        raise UsageError(f"{where}: {place}: {said}") from error
    return config


def _check_names(content: Mapping[str, Any], text: str, file: Path) -> None:
    """Refuse names that there are not, and a key, wherever it stands; its text is told nowhere."""
    _require_known(content, [], list(Config.model_fields), text, file)
    models = [(["model"], content.get("model"))]
    cheaper = content.get("cheaper")
    models += [(["cheaper"], one) for one in (cheaper if isinstance(cheaper, list) else [])]
    for place, table in models:
        if isinstance(table, Mapping):
            _require_known(table, place, list(ModelSettings.model_fields), text, file)
    budgets = content.get("budget")
    for engine, table in (budgets if isinstance(budgets, Mapping) else {}).items():
        if not isinstance(table, Mapping):
            line = line_of_key(text, ["budget", engine])
            raise UsageError(
                f"{file}, line {line}: budget.{engine}: limits are those of an engine, in a table "
                "of its name: [budget.rca]"
            )
        place = ["budget", engine]
        _require_known(table, place, list(Budget.model_fields), text, file)


def _require_known(
    table: Mapping[str, Any], place: list[str], names: list[str], text: str, file: Path
) -> None:
    redactor = Redactor()
    for name, value in table.items():
        where = f"{file}, line {line_of_key(text, [*place, name])}: {'.'.join([*place, name])}"
        is_text = isinstance(value, str) and name not in ("base_url", "model")
        if names == list(ModelSettings.model_fields) and (
            _KEY.search(name) or (is_text and redactor.redact(value).text != value)
        ):
            raise UsageError(
                f"{where}: a key has no place in a file; put it into an environment variable, and "
                'name that: api_key_env = "OPENAI_API_KEY"'
            )
        if name not in names:
            near = did_you_mean(name, names)
            raise UsageError(f"{where}: no such name{near}; there are: {', '.join(names)}")


def _check_budgets(config: Config, file: Path) -> None:
    for engine in config.budget:
        try:
            config.budget_for(engine)
        except UsageError as error:
            raise UsageError(f"{file}: budget.{engine}: {error}") from error
