"""A template of advice names what will be filled in, and nothing else: else it breaks a report."""

from __future__ import annotations

from collections.abc import Sequence
from string import Formatter


def require_placeholders(template: str, known: Sequence[str]) -> str:
    """The template, if each of its placeholders is a plain one of `known`.

    Raises:
        ValueError: it is no template, or names something else; with what may be named.
    """
    try:
        parts = [part for part in Formatter().parse(template) if part[1] is not None]
    except ValueError as error:
        raise ValueError(f"not a template: {error}") from error
    for _, name, spec, conversion in parts:
        if name not in known or spec or conversion:
            written = f"{name}{'!' + conversion if conversion else ''}{spec and ':' + spec}"
            may = " or ".join(f"{{{one}}}" for one in known)
            raise ValueError(f"unknown placeholder {{{written}}}; use {may}")
    return template
