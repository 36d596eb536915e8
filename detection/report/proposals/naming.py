"""What a report calls a proposer: its settings in a few words."""

from __future__ import annotations

from collections.abc import Mapping

from detection.proposals.base import JSON


def proposer_name(method: str, settings: Mapping[str, JSON]) -> str:
    """Such as ``selective-search rcnn-fast x2 + MultiBox 200``: two that differ in an option have two names.

    ``method`` is what the user calls it, ``settings`` those of the proposer.
    """
    parts = settings.get("parts")
    first, *added = parts if isinstance(parts, list) else [dict(settings)]
    return " + ".join([method + _details(first), *(f"MultiBox{_details(part)}" for part in added)])


def _details(settings: JSON) -> str:
    """Mode, size of superpixels, number of boxes and origin, where there are such."""
    if not isinstance(settings, dict):
        return ""
    scale = settings.get("superpixel_scale")
    words = [
        settings.get("mode"),
        f"x{scale:g}" if isinstance(scale, float) and scale != 1 else None,
        settings.get("top"),
        f"({settings['origin']})" if settings.get("origin") else None,
    ]
    return "".join(f" {word}" for word in words if word is not None)
