"""What the code says of itself: the words of a class, of its fields, of the members of an enum.

A field is described by its `description`, else by the docstring beneath it. One that is described
by neither is an error, so nothing reaches the reference without a word.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from enum import Enum
from functools import cache
from itertools import pairwise

from pydantic import BaseModel


class MissingWords(Exception):
    """Something that users meet has no description."""


def words_of(thing: object, name: str) -> str:
    """The docstring of a class, module or function on one line.

    Raises:
        MissingWords: it has none.
    """
    return one_line(inspect.getdoc(thing) or "", name)


def one_line(text: str, name: str) -> str:
    """A text without its line breaks; `MissingWords` names what an empty one was of."""
    if not text.strip():
        raise MissingWords(f"{name} has no description")
    return " ".join(text.split())


def first_paragraph(text: str, name: str) -> str:
    """What a docstring says first."""
    return one_line(inspect.cleandoc(text).partition("\n\n")[0], name)


@cache
def _beneath(cls: type) -> dict[str, str]:
    """The docstrings beneath the attributes that a class defines itself."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    return dict(_documented(body))


def _documented(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for node, after in pairwise(body):
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        match target, after:
            case ast.Name(id=name), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, text
            case _:
                pass


def field_words(model: type[BaseModel], name: str) -> str:
    """What a field of a model is for.

    Raises:
        MissingWords: nothing says so.
    """
    told = model.model_fields[name].description or next(
        (_beneath(cls)[name] for cls in model.__mro__ if name in _named_in(cls)), ""
    )
    return one_line(told, f"{model.__name__}.{name}")


def _named_in(cls: type) -> dict[str, str]:
    return _beneath(cls) if issubclass(cls, BaseModel) and cls is not BaseModel else {}


def member_words(member: Enum) -> str:
    """What a member of an enum means.

    Raises:
        MissingWords: no docstring stands beneath it.
    """
    kind = type(member)
    told = _beneath(kind)
    return one_line(told.get(member.name, ""), f"{kind.__name__}.{member.name}")
