"""The object that every reader returns, and the words that errors share."""

from pathlib import Path

import numpy as np
import pytest

from detection.datasets.base import AnnotatedImages, check_classes, did_you_mean
from detection.structures import Target
from tests.contracts import assert_is_dataset
from tests.detection.datasets.trees import write_photo

TARGET = Target(np.array([[1, 2, 3, 4]], np.float32), np.array([1]))


def test_it_keeps_the_contract(tmp_path: Path) -> None:
    paths = (write_photo(tmp_path / "a.jpg"), write_photo(tmp_path / "b.png"))
    dataset = AnnotatedImages(("cat", "dog"), ("a", "b"), paths, (TARGET, TARGET[:0]))
    assert_is_dataset(dataset)
    assert dataset.image(1).shape == (30, 40, 3)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ((("cat",), ("a",), (), ()), "1 ids, 0 paths and 0 targets"),
        ((("cat",), ("a", "b", "a"), (Path(),) * 3, (TARGET,) * 3), "image id 'a' occurs twice"),
        ((("cat", "cat"), ("a",), (Path(),), (TARGET,)), "class 'cat' occurs twice"),
    ],
    ids=["lengths", "ids", "classes"],
)
def test_what_does_not_fit_together_is_refused(columns: tuple, message: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(ValueError, match=message):
        AnnotatedImages(*columns)


@pytest.mark.parametrize(
    ("name", "choices", "message"),
    [
        ("trian", ["train", "val"], "did you mean 'train'? There are: train, val"),
        ("Person", ["person", "car"], "did you mean 'person'? There are: car, person"),
        ("zebra", ["train", "val"], "there are: train, val"),
        ("x", [], "there are: none"),
        ("x", [f"{number:02}" for number in range(42)], "39 and 2 more"),
    ],
)
def test_did_you_mean(name: str, choices: list[str], message: str) -> None:
    assert did_you_mean(name, choices).endswith(message)


def test_classes_are_checked() -> None:
    check_classes(["car", "cat"], {"car", "cat", "dog"}, Path("voc"))
    with pytest.raises(ValueError, match=r"voc: no class 'cta'; did you mean 'cat'\? There are: car, cat"):
        check_classes(["car", "cta"], {"car", "cat"}, Path("voc"))
    with pytest.raises(ValueError, match="class 'car' is named twice"):
        check_classes(["car", "cat", "car"], {"car", "cat"}, Path("voc"))
