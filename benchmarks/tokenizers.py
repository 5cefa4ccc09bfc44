"""Real tokenizers, each as whoever charges for it counts a chat; the product depends on none."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias
from urllib.request import Request, urlopen

from benchmarks import live

Count: TypeAlias = Callable[[str, str], int]
"""The tokens of a chat of a system and a user text."""

O200K = "bpe-openai"

O200K_CHAT_TOKENS = 11
"""The marks of a system and a user message, and the start of the reply."""

COUNT_O200K = """
import json, sys, bpe_openai
encode = bpe_openai.get_encoding("o200k_base").encode_ordinary
for line in sys.stdin:
    print(len(encode(json.loads(line))), flush=True)
"""


@contextmanager
def smollm2(folder: Path) -> Iterator[Count]:
    """What the local model's server counts in a chat, and would charge for it."""
    folder.mkdir(parents=True, exist_ok=True)
    python, weights = live.installed(folder.absolute())
    with live.served(python, weights, folder / "tokenizer.log") as base_url:
        server = base_url.removesuffix("/v1")

        def count(system: str, user: str) -> int:
            said = (("system", system), ("user", user))
            messages = [{"role": role, "content": text} for role, text in said]
            chat = _asked(f"{server}/apply-template", {"messages": messages})["prompt"]
            marked = {"content": chat, "add_special": True, "parse_special": True}
            return len(_asked(f"{server}/tokenize", marked)["tokens"])

        yield count


@contextmanager
def o200k(folder: Path) -> Iterator[Count]:
    """What a model of OpenAI's counts in a chat."""
    python, _ = live.installed(folder.absolute())
    if not any((folder / "venv").glob("lib/python*/site-packages/bpe_openai")):
        pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", O200K], check=True)
    command = [str(python), "-c", COUNT_O200K]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as counter:
        assert counter.stdin is not None
        assert counter.stdout is not None
        asked, answered = counter.stdin, counter.stdout

        def counted(text: str) -> int:
            print(json.dumps(text), file=asked, flush=True)
            return int(answered.readline())

        yield lambda system, user: counted(system) + counted(user) + O200K_CHAT_TOKENS


TOKENIZERS = {"smollm2": smollm2, "o200k": o200k}


def _asked(url: str, body: Mapping[str, object]) -> Mapping[str, str]:
    request = Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=60) as answer:
        reply: Mapping[str, str] = json.load(answer)
    return reply
