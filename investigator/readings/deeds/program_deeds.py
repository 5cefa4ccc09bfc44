"""What a program does, by its name, its subcommand and its options; else by its words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed
from investigator.readings.deeds.deed import Deed, DeedEffect, Means
from investigator.readings.deeds.program_effects import (
    BUILD_TOOLS,
    CMDLETS,
    DELETING_PROGRAMS,
    DEPLOYING_WORDS,
    DESTROYING_WORDS,
    GRANTING_PROGRAMS,
    LOOKING_WORDS,
    READING_PROGRAMS,
    SENDING_PROGRAMS,
    STOPPING_PROGRAMS,
    SUBCOMMANDS,
    WRITING_PROGRAMS,
    WRITING_WORDS,
)
from investigator.readings.directives import tool_words

_SHOWN = 80
_REMOTE = re2.compile(r"^(?:[\w.-]+@)?[\w.-]{2,}:[^\\]|^(?:s3|gs|az|rsync|sftp)://")
_WORDS = re2.compile(r"[a-zA-Z]+(?:-[a-zA-Z]+)*")
_DRIVE = re2.compile(r"^[A-Za-z]:[\\/]")


def command_deed(
    effect: DeedEffect,
    what: str,
    things: Sequence[str] = (),
    *,
    grave: bool = False,
    runs_output: bool = False,
) -> Deed:
    """What a command does; `what` is shortened to what is shown of it."""
    short = " ".join(what.split())[:_SHOWN]
    return Deed(effect, short, Means.COMMAND, tuple(things), grave, runs_output)


def program_named(word: str) -> str:
    """The name of a program without its folder and its ending."""
    name = word.replace("\\", "/").rpartition("/")[2] or word
    return name.lower().removesuffix(".exe") if not word.startswith(".") else name.lower() or "."


def deed_of_cmdlet(name: str, rest: list[str], what: str) -> Deed:
    """A cmdlet of PowerShell, by its verb."""
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
    return command_deed(effect, what, things, grave=grave)


def deed_of_method(program: str, rest: list[str], what: str) -> Deed:
    """A method of .NET, by the words of its name."""
    words = {word.lower() for word in re2.findall(r"[A-Z]?[a-z]+", program)}
    if words & (DESTROYING_WORDS | {"kill"}):
        return command_deed(DeedEffect.DELETE, what, rest, grave=True)
    if words & {"download", "read", "get", "exists", "open", "to", "split", "replace", "trim"}:
        return command_deed(DeedEffect.READ, what, rest)
    if words & {"upload", "send", "post"}:
        return command_deed(DeedEffect.SEND, what, rest)
    return command_deed(
        DeedEffect.WRITE if words & (WRITING_WORDS | {"write"}) else DeedEffect.UNKNOWN, what, rest
    )


def deeds_of_program(program: str, rest: list[str], what: str) -> Iterator[Deed]:
    """What a program does, by the tables, else by the words that it is given."""
    plain = [word for word in rest if not word.startswith(("-", "+")) and not _is_option(word)]
    if program in SUBCOMMANDS:
        yield _subcommand(program, rest, what)
    elif program in ("sed", "awk", "gawk", "perl"):
        changes = program == "sed" and any(word.startswith(("-i", "--in-place")) for word in rest)
        runs = program != "sed" and any("system(" in word for word in rest)
        effect = DeedEffect.WRITE if changes else DeedEffect.EXECUTE if runs else DeedEffect.READ
        yield command_deed(effect, what, plain[1:], grave=runs)
    elif program == "dd":
        target = next((word[3:] for word in rest if word.startswith("of=")), "")
        grave = target.startswith("/dev/") or is_system_path(target)
        yield command_deed(
            DeedEffect.DELETE if grave else DeedEffect.WRITE, what, [target], grave=grave
        )
    elif program == "truncate":
        yield command_deed(DeedEffect.DELETE, what, plain, grave=True)
    elif program == "tar":
        looks = any(word.lstrip("-").startswith("t") or word == "--list" for word in rest[:1])
        yield command_deed(DeedEffect.READ if looks else DeedEffect.WRITE, what, plain)
    elif program in DELETING_PROGRAMS:
        yield command_deed(DeedEffect.DELETE, what, plain, grave=True)
    elif program in GRANTING_PROGRAMS:
        yield command_deed(
            DeedEffect.GRANT, what, plain, grave=program != "chmod" or _opens_up(plain)
        )
    elif program in STOPPING_PROGRAMS:
        yield command_deed(DeedEffect.EXECUTE, what, plain, grave=True)
    elif program in SENDING_PROGRAMS:
        yield _sent(program, rest, plain, what)
    elif program in READING_PROGRAMS:
        yield command_deed(DeedEffect.READ, what, plain)
    elif program in WRITING_PROGRAMS:
        told = deed_by_words(what, [program, *plain[:2]])
        if told.effect in (DeedEffect.WRITE, DeedEffect.UNKNOWN) or program in _COPIES:
            grave = any(map(is_system_path, plain[-1:]))
            told = command_deed(DeedEffect.WRITE, what, plain, grave=grave)
        yield told
    else:
        yield deed_by_words(what, [program, *rest])


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
        return command_deed(
            DeedEffect.DELETE if deletes else DeedEffect.WRITE, what, plain[-1:], grave=deletes
        )
    return command_deed(DeedEffect.SEND, what, remote or plain[:1])


def _subcommand(program: str, rest: list[str], what: str) -> Deed:
    named = [word for word in rest if not word.startswith("-")] or list(rest)
    named = _behind_options(program, rest) or named
    sub = next((word.lower() for word in named), "")
    if sub in ("run", "run-script", "exec", "dlx") and program in ("npm", "yarn", "pnpm"):
        options = [word for word in rest if word.startswith("--")]
        return deed_by_words(what, [program, *named[1:], *options])
    if program == "git":
        special = _git(sub, rest, what)
        if special is not None:
            return special
    if sub in ("system", "volume", "image", "container", "compose", "network") and named[1:]:
        sub = named[1].lower() if named[1].lower() in ("rm", "prune", "down", "ls", "ps") else sub
        if sub in ("down", "prune", "rm"):
            return command_deed(DeedEffect.DELETE, what, named[2:], grave=True)
    for effect, words in SUBCOMMANDS[program].items():
        if sub in words.split():
            grave = effect in (DeedEffect.DELETE, DeedEffect.EXECUTE)
            return command_deed(effect, what, named[1:], grave=grave)
    return deed_by_words(what, [program, *rest]) if sub else command_deed(DeedEffect.READ, what)


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
        return command_deed(
            DeedEffect.DELETE if grave else DeedEffect.WRITE, what, rest[1:], grave=True
        )
    if sub in ("reset", "clean", "branch", "tag", "checkout") and (
        forced or (sub in ("branch", "tag") and options & {"-d", "--delete"})
    ):
        return command_deed(DeedEffect.DELETE, what, rest[1:], grave=True)
    if sub in ("branch", "tag", "stash", "remote", "config", "worktree") and [
        w for w in rest if not w.startswith("-") and w != sub and w not in ("list", "show", "-v")
    ]:
        drops = bool({"drop", "clear", "remove", "rm"} & set(rest))
        reads = sub == "config" and (bool(options & {"--get", "--list", "-l"}) or len(rest) == 2)
        return command_deed(
            DeedEffect.READ if reads else DeedEffect.DELETE if drops else DeedEffect.WRITE,
            what,
            grave=drops,
        )
    return None


def deed_by_words(what: str, words: Sequence[str]) -> Deed:
    """A program that no table has, by what its arguments say."""
    said = {
        part
        for word in words
        for hit in _WORDS.findall(well_formed(word[:400]))
        for part in (hit.lower(), *hit.lower().split("-"), *tool_words(hit))
    }
    if words and program_named(words[0]) in BUILD_TOOLS:
        said -= {"clean"}
    if "loss" in said or said & DESTROYING_WORDS:
        return command_deed(DeedEffect.DELETE, what, grave=True)
    if said & DEPLOYING_WORDS:
        return command_deed(DeedEffect.EXECUTE, what, grave=True)
    if said & LOOKING_WORDS:
        return command_deed(DeedEffect.READ, what)
    if said & WRITING_WORDS:
        return command_deed(DeedEffect.WRITE, what)
    return command_deed(DeedEffect.UNKNOWN, what)


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
