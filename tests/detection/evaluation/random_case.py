"""Small random data sets of several classes: boxes around objects, near misses, wrong classes, equal scores."""

import numpy as np

from detection.evaluation.tables import DetectionTable, ObjectTable

CLASSES = ("ant", "bee", "cow")
IMAGES = 6


def random_case(seed: int, *, ignored: float = 0.2, ties: bool = True) -> tuple[DetectionTable, ObjectTable]:
    """Detections and objects of ``CLASSES`` in ``IMAGES`` images, the last of which is empty."""
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 16))
    corners = random.uniform(0, 60, (count, 2))
    boxes = np.concatenate([corners, corners + random.uniform(4, 50, (count, 2))], axis=1)
    labels = random.integers(0, len(CLASSES), count)
    images = random.integers(0, IMAGES - 1, count)
    objects = ObjectTable(images, labels, boxes, random.random(count) < ignored)
    near = random.integers(0, count, int(random.integers(0, 40)))
    jitter = random.normal(0, 1, (len(near), 4)) * random.choice([0, 2, 8], (len(near), 1))
    found = boxes[near] + jitter
    found[:, 2:] = np.maximum(found[:, 2:], found[:, :2] + 1)
    kept = random.random(len(near)) < 0.75
    scores = random.choice([0.2, 0.4, 0.6, 0.8], len(near)) if ties else random.permutation(len(near)) / 50
    detections = DetectionTable(images[near], np.where(kept, labels[near], 0), scores.astype(float), found)
    return detections, objects


def table(*rows) -> DetectionTable:
    """Rows of (image, label, score, x1, y1, x2, y2)."""
    columns = np.array(rows, float).reshape(-1, 7)
    images, labels = columns[:, :2].astype(np.int64).T
    return DetectionTable(images, labels, columns[:, 2], columns[:, 3:])


def objects_of(*rows, ignored=()) -> ObjectTable:
    """Rows of (image, label, x1, y1, x2, y2)."""
    columns = np.array(rows, float).reshape(-1, 6)
    images, labels = columns[:, :2].astype(np.int64).T
    flags = np.array([row in ignored for row in range(len(images))], bool)
    return ObjectTable(images, labels, columns[:, 2:], flags)
