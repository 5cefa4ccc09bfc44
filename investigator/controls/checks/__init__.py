"""The checks, by what they look at: those built in, and those of plug-ins."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from investigator.controls.checking import Check
from investigator.ground.plugins import Registry

BUILT_IN_CHECKS = (
    "approval",
    "claimed_abilities",
    "claimed_tests",
    "confirmation",
    "destinations",
    "failures",
    "governance",
    "groundedness",
    "guardrails",
    "obligations",
    "operations",
    "other_subjects",
    "policy",
    "private_data",
    "prompt_disclosure",
    "raw_execution",
    "record_integrity",
    "retention",
    "statements",
    "tool_use",
    "turns",
    "untrusted_content",
)
"""The modules of this folder that have checks, each its `CHECKS`."""


def known_checks() -> Mapping[str, Check[Any]]:
    """Every check by the name that controls call it by."""
    return CHECKS.by_name()


@cache
def _built_in() -> tuple[Check[Any], ...]:
    modules = (import_module(f"{__name__}.{name}") for name in BUILT_IN_CHECKS)
    return tuple(check for module in modules for check in module.CHECKS)


CHECKS: Registry[Check[Any]] = Registry("investigator.checks", Check, _built_in)
