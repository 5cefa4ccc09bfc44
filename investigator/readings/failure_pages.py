"""A page that came instead of what was asked for: an error page, a challenge, a form to log in.

Told by what the page says of itself, in its title or first heading (of XML: its root), and only
where that is all it says: a page about status 404 has more in its title than the status. Readers
that turn pages into plain text leave the same words on the first line.
"""

from __future__ import annotations

import html

from investigator.ground import lazy_re2 as re2

_HEAD = 20_000
_PLAIN = 3_000
_BARE = 1_500
"""So much text a form to log in may have around it; a page that has more shows something."""

_MARKUP = re2.compile(r"(?i)^(?:\s|<!--[^>]{0,500}-->|<\?xml[^>]{0,200}>)*<")
_PAGE = re2.compile(r"(?i)^(?:\s|<!--[^>]{0,500}-->)*<(?:!doctype html|html|head|body)\b")
_NAMED = re2.compile(r"(?is)<(?:title|h1)\b[^>]{0,200}>\s*(?:<[^>]{0,100}>\s*)*([^<]{1,200})")
_TAG = re2.compile(r"(?is)<(?:script|style)\b.*?</(?:script|style)>|<[^>]*>|\s+")
_PASSWORD = re2.compile(r"(?i)\btype\s*=\s*[\"']?password\b")

_STATUS = (
    r"(?:(?:http )?error\W+)?[45]\d\d\W*(?:error|bad request|unauthori[sz]ed|forbidden|not found"
    r"|page not found|too many requests|internal server error|bad gateway|gateway time-?out"
    r"|service (?:temporarily )?unavailable)?"
)
_ERROR = (
    r"(?:page |file )?not found|forbidden|access (?:is )?denied|unauthori[sz]ed|bad gateway"
    r"|bad request|gateway time-?out|(?:503 )?service (?:temporarily )?unavailable"
    r"|(?:internal )?server error|(?:an )?(?:application )?error(?: page)?|too many requests"
    r"|something went wrong|request (?:rejected|blocked)|(?:down|closed) for maintenance"
    r"|under maintenance|site (?:is )?(?:down|unavailable)"
)
_CHALLENGE = (
    r"just a moment|attention required"
    r"|(?:please )?(?:verify|confirm|prove)(?: that)? you(?:'re| are) (?:a )?(?:human|not a robot)"
    r"|verifying you are human|are you (?:a )?(?:human|robot)"
    r"|(?:robot|security|bot) check|human verification|checking your browser|captcha"
    r"|pardon our interruption|one more step|(?:sorry, )?you have been blocked"
    r"|(?:please )?(?:complete the security check|enable (?:javascript|js)(?: and cookies)?)"
    r"|our systems have detected unusual traffic|access to this page has been denied"
)
_LOGIN = (
    r"(?:please )?(?:sign|log) ?[io]n(?: to [^\n]{1,40})?|login(?: page)?|authentication required"
)
_END = r"(?:\W*$|\s*[-–—|:·!.…]+\W.*$|[.…]+.*$|\W+to (?:continue|proceed|view)\b.*$)"
_SAYS_ERROR = re2.compile(rf"(?i)^\W*(?:{_STATUS}|{_ERROR}){_END}")
_SAYS_CHALLENGE = re2.compile(rf"(?i)^\W*(?:title: *)?(?:{_CHALLENGE})(?:\b[^\n]{{0,120}})?$")
_SAYS_LOGIN = re2.compile(rf"(?i)^\W*(?:title: *)?(?:{_LOGIN}){_END}")
PAGE_OPENINGS = (_SAYS_CHALLENGE, _SAYS_LOGIN)
"""How the first line of a page begins that was turned into plain text."""

_ROOT = re2.compile(
    r"(?i)^(?:\s|<!--[^>]{0,500}-->|<\?xml[^>]{0,200}>)*<((?:\w+:)?[\w-]*(?:error|fault|exception))\b"
    r"[^>/]{0,200}>\s*([^\s<]|<[^/])"
)
_ROOT_FLAG = re2.compile(
    r"(?i)^(?:\s|<\?xml[^>]{0,200}>)*<[\w:-]+\s[^>]{0,200}?\b"
    r"(?:(?:ok|success)\s*=\s*[\"']?(?:false|0)\b|(?:status|stat)\s*=\s*[\"']?(?:error|fail(?:ed|ure)?)\b)"
)
_SOAP = re2.compile(r"(?i)^(?:\s|<\?xml[^>]{0,200}>)*<(?:\w+:)?Envelope\b")
_FAULT = re2.compile(r"(?i)<(?:\w+:)?Fault\b")


def page_failure(text: str) -> str | None:
    """What a page says that came instead of what was asked for; None for any other text."""
    if _MARKUP.search(text[:_HEAD]) is None:
        return _plain_challenge(text)
    head = text[:_HEAD]
    if _PAGE.search(head) is not None:
        return _of_page(head, whole=text)
    soap_fault = _SOAP.search(head) is not None and _FAULT.search(head) is not None
    if soap_fault or _ROOT.search(head) is not None or _ROOT_FLAG.search(head) is not None:
        return _words(text)[:_PLAIN] or text[:_PLAIN]
    return None


def _of_page(head: str, *, whole: str) -> str | None:
    for found in _NAMED.finditer(head):
        named = " ".join(html.unescape(found.group(1)).split())
        if _SAYS_CHALLENGE.search(named) is not None:
            return f"a challenge page came instead: {named}"
        if _SAYS_LOGIN.search(named) is not None and (
            _PASSWORD.search(head) is not None or len(_words(whole)) <= _BARE
        ):
            return f"a login page came instead: {named}"
        if _SAYS_ERROR.search(named) is not None:
            return f"error page: {named}"
    return None


def _plain_challenge(text: str) -> str | None:
    first = text[:_HEAD].lstrip().partition("\n")[0].strip()
    if len(text) > _PLAIN or not first:
        return None
    if _SAYS_CHALLENGE.search(first) is not None:
        return f"a challenge page came instead: {first}"
    is_form = _SAYS_LOGIN.search(first) is not None and "password" in text.lower()
    return f"a login page came instead: {first}" if is_form else None


def _words(markup: str) -> str:
    """The text of a page without its tags."""
    return str(_TAG.sub(" ", markup[: 10 * _HEAD])).strip()
