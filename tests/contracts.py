"""What every data set, proposer and detector promises: checkers to run on each implementation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest
from numpy.typing import NDArray

from detection.datasets.base import Dataset
from detection.images import image_size
from detection.structures import Detections, Proposals, RGBImage, Target

SLACK = 1  # pixels by which an annotated box may leave its photo (COCO, ILSVRC)


class Proposer(Protocol):
    """What the checker below needs of a proposer."""

    @property
    def settings(self) -> Mapping[str, object]: ...

    def __call__(self, image: RGBImage, /) -> Proposals: ...


class Detector(Protocol):
    """What the checker below needs of a detector."""

    @property
    def class_names(self) -> tuple[str, ...]: ...

    def predict(self, image: RGBImage, /) -> Detections: ...


def odd_images() -> dict[str, RGBImage]:
    """Images that have broken proposers and detectors: tiny, thin, flat, noisy, not contiguous."""
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (48, 64, 3), dtype=np.uint8)
    ramp = np.repeat(np.arange(40, dtype=np.uint8)[:, None], 3, axis=1)
    squares = np.zeros((60, 80, 3), np.uint8)
    squares[10:40, 10:30], squares[20:50, 45:70] = (200, 30, 30), (20, 90, 220)
    return {
        "one pixel": np.full((1, 1, 3), 7, np.uint8),
        "one row": np.ascontiguousarray(ramp[None]),
        "one column": np.ascontiguousarray(ramp[:, None]),
        "two by two": np.ascontiguousarray(noise[:2, :2]),
        "black": np.zeros((32, 48, 3), np.uint8),
        "white": np.full((48, 32, 3), 255, np.uint8),
        "noise": noise,
        "squares": squares,
        "wide": np.ascontiguousarray(np.tile(squares[:12], (1, 4, 1))),
        "mirrored view": squares[:, ::-1],
    }


def assert_is_dataset(dataset: Dataset, *, photos: bool = True) -> None:
    """``photos``: they are on disk, and are decoded here, all of them."""
    assert isinstance(dataset.class_names, tuple)
    assert all(isinstance(name, str) and name for name in dataset.class_names)
    assert len(set(dataset.class_names)) == len(dataset.class_names)
    assert len(dataset) == len(dataset.ids) == len(set(dataset.ids)) > 0
    for index, image_id in enumerate(dataset.ids):
        assert isinstance(image_id, str)
        assert image_id
        assert isinstance(dataset.path(index), Path)
        target = dataset.target(index)
        assert_is_target(target, classes=len(dataset.class_names))
        assert_same_boxes(target.boxes, dataset.target(index).boxes)
        if photos:
            image = dataset.image(index)
            assert_is_rgb_image(image)
            height, width = image.shape[:2]
            assert (width, height) == image_size(dataset.path(index))
            assert_inside(target.boxes, image, slack=SLACK)
    with pytest.raises(IndexError):
        dataset.target(len(dataset))
    with pytest.raises(IndexError):
        dataset.path(len(dataset))


def assert_is_rgb_image(image: RGBImage) -> None:
    assert isinstance(image, np.ndarray)
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3
    assert image.size > 0
    assert image.flags.c_contiguous
    assert image.flags.writeable


def assert_is_target(target: Target, *, classes: int) -> None:
    assert isinstance(target, Target)
    assert_are_boxes(target.boxes)
    assert_is_column(target.labels, len(target), np.int64)
    assert_is_column(target.difficult, len(target), np.bool_)
    assert_is_column(target.crowd, len(target), np.bool_)
    assert_is_column(target.areas, len(target), np.float64)
    assert ((target.labels >= 0) & (target.labels < classes)).all()
    assert (np.isfinite(target.areas) & (target.areas >= 0)).all()


def assert_is_proposals(proposals: Proposals, image: RGBImage) -> None:
    """Boxes with area inside the image, the most promising first."""
    assert isinstance(proposals, Proposals)
    assert_are_boxes(proposals.boxes)
    assert_inside(proposals.boxes, image)
    assert_is_column(proposals.scores, len(proposals), np.float32)
    assert np.isfinite(proposals.scores).all()
    assert (np.diff(proposals.scores) <= 0).all(), "proposals are not ordered by falling score"


def assert_is_detections(detections: Detections, image: RGBImage, *, classes: int) -> None:
    """Boxes with area inside the image, labels below ``classes``."""
    assert isinstance(detections, Detections)
    assert_are_boxes(detections.boxes)
    assert_inside(detections.boxes, image)
    assert_is_column(detections.scores, len(detections), np.float32)
    assert np.isfinite(detections.scores).all()
    assert_is_column(detections.labels, len(detections), np.int64)
    assert ((detections.labels >= 0) & (detections.labels < classes)).all()


def assert_is_proposer(proposer: Proposer, images: Mapping[str, RGBImage] | None = None) -> None:
    """Any image is answered, twice the same, and left as it was; the settings fit into a file and stay."""
    settings = json.dumps(proposer.settings, sort_keys=True, allow_nan=False)
    for name, image in (images or odd_images()).items():
        before = image.copy()
        proposals, again = proposer(image), proposer(image)
        assert_is_proposals(proposals, image)
        assert np.array_equal(image, before), f"{name}: the image was changed"
        assert_same_boxes(proposals.boxes, again.boxes)
        assert np.array_equal(proposals.scores, again.scores), name
    assert json.dumps(proposer.settings, sort_keys=True, allow_nan=False) == settings


def assert_is_detector(detector: Detector, images: Mapping[str, RGBImage] | None = None) -> None:
    """Any image is answered, twice the same, and left as it was."""
    assert isinstance(detector.class_names, tuple)
    assert len(set(detector.class_names)) == len(detector.class_names) > 0
    for name, image in (images or odd_images()).items():
        before = image.copy()
        detections, again = detector.predict(image), detector.predict(image)
        assert_is_detections(detections, image, classes=len(detector.class_names))
        assert np.array_equal(image, before), f"{name}: the image was changed"
        assert_same_boxes(detections.boxes, again.boxes)
        assert np.array_equal(detections.scores, again.scores), name
        assert np.array_equal(detections.labels, again.labels), name


def assert_are_boxes(boxes: NDArray[np.float32]) -> None:
    assert isinstance(boxes, np.ndarray)
    assert boxes.dtype == np.float32
    assert boxes.ndim == 2
    assert boxes.shape[1] == 4
    assert boxes.flags.c_contiguous
    assert np.isfinite(boxes).all()
    assert (boxes[:, 2:] > boxes[:, :2]).all(), "a box has no area"


def assert_inside(boxes: NDArray[np.float32], image: RGBImage, *, slack: float = 0) -> None:
    height, width = image.shape[:2]
    assert (boxes[:, :2] >= -slack).all(), "a box begins before its image"
    assert (boxes[:, 2:] <= np.array([width, height]) + slack).all(), "a box ends behind its image"


def assert_same_boxes(boxes: NDArray[np.float32], others: NDArray[np.float32]) -> None:
    assert np.array_equal(boxes, others), "the boxes are not the same the second time"


def assert_is_column(values: NDArray[np.generic], length: int, dtype: type[np.generic]) -> None:
    assert isinstance(values, np.ndarray)
    assert values.shape == (length,)
    assert values.dtype == dtype


def labels_by_name(dataset: Dataset) -> dict[str, int]:
    """How many objects of each class a data set has."""
    labels: Sequence[NDArray[np.int64]] = [dataset.target(index).labels for index in range(len(dataset))]
    counts = np.bincount(np.concatenate(labels), minlength=len(dataset.class_names))
    return dict(zip(dataset.class_names, counts.tolist(), strict=True))
