"""Code of a model's own runs in Monty, a Python without files, network or processes.

Monty interprets a subset of Python in a worker process of its own, made for one piece of code and
gone after it; whatever breaks in there, this process is unharmed. The code reaches the functions
that it is given and nothing else. Clock and random numbers are fixed, so the same code over the
same trace prints the same. Code that breaks a bound is refused, with the bound; code that raises
keeps what it had printed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import anyio
from pydantic import ValidationError

from investigator.errors import InvestigatorError, UsageError
from investigator.ground.patterns import well_formed

if TYPE_CHECKING:
    from pydantic_monty import (
        AsyncFunctionSnapshot,
        AsyncMontySession,
        CollectString,
        MontyRuntimeError,
        MontySyntaxError,
        ResourceLimits,
    )

_PACKAGE = "pydantic-monty"
_CLOCK = datetime(2000, 1, 1)
_LOOKS_FOR_MODULE = "import"
"""What Monty calls the one question to its host that is harmless: is there such a module?"""

Functions: TypeAlias = Mapping[str, Callable[..., Any]]
"""What the code can call, by name; each checks its own arguments and answers in plain values."""


@dataclass(frozen=True, slots=True)
class CodeBounds:
    """What one run of code may take.

    `seconds` are of execution, `wall_seconds` include the reads that it asks for. Memory has room
    for the texts of a trace of several million tokens.
    """

    seconds: float = 5.0
    wall_seconds: float = 20.0
    memory_bytes: int = 256 * 1024 * 1024
    recursion: int = 200
    printed_bytes: int = 1_000_000
    reads: int = 10_000

    def limits(self) -> ResourceLimits:
        """Those that the sandbox keeps itself."""
        return {
            "max_feed_duration_secs": self.seconds,
            "max_memory": self.memory_bytes,
            "max_recursion_depth": self.recursion,
            "max_suspensions": self.reads,
        }


CODE_BOUNDS = CodeBounds()


class Printed(NamedTuple):
    """What the code printed, and the error that it ended with, if any."""

    text: str
    error: str | None


def has_sandbox(package: str = _PACKAGE) -> bool:
    """Whether code can be run here: the package is installed, with its interpreter."""
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


async def run_python(code: str, functions: Functions, bounds: CodeBounds = CODE_BOUNDS) -> Printed:
    """Run code that may call the functions.

    Raises:
        UsageError: it does not parse, breaks a bound or reaches for what is not there, or there
            is no sandbox here; the message says which.
    """
    if not has_sandbox():
        raise UsageError(f"run_code needs the package {_PACKAGE} (the extra 'models')")
    from pydantic_monty import (
        AsyncMonty,
        CollectString,
        MontyError,
        MontyRuntimeError,
        MontySyntaxError,
    )

    printed = CollectString(max_bytes=bounds.printed_bytes)
    try:
        with anyio.fail_after(bounds.wall_seconds):
            async with (
                AsyncMonty(max_processes=1) as workers,
                workers.checkout(
                    script_name="code.py",
                    limits=bounds.limits(),
                    os_policy={"datetime": _CLOCK, "sleep": "zero", "random_start": {"seed": 0}},
                ) as session,
            ):
                await _drive(session, code, functions, printed)
    except TimeoutError:
        raise UsageError(
            f"the code and its reads took more than {bounds.wall_seconds:g} s"
        ) from None
    except MontySyntaxError as error:
        raise UsageError(f"the code doesn't parse: {_last_line(error)}") from None
    except MontyRuntimeError as error:
        broken = _broken_bound(error, bounds)
        if broken is not None:
            raise UsageError(broken) from None
        return Printed(printed.output, _where(error))
    except MontyError as error:
        raise UsageError(f"the sandbox ended the code: {error}") from None
    return Printed(printed.output, None)


async def _drive(
    session: AsyncMontySession, code: str, functions: Functions, printed: CollectString
) -> None:
    """Answer what the code asks for until it ends.

    The line at its end keeps its last value, which may be of any size, inside the sandbox.
    """
    from pydantic_monty import (
        AsyncFunctionSnapshot,
        AsyncFutureSnapshot,
        AsyncNameLookupSnapshot,
        MontyComplete,
    )

    asked = await session.feed_start(
        f"{well_formed(code)}\nNone\n", print_callback=printed, external_lookup=dict(functions)
    )
    while True:
        match asked:
            case MontyComplete():
                return
            case AsyncNameLookupSnapshot():
                asked = await asked.resume_auto()
            case AsyncFunctionSnapshot(is_os_function=True, function_name="import"):
                asked = await asked.resume_not_handled()
            case AsyncFunctionSnapshot(is_os_function=True):
                raise UsageError(_not_there(str(asked.function_name)))
            case AsyncFunctionSnapshot():
                asked = await asked.resume(_answer(asked, functions))
            case AsyncFutureSnapshot():
                raise UsageError(
                    "the code awaits something that never completes: no read is a coroutine"
                )


def _answer(asked: AsyncFunctionSnapshot, functions: Functions) -> Any:
    """What a function gives, or the exception that is raised in the code."""
    name = str(asked.function_name)
    if name not in functions or asked.object_id is not None:
        return {"exc_type": "NameError", "message": f"name '{name}' is not defined"}
    try:
        return {"return_value": functions[name](*asked.args, **asked.kwargs)}
    except ValidationError as error:
        return {"exc_type": "TypeError", "message": f"{name}(): {_complaint(error)}"}
    except InvestigatorError as error:
        return {"exc_type": "ValueError", "message": well_formed(str(error))}


def _complaint(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}"


def _not_there(asked: str) -> str:
    return (
        f"the code asked for {asked}: in the sandbox there are no files, no network, no processes "
        "and no environment; steps(), text(id), search(pattern) and spans() read the trace"
    )


def _broken_bound(error: MontyRuntimeError, bounds: CodeBounds) -> str | None:
    """The bound that ended the code, in words; None where its own error did."""
    said = error.display("msg")
    match error.exception():
        case TimeoutError() if said.startswith("feed time limit"):
            return f"the code ran longer than {bounds.seconds:g} s"
        case MemoryError() if f"> {bounds.printed_bytes} bytes" in said:
            return f"the code printed more than {bounds.printed_bytes:,} bytes: print less"
        case MemoryError():
            return f"the code took more than {bounds.memory_bytes:,} bytes of memory"
        case RecursionError():
            return f"the code recursed deeper than {bounds.recursion} calls"
        case RuntimeError() if said.startswith("suspension limit"):
            return f"the code asked for more than {bounds.reads:,} reads: steps() gives all at once"
        case _:
            return None


def _where(error: MontyRuntimeError) -> str:
    frames = error.traceback()
    line = f"line {frames[-1].line}: " if frames else ""
    return f"{line}{error.display('type-msg')}"


def _last_line(error: MontySyntaxError) -> str:
    frames = error.traceback()
    line = f"line {frames[-1].line}: " if frames else ""
    return f"{line}{error.display('type-msg')}"
