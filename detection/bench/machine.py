"""The machine that figures were measured on: without it, seconds mean nothing."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from detection.command_line import installed_version

PACKAGES = ("googlenet-rcnn", "torch", "torchvision", "numpy", "numba", "opencv-python", "pycocotools")


def describe_machine() -> dict[str, str | int | float | dict[str, str]]:
    """Processor, cores, how busy they are, and the versions of what does the work."""
    return {
        "processor": processor(),
        "cores": os.cpu_count() or 1,
        "cores_to_use": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else -1.0,
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: found for name in PACKAGES if (found := installed_version(name))},
    }


def processor() -> str:
    """The name of the processor's model."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
