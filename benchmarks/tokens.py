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
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks import prompts
from benchmarks.tokenizers import TOKENIZERS, Count
from investigator.rca.taxonomy import load_taxonomy


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


def _print_ratios(name: str, asked: Sequence[prompts.Asked], count: Count) -> None:
    ratios = [prompts.estimated(*prompt) / count(*prompt) for prompt in asked]
    most, mean = max(ratios), statistics.mean(ratios)
    print(f"{name:>24}:      {min(ratios):5.2f}  {mean:5.2f}  {most:5.2f}")


if __name__ == "__main__":
    main()
