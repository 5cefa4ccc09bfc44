"""What a shell line does: each of its commands, what they run in turn, and what they write to.

`grep` on two files looks; the same piped into `sh` runs what it found. A command that another one
runs (`sudo`, `xargs`, `ssh`, `bash -c`, `find -exec`) is read like any other.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.ground import lazy_re2 as re2
from investigator.readings.deeds.deed import Deed, DeedEffect
from investigator.readings.deeds.program_deeds import (
    command_deed,
    deed_by_words,
    deed_of_cmdlet,
    deed_of_method,
    deeds_of_program,
    is_system_path,
    program_named,
)
from investigator.readings.deeds.program_effects import (
    CMDLET_ALIASES,
    CMDLETS,
    CODE_OPTIONS,
    DELETING_PROGRAMS,
    GRANTING_PROGRAMS,
    HARMLESS_OPTIONS,
    INTERPRETERS,
    OPTIONS_WITH_VALUE,
    READING_PROGRAMS,
    SENDING_PROGRAMS,
    SHELLS,
    SQL_CLIENTS,
    STOPPING_PROGRAMS,
    SUBCOMMANDS,
    WRAPPERS,
    WRITING_PROGRAMS,
)
from investigator.readings.deeds.python_deeds import deeds_in_python
from investigator.readings.deeds.shell_syntax import Command, is_powershell, shell_line
from investigator.readings.deeds.sql_statements import deeds_in_sql
from investigator.readings.deeds.web_requests import request_of_program

_DEPTH = 4
_URL = re2.compile(r"(?i)^(?:https?|ftp|wss?)://|^[\w-]+(?:\.[\w-]+)+(?::\d+)?(?:/|$)")
_REMOTE = re2.compile(r"^(?:[\w.-]+@)?[\w.-]{2,}:[^\\]|^(?:s3|gs|az|rsync|sftp)://")
_WORDS = re2.compile(r"[a-zA-Z]+(?:-[a-zA-Z]+)*")
_DRIVE = re2.compile(r"^[A-Za-z]:[\\/]")


def deeds_in_shell(text: str, *, powershell: bool = False, depth: int = 0) -> tuple[Deed, ...]:
    """The acts of a line in order; one of unknown effect where a part of it cannot be parsed."""
    line = shell_line(text, powershell=powershell or is_powershell(text))
    found = [act for command in line.commands for act in _acts(command, depth)]
    if line.unread or (text.strip() and not found):
        found.append(command_deed(DeedEffect.UNKNOWN, text))
    return tuple(found)


_PROGRAMS = (
    READING_PROGRAMS | DELETING_PROGRAMS | WRITING_PROGRAMS | SENDING_PROGRAMS | SHELLS
    | GRANTING_PROGRAMS | STOPPING_PROGRAMS | INTERPRETERS | SUBCOMMANDS.keys() | WRAPPERS.keys()
    | SQL_CLIENTS.keys() | {"curl", "wget", "find", "sed", "awk", "tar"}
)  # fmt: skip


def begins_with_program(text: str) -> bool:
    """Whether the first command of a text is one that the tables have."""
    commands = shell_line(text).commands
    return (
        bool(commands)
        and program_named(commands[0].words[0] if commands[0].words else "") in _PROGRAMS
    )


def _acts(command: Command, depth: int) -> Iterator[Deed]:
    empties = command.words in ([], [":"], ["true"])
    for target in command.writes_to:
        if empties:
            yield command_deed(DeedEffect.DELETE, f"empties {target}", [target], grave=True)
            continue
        system = is_system_path(target)
        yield command_deed(DeedEffect.WRITE, f"writes to {target}", [target], grave=system)
    yield from _of_words(command, command.words, depth)


def _of_words(command: Command, words: list[str], depth: int) -> Iterator[Deed]:
    words = _unwrapped(words)
    what = " ".join(words)
    if not words or depth > _DEPTH:
        yield command_deed(DeedEffect.UNKNOWN if words else DeedEffect.READ, what)
        return
    program = program_named(words[0])
    rest = words[1:]
    name = CMDLET_ALIASES.get(program, program)
    if HARMLESS_OPTIONS & {word.lower() for word in rest} or rest in (["-h"], ["-v"], ["-V"]):
        yield command_deed(DeedEffect.READ, what)
    elif program in SHELLS or program in ("eval", "source", ".", "su"):
        yield from _shell(command, program, rest, what, depth)
    elif program in ("cmd", "cmd.exe", "powershell", "pwsh") or name == "invoke-expression":
        yield from _other_shell(command, name, rest, what, depth)
    elif program in INTERPRETERS:
        yield from _interpreter(command, program, rest, what, depth)
    elif program in SQL_CLIENTS:
        yield from _sql_client(command, program, rest, what)
    elif program == "find":
        yield from _find(rest, what, depth)
    elif program in ("curl", "wget", "http", "https", "httpie", "xh") or name in (
        "invoke-webrequest",
        "invoke-restmethod",
    ):
        yield request_of_program(name, rest, what)
    elif "-" in name and name.partition("-")[0] in CMDLETS:
        yield deed_of_cmdlet(name, rest, what)
    elif program.startswith("."):
        yield deed_of_method(program, rest, what)
    else:
        yield from deeds_of_program(program, rest, what)


def _unwrapped(words: list[str]) -> list[str]:
    """The command behind `sudo -u postgres`, `timeout 5`, `ssh host`, `docker exec box`."""
    while words:
        program = program_named(words[0])
        if program in WRAPPERS and len(words) > 1:
            words = _behind(words[1:], WRAPPERS[program])
        elif program in ("docker", "podman", "kubectl", "oc") and "exec" in words[1:3]:
            inner = words[words.index("exec") + 1 :]
            words = inner[inner.index("--") + 1 :] if "--" in inner else _behind(inner, 1)
        else:
            return words
    return words


def _behind(words: list[str], own: int) -> list[str]:
    place = 0
    while place < len(words):
        word = words[place]
        if word.startswith("-") and word != "--":
            place += 2 if word in OPTIONS_WITH_VALUE else 1
        elif "=" in word and not word.startswith("/"):
            place += 1
        elif word == "--" or own:
            own -= word != "--"
            place += 1
        else:
            break
    rest = words[place:]
    return rest[0].split() if len(rest) == 1 and " " in rest[0] else rest


def _shell(
    command: Command, program: str, rest: list[str], what: str, depth: int
) -> Iterator[Deed]:
    """A shell that is given its commands, a script, or what another program puts out."""
    option = next((i for i, w in enumerate(rest) if _is_command_option(w)), None)
    plain = [word for word in rest if not word.startswith("-")]
    if program == "eval":
        text = " ".join(rest)
        expands = any(mark in text for mark in ("$", "`"))
        yield from [] if expands else deeds_in_shell(text, depth=depth + 1)
        if expands:
            yield command_deed(DeedEffect.EXECUTE, what, grave=True, runs_output=True)
    elif option is not None and option + 1 < len(rest):
        inner = rest[option + 1]
        yield from deeds_in_shell(inner, depth=depth + 1)
        if inner.lstrip().startswith(("$(", "`", "$")):
            yield command_deed(DeedEffect.EXECUTE, what, grave=True, runs_output=True)
    elif command.given:
        yield from deeds_in_shell(command.given, depth=depth + 1)
    elif plain and not plain[0].startswith(("<(", "$(", "`")) and program != "su":
        yield command_deed(DeedEffect.UNKNOWN, what, plain[:1])
    elif command.reads_pipe or plain or command.given is not None:
        yield command_deed(DeedEffect.EXECUTE, what, grave=True, runs_output=True)
    else:
        yield command_deed(DeedEffect.UNKNOWN, what)


def _is_command_option(word: str) -> bool:
    return word.startswith("-") and not word.startswith("--") and word.endswith("c")


def _other_shell(
    command: Command, name: str, rest: list[str], what: str, depth: int
) -> Iterator[Deed]:
    options = ("/c", "/k", "-command", "-c", "-encodedcommand", "-enc", "-e", "-file")
    place = next((i for i, word in enumerate(rest) if word.lower() in options), None)
    if name == "invoke-expression":
        text = " ".join(rest)
        known = bool(rest) and not any(mark in text for mark in ("$", "("))
        if known and not command.reads_pipe:
            yield from deeds_in_shell(text, powershell=True, depth=depth + 1)
        else:
            yield command_deed(DeedEffect.EXECUTE, what, grave=True, runs_output=True)
    elif place is not None and rest[place].lower() in ("/c", "/k", "-command", "-c"):
        inner = " ".join(rest[place + 1 :])
        yield from deeds_in_shell(
            inner, powershell="power" in name or name == "pwsh", depth=depth + 1
        )
    elif command.reads_pipe:
        yield command_deed(DeedEffect.EXECUTE, what, grave=True, runs_output=True)
    else:
        yield command_deed(DeedEffect.UNKNOWN, what)


def _interpreter(
    command: Command, program: str, rest: list[str], what: str, depth: int
) -> Iterator[Deed]:
    option = CODE_OPTIONS.get(program)
    if program.startswith("python") and rest[:1] == ["-m"] and len(rest) > 1:
        yield from _of_words(command, [rest[1].partition(".")[0], *rest[2:]], depth + 1)
    elif option in rest[:-1]:
        code = rest[rest.index(option) + 1] if option is not None else ""
        yield from _code(program, code, what, depth)
    elif command.given:
        yield from _code(program, command.given, what, depth)
    elif not rest or rest[0] == "-":
        yield command_deed(
            DeedEffect.EXECUTE if command.reads_pipe else DeedEffect.UNKNOWN,
            what,
            grave=command.reads_pipe,
            runs_output=command.reads_pipe,
        )
    else:
        yield deed_by_words(what, rest)


def _code(program: str, code: str, what: str, depth: int) -> Iterator[Deed]:
    if program.startswith("python"):
        yield from deeds_in_code(code, depth + 1)
    else:
        yield deed_by_words(what, [code])


def deeds_in_code(code: str, depth: int = 0) -> tuple[Deed, ...]:
    """The acts of Python code, and those of the commands that it runs."""
    found: list[Deed] = []
    for act in deeds_in_python(code):
        if act.effect is not DeedEffect.EXECUTE or act.grave:
            found.append(act)
        elif act.things and depth < _DEPTH:
            found += deeds_in_shell(act.things[0], depth=depth + 1)
        else:
            found.append(command_deed(DeedEffect.EXECUTE, act.what, grave=True, runs_output=True))
    return tuple(found)


def _sql_client(command: Command, program: str, rest: list[str], what: str) -> Iterator[Deed]:
    options = SQL_CLIENTS[program]
    texts = [rest[i + 1] for i, word in enumerate(rest[:-1]) if word in options]
    texts += [
        word.partition("=")[2]
        for word in rest
        if any(word.startswith(f"{option}=") for option in options if option.startswith("--"))
    ]
    if program.startswith("sqlite") and len([w for w in rest if not w.startswith("-")]) > 1:
        texts.append([w for w in rest if not w.startswith("-")][-1])
    if command.given:
        texts.append(command.given)
    if texts:
        for text in texts:
            yield from deeds_in_sql(text)
    elif command.reads_pipe:
        yield command_deed(DeedEffect.EXECUTE, what, grave=True, runs_output=True)
    elif "-l" in rest or "--list" in rest:
        yield command_deed(DeedEffect.READ, what)
    else:
        yield command_deed(DeedEffect.UNKNOWN, what)


def _find(rest: list[str], what: str, depth: int) -> Iterator[Deed]:
    ran = [i for i, word in enumerate(rest) if word in ("-exec", "-execdir", "-ok", "-okdir")]
    for place in ran:
        ends = [i for i, w in enumerate(rest) if i > place and w in (";", "\\;", "+")]
        inner = rest[place + 1 : ends[0] if ends else len(rest)]
        yield from _of_words(Command(inner), inner, depth + 1)
    if "-delete" in rest:
        yield command_deed(DeedEffect.DELETE, what, rest[:1], grave=True)
    elif not ran:
        yield command_deed(DeedEffect.READ, what, rest[:1])
