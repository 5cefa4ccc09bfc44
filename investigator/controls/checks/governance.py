"""Whether a run used what was approved: models and prompts by a version that cannot move."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from pydantic import Field

from investigator.controls.checking import Check, Checked, Params, Violation
from investigator.controls.checks.chosen_calls import is_named
from investigator.controls.checks.recorded import statements
from investigator.controls.checks.violations import CERTAIN
from investigator.controls.checks.words import Regex, found_in
from investigator.controls.required_evidence import MODEL_ATTRIBUTES, about, is_hidden, model_of
from investigator.ground.wording import counted
from investigator.readings.reading import Readings
from investigator.traces.evidence import span_evidence
from investigator.traces.model import Span

_SHOWN = 4
_MOVING = r"(?i)(?:^|[-_:/@. ])(?:latest|stable|default|current|auto|main|master|head|production)$"
_PINNED = (
    r"(?:19|20)\d\d-?(?:0[1-9]|1[0-2])(?:-?(?:0[1-9]|[12]\d|3[01]))?(?:\D|$)",
    r"[-@](?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\D|$)",
    r"-00\d(?:\D|$)",
    r"(?i)@(?:sha256:)?[0-9a-f]{7,64}$",
    r"(?i)[-_:@]v\d+(?:\.\d+)*(?::\d+)?$",
    r"(?:^|[-_:@])\d+\.\d+\.\d+$",
)
_PROMPT_KEYS = (
    "llm.prompt_template.version",
    "prompt.version",
    "prompt_version",
    "prompt.version_id",
    "gen_ai.prompt.version",
)

NOT_DATED = 0.6
"""Strength where a name carries no version: it may still be one that its maker never changes."""


class ApprovedModel(Params):
    """Names of models that are approved, in which `*` stands for any text.

    A name with a slash is compared with `provider/model` too.
    """

    approved: tuple[str, ...] = ()


def approved_model(subject: Readings, params: ApprovedModel) -> Checked:
    """Every model that was called is on the list."""
    calls = [(call, model_of(call)) for call in subject.view.model_calls]
    if not params.approved:
        return Checked(unconfigured=("approved",))
    stray = [
        (call, model)
        for call, model in calls
        if model and not is_hidden(model) and not _is_approved(call, model, params.approved)
    ]
    return _judged(subject, calls, stray, "is not an approved model", CERTAIN)


def _is_approved(call: Span, model: str, approved: Iterable[str]) -> bool:
    names = tuple(approved)
    provider = call.text("llm.provider") or call.text("llm.system") or call.text("gen_ai.system")
    return is_named(model, names) or is_named(f"{provider}/{model}", names)


class PinnedModel(Params):
    """What a version looks like in the name of a model, and names that are taken as pinned.

    While no name is, one that carries no version may be one that never changes.
    """

    version: tuple[Regex, ...] = Field(default=_PINNED, min_length=1)
    pinned: tuple[str, ...] = ()


def pinned_model(subject: Readings, params: PinnedModel) -> Checked:
    """Every model was called by a version, not by a name that may mean another one tomorrow."""
    calls = [(call, model_of(call)) for call in subject.view.model_calls]
    open_ = [
        (call, model)
        for call, model in calls
        if model and not is_hidden(model) and not _is_pinned(call, params)
    ]
    moving = [(call, model) for call, model in open_ if found_in(_MOVING, model)]
    names = {model for _, model in moving}
    undated = [(call, model) for call, model in open_ if model not in names]
    if undated and not params.pinned:
        return _but_for_undated(subject, calls, moving, undated)
    found = _judged(subject, calls, moving, "is a name that moves to other versions", CERTAIN)
    more = _judged(subject, calls, undated, "names no version", NOT_DATED)
    violations = (*found.violations, *more.violations)
    return Checked(violations, found.missing, found.scanned, found.evidence)


def _but_for_undated(
    subject: Readings,
    calls: list[tuple[Span, str | None]],
    moving: list[tuple[Span, str]],
    undated: list[tuple[Span, str]],
) -> Checked:
    """What the other calls show; whether a name without a version moves, only a person knows."""
    asked = {call.span_id for call, _ in undated}
    left = [(call, model) for call, model in calls if call.span_id not in asked]
    if not left:
        return Checked(unconfigured=("pinned",))
    found = _judged(subject, left, moving, "is a name that moves to other versions", CERTAIN)
    return replace(found, unconfigured=("pinned",))


def _is_pinned(call: Span, params: PinnedModel) -> bool:
    """Whether one of the names of a call's model carries a version."""
    names = [name for key in MODEL_ATTRIBUTES if (name := call.text(key))]
    return any(
        is_named(name, params.pinned) or any(found_in(pattern, name) for pattern in params.version)
        for name in names
    )


