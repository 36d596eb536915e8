"""Colours of classes."""

import itertools

import numpy as np
import pytest

from detection.report.colours import (
    BLACK,
    PALETTE,
    WHITE,
    Colour,
    class_colours,
    css,
    relative_luminance,
    text_colour,
)

# Machado, Oliveira, Fernandes (2009): linear RGB as seen without one kind of cone.
VISION = {
    "all cones": np.eye(3),
    "no L cones": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no M cones": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no S cones": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(colour: Colour, vision: object) -> np.ndarray:
    srgb = np.array(colour) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(np.asarray(vision) @ linear, 0, 1) / (TO_XYZ @ np.ones(3))
    root = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


@pytest.mark.parametrize("vision", VISION)
def test_any_two_colours_of_the_palette_differ_clearly_in_any_colour_vision(vision: str) -> None:
    seen = [lab(colour, VISION[vision]) for colour in PALETTE]
    nearest = min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2))
    assert nearest > 12  # 2.3 is what an eye just sees side by side


@pytest.mark.parametrize("count", [1, 5, 7, 20, 21])
def test_up_to_twenty_one_classes_share_no_colour(count: int) -> None:
    colours = class_colours(f"class {number}" for number in range(count))
    assert len(set(colours.values())) == count


def test_seven_classes_take_the_palette_itself() -> None:
    assert set(class_colours("abcdefg").values()) == set(PALETTE)


def test_any_number_of_classes_has_colours_and_keeps_its_order() -> None:
    names = [f"class {number}" for number in range(200)]
    assert list(class_colours(names)) == names


def test_a_class_keeps_its_colour_where_no_other_wants_it() -> None:
    alone = {name: class_colours([name])[name] for name in ("person", "cat")}
    assert alone["person"] != alone["cat"]
    assert class_colours(["cat", "person"]) == class_colours(["person", "cat"]) == alone


def test_colours_do_not_depend_on_the_run() -> None:
    """Python's own hash of a string does."""
    assert {name: css(colour) for name, colour in class_colours(["bus", "car", "cat", "person", "train"]).items()} == {
        "bus": "#f0e442",
        "car": "#009e73",
        "cat": "#d55e00",
        "person": "#0072b2",
        "train": "#cc79a7",
    }


def test_a_name_given_twice_is_one_class() -> None:
    assert class_colours(["cat", "cat"]) == class_colours(["cat"])


@pytest.mark.parametrize("background", [*PALETTE, *class_colours(map(str, range(21))).values(), BLACK, WHITE])
def test_text_reads_on_every_colour(background: Colour) -> None:
    """WCAG 2, level AA for small text: a contrast of 4.5."""
    light, dark = sorted((relative_luminance(background), relative_luminance(text_colour(background))), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_luminance_of_known_colours() -> None:
    assert relative_luminance(WHITE) == pytest.approx(1)
    assert relative_luminance(BLACK) == 0
    assert relative_luminance((255, 0, 0)) == pytest.approx(0.2126)


def test_css() -> None:
    assert css((0, 158, 115)) == "#009e73"
