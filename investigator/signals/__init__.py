"""Agent-agnostic detectors: what can be seen to be wrong in a trace, without a model."""

from investigator.signals.completeness import completeness
from investigator.signals.detect import detect
from investigator.signals.model import Fault, Signal

__all__ = ["Fault", "Signal", "completeness", "detect"]