def _judged(
    subject: Readings,
    calls: list[tuple[Span, str | None]],
    stray: list[tuple[Span, str]],
    reason: str,
    strength: float,
) -> Checked:
    """A breach for each name that is not in order, with some of the calls that show it."""
    by_model: dict[str, list[Span]] = {}
    for call, model in stray:
        by_model.setdefault(model, []).append(call)
    unknown = [call for call, model in calls if not model or is_hidden(model)]
    nothing = () if calls else ("no model call is recorded",)
    return Checked(
        violations=tuple(
            Violation(
                span_id=spans[0].span_id,
                summary=(
                    f"{subject.quote.name(model)} {reason}, in {counted(len(spans), 'model call')}"
                ),
                evidence=tuple(map(span_evidence, spans[:_SHOWN])),
                strength=strength,
            )
            for model, spans in by_model.items()
        ),
        missing=(*nothing, *about(subject, unknown, "of a model that is not named")),
        scanned=counted(len(calls), "model call"),
        evidence=tuple(span_evidence(call) for call, _ in calls[:_SHOWN]),
    )


class PinnedPrompt(Params):
    """The attributes that tell the version of a prompt, on a model call or above it.

    `approved` are the versions that may be used (`*` stands for any text); any where empty.
    """

    keys: tuple[str, ...] = Field(default=_PROMPT_KEYS, min_length=1)
    approved: tuple[str, ...] = ()


def pinned_prompt_version(subject: Readings, params: PinnedPrompt) -> Checked:
    """Every model call says by which version of its prompt it was made, and none is an alias."""
    calls = subject.view.model_calls
    asked = statements(subject, calls, "prompt version", params.keys)
    if not params.approved and all(text is None for _, text in asked.said):
        return Checked(unconfigured=("approved",))
    told = [(span, text) for span, text in asked.said if text and not is_hidden(text)]
    moving = [(span, text) for span, text in told if found_in(_MOVING, text)]
    stray = [
        (span, text)
        for span, text in told
        if params.approved and not is_named(text, params.approved) and (span, text) not in moving
    ]
    return Checked(
        violations=(
            *_versions(subject, moving, "is a name that moves"),
            *_versions(subject, stray, "is not among those that are configured"),
            *asked.violations(),
        ),
        missing=tuple(asked.missing()) if calls else ("no model call is recorded",),
        scanned=counted(len(calls), "model call"),
        evidence=tuple(map(span_evidence, calls[:_SHOWN])),
    )


def _versions(subject: Readings, told: list[tuple[Span, str]], reason: str) -> Iterator[Violation]:
    """A breach for the first of the versions that are not in order, with the calls that show it."""
    if told:
        span, version = told[0]
        yield Violation(
            span_id=span.span_id,
            summary=f"the prompt version '{subject.quote.name(version)}' {reason}",
            evidence=tuple(span_evidence(span) for span, _ in told[:_SHOWN]),
            strength=CERTAIN,
        )


CHECKS = (
    Check("approved_model", ApprovedModel, approved_model),
    Check("pinned_model", PinnedModel, pinned_model),
    Check("pinned_prompt_version", PinnedPrompt, pinned_prompt_version),
)
