"""What is shown of a run's detections, on drawings, on the page and in the printed table alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import TYPE_CHECKING

from detection.calibration import BEST_F1, Thresholds, thresholds_of
from detection.report.chosen import chosen_classes, only
from detection.report.colours import class_colours
from detection.report.drawing import draw_detections
from detection.results import ImageDetections
from detection.structures import RGBImage

if TYPE_CHECKING:
    from detection.detector import RegionDetector


@dataclass(frozen=True)
class View:
    """Which classes are shown, from which score on, and how that is called: ``words``.

    ``drawn_as`` tells drawings that show the same from others.
    """

    classes: tuple[str, ...]
    threshold: Thresholds | float
    words: str
    drawn_as: float | str

    @property
    def note(self) -> str:
        """A line about classes of which no score is enough, as none was right so often; empty where all have one."""
        by_class = self.threshold if isinstance(self.threshold, dict) else {}
        never = [name for name in self.classes if by_class.get(name) == inf]
        return f"{self.words}: no score is enough for {', '.join(never)}: not shown" if never else ""

    def draw(self) -> Callable[[RGBImage, ImageDetections], RGBImage]:
        """Draws what the page shows, in the same colours."""
        draw = partial(draw_detections, threshold=self.threshold, colours=class_colours(self.classes))
        return lambda image, record: draw(image, only(record, self.classes))


def view_of(detector: RegionDetector, threshold: str | None, classes: str | None) -> View:
    """What --threshold and --classes ask for; raises ``ValueError`` where the detector does not know it."""
    shown = thresholds_of(threshold, detector.class_names, detector.calibration)
    words = f"{shown:g}" if isinstance(shown, float) else threshold or BEST_F1
    chosen = chosen_classes(classes, detector.class_names)
    drawn_as = shown if isinstance(shown, float) else words
    return View(chosen, shown, words, f"{words} of {', '.join(chosen)}" if classes else drawn_as)
