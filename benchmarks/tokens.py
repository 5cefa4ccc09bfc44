"""How far is the estimate of tokens from what real tokenizers count, on every prompt of RCA runs?

    python -m benchmarks.tokens --data ../shared/data/trail/gaia [--taxonomy trail] [--dir .live]

Two tokenizers: SmolLM2's, as the llama.cpp of `make live` counts a chat with its template and
charges for it, and o200k of bpe-openai (75 MB), with the marks of a chat as OpenAI documents
them. Both live in the environment of `make live` and are installed on first use; the product
depends on neither. The estimate is what a turn holds for its prompt. It should never be under
the real count by more than 5 %, nor over it by more than 40 % on average.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

from benchmarks import live, prompts
from investigator.rca.taxonomy import load_taxonomy

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
def smollm2(folder: Path) -> Iterator[prompts.Count]:
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
def o200k(folder: Path) -> Iterator[prompts.Count]:
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


def main() -> None:
    """Print estimate/real of all prompts, for each tokenizer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder with traces/")
    parser.add_argument("--taxonomy", default="default", help="a built-in name or a file")
    parser.add_argument("--dir", type=Path, default=Path(".live"), help="where tokenizers are")
    arguments = parser.parse_args()
    taxonomy = load_taxonomy(arguments.taxonomy)
    asked = [
        prompt
        for decider in prompts.DECIDERS.values()
        for run in prompts.runs_over(arguments.data, taxonomy, decider)
        for prompt in run.asked
    ]
    print(f"{len(asked)} prompts   estimate/real: min   mean    max")
    for name, tokenizer in TOKENIZERS.items():
        with tokenizer(arguments.dir) as count:
            _print_ratios(name, asked, count)


def _print_ratios(name: str, asked: Sequence[prompts.Asked], count: prompts.Count) -> None:
    ratios = [prompts.estimated(*prompt) / count(*prompt) for prompt in asked]
    most, mean = max(ratios), statistics.mean(ratios)
    print(f"{name:>24}:      {min(ratios):5.2f}  {mean:5.2f}  {most:5.2f}")


def _asked(url: str, body: Mapping[str, object]) -> Mapping[str, str]:
    request = Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=60) as answer:
        reply: Mapping[str, str] = json.load(answer)
    return reply


if __name__ == "__main__":
    main()
