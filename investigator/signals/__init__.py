"""Agent-agnostic detectors: what can be seen to be wrong in a trace, without a model."""

from investigator.readings.completeness import completeness
from investigator.readings.faults import Fault
from investigator.signals.detect import detect
from investigator.signals.model import Signal

__all__ = ["Fault", "Signal", "completeness", "detect"]
