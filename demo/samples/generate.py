"""Writes the sample traces anew: `python -m demo.samples.generate`.

The output depends on `stories.py` alone, so a test can compare it with the files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from demo.samples.build import otlp, transcript
from demo.samples.stories import CHATS, EXPECTED, STORIES
from investigator.ground.canonical_json import JsonValue
from investigator.ground.files import write_target
from investigator.samples import SAMPLES


def sample_files() -> Mapping[str, str]:
    """Every generated file, by its path below the samples folder."""
    stories = [tell() for tell in STORIES]
    trace_ids = {story.name: story.trace_id for story in stories}
    files = {f"traces/{story.name}.json": _pretty(otlp(story)) for story in stories}
    files["traces/chats.jsonl"] = "".join(
        json.dumps(transcript(run_id, spoken)) + "\n" for run_id, spoken in CHATS.items()
    )
    files["expected.json"] = _pretty(
        {
            trace_ids.get(name, name): {"story": name, "outcome": outcome, "label": label}
            for name, (outcome, label) in EXPECTED.items()
        }
    )
    return files


def _pretty(value: JsonValue) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for path, text in sample_files().items():
        write_target(SAMPLES / path, text.encode())
