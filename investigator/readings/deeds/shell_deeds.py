"""What a shell line does: each of its commands, what they run in turn, and what they write to.

`grep` on two files looks; the same piped into `sh` runs what it found. A command that another one
runs (`sudo`, `xargs`, `ssh`, `bash -c`, `find -exec`) is read like any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed
from investigator.readings.deeds.deed import Deed, DeedEffect, Means
from investigator.readings.deeds.program_effects import (
    BUILD_TOOLS,
    CMDLET_ALIASES,
    CMDLETS,
    CODE_OPTIONS,
    DELETING_PROGRAMS,
    DEPLOYING_WORDS,
    DESTROYING_WORDS,
    GRANTING_PROGRAMS,
    HARMLESS_OPTIONS,
    INTERPRETERS,
    LOOKING_WORDS,
    OPTIONS_WITH_VALUE,
    READING_PROGRAMS,
    SENDING_PROGRAMS,
    SHELLS,
    SQL_CLIENTS,
    STOPPING_PROGRAMS,
    SUBCOMMANDS,
    WRAPPERS,
    WRITING_PROGRAMS,
    WRITING_WORDS,
)
from investigator.readings.deeds.python_deeds import deeds_in_python
from investigator.readings.deeds.shell_syntax import Command, is_powershell, shell_line
from investigator.readings.deeds.sql_statements import deeds_in_sql
from investigator.readings.directives import tool_words

_DEPTH = 4
_SHOWN = 80
_URL = re2.compile(r"(?i)^(?:https?|ftp|wss?)://|^[\w-]+(?:\.[\w-]+)+(?::\d+)?(?:/|$)")
_REMOTE = re2.compile(r"^(?:[\w.-]+@)?[\w.-]{2,}:[^\\]|^(?:s3|gs|az|rsync|sftp)://")
_WORDS = re2.compile(r"[a-zA-Z]+(?:-[a-zA-Z]+)*")
_DRIVE = re2.compile(r"^[A-Za-z]:[\\/]")


def deeds_in_shell(text: str, *, powershell: bool = False, depth: int = 0) -> tuple[Deed, ...]:
    """The acts of a line in order; one of unknown effect where a part of it cannot be parsed."""
    line = shell_line(text, powershell=powershell or is_powershell(text))
    found = [act for command in line.commands for act in _acts(command, depth)]
    if line.unread or (text.strip() and not found):
        found.append(_act(DeedEffect.UNKNOWN, text))
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
        bool(commands) and _program(commands[0].words[0] if commands[0].words else "") in _PROGRAMS
    )


def _act(
    effect: DeedEffect,
    what: str,
    things: Sequence[str] = (),
    *,
    grave: bool = False,
    runs_output: bool = False,
) -> Deed:
    short = " ".join(what.split())[:_SHOWN]
    return Deed(effect, short, Means.COMMAND, tuple(things), grave, runs_output)


def _acts(command: Command, depth: int) -> Iterator[Deed]:
    empties = command.words in ([], [":"], ["true"])
    for target in command.writes_to:
        if empties:
            yield _act(DeedEffect.DELETE, f"empties {target}", [target], grave=True)
            continue
        system = is_system_path(target)
        yield _act(DeedEffect.WRITE, f"writes to {target}", [target], grave=system)
    yield from _of_words(command, command.words, depth)


def _of_words(command: Command, words: list[str], depth: int) -> Iterator[Deed]:
    words = _unwrapped(words)
    what = " ".join(words)
    if not words or depth > _DEPTH:
        yield _act(DeedEffect.UNKNOWN if words else DeedEffect.READ, what)
        return
    program = _program(words[0])
    rest = words[1:]
    name = CMDLET_ALIASES.get(program, program)
    if HARMLESS_OPTIONS & {word.lower() for word in rest} or rest in (["-h"], ["-v"], ["-V"]):
        yield _act(DeedEffect.READ, what)
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
        yield _request(name, rest, what)
    elif "-" in name and name.partition("-")[0] in CMDLETS:
        yield _cmdlet(name, rest, what)
    elif program.startswith("."):
        yield _method(program, rest, what)
    else:
        yield from _program_acts(program, rest, what)


def _program(word: str) -> str:
    name = word.replace("\\", "/").rpartition("/")[2] or word
    return name.lower().removesuffix(".exe") if not word.startswith(".") else name.lower() or "."


def _unwrapped(words: list[str]) -> list[str]:
    """The command behind `sudo -u postgres`, `timeout 5`, `ssh host`, `docker exec box`."""
    while words:
        program = _program(words[0])
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
            yield _act(DeedEffect.EXECUTE, what, grave=True, runs_output=True)
    elif option is not None and option + 1 < len(rest):
        inner = rest[option + 1]
        yield from deeds_in_shell(inner, depth=depth + 1)
        if inner.lstrip().startswith(("$(", "`", "$")):
            yield _act(DeedEffect.EXECUTE, what, grave=True, runs_output=True)
    elif command.given:
        yield from deeds_in_shell(command.given, depth=depth + 1)
    elif plain and not plain[0].startswith(("<(", "$(", "`")) and program != "su":
        yield _act(DeedEffect.UNKNOWN, what, plain[:1])
    elif command.reads_pipe or plain or command.given is not None:
        yield _act(DeedEffect.EXECUTE, what, grave=True, runs_output=True)
    else:
        yield _act(DeedEffect.UNKNOWN, what)


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
            yield _act(DeedEffect.EXECUTE, what, grave=True, runs_output=True)
    elif place is not None and rest[place].lower() in ("/c", "/k", "-command", "-c"):
        inner = " ".join(rest[place + 1 :])
        yield from deeds_in_shell(
            inner, powershell="power" in name or name == "pwsh", depth=depth + 1
        )
    elif command.reads_pipe:
        yield _act(DeedEffect.EXECUTE, what, grave=True, runs_output=True)
    else:
        yield _act(DeedEffect.UNKNOWN, what)


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
        yield _act(
            DeedEffect.EXECUTE if command.reads_pipe else DeedEffect.UNKNOWN,
            what,
            grave=command.reads_pipe,
            runs_output=command.reads_pipe,
        )
    else:
        yield _by_words(what, rest)


def _code(program: str, code: str, what: str, depth: int) -> Iterator[Deed]:
    if program.startswith("python"):
        yield from deeds_in_code(code, depth + 1)
    else:
        yield _by_words(what, [code])


def deeds_in_code(code: str, depth: int = 0) -> tuple[Deed, ...]:
    """The acts of Python code, and those of the commands that it runs."""
    found: list[Deed] = []
    for act in deeds_in_python(code):
        if act.effect is not DeedEffect.EXECUTE or act.grave:
            found.append(act)
        elif act.things and depth < _DEPTH:
            found += deeds_in_shell(act.things[0], depth=depth + 1)
        else:
            found.append(_act(DeedEffect.EXECUTE, act.what, grave=True, runs_output=True))
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
        yield _act(DeedEffect.EXECUTE, what, grave=True, runs_output=True)
    elif "-l" in rest or "--list" in rest:
        yield _act(DeedEffect.READ, what)
    else:
        yield _act(DeedEffect.UNKNOWN, what)


def _find(rest: list[str], what: str, depth: int) -> Iterator[Deed]:
    ran = [i for i, word in enumerate(rest) if word in ("-exec", "-execdir", "-ok", "-okdir")]
    for place in ran:
        ends = [i for i, w in enumerate(rest) if i > place and w in (";", "\\;", "+")]
        inner = rest[place + 1 : ends[0] if ends else len(rest)]
        yield from _of_words(Command(inner), inner, depth + 1)
    if "-delete" in rest:
        yield _act(DeedEffect.DELETE, what, rest[:1], grave=True)
    elif not ran:
        yield _act(DeedEffect.READ, what, rest[:1])


_DATA = re2.compile(
    r"^(?:-d|--data(?:-[a-z]+)?|-F|--form|-T|--upload-file|--json|--post-data|--post-file"
    r"|--body-data|--body-file|-Body|-InFile|-Form|--raw)(?:=|$)"
)
_METHOD = re2.compile(r"(?i)^(?:-X|--request|--method|-Method)(?:=(\w+))?$")
_SAVES = re2.compile(r"^(?:-o|-O|--output|--remote-name|--output-document|-OutFile)$")


def _request(program: str, rest: list[str], what: str) -> Deed:
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
    words = {word.lower() for url in urls for word in _WORDS.findall(well_formed(_path(url)))}
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


def _path(url: str) -> str:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
    except ValueError:
        return url
    return parts.path


def _cmdlet(name: str, rest: list[str], what: str) -> Deed:
    effect = CMDLETS[name.partition("-")[0]]
    plain = [word for word in rest if not word.startswith("-")]
    if name in ("out-file", "set-content", "add-content", "tee-object", "clear-content"):
        effect = DeedEffect.WRITE
    elif name == "clear-host":
        effect = DeedEffect.READ
    grave = effect in (DeedEffect.DELETE, DeedEffect.EXECUTE, DeedEffect.GRANT)
    things = plain[:3]
    if name in ("set-acl", "set-executionpolicy", "add-localgroupmember"):
        effect, grave = DeedEffect.GRANT, True
    return _act(effect, what, things, grave=grave)


def _method(program: str, rest: list[str], what: str) -> Deed:
    """A method of .NET, by the words of its name."""
    words = {word.lower() for word in re2.findall(r"[A-Z]?[a-z]+", program)}
    if words & (DESTROYING_WORDS | {"kill"}):
        return _act(DeedEffect.DELETE, what, rest, grave=True)
    if words & {"download", "read", "get", "exists", "open", "to", "split", "replace", "trim"}:
        return _act(DeedEffect.READ, what, rest)
    if words & {"upload", "send", "post"}:
        return _act(DeedEffect.SEND, what, rest)
    return _act(
        DeedEffect.WRITE if words & (WRITING_WORDS | {"write"}) else DeedEffect.UNKNOWN, what, rest
    )


def _program_acts(program: str, rest: list[str], what: str) -> Iterator[Deed]:
    plain = [word for word in rest if not word.startswith(("-", "+")) and not _is_option(word)]
    if program in SUBCOMMANDS:
        yield _subcommand(program, rest, what)
    elif program in ("sed", "awk", "gawk", "perl"):
        changes = program == "sed" and any(word.startswith(("-i", "--in-place")) for word in rest)
        runs = program != "sed" and any("system(" in word for word in rest)
        effect = DeedEffect.WRITE if changes else DeedEffect.EXECUTE if runs else DeedEffect.READ
        yield _act(effect, what, plain[1:], grave=runs)
    elif program == "dd":
        target = next((word[3:] for word in rest if word.startswith("of=")), "")
        grave = target.startswith("/dev/") or is_system_path(target)
        yield _act(DeedEffect.DELETE if grave else DeedEffect.WRITE, what, [target], grave=grave)
    elif program == "truncate":
        yield _act(DeedEffect.DELETE, what, plain, grave=True)
    elif program == "tar":
        looks = any(word.lstrip("-").startswith("t") or word == "--list" for word in rest[:1])
        yield _act(DeedEffect.READ if looks else DeedEffect.WRITE, what, plain)
    elif program in DELETING_PROGRAMS:
        yield _act(DeedEffect.DELETE, what, plain, grave=True)
    elif program in GRANTING_PROGRAMS:
        yield _act(DeedEffect.GRANT, what, plain, grave=program != "chmod" or _opens_up(plain))
    elif program in STOPPING_PROGRAMS:
        yield _act(DeedEffect.EXECUTE, what, plain, grave=True)
    elif program in SENDING_PROGRAMS:
        yield _sent(program, rest, plain, what)
    elif program in READING_PROGRAMS:
        yield _act(DeedEffect.READ, what, plain)
    elif program in WRITING_PROGRAMS:
        told = _by_words(what, [program, *plain[:2]])
        if told.effect in (DeedEffect.WRITE, DeedEffect.UNKNOWN) or program in _COPIES:
            grave = any(map(is_system_path, plain[-1:]))
            told = _act(DeedEffect.WRITE, what, plain, grave=grave)
        yield told
    else:
        yield _by_words(what, [program, *rest])


_COPIES = frozenset(
    ["cp", "mv", "touch", "mkdir", "ln", "tee", "copy", "move", "rename", "split", "install"]
)
"""Their words are names of files, whatever these are called."""


def _is_option(word: str) -> bool:
    """`/f` of Windows; a path has more than that."""
    return len(word) <= 3 and word.startswith("/") and word[1:].isalpha()


def _opens_up(plain: list[str]) -> bool:
    """`chmod +x build.sh` makes a file run; `777` and `-R` open it to all."""
    return any(word.endswith(("777", "666", "a+rwx", "a+w", "o+w", "u+s")) for word in plain[:1])


def _sent(program: str, rest: list[str], plain: list[str], what: str) -> Deed:
    remote = [word for word in plain if _REMOTE.search(word) and not _DRIVE.search(word)]
    if program in ("scp", "rsync", "rclone") and plain and plain[-1] not in remote:
        deletes = any(word.startswith("--delete") for word in rest)
        return _act(
            DeedEffect.DELETE if deletes else DeedEffect.WRITE, what, plain[-1:], grave=deletes
        )
    return _act(DeedEffect.SEND, what, remote or plain[:1])


def _subcommand(program: str, rest: list[str], what: str) -> Deed:
    named = [word for word in rest if not word.startswith("-")] or list(rest)
    named = _behind_options(program, rest) or named
    sub = next((word.lower() for word in named), "")
    if sub in ("run", "run-script", "exec", "dlx") and program in ("npm", "yarn", "pnpm"):
        options = [word for word in rest if word.startswith("--")]
        return _by_words(what, [program, *named[1:], *options])
    if program == "git":
        special = _git(sub, rest, what)
        if special is not None:
            return special
    if sub in ("system", "volume", "image", "container", "compose", "network") and named[1:]:
        sub = named[1].lower() if named[1].lower() in ("rm", "prune", "down", "ls", "ps") else sub
        if sub in ("down", "prune", "rm"):
            return _act(DeedEffect.DELETE, what, named[2:], grave=True)
    for effect, words in SUBCOMMANDS[program].items():
        if sub in words.split():
            grave = effect in (DeedEffect.DELETE, DeedEffect.EXECUTE)
            return _act(effect, what, named[1:], grave=grave)
    return _by_words(what, [program, *rest]) if sub else _act(DeedEffect.READ, what)


def _behind_options(program: str, rest: list[str]) -> list[str]:
    """`git -C dir push` pushes."""
    place = 0
    while place < len(rest) and rest[place].startswith("-"):
        valued = rest[place] in (
            "-C",
            "-c",
            "-n",
            "--namespace",
            "--context",
            "-f",
            "-H",
            "-h",
            "-p",
            "-a",
        )
        if program == "crontab":
            return rest[place:]
        place += 2 if valued else 1
    return rest[place:]


def _git(sub: str, rest: list[str], what: str) -> Deed | None:
    """The options that turn a harmless command of Git into one that loses work."""
    options = {word for word in rest if word.startswith("-")}
    forced = bool(options & {"-f", "--force", "--force-with-lease", "-D", "--hard", "--mirror"})
    if sub == "push":
        deletes = "--delete" in options or "-d" in options or any(w.startswith(":") for w in rest)
        plus = any(word.startswith("+") for word in rest)
        grave = forced or deletes or plus
        return _act(DeedEffect.DELETE if grave else DeedEffect.WRITE, what, rest[1:], grave=True)
    if sub in ("reset", "clean", "branch", "tag", "checkout") and (
        forced or (sub in ("branch", "tag") and options & {"-d", "--delete"})
    ):
        return _act(DeedEffect.DELETE, what, rest[1:], grave=True)
    if sub in ("branch", "tag", "stash", "remote", "config", "worktree") and [
        w for w in rest if not w.startswith("-") and w != sub and w not in ("list", "show", "-v")
    ]:
        drops = bool({"drop", "clear", "remove", "rm"} & set(rest))
        reads = sub == "config" and (bool(options & {"--get", "--list", "-l"}) or len(rest) == 2)
        return _act(
            DeedEffect.READ if reads else DeedEffect.DELETE if drops else DeedEffect.WRITE,
            what,
            grave=drops,
        )
    return None


def _by_words(what: str, words: Sequence[str]) -> Deed:
    """A program that no table has, by what its arguments say."""
    said = {
        part
        for word in words
        for hit in _WORDS.findall(well_formed(word[:400]))
        for part in (hit.lower(), *hit.lower().split("-"), *tool_words(hit))
    }
    if words and _program(words[0]) in BUILD_TOOLS:
        said -= {"clean"}
    if "loss" in said or said & DESTROYING_WORDS:
        return _act(DeedEffect.DELETE, what, grave=True)
    if said & DEPLOYING_WORDS:
        return _act(DeedEffect.EXECUTE, what, grave=True)
    if said & LOOKING_WORDS:
        return _act(DeedEffect.READ, what)
    if said & WRITING_WORDS:
        return _act(DeedEffect.WRITE, what)
    return _act(DeedEffect.UNKNOWN, what)


_SYSTEM = re2.compile(
    r"(?i)^(?:/etc/|/boot/|/usr/|/bin/|/sbin/|/lib|/dev/(?:sd|nvme|disk|hd)|/sys/|/proc/"
    r"|/var/spool/cron"
    r"|[a-z]:\\(?:windows|program files))|(?:^|/)\.(?:ssh|aws|kube|gnupg)/|/?\.(?:bashrc|zshrc"
    r"|profile"
    r"|bash_profile|netrc|npmrc|pypirc)$|authorized_keys|(?:^|/)crontab"
)


def is_system_path(path: str) -> bool:
    """Whether a path is one that the system, or everything that its owner runs, relies on."""
    return (
        _SYSTEM.search(well_formed(path.replace("~", "/home/u").replace("$HOME", "/home/u")))
        is not None
    )
