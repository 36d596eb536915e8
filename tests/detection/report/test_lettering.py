"""Class names on images, in any language."""

import cv2
import numpy as np
import pytest

from detection.report import lettering
from detection.report.lettering import text_width, writable, write_text

needs_fonts = pytest.mark.skipif(not lettering.HAS_FONTS, reason="OpenCV 4 has no fonts beyond ASCII")


def written(text: str) -> np.ndarray:
    image = np.zeros((60, 400, 3), np.uint8)
    write_text(image, text, (10, 40), 24, (255, 255, 255))
    return image


@needs_fonts
@pytest.mark.parametrize("name", ["größe", "čeština", "собака", "σκύλος", "犬", "강아지", "כלב"])
def test_names_of_many_languages_are_written_as_they_are(name: str) -> None:
    assert writable(name) == name
    assert not np.array_equal(written(name), written("?" * len(name)))


@pytest.mark.parametrize(
    ("name", "shown"),
    [("ह", "\\u0939"), ("😀 face", "\\U0001f600 face"), ("two\nlines", "two\\nlines"), ("\udcff", "\\udcff")],
    ids=["no glyph", "emoji", "control character", "stray byte"],
)
def test_a_character_without_a_glyph_becomes_its_escape(name: str, shown: str) -> None:
    assert writable(name) == shown
    assert written(shown).any()


def test_a_question_mark_is_a_question_mark() -> None:
    assert writable("what?") == "what?"


def test_two_names_without_glyphs_are_told_apart() -> None:
    assert writable("कुत्ता") != writable("बिल्ली")


def test_width_is_that_of_what_is_written() -> None:
    columns = np.flatnonzero(written("dog 0.91").any(axis=(0, 2)))
    assert columns[-1] - columns[0] + 1 == pytest.approx(text_width("dog 0.91", 24), abs=6)
    assert text_width("", 24) == 0


def test_text_beyond_the_border_is_cut_off() -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    write_text(image, "a long label", (-10, 25), 24, (255, 255, 255))
    assert image.any()


def test_opencv_4_writes_ascii_and_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lettering, "HAS_FONTS", False)
    monkeypatch.delattr(cv2, "FontFace", raising=False)
    assert writable("größe") == "gr\\xf6\\xdfe"
    assert written("dog").any()
    columns = np.flatnonzero(written("dog 0.91").any(axis=(0, 2)))
    assert columns[-1] - columns[0] + 1 == pytest.approx(text_width("dog 0.91", 24), abs=6)
