"""The one place that turns configs and model files into objects, and that knows which network is inside."""

from detection.build.detector import load_detector
from detection.build.proposers import build_proposer

__all__ = ["build_proposer", "load_detector"]
