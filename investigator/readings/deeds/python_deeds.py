"""What Python code does, by the calls in its syntax tree; code that cannot be parsed is unknown.

Only calls by a name that says something count: of the standard library, of the well-known clients
of HTTP, and methods that are called `delete`, `send` and so on. The rest computes.
"""

from __future__ import annotations

import ast
import shlex
import warnings
from collections.abc import Iterator, Mapping

from investigator.ground.patterns import well_formed
from investigator.readings.deeds.deed import Deed, DeedEffect, Means
from investigator.readings.deeds.sql_statements import deeds_in_sql, is_sql
from investigator.readings.languages import word_set

_WINDOW = 20_000
_SHOWN = 80
_NESTING = 200

_CALLS: Mapping[str, tuple[DeedEffect, bool]] = {
    **dict.fromkeys(
        ("os.remove", "os.unlink", "os.rmdir", "os.removedirs", "shutil.rmtree", "os.truncate"),
        (DeedEffect.DELETE, True),
    ),
    **dict.fromkeys(
        ("os.rename", "os.replace", "os.mkdir", "os.makedirs", "shutil.copy", "shutil.move",
         "shutil.copytree", "shutil.copyfile", "os.symlink", "json.dump", "pickle.dump"),
        (DeedEffect.WRITE, False),
    ),
    **dict.fromkeys(("os.chmod", "os.chown", "os.setuid"), (DeedEffect.GRANT, True)),
    **dict.fromkeys(("os.kill", "os.killpg", "os.abort"), (DeedEffect.EXECUTE, True)),
    **dict.fromkeys(("exec", "eval", "compile", "__import__"), (DeedEffect.EXECUTE, True)),
    **dict.fromkeys(
        ("requests.post", "httpx.post", "smtplib.SMTP", "smtplib.SMTP_SSL",
         "urllib.request.urlopen"),
        (DeedEffect.SEND, False),
    ),
    **dict.fromkeys(("requests.put", "requests.patch", "httpx.put", "httpx.patch"),
                    (DeedEffect.WRITE, False)),
    **dict.fromkeys(("requests.delete", "httpx.delete"), (DeedEffect.DELETE, True)),
    **dict.fromkeys(("requests.get", "httpx.get", "requests.head"), (DeedEffect.READ, False)),
}  # fmt: skip
_SHELL_CALLS = word_set(
    "os.system os.popen subprocess.run subprocess.call subprocess.check_call"
    " subprocess.check_output"
    " subprocess.Popen subprocess.getoutput commands.getoutput os.execv os.execvp os.spawnl"
    " asyncio.create_subprocess_shell asyncio.create_subprocess_exec pty.spawn"
)
_METHODS: Mapping[str, tuple[DeedEffect, bool]] = {
    **dict.fromkeys(("unlink", "rmdir", "rmtree", "delete", "delete_one", "delete_many",
                     "drop_table", "drop_database", "drop_collection", "delete_object",
                     "delete_bucket",
                     "drop_all"),
                    (DeedEffect.DELETE, True)),
    **dict.fromkeys(("write_text", "write_bytes", "to_csv", "to_sql", "to_excel", "to_parquet",
                     "savefig", "insert_one", "insert_many", "update_one", "update_many",
                     "put_object", "upload_file", "writelines"), (DeedEffect.WRITE, False)),
    **dict.fromkeys(("sendmail", "send_message", "post"), (DeedEffect.SEND, False)),
}  # fmt: skip


def deeds_in_python(code: str) -> tuple[Deed, ...]:
    """The acts of the code, one that reads where it only computes."""
    if len(code) > _WINDOW:
        return (_act(DeedEffect.UNKNOWN, code),)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(well_formed(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return (_act(DeedEffect.UNKNOWN, code),)
    names = _imported(tree)
    found = [
        act for node in ast.walk(tree) if isinstance(node, ast.Call) for act in _call(node, names)
    ]
    return tuple(found) or (_act(DeedEffect.READ, code),)


def _act(
    effect: DeedEffect, what: str, *things: str, grave: bool = False, output: bool = False
) -> Deed:
    return Deed(effect, " ".join(what.split())[:_SHOWN], Means.CODE, things, grave, output)


def _imported(tree: ast.AST) -> dict[str, str]:
    """What each imported name stands for: `from os import remove as r` makes `r` `os.remove`."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                found[one.asname or one.name.partition(".")[0]] = (
                    one.name if one.asname else one.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module:
            for one in node.names:
                found[one.asname or one.name] = f"{node.module}.{one.name}"
    return found


def _dotted(node: ast.expr, names: Mapping[str, str]) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute) and len(parts) < _NESTING:
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        parts.append(names.get(node.id, node.id))
    elif isinstance(node, ast.Call):
        inner = _dotted(node.func, names) if len(parts) < _NESTING else ""
        module = node.args[0] if inner == "__import__" and node.args else None
        parts.append(
            module.value
            if isinstance(module, ast.Constant) and isinstance(module.value, str)
            else "?"
        )
    else:
        parts.append("?")
    return ".".join(reversed(parts))


def _texts(node: ast.Call) -> list[str]:
    """Its plain arguments; a list of words is one command line."""
    found: list[str] = []
    for one in [*node.args, *(keyword.value for keyword in node.keywords)]:
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            found.append(one.value)
        elif isinstance(one, ast.List | ast.Tuple):
            words = [e.value for e in one.elts if isinstance(e, ast.Constant)]
            if len(words) == len(one.elts):
                found.append(shlex.join(map(str, words)))
    return found


def _call(node: ast.Call, names: Mapping[str, str]) -> Iterator[Deed]:
    name, texts = _dotted(node.func, names), _texts(node)
    what = f"{name}({', '.join(texts)})"
    method = name.rpartition(".")[2]
    if name in _SHELL_CALLS:
        # Shell lines hold Python, and Python shell lines; the import would be a ring.
        yield _act(DeedEffect.EXECUTE, what, *texts[:1], grave=False)
    elif name == "open":
        mode = texts[1] if len(texts) > 1 else ""
        writes = any(mark in mode for mark in "wax+")
        yield _act(DeedEffect.WRITE if writes else DeedEffect.READ, what, *texts[:1])
    elif name in _CALLS:
        effect, grave = _CALLS[name]
        yield _act(effect, what, *texts[:1], grave=grave, output=name in ("exec", "eval"))
    elif method in ("execute", "executemany", "executescript", "read_sql", "sql") and texts:
        yield from deeds_in_sql(texts[0]) if is_sql(texts[0]) else ()
    elif method in _METHODS and "." in name:
        effect, grave = _METHODS[method]
        yield _act(effect, what, *texts[:1], grave=grave)
