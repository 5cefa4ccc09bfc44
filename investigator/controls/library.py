"""A control library is a file: built in, by its name, or a user's own, by its path.

A user's own may extend another. A file that does not hold together is refused as a whole, with the
lines, the fields and what to do about each: a control that was silently left out would look like
one that passed.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path

from pydantic import ValidationError

from investigator.controls.checks import known_checks
from investigator.controls.extending import extended, extension_in
from investigator.controls.library_text import LibraryRefused, NoLibrary, library_text, too_deep
from investigator.controls.model import ControlLibrary
from investigator.controls.parameters import NOTHING_CONFIGURED, ControlParameters
from investigator.errors import UsageError

_LIBRARIES = resources.files("investigator.controls") / "libraries"
MAX_BYTES = 4 * 2**20
"""A library of more bytes than this is some other file."""

_REMEMBERED = 16
"""Libraries that a process keeps parsed: a server may have several teams', a batch has one."""

BUILT_IN_LIBRARIES: tuple[str, ...] = tuple(
    sorted(
        file.name.removesuffix(".yaml")
        for file in _LIBRARIES.iterdir()
        if file.name.endswith(".yaml")
    )
)
"""The names of the libraries that come with the package."""


def load_library(
    name_or_path: str | Path, parameters: ControlParameters = NOTHING_CONFIGURED
) -> ControlLibrary:
    """A built-in library by name, or a user's own by path (YAML or JSON).

    `parameters` are what is configured beside the library, which comes first where it says more.

    Raises:
        UsageError: no such library, not readable, not YAML (with line and column), or not a
            library (with lines, fields and what to do).
    """
    return _configured(_loaded(str(name_or_path), Path(), ()), parameters)


@lru_cache(maxsize=_REMEMBERED)
def _configured(library: ControlLibrary, parameters: ControlParameters) -> ControlLibrary:
    try:
        return library.configured(parameters)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"what is configured does not fit the control library {library.version}: {place}: "
            f"{first['msg']}"
        ) from error


def _loaded(name: str, folder: Path, above: tuple[Path, ...]) -> ControlLibrary:
    """A library that is asked for in a folder, by the files `above` that extend it."""
    if name in BUILT_IN_LIBRARIES:
        return _built_in(name)
    path = folder / name
    try:
        if not path.is_file():
            raise UsageError(_unknown(name, path))
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise UsageError(
                f"control library {path} is too large: {size:,} bytes, above the limit of "
                f"{MAX_BYTES:,}; is this the right file?"
            )
        content = path.read_bytes()
        whole = path.resolve()
    except (OSError, ValueError) as error:
        raise UsageError(f"control library {path} cannot be read: {error}") from error
    if whole in above:
        ring = " → ".join(one.name for one in (*above[above.index(whole) :], whole))
        raise UsageError(f"control library {path} extends itself: {ring}")
    return _parsed(_decoded(content, path), str(path), path.parent, (*above, whole))


def _unknown(name: str, path: Path) -> str:
    near = get_close_matches(name, BUILT_IN_LIBRARIES, 1)
    meant = f"; did you mean {near[0]}?" if near else ""
    return (
        f"no control library '{path}': it is neither a built-in one "
        f"({', '.join(BUILT_IN_LIBRARIES)}) nor a file{meant}"
    )


def _decoded(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"control library {path}, line {line}: a byte that is not UTF-8; save the file as UTF-8"
        ) from error


@cache
def _built_in(name: str) -> ControlLibrary:
    text = (_LIBRARIES / f"{name}.yaml").read_text(encoding="utf-8")
    return parse_library(text, where=name)


def parse_library(text: str, *, where: str) -> ControlLibrary:
    """The library that a text is; `where` names the text in errors.

    A text is parsed once a process, whatever file it stands in. What it extends is looked for in
    the current folder.

    Raises:
        UsageError: as `load_library`.
    """
    return _parsed(text, where, Path(), ())


def _parsed(text: str, where: str, folder: Path, above: tuple[Path, ...]) -> ControlLibrary:
    checks = tuple(known_checks())
    try:
        base = _base_of(text)
        if base is None:
            return _library_in(text, checks)
        return _extended_in(text, _extended_library(base, text, folder, above), checks)
    except NoLibrary as error:
        raise LibraryRefused(where, error) from error


def _extended_library(
    name: str, text: str, folder: Path, above: tuple[Path, ...]
) -> ControlLibrary:
    """The library that a text extends; what is wrong in its own file is told there."""
    try:
        return _loaded(name, folder, above)
    except LibraryRefused:
        raise
    except UsageError as error:
        raise library_text(text).refusal(("extends",), str(error)) from error


@lru_cache(maxsize=_REMEMBERED)
def _base_of(text: str) -> str | None:
    """The library that a text extends; None where it stands alone."""
    found = library_text(text)
    if "extends" in found.content:
        return extension_in(found).extends
    stray = next((key for key in ("drop", "change") if key in found.content), None)
    if stray is not None:
        raise found.refusal((stray,), "needs `extends: LIBRARY`, the library that it changes")
    return None


@lru_cache(maxsize=_REMEMBERED)
def _library_in(text: str, checks: tuple[str, ...]) -> ControlLibrary:  # noqa: ARG001
    """The library that a text is where these checks are known: a plug-in may bring more."""
    found = library_text(text)
    try:
        return ControlLibrary.model_validate(found.content)
    except ValidationError as error:
        raise found.refusals(error) from error
    except RecursionError as error:
        raise too_deep() from error


@lru_cache(maxsize=_REMEMBERED)
def _extended_in(
    text: str,
    base: ControlLibrary,
    checks: tuple[str, ...],  # noqa: ARG001
) -> ControlLibrary:
    """The library that a text makes of another where these checks are known."""
    return extended(base, library_text(text))
