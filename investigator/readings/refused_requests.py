"""Whose fault a refused request is: the caller's (400, 422), that of its configuration (401, 403)
or of the service behind it (429, 5xx).

A status is read where an error states one as such ("Error code: 422", "HTTP 503", "404 Not
Found"), never a number that merely stands in its text.
"""

from __future__ import annotations

from investigator.ground import lazy_re2 as re2
from investigator.readings.faults import Fault

_BY_STATUS = {
    401: Fault.AUTH,
    402: Fault.RATE_LIMIT,
    403: Fault.AUTH,
    404: Fault.NOT_FOUND,
    407: Fault.AUTH,
    408: Fault.TIMEOUT,
    410: Fault.NOT_FOUND,
    413: Fault.RESOURCE_EXHAUSTED,
    415: Fault.UNSUPPORTED_INPUT,
    429: Fault.RATE_LIMIT,
    502: Fault.CONNECTION,
    503: Fault.CONNECTION,
    504: Fault.TIMEOUT,
    524: Fault.TIMEOUT,
    529: Fault.CONNECTION,
}
"""RFC 9110, and what gateways add to it: 524 is a time-out of theirs, 529 an overload."""

_SAID_BESIDES = {
    4: frozenset(
        {Fault.RATE_LIMIT, Fault.RESOURCE_EXHAUSTED, Fault.AUTH, Fault.BAD_ARGUMENTS,
         Fault.UNKNOWN_TOOL, Fault.UNSUPPORTED_INPUT, Fault.NOT_FOUND, Fault.WRONG_QUERY}
    ),
    5: frozenset({Fault.RATE_LIMIT, Fault.RESOURCE_EXHAUSTED, Fault.CONNECTION, Fault.TIMEOUT}),
}  # fmt: skip
"""What the words of a refusal may say more exactly than its status, by the status' first digit.
Providers answer 400 to a wrong key and to a prompt that is too long, and 403 to a spent quota; but
what code the server tripped over (a KeyError behind a 500) is not the caller's business."""

_PHRASES = (
    "bad request|unauthori[sz]ed|payment required|forbidden|not found|method not allowed|conflict"
    "|gone|unprocessable|too many|internal server|bad gateway|service|gateway time|client error"
    "|server error"
)
_STATUS = re2.compile(
    rf"(?i)^\W*([45]\d\d)(?:$|[:,]| ?[-–] |\W+(?:{_PHRASES}))"
    r"|\b(?:HTTP(?:/[\d.]+)?(?: error| status)?|(?:status|error|response)(?:[ _-]?code)?)"
    r"[\"']?(?:\s*[:=]\s*|\s+)[\"'(]?([45]\d\d)\b"
    rf"|\b([45]\d\d)\W+(?:{_PHRASES})"
)
_WINDOW = 600


def fault_of_status(status: int) -> Fault | None:
    """The fault that an HTTP status names; None below 400."""
    if status < 400 or status > 599:
        return None
    refused = Fault.REJECTED_REQUEST if status < 500 else Fault.HTTP_ERROR
    return _BY_STATUS.get(status, refused)


def status_in(error: str) -> int | None:
    """The HTTP status that an error states; None where it states none."""
    found = _STATUS.search(error[:_WINDOW])
    return None if found is None else int(next(filter(None, found.groups())))


def fault_of_refusal(status: int, said: Fault | None) -> Fault | None:
    """The fault of an error that states a status and whose words name the fault `said`."""
    by_status = fault_of_status(status)
    exact = by_status in (Fault.AUTH, Fault.NOT_FOUND) and said in _SAID_BESIDES[5]
    vague = by_status in (Fault.REJECTED_REQUEST, Fault.HTTP_ERROR)
    return said if exact or (vague and said in _SAID_BESIDES[status // 100]) else by_status
