"""The words of a verdict: what is said of a control, and how severe a breach of it is."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What is said of one control and one trace."""

    PASS = "pass"
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"
    INSUFFICIENT_EVIDENCE = "insufficient_evidence"


class Severity(StrEnum):
    """Severity of a breach, most severe first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"
