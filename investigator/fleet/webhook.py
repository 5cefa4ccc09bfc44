"""News of issues goes to an address that the user named, once a scan; nowhere unless one did.

What is sent is JSON with a `text`, as chats take it, and the issues; or what the user's template
makes of them, which is run in a sandbox and sees nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, build_opener

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from investigator.errors import UsageError
from investigator.fleet.issues import Issue
from investigator.ground.canonical_json import JsonValue, canonical_json
from investigator.ground.collector import NoRedirects
from investigator.ground.wording import counted

_TIMEOUT_S = 10.0
_TOLD = 10
"""Issues that the text names; the others are counted."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Where news goes, and what form it has; without a template it is JSON."""

    url: str
    template: Template | None = None

    def send(self, scan: str, issues: Sequence[Issue]) -> str | None:
        """Send the news; why it could not be sent, None where it was."""
        try:
            body = self.body(scan, issues)
        except TemplateError as error:
            return f"nothing was sent to {self.url}: the template fails: {error}"
        headers = {"Content-Type": "application/json"}
        try:
            request = Request(self.url, data=body, headers=headers, method="POST")
            with build_opener(NoRedirects).open(request, timeout=_TIMEOUT_S):
                return None
        except (URLError, HTTPException, OSError) as lost:
            reason = lost.reason if isinstance(lost, URLError) else lost
            return f"news of issues did not reach {self.url}: {reason}"

    def body(self, scan: str, issues: Sequence[Issue]) -> bytes:
        """What is sent."""
        told: list[JsonValue] = [
            {
                "id": one.id,
                "state": one.state.value,
                "title": one.title,
                "rate": round(one.rate, 4),
                "traces": list(one.representatives),
            }
            for one in issues
        ]
        said: dict[str, JsonValue] = {"text": _text(issues), "scan": scan, "issues": told}
        if self.template is None:
            return canonical_json(said).encode()
        return self.template.render(**said).encode("utf-8", "replace")


def notice_to(url: str, template: Path | None) -> Notice:
    """The notice that the options ask for.

    Raises:
        UsageError: it is no address, or the template cannot be read.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"--webhook takes an address such as https://HOST/PATH, not '{url}'")
    if template is None:
        return Notice(url)
    try:
        text = template.read_text(encoding="utf-8")
        sandbox = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
        return Notice(url, sandbox.from_string(text))
    except (OSError, UnicodeDecodeError, TemplateError) as error:
        raise UsageError(f"--webhook-template '{template}' cannot be read: {error}") from None


def _text(issues: Sequence[Issue]) -> str:
    lines = [f"{one.state.value}: {one.title} ({one.rate:.1%})" for one in issues[:_TOLD]]
    more = len(issues) - len(lines)
    return "\n".join([*lines, *([f"and {counted(more, 'further issue')}"] if more else [])])
