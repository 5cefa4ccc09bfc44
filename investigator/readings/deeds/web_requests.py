"""What a request over HTTP does: by its method, its path, and whether it carries anything."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed
from investigator.readings.deeds.deed import Deed, DeedEffect, Means
from investigator.readings.deeds.program_effects import DESTROYING_WORDS

_SHOWN = 80
_URL = re2.compile(r"(?i)^(?:https?|ftp|wss?)://|^[\w-]+(?:\.[\w-]+)+(?::\d+)?(?:/|$)")
_WORDS = re2.compile(r"[a-zA-Z]+(?:-[a-zA-Z]+)*")
_DATA = re2.compile(
    r"^(?:-d|--data(?:-[a-z]+)?|-F|--form|-T|--upload-file|--json|--post-data|--post-file"
    r"|--body-data|--body-file|-Body|-InFile|-Form|--raw)(?:=|$)"
)
_METHOD = re2.compile(r"(?i)^(?:-X|--request|--method|-Method)(?:=(\w+))?$")
_SAVES = re2.compile(r"^(?:-o|-O|--output|--remote-name|--output-document|-OutFile)$")


def request_of_program(program: str, rest: list[str], what: str) -> Deed:
    """The request that a command line makes (`curl`, `wget`, `http`, `Invoke-WebRequest`)."""
    method = None
    for place, word in enumerate(rest):
        hit = _METHOD.search(word)
        if hit is not None:
            method = hit.group(1) or (rest[place + 1] if place + 1 < len(rest) else None)
        elif word.startswith("-X") and len(word) > 2:
            method = word[2:]
        elif program in ("http", "https", "httpie", "xh") and word.isupper() and word.isalpha():
            method = word
    has_data = any(_DATA.search(word) or word.startswith(("-d@", "-F@")) for word in rest)
    if program in ("http", "https", "httpie", "xh"):
        has_data |= any("=" in word and "==" not in word and "://" not in word for word in rest)
    urls = [word for word in rest if _URL.search(word)]
    verb = (method or ("POST" if has_data else "GET")).upper().strip("'\"")
    return request_act(verb, urls, what, has_data=has_data, means=Means.COMMAND)


_LOOKING_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


def request_act(
    method: str, urls: Sequence[str], what: str, *, has_data: bool = False, means: Means
) -> Deed:
    """What a request does, by its method, what its path says, and whether it carries anything."""
    short = " ".join(what.split())[:_SHOWN]
    words = {word.lower() for url in urls for word in _WORDS.findall(well_formed(_path_of(url)))}
    things = tuple(urls)
    if method in _LOOKING_METHODS and not has_data:
        return Deed(DeedEffect.READ, short, means, things)
    if method == "DELETE" or (method not in _LOOKING_METHODS and words & DESTROYING_WORDS):
        return Deed(DeedEffect.DELETE, short, means, things, grave=True)
    if words & _PAID:
        return Deed(DeedEffect.PAY, short, means, things, grave=True)
    if words & {"search", "query", "graphql", "lookup", "find"} and method == "POST":
        return Deed(DeedEffect.READ, short, means, things)
    if method in ("PUT", "PATCH"):
        return Deed(DeedEffect.WRITE, short, means, things)
    known = method in ("POST", *_LOOKING_METHODS)
    return Deed(DeedEffect.SEND if known else DeedEffect.UNKNOWN, short, means, things)


_PAID = frozenset(
    [
        "pay",
        "payment",
        "payments",
        "refund",
        "refunds",
        "transfer",
        "transfers",
        "charge",
        "charges",
        "payouts",
    ]
)


def _path_of(url: str) -> str:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
    except ValueError:
        return url
    return parts.path
