"""Secrets of each kind, planted into every place of a trace, and how they are looked for."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from investigator.ground.canonical_json import JsonValue
from tests.otlp import otlp_file, otlp_span

PEM = "MIIEowIBAAKCAQEAz9Qx7Lm2Kf8Wv1Tn"
SECRETS: dict[str, tuple[str, str]] = {
    # kind: the secret, and how it stands in a text
    "openai": ("sk-proj-Ab3dEf6hIj9kLmN0pQr", "key {}"),
    "anthropic": ("sk-ant-api03-Zx8Yw7Vu6Ts5Rq4Po3", "key={}"),
    "aws": ("AKIAQ7EXAMPLE3ZK9TWX", "{}"),
    "github": ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "push with {}"),
    "slack": ("xoxb-918273645012-qWeRtYuIoP12", "slack {}"),
    "google": ("AIzaSyB7654321zyxwvutsrqponmlkjihgfedcb", "maps?key={}"),
    "stripe": ("sk_live_4eC39HqLyjWDarjtT1zdp7dc", "{}"),
    "bearer": ("q9Zk3VbN7mXw2LpR5tYh8Jd", "Authorization: Bearer {}"),
    "jwt": (
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI5ODc2NTQzMjEwIn0.x7KgNryP4J3jVmNHl0w5Q",
        "cookie {}",
    ),
    "private-key": (PEM, "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----"),
    "password": ("tr0ub4dor&3xyz", "postgres://app:{}@db.internal/prod"),
    "email": ("marguerite.oyelaran@example-clinic.org", "write to {}"),
    "card": ("4929 1234 5678 9015", "card {}"),
    "phone": ("+44 20 7946 0812", "call {}"),
}
TEXTS = [how.format(secret) for secret, how in SECRETS.values()]


def forms(secret: str) -> Iterator[bytes]:
    """The secret as a file may hold it: plain, cut, escaped, in other encodings."""
    plain = secret.encode()
    yield plain
    yield secret.lower().encode()
    yield plain[: max(12, len(plain) * 2 // 3)]
    yield secret.encode("utf-16-le")
    yield secret.encode("utf-16-be")
    yield quote(secret, safe="").encode()
    yield json.dumps(secret)[1:-1].encode()
    yield plain.hex().encode()
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + plain).rstrip(b"=")
        yield coded[4 if shift else 0 : -2]


def leaks(secrets: Sequence[str], content: bytes) -> list[str]:
    """The secrets that stand in it, in whatever form."""
    return [secret for secret in secrets if any(form in content for form in forms(secret))]


class _Texts:
    """The planted texts in turn: each place gets another one, and each trace begins elsewhere."""

    def __init__(self, first: int) -> None:
        self._next = first

    def __call__(self) -> str:
        self._next += 1
        return TEXTS[self._next % len(TEXTS)]


def _attributes(**told: str) -> list[JsonValue]:
    return [{"key": k.replace("__", "."), "value": {"stringValue": v}} for k, v in told.items()]


def _spans(trace: int) -> list[dict[str, JsonValue]]:
    """A trace of four spans that went wrong, a secret in each of its places."""
    text = _Texts(trace)
    message = "llm.input_messages.{}.message.{}".format
    trace_id = f"{trace + 1:032x}"
    exception: JsonValue = {
        "name": f"exception {text()}",
        "timeUnixNano": "1700000000500000000",
        "attributes": _attributes(
            exception__type=f"HTTPError {text()}",
            exception__message=f"401 {text()}",
            exception__stacktrace=f"Traceback (most recent call last):\n  x\nHTTPError: {text()}",
        ),
    }
    return [
        otlp_span(
            1,
            kind="AGENT",
            error=f"failed: {text()}",
            attributes={
                "input.value": f"please {text()}",
                "output.value": f"done {text()}",
                "agent.name": f"agent {text()}",
                "session.id": f"session {text()}",
                "user.id": text(),
                "metadata": json.dumps({"note": text()}),
                f"odd.{text()}": text(),
            },
            name=f"run {text()}",
            events=[exception],
            traceId=trace_id,
        ),
        otlp_span(
            2,
            1,
            kind="LLM",
            attributes={
                "llm.model_name": f"model {text()}" if trace % 2 else "model-a",
                "llm.invocation_parameters": json.dumps({"user": text()}),
                message(0, "role"): "system",
                message(0, "content"): f"You are a clerk. {text()}",
                message(1, "role"): "user",
                message(1, "content"): f"my number: {text()}",
                "llm.output_messages.0.message.role": "assistant",
                "llm.output_messages.0.message.content": f"I refuse: {text()}",
                "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "pay",
                "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": (
                    json.dumps({"to": text()})
                ),
                "llm.prompt_template.template": f"template {text()}",
                "llm.prompt_template.version": f"v {text()}" if trace % 2 else "v1",
            },
            traceId=trace_id,
        ),
        otlp_span(
            3,
            1,
            kind="TOOL",
            error=f"TimeoutError: {text()}",
            attributes={
                "tool.name": f"pay {text()}",
                "tool.description": f"pays {text()}",
                "input.value": json.dumps({"api_key": text(), "to": text()}),
                "output.value": f"error: {text()}",
            },
            name=f"pay {text()}",
            events=[exception],
            traceId=trace_id,
        ),
        otlp_span(
            4,
            1,
            kind="RETRIEVER",
            attributes={
                "input.value": f"find {text()}",
                "retrieval.documents.0.document.id": f"doc {text()}",
                "retrieval.documents.0.document.content": f"the file says {text()}",
                "retrieval.documents.0.document.metadata": json.dumps({"owner": text()}),
            },
            traceId=trace_id,
        ),
    ]


def planted_file(folder: Path, traces: int) -> Path:
    """A file of so many traces, whose resource holds secrets too."""
    spans = [span for trace in range(traces) for span in _spans(trace)]
    path = otlp_file(folder / "planted.json", *spans)
    export = json.loads(path.read_text(encoding="utf-8"))
    resource = _attributes(
        **{
            "openinference.project.name": f"desk {TEXTS[0]}",
            "service.name": f"desk {TEXTS[11]}",
            "service.version": f"1 {TEXTS[3]}",
            "deployment.environment": f"prod {TEXTS[10]}",
        }
    )
    export["resourceSpans"][0]["resource"] = {"attributes": resource}
    path.write_text(json.dumps(export), encoding="utf-8")
    return path


def planted_snapshots(folder: Path) -> Path:
    """Two config snapshots of which the later one holds every secret."""
    root = folder / "snapshots"
    for number, texts in enumerate(([], TEXTS)):
        tag = root / f"v{number}"
        tag.mkdir(parents=True)
        (tag / "prompt.txt").write_text("\n".join(["You are a clerk.", *texts]), encoding="utf-8")
        told = {"tag": tag.name, "deployed_at": f"2023-11-14T22:13:{20 + number}Z"}
        (tag / "metadata.json").write_text(json.dumps(told), encoding="utf-8")
    return root
