"""The commands that a shell line runs, with their words, redirections and pipes.

Read by the grammars of Bash and PowerShell. What is nested (a substitution, a loop, a function) is
read like the rest; what the grammar cannot take apart makes the line unread, never harmless.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

_WINDOW = 20_000
_NODES = 20_000
_QUOTES = "'\""
_CMDLET = re2.compile(
    r"(?i)(?:^|[|;({&\s])(?:(?:get|set|new|remove|invoke|start|stop|write|out|add|clear|copy|move"
    r"|rename|test|select|where|foreach|import|export|convertto|convertfrom|restart|enable|disable"
    r"|register|unregister|format|measure|sort|join|read|send|uninstall|install)-[a-z]{3,}\b|iex\b"
    r"|iwr\b|irm\b)"
    r"|^\s*\$\w+\s*=|\[System\.|\[IO\."
)


@dataclass
class Command:
    """One command: its words without quotes, where it reads from and writes to."""

    words: list[str]
    reads_pipe: bool = False
    feeds_pipe: bool = False
    writes_to: list[str] = field(default_factory=list)
    given: str | None = None
    """What a here-document or a here-string gives it."""


@dataclass(frozen=True)
class ShellLine:
    """The commands of a line in order; `unread` says that a part of it could not be parsed."""

    commands: tuple[Command, ...]
    unread: bool


@lru_cache(maxsize=1)
def _bash() -> Parser:
    """Its grammar is loaded by the first command that is read, as the other's is."""
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_bash.language()))


@lru_cache(maxsize=1)
def _powershell() -> Parser:
    import tree_sitter_powershell
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_powershell.language()))


def is_powershell(text: str) -> bool:
    """Whether a text calls cmdlets, which no other shell has."""
    return _CMDLET.search(well_formed(text[:_WINDOW])) is not None


def shell_line(text: str, *, powershell: bool = False) -> ShellLine:
    """The commands of a text; of a very long one nothing is said to be read."""
    parser = _powershell() if powershell else _bash()
    clean = well_formed(text[:_WINDOW])
    root = parser.parse(clean.encode()).root_node
    found = tuple(_commands(root, powershell=powershell))
    unread = root.has_error or len(text) > _WINDOW
    return ShellLine(found, unread or not (found or not clean.strip()))


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def _commands(root: Node, *, powershell: bool) -> Iterator[Command]:
    """Depth first, in the order of the text."""
    stack, seen = [root], 0
    while stack and seen < _NODES:
        node, seen = stack.pop(), seen + 1
        if node.type == "command" or (node.type == "invokation_expression" and powershell):
            command = _powershell_command(node) if powershell else _command(node)
            _connect(node, command)
            yield command
        elif node.type in ("declaration_command", "test_command", "unset_command"):
            yield Command(["test"])
        stack += reversed(node.children)


def _connect(node: Node, command: Command) -> None:
    """Its pipes and redirections, which the grammar hangs on the nodes above it."""
    child, above = node, node.parent
    while above is not None:
        if above.type in ("pipeline", "pipeline_chain"):
            place = next(i for i, one in enumerate(above.children) if one.id == child.id)
            command.reads_pipe |= any(one.type in ("|", "|&") for one in above.children[:place])
            command.feeds_pipe |= any(one.type in ("|", "|&") for one in above.children[place:])
        elif above.type == "heredoc_redirect":
            command.reads_pipe = True
        elif above.type == "redirected_statement":
            for one in above.children[1:]:
                _redirect(one, command)
        elif above.type in ("command_substitution", "process_substitution", "function_definition"):
            return
        child, above = above, above.parent


def _redirect(node: Node, command: Command) -> None:
    if node.type == "file_redirect":
        parts = [_text(one) for one in node.children]
        target = _unquoted_word(parts[-1]) if parts else ""
        if any(part in (">", ">>", "&>", "&>>", ">|") for part in parts) and target != "/dev/null":
            command.writes_to.append(target)
        elif "<" in parts:
            command.given = command.given or ""
    elif node.type == "heredoc_redirect":
        body = next((one for one in node.children if one.type == "heredoc_body"), None)
        command.given = "" if body is None else _text(body)
        command.feeds_pipe |= any(one.type == "pipeline" for one in node.children)
        for one in node.children:
            _redirect(one, command)
    elif node.type == "herestring_redirect":
        command.given = _unquoted_word(_text(node.children[-1]))


def _command(node: Node) -> Command:
    words: list[str] = []
    command = Command(words)
    for child in node.children:
        if child.type == "command_name":
            words.append(_unquoted_word(_text(child)))
        elif child.type in ("variable_assignment", "comment"):
            continue
        elif child.type.endswith("_redirect"):
            _redirect(child, command)
        elif child.is_named:
            words.append(_unquoted_word(_text(child)))
    return command


def _powershell_command(node: Node) -> Command:
    if node.type == "invokation_expression":
        return Command([_method_of(_text(node)), *_strings_below(node)])
    words: list[str] = []
    command = Command(words)
    for child in node.children:
        if child.type == "command_elements":
            for part in child.children:
                if part.type == "redirection":
                    target = _text(part).lstrip("0123456789*>& ")
                    command.writes_to += [] if target in ("1", "$null") else [target]
                elif part.type != "command_argument_sep":
                    words.append(_unquoted_word(_text(part)))
        elif child.is_named:
            words.append(_unquoted_word(_text(child)))
    return command


def _method_of(text: str) -> str:
    """`(New-Object Net.WebClient).DownloadString('…')` calls `.DownloadString`."""
    head = text.partition("(")[0] if not text.startswith("(") else text.rpartition(")(")[0] or text
    before = text[: text.rfind("(")] if text.endswith(")") else head
    name = before.replace("::", ".").rpartition(".")[2]
    return f".{name.strip()}"


def _strings_below(node: Node) -> list[str]:
    found, stack = [], [node]
    while stack:
        one = stack.pop()
        if one.type == "string_literal":
            found.append(_unquoted_word(_text(one)))
        else:
            stack += reversed(one.children)
    return found


def _unquoted_word(text: str) -> str:
    """A word as the program gets it; expansions stay as they are written."""
    if len(text) > 1 and text[0] in _QUOTES and text[-1] == text[0]:
        inner = text[1:-1]
        return inner.replace('\\"', '"').replace("\\\\", "\\") if text[0] == '"' else inner
    if text.startswith("$'") and text.endswith("'"):
        return text[2:-1]
    plain = text.replace("\\ ", " ") if "\\" in text else text
    return plain.replace('"', "").replace("'", "") if "'" in plain or '"' in plain else plain
