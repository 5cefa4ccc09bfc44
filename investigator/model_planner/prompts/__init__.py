"""Prompts are data: versioned files, each known by the sha256 of its text.

A prompt that is changed gets a new version, so that the hash in a run record names words that
can still be read.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from string import Template
from typing import NamedTuple

from investigator.ground.canonical_json import sha256_text


class PromptTemplate(NamedTuple):
    """A template and the sha256 of its text; `$name` stands for what is filled in."""

    name: str
    text: str
    sha256: str

    def filled(self, **values: str) -> str:
        """The text with all of its places filled; KeyError where one is left."""
        return Template(self.text).substitute(values)


@cache
def load_prompt(name: str) -> PromptTemplate:
    """The prompt of that name, such as `system-v1.md`.

    Raises:
        FileNotFoundError: there is no such prompt.
    """
    text = resources.files(__name__).joinpath(name).read_text(encoding="utf-8")
    return PromptTemplate(name, text, sha256_text(text))
