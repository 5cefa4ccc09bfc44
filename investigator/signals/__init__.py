"""Agent-agnostic detectors: what can be seen to be wrong in a trace, without a model."""

from investigator.signals.detect import detect
from investigator.signals.model import Signal

__all__ = ["Signal", "detect"]
