"""Questions and settings from one list of names, for tests that ask several engines alike."""

from __future__ import annotations

from typing import Any

from investigator import Settings
from investigator.inspection.engine import Question
from investigator.runs.engines import engine_named


def question_of(engine: str, **asked: Any) -> Question[Any]:
    """The question of an engine, by the engine's name."""
    return engine_named(engine).question.model_validate(asked)


def asked(engine: str = "rca", **told: Any) -> tuple[Question[Any], Settings]:
    """A question and settings: what is no field of the settings is one of the question."""
    settings = {name: told.pop(name) for name in tuple(told) if name in Settings.model_fields}
    return question_of(engine, **told), Settings(**settings)
