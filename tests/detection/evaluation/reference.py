"""The protocols once more, slow and plain: one class, Python numbers, the devkits' pixels counted from 1.

A detection is (image, score, box), an object (image, box, difficult); a box is (xmin, ymin, xmax, ymax), both ends
inside. What each function returns is one verdict a detection, in ranking order: 1 right, 0 wrong, None neither.
"""

from collections.abc import Collection, Sequence

Box = tuple[float, float, float, float]
Detection = tuple[int, float, Box]
Object = tuple[int, Box, bool]
Verdict = int | None


def overlap(one: Box, other: Box) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0]) + 1
    height = min(one[3], other[3]) - max(one[1], other[1]) + 1
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (one, other)]
    return width * height / (areas[0] + areas[1] - width * height)


def voc_verdicts(detections: Sequence[Detection], objects: Sequence[Object]) -> list[Verdict]:
    verdicts: list[Verdict] = []
    taken: set[int] = set()
    for image, _, box in sorted(detections, key=lambda detection: -detection[1]):
        best, best_overlap = None, 0.0
        for number, (where, truth, _) in enumerate(objects):
            if where == image and overlap(box, truth) > best_overlap:
                best, best_overlap = number, overlap(box, truth)
        if best is None or best_overlap < 0.5:
            verdicts.append(0)
        elif objects[best][2]:
            verdicts.append(None)
        else:
            verdicts.append(0 if best in taken else 1)
            taken.add(best)
    return verdicts


def ilsvrc_verdicts(
    detections: Sequence[Detection], objects: Sequence[Object], blacklisted: Collection[int]
) -> list[Verdict]:
    verdicts: list[Verdict] = []
    taken: set[int] = set()
    for image, _, box in sorted(detections, key=lambda detection: (-detection[1], detection[0])):
        best, best_overlap = None, 0.0
        for number, (where, truth, _) in enumerate(objects):
            width, height = truth[2] - truth[0] + 1, truth[3] - truth[1] + 1
            bar = min(0.5, width * height / ((width + 10) * (height + 10)))
            found = overlap(box, truth)
            if where == image and number not in taken and found >= bar and found > best_overlap:
                best, best_overlap = number, found
        if image in blacklisted:
            verdicts.append(None)
        else:
            verdicts.append(0 if best is None else 1)
            if best is not None:
                taken.add(best)
    return verdicts


def curve(verdicts: Sequence[Verdict], positives: int) -> list[tuple[float, float]]:
    """(recall, precision) after each detection that counts."""
    points, right, wrong = [], 0, 0
    for verdict in verdicts:
        right, wrong = right + (verdict == 1), wrong + (verdict == 0)
        if right + wrong:
            points.append((right / positives, right / (right + wrong)))
    return points


def eleven_point(points: Sequence[tuple[float, float]]) -> float:
    best = [max([precision for recall, precision in points if recall >= k * 0.1], default=0.0) for k in range(11)]
    return sum(best) / 11


def area(points: Sequence[tuple[float, float]]) -> float:
    """Every recall that is reached adds its width times the best precision from there on."""
    total = before = 0.0
    for recall in sorted({recall for recall, _ in points}):
        total += (recall - before) * max(precision for reached, precision in points if reached >= recall)
        before = recall
    return total
