"""The published schemas of SARIF 2.1.0 and of JUnit (Jenkins), and what a document does to them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import xmlschema
from jsonschema import Draft4Validator

_HERE = Path(__file__).parent


@cache
def _sarif() -> Draft4Validator:
    return Draft4Validator(json.loads((_HERE / "sarif-2.1.0-rtm.5.json").read_text()))


@cache
def _junit() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(str(_HERE / "junit-10.xsd"))


def sarif_errors(log: dict[str, Any]) -> list[str]:
    """Where a log breaks the schema."""
    return [error.message for error in _sarif().iter_errors(log)]


def junit_errors(document: str) -> list[str]:
    """Where a document breaks the schema."""
    return [str(error.reason) for error in _junit().iter_errors(document)]
