"""What decided in a run, in one hash: a run can be made again only by the same code.

The hash covers the code, prompts, taxonomies and control libraries of the rooms that have a part
in a report, and the plug-ins with their versions. How runs are stored, shown or sent is left
out: it decides nothing.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from importlib.metadata import version

from investigator.ground.plugins import installed

_ROOMS = (
    *("rca", "compliance", "incident", "inspection", "controls", "signals", "store", "readings"),
    *("formats", "model_planner", "claims", "snapshots", "runtime", "traces", "ground"),
)
_KINDS = (".py", ".md", ".toml", ".yaml")


@cache
def fingerprint() -> str:
    """Hex sha256 of what decides here."""
    package = os.path.dirname(os.path.dirname(__file__))
    digest = hashlib.sha256()
    for room in _ROOMS:
        for folder, folders, files in os.walk(os.path.join(package, room)):
            folders.sort()
            for name in sorted(file for file in files if file.endswith(_KINDS)):
                with open(os.path.join(folder, name), "rb", buffering=0) as file:
                    content = file.read()
                digest.update(f"{room} {name} {len(content)}\n".encode())
                digest.update(content)
    for plugin in installed():
        digest.update(f"{plugin}\n".encode())
    return digest.hexdigest()


@cache
def own_version() -> str:
    """The version of the Investigator that is installed; its metadata is parsed once a process."""
    return version("phoenix-rlm-investigator")
