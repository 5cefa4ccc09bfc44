"""A baseline: the faults and breaches that are known already, so that only new ones fail a build.

It is a JSON file for a repository, one fault a line, in a stable order, so that a change of it can
be reviewed like any other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from investigator.claims.rows import ControlRow, FindingRow, lasting
from investigator.errors import UsageError
from investigator.ground.files import write_target

_SAID = 200
"""How much of what a fault said is kept, for whoever reviews the file."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KnownFault(_Model):
    """A fault that is known, and what it said when it was taken in."""

    signature: str = Field(min_length=1)
    said: str


class BaselineFile(_Model):
    """The file."""

    schema_version: Literal["1"] = "1"
    known: tuple[KnownFault, ...]


@dataclass(frozen=True)
class Baseline:
    """What is known. Two signatures are the same where all but the wording of the error is."""

    known: tuple[KnownFault, ...] = ()

    @cached_property
    def _lasting(self) -> frozenset[str]:
        return frozenset(lasting(one.signature) for one in self.known)

    def knows(self, signature: str) -> bool:
        """Whether a fault of that signature is known."""
        return lasting(signature) in self._lasting

    def to_json(self) -> str:
        """The content of the file."""
        if not self.known:
            return '{"schema_version": "1", "known": []}\n'
        lines = ",\n".join(
            f"    {json.dumps(one.model_dump(), ensure_ascii=False)}" for one in self.known
        )
        return f'{{\n  "schema_version": "1",\n  "known": [\n{lines}\n  ]\n}}\n'


def baseline_of(rows: Iterable[FindingRow | ControlRow]) -> Baseline:
    """The baseline that knows all of these, each once, by signature."""
    known: dict[str, KnownFault] = {}
    for row in rows:
        said = row.description if isinstance(row, FindingRow) else row.explanation
        one = KnownFault(signature=row.signature, said=" ".join(said.split())[:_SAID])
        known.setdefault(lasting(row.signature), one)
    return Baseline(tuple(sorted(known.values(), key=lambda one: one.signature)))


def read_baseline(path: Path) -> Baseline:
    """The baseline in a file.

    Raises:
        UsageError: it cannot be read, or is no baseline.
    """
    how = f"`investigator baseline update {path} RUN_ID…` writes one"
    try:
        content = path.read_text(encoding="utf-8")
        return Baseline(BaselineFile.model_validate_json(content).known)
    except FileNotFoundError:
        raise UsageError(f"no baseline '{path}'; {how}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the baseline '{path}' cannot be read: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise UsageError(f"'{path}' is no baseline: {place}: {first['msg']}; {how}") from None


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write the file whole.

    Raises:
        CannotWrite: this can't be written; the message says why.
    """
    write_target(path, baseline.to_json().encode())
