"""`run_code`: what a planner's own code can read, and that it can do nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from investigator.errors import InvestigatorError, UsageError
from investigator.ground.canonical_json import canonical_json, sha256_json
from investigator.ground.redaction import Redactor
from investigator.inspection.code_sandbox import CodeBounds
from investigator.inspection.code_tool import PRINTED_CHARS, code_tool, stands_whole
from investigator.inspection.pages import PAGE_CHARS
from investigator.inspection.reference_names import ReferenceNames
from investigator.inspection.trace_tools import inspection_tools
from investigator.readings.reading import Readings
from investigator.runtime.tools import Cite, Tool, ToolAnswer
from investigator.store.memory import MemoryInspectionAPI
from investigator.traces.evidence import EvidenceRef, unresolved_reason
from investigator.traces.model import Trace
from tests.builders import span, trace

MAIL = "jane@example.com"
KEY = "sk-proj-Ab3dEf6hIj9kLmN0pQr"
TIGHT = CodeBounds(
    seconds=0.3,
    wall_seconds=3,
    memory_bytes=32 * 1024 * 1024,
    printed_bytes=50_000,
    recursion=60,
    reads=50,
)

CHAT = span(
    "chat",
    kind="LLM",
    attributes={
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": f"write to {MAIL} with {KEY}",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": "7",
    },
)
CALL = span(
    "call",
    kind="TOOL",
    start_ms=5,
    end_ms=6,
    attributes={"tool.name": "mail", "input.value": "to whom", "output.value": "refused: no route"},
)
DAY = trace(CHAT, CALL)


def ran(tool: Tool[Any], cite: Cite, **args: object) -> ToolAnswer:
    """What the tool answers."""

    async def run() -> ToolAnswer:
        return await tool.run(tool.args.model_validate(args), cite)

    return asyncio.run(run())


class Bench:
    """The tool over one trace, and what was cited through it."""

    def __init__(self, given: Trace = DAY, bounds: CodeBounds = TIGHT) -> None:
        redactor = Redactor()
        self.cited: list[EvidenceRef] = []
        self.trace = given
        names = ReferenceNames(Readings(given, redactor))
        self.tool = code_tool(lambda _: names, redactor, trace_id="t", bounds=bounds)

    def answer(self, code: str, offset: int = 0) -> ToolAnswer:
        return ran(self.tool, self.cite, code=code, offset=offset)

    def page(self, code: str, offset: int = 0) -> Any:
        return self.answer(code, offset).page

    def printed(self, code: str) -> str:
        return str(self.page(code)["text"]).rstrip("\n")

    def cite(self, ref: dict[str, Any], /, *, in_part: bool = False) -> str:  # noqa: ARG002
        found = EvidenceRef.model_validate(ref)
        assert unresolved_reason(found, self.trace) is None
        self.cited.append(found)
        return f"e{len(self.cited)}"


def _attempts() -> list[Any]:
    listed = yaml.safe_load((Path(__file__).parent / "escapes.yaml").read_text(encoding="utf-8"))
    return [
        pytest.param(code, id=f"{kind}-{number}")
        for kind, codes in listed.items()
        for number, code in enumerate(codes)
    ]


@pytest.mark.parametrize("code", _attempts())
def test_no_code_gets_out_of_the_sandbox(code: str, tmp_path: Path) -> None:
    """It is refused with a reason or ends in an error, and what it is after is as it was."""
    canary = tmp_path / "canary"
    canary.write_text("CANARY_CONTENT", encoding="utf-8")
    try:
        page = Bench().page(code.replace("'CANARY'", repr(str(canary))))
    except UsageError as refused:
        said = str(refused)
    else:
        said = str(page["text"])
        assert page["error"] != "the code printed nothing: only what it prints is shown"
    assert "ESCAPED" not in said
    assert "CANARY_CONTENT" not in said
    assert list(tmp_path.iterdir()) == [canary]
    assert canary.read_text(encoding="utf-8") == "CANARY_CONTENT"


def test_the_list_of_attempts_is_as_long_as_it_was_published() -> None:
    """At least forty, so that none of a kind goes missing unseen."""
    assert len(_attempts()) >= 90


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("while True: pass", "ran longer than 0.3 s"),
        ("x = 'x' * 10**9", "more than 33,554,432 bytes of memory"),
        ("def f(): return f()\nf()", "deeper than 60 calls"),
        ("for _ in range(99): print('x' * 999)", "printed more than 50,000 bytes"),
        ("for _ in range(60): spans()", "more than 50 reads"),
        ("open('/etc/hostname')", "no files, no network, no processes"),
        ("print(", "doesn't parse"),
        ("def f():\n  yield 1\nf()", "yield"),
    ],
)
def test_code_that_breaks_a_bound_is_refused_with_the_bound(code: str, reason: str) -> None:
    """The sandbox itself says which; what was printed until then is not shown."""
    bench = Bench()
    try:
        said = str(bench.page(code).get("error"))
    except InvestigatorError as refused:
        said = str(refused)
    assert reason in said
    assert bench.printed("print('the next one runs')") == "the next one runs"


def test_reads_that_take_too_long_are_ended_by_the_clock() -> None:
    """Execution stands still while a read is answered, so the whole is bounded too."""
    bounds = CodeBounds(seconds=60, wall_seconds=0.2, reads=10**9)
    with pytest.raises(UsageError, match=r"took more than 0.2 s"):
        Bench(bounds=bounds).page("while True: steps()")


def test_code_reads_the_whole_run() -> None:
    """Steps, texts by the id of a step or span, matches and spans."""
    bench = Bench()
    assert bench.printed("for s in steps(): print(s['id'], s['kind'], s['agent'], s['tool'])") == (
        "m0 USER None None\nm1 MODEL None None\nt2 TOOL None mail"
    )
    assert bench.printed("print([s['number'] for s in steps(1, 1)])") == "[1]"
    assert bench.printed("print(text('t2'))") == "to whom\nrefused: no route"
    assert bench.printed("print(text('t2') == text(2) == text('2'))") == "True"
    assert "attributes.tool.name: mail" in bench.printed("print(text('call'))")
    assert bench.printed("print([(h['id'], h['match']) for h in search('(?i)ROUTE')])") == (
        "[('t2', 'route')]"
    )
    assert bench.printed("print(len(search('.', 3)))") == "3"
    assert bench.printed("print([(s['id'], s['kind']) for s in spans()])") == (
        "[('chat', 'LLM'), ('call', 'TOOL')]"
    )


def test_an_error_of_the_code_keeps_what_was_printed() -> None:
    """With the line, so that the next piece of code can be right."""
    page = Bench().page("print('so far')\nsteps()[99]")
    assert page["text"] == "so far\n"
    assert page["error"].startswith("line 2: IndexError")
    silent = Bench().page("steps()")
    assert "only what it prints is shown" in silent["error"]


def test_secrets_do_not_reach_the_code() -> None:
    """Whatever it writes them as: they are replaced before it reads."""
    bench = Bench()
    code = "import base64\n" + "\n".join(
        f"for s in {read}: print({shape})"
        for read in ("steps()", "[{'text': text('chat')}]", "[{'text': str(search('write.*'))}]")
        for shape in (
            "s['text'][::-1]",
            "base64.b64encode(s['text'].encode()).decode()",
            "' '.join(s['text'])",
            "[ord(c) for c in s['text'][:80]]",
        )
    )
    shown = canonical_json(bench.page(code)) + canonical_json(bench.page(code, offset=3000))
    assert MAIL[::-1] not in shown
    assert KEY[::-1] not in shown
    assert " ".join(MAIL) not in shown
    assert bench.printed("print(text('m0'))") == "write to [REDACTED:email] with [REDACTED:api_key]"
    assert bench.printed("print('jane' in text('m0'), len(search('jane|Ab3d')))") == "False 0"


def test_secrets_that_code_puts_together_are_redacted_on_its_page() -> None:
    """The output goes through the redactor too, and is counted."""
    answer = Bench().answer("print('jane' + '@example.com')")
    assert isinstance(answer.page, dict)
    assert answer.page["text"] == "[REDACTED:email]\n"
    assert answer.redactions == 1
    before = {**answer.page, "text": f"{MAIL}\n", "length": len(MAIL) + 1}
    assert answer.original_hash == sha256_json(before)


def test_only_a_text_that_is_shown_whole_was_read() -> None:
    """By text(id) and from its first word to its last; what was searched or cut was not."""
    bench = Bench()
    read = bench.page("print(text('t2'))")["read"]
    assert [row["id"] for row in read] == ["t2"]
    assert [ref.ref for ref in bench.cited] == ["tool:call"]
    for code in (
        "print(text('t2')[:12])",
        "print(len(text('t2')))",
        "print(steps())",
        "print(search('refused.*'))",
        "print('to whom refused: no route')",
        "text('t2')\nprint('tool:call', 't2')",
    ):
        assert "read" not in bench.page(code), code
    assert len(bench.cited) == 1


def test_a_text_that_is_cut_by_the_page_was_not_read() -> None:
    """It is on the page that shows its end only if that shows its start."""
    long = trace(
        span("a", kind="TOOL", attributes={"input.value": "x", "output.value": "y" * 30000})
    )
    bench = Bench(long)
    first = bench.page("print(text(0))")
    assert "read" not in first
    assert first["next_offset"] == len(first["text"])
    second = bench.page("print(text(0))", offset=first["next_offset"])
    assert second["offset"] == first["next_offset"]
    assert "read" not in second


def test_all_texts_of_a_trace_of_a_million_tokens_are_read_at_once() -> None:
    """Four million characters fit into the sandbox, several times over."""
    words = "the carrier said that the parcel was moved " * 240
    calls = (
        span(
            f"s{i}", kind="TOOL", start_ms=i, end_ms=i, attributes={"output.value": f"{i} {words}"}
        )
        for i in range(400)
    )
    bench = Bench(trace(*calls), CodeBounds())
    code = "held = [steps() for _ in range(3)]\nprint(sum(len(s['text']) for s in held[2]))"
    assert int(bench.printed(code)) > 4_000_000
    assert bench.printed("print(len(search('^399 ')))") == "1"


@pytest.mark.parametrize(
    ("text", "shown", "whole"),
    [
        ("4", "2024", False),
        ("4", "step 4: done", True),
        ("4", "14, 40 and 4", True),
        ("no", "not now, nothing", False),
        ("", "anything", False),
        ("  ", "anything  ", False),
        ("a\nb", "a\nb", True),
        ("a\nb", "a\\nb", False),
    ],
)
def test_a_text_stands_whole_or_not_at_all(text: str, shown: str, whole: bool) -> None:
    """A word or number that is part of another was not read there."""
    assert stands_whole(text, shown) is whole


@pytest.mark.parametrize(
    "code", ["print('é🙂\\x00\"' * 9000)", "for s in steps(): print(text(s['id']))"]
)
def test_a_page_of_output_is_bounded(code: str) -> None:
    """Whatever is printed and however much was read."""
    many = trace(
        *(
            span(f"s{i}", kind="TOOL", start_ms=i, end_ms=i, attributes={"output.value": f"r{i}"})
            for i in range(99)
        )
    )
    bounds = CodeBounds(printed_bytes=10**6)
    assert len(canonical_json(Bench(many, bounds).page(code))) <= PRINTED_CHARS + PAGE_CHARS


def test_the_same_code_prints_the_same() -> None:
    """Its clock stands still and its dice are loaded, so the pages of one output fit together."""
    code = (
        "import random, time\nfrom datetime import datetime\n"
        "print(random.random(), time.time(), datetime.now())\ntime.sleep(9)\nprint(hash('a'))"
    )
    assert len({Bench().printed(code) for _ in range(3)}) == 1


def test_it_is_offered_where_it_is_asked_for() -> None:
    """Bound to a trace or not, with closed arguments."""
    api = MemoryInspectionAPI([DAY])
    for trace_id in ("t", None):
        plain = inspection_tools(api, Redactor(), trace_id=trace_id)
        offered = inspection_tools(api, Redactor(), trace_id=trace_id, optional=("run_code",))
        assert [tool.name for tool in offered] == [*(tool.name for tool in plain), "run_code"]
        schema = offered[-1].args.model_json_schema()
        assert schema["additionalProperties"] is False
        assert set(schema["required"]) == set(schema["properties"])
    page = ran(offered[-1], Bench().cite, trace_id="t", code="print(len(spans()))", offset=0).page
    assert isinstance(page, dict)
    assert page["text"] == "2\n"


def test_code_knows_a_step_by_the_id_that_the_run_gives_it() -> None:
    """With the number of its trace before it where there are several; another trace's is none."""
    names = ReferenceNames(Readings(DAY, Redactor()), "2:")
    bench = Bench()
    bench.tool = code_tool(lambda _: names, Redactor(), trace_id="t")
    own = bench.printed("print(steps()[0]['id'])")
    assert own == names.of_step(names.readings.steps[0])
    assert own.startswith("2:")
    whole = bench.printed("print(text(0))")
    assert bench.printed(f"print(text({own!r}))") == whole
    assert "no step or span" in str(bench.page("print(text('3:m0'))")["error"])
