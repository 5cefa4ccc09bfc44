"""What cannot be done as it was asked is one line: what was given, what was meant, what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Call


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rcaa",), "no command 'rcaa' (did you mean 'rca'?)"),
        (("runs", "lst"), "no command 'lst' (did you mean 'list'?)"),
        (("rca", "x", "--trace-idd", "1"), "no option '--trace-idd' (did you mean '--trace-id'?)"),
        (("rca",), "SOURCE is missing"),
        (("runs", "verify"), "RUN_ID is missing"),
        (("rca", "x", "--max-tokens"), "--max-tokens takes a value, and none is given"),
        (("rca", "x", "--jobs", "many"), "--jobs: input should be a valid integer"),
        (("rca", "x", "--fail-on", "failur"), "--fail-on: 'failur' is not one of 'failure'"),
        (("traces", "x", "--foo"), "no option '--foo'"),
        (("runs", "list", "--engine", "rcaa"), "no engine 'rcaa' (did you mean 'rca'?)"),
        (("runs", "list", "--state", "suceeded"), "no state 'suceeded' (did you mean 'succeeded'"),
        (("report", "x", "--format", "htm"), "no report format 'htm' (did you mean 'html'?)"),
        (("completion", "bsh"), "no completion for the shell 'bsh' (did you mean 'bash'?)"),
    ],
)
def test_a_wrong_call_is_one_line_that_names_what_was_meant(
    call: Call, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    """Whoever refuses it, the parser or a command; no box, which a narrow log would break."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "events.jsonl").touch()
    at = ("--runs-dir", tmp_path) if words[0] == "runs" and words[1] == "list" else ()
    ended = call(*words, *at)
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.startswith(f"error: {said}")
    assert ended.err.count("\n") == 1


def test_a_control_character_of_a_call_moves_no_cursor(call: Call) -> None:
    """It is shown as an escape, like that of a trace."""
    assert "\x1b" not in call("rca", "x", "--\x1b[2J").err


CHAT = '[{"role": "user", "content": "hi"}]'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[modle]\nmodel = 'm'\n", "line 1: modle: no such name (did you mean 'model'?)"),
        ("[model]\nmodle = 'm'\n", "line 2: model.modle: no such name (did you mean 'model'?)"),
        ("[[cheaper]]\nmodle = 'm'\n", "line 2: cheaper.modle: no such name"),
        ("[budget.rca]\ntokns = 3\n", "line 2: budget.rca.tokns: no such name (did you mean 'tok"),
        ("[budget]\ntokens = 3\n", "line 2: budget.tokens: limits are those of an engine"),
        ("[budget.rcaa]\ntokens = 3\n", "no engine 'rcaa' (did you mean 'rca'?)"),
        ("[model]\nmodel = 'm'\napi_key = 'verysecret1'\n", "line 3: model.api_key: a key has no"),
        (
            "[model]\nmodel = 'm'\nprovider = 'sk-proj-verysecret1verysecret1verysecret1'\n",
            "line 3: model.provider: a key has no place in a file",
        ),
        (
            "[model]\nmodel = 'm'\napi_key_env = 'sk-proj-verysecret1'\n",
            "a key has no place in a file",
        ),
    ],
)
def test_a_mistake_in_the_config_file_is_told_with_its_line(
    call: Call, tmp_path: Path, content: str, said: str
) -> None:
    """And a key that stands in it is refused, and shown nowhere."""
    (tmp_path / "chat.json").write_text(CHAT, encoding="utf-8")
    (tmp_path / "own.toml").write_text(content, encoding="utf-8")
    config = ("--config", tmp_path / "own.toml", "--planner", "model")
    ended = call("rca", tmp_path / "chat.json", *config, "--runs-dir", tmp_path / "runs")
    assert ended.code == 2
    assert said in ended.err
    assert "verysecret" not in ended.err
