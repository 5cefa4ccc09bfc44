"""Configuration as it was deployed, kept as folders of text files, and what differs between two.

A snapshot is `snapshots/<tag>/`: text files, and a `metadata.json` or `metadata.yaml` that says
when it was deployed. What two snapshots differ in is evidence: a reference to it can be checked.
"""

from investigator.snapshots.diff import ConfigDiff, FileDiff, FileStatus, config_diff
from investigator.snapshots.model import Snapshot, SnapshotInfo
from investigator.snapshots.store import SnapshotStore, open_snapshots

__all__ = [
    "ConfigDiff",
    "FileDiff",
    "FileStatus",
    "Snapshot",
    "SnapshotInfo",
    "SnapshotStore",
    "config_diff",
    "open_snapshots",
]
