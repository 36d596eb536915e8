"""The page, as a file; what it does in a browser is in ``test_gallery_browser.py``."""

import base64
import html
import json
import math
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from detection.report import gallery
from detection.report.gallery import Gallery, thumbnail, write_gallery
from tests.detection.report.page import CLASSES, item, photo, write_page


def data(page: Path) -> list[dict[str, object]]:
    """The photos that a page holds."""
    text = page.read_text(encoding="utf-8")
    return [
        json.loads(block) for block in re.findall(r'<script type="application/json" class="photo">(.*?)</script>', text)
    ]


def test_a_page_holds_its_photos_and_their_boxes(tmp_path: Path) -> None:
    page = write_page(tmp_path, [item("a.jpg", [("dog", 0.9), ('cat "tabby" <b>', 0.3)]), item("b.jpg")])
    first, second = data(page)
    assert (first["name"], first["width"], first["height"], first["link"]) == ("a.jpg", 200, 150, None)
    assert first["found"] == [[20.0, 30.0, 160.0, 135.0, 0, 0.9], [24.0, 30.0, 160.0, 135.0, 1, 0.3]]
    assert second["found"] == []
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(str(first["picture"])), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert np.abs(picture[:, :, ::-1].astype(int) - photo(200, 150)).mean() < 3


def test_scores_on_the_page_are_those_of_the_file(tmp_path: Path) -> None:
    """Rounded, 0.4999999 would be shown at a threshold of 0.5."""
    (only,) = data(write_page(tmp_path, [item("a.jpg", [("dog", 0.4999999)])]))
    assert only["found"][0][5] == 0.4999999  # type: ignore[index]


@pytest.mark.parametrize(
    ("threshold", "kept"), [(0.5, [0.9, 0.05]), (0.02, [0.9, 0.05, 0.03]), (0.01, [0.9, 0.05, 0.03, 0.01])]
)
def test_low_scores_are_left_out_unless_the_page_opens_with_them(
    tmp_path: Path, threshold: float, kept: list[float]
) -> None:
    found = [("dog", score) for score in (0.9, 0.05, 0.03, 0.01)]
    (only,) = data(write_page(tmp_path, [item("a.jpg", found)], threshold=threshold))
    assert [box[5] for box in only["found"]] == kept  # type: ignore[attr-defined]


def test_a_photo_without_a_picture_keeps_its_boxes(tmp_path: Path) -> None:
    record, _ = item("a.jpg", [("dog", 0.9)])
    (only,) = data(write_page(tmp_path, [(record, "no image file st\udcffray.jpg")]))
    assert (only["picture"], only["why"]) == (None, "no image file st?ray.jpg")
    assert len(only["found"]) == 1  # type: ignore[arg-type]


HOSTILE = (
    "<img src=x onerror=alert(1)>.jpg",
    "</script><script>alert(1)</script>.jpg",
    "\"'&\u2028.jpg",
    "{{ 7 * 7 }}.jpg",
)


def test_nothing_that_a_name_holds_becomes_part_of_the_page(tmp_path: Path) -> None:
    page = write_page(
        tmp_path,
        [item(name, [(CLASSES[1], 0.9)]) for name in HOSTILE],
        title=HOSTILE[1],
        failures=[(HOSTILE[0], HOSTILE[1])],
        made_by=HOSTILE[0],
    )
    text = page.read_text(encoding="utf-8")
    assert [only["name"] for only in data(page)] == list(HOSTILE)
    assert "<img src=x" not in text
    assert "<script>alert" not in text
    assert "<b>" not in text.replace(f"<b>{html.escape(HOSTILE[0])}</b>", "")
    assert "49.jpg" not in text


def test_stray_bytes_of_a_name_do_not_break_the_page(tmp_path: Path) -> None:
    page = write_page(tmp_path, [item("st\udcffray.jpg")], title="st\udcffray", failures=[("st\udcffray", "why")])
    assert "<title>st?ray " in page.read_text(encoding="utf-8")
    assert data(page)[0]["name"] == "st\udcffray.jpg"


def test_the_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    text = write_page(tmp_path, [item("a.jpg", [("dog", 0.9)])]).read_text(encoding="utf-8")
    assert re.findall(r'(?:src|href)="([^"]*)"', text) == ["data:,"]
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text
    assert set(re.findall(r"https?://[^\s\"']*", text)) <= {"http://www.w3.org/2000/svg"}  # a name, not an address


def test_many_photos_make_several_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "PAGE_PHOTOS", 4)
    items = [item(f"{number}.jpg", size=(8, 6)) for number in range(10)]
    paths = write_gallery(tmp_path, Gallery("photos", 10, CLASSES), iter(items))
    assert [path.name for path in paths] == ["index.html", "index-2.html", "index-3.html"]
    assert [[photo["name"] for photo in data(path)] for path in paths] == [
        [f"{number}.jpg" for number in numbers] for numbers in ([0, 1, 2, 3], [4, 5, 6, 7], [8, 9])
    ]
    for number, path in enumerate(paths, start=1):
        links = re.findall(r'<a href="(index[^"]*)"( aria-current="page")?>(\d)</a>', path.read_text(encoding="utf-8"))
        assert [(address, here != "", int(label)) for address, here, label in links] == [
            (other.name, place == number, place) for place, other in enumerate(paths, start=1)
        ]


def test_pages_of_an_earlier_run_of_more_photos_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "PAGE_PHOTOS", 4)
    (tmp_path / "index-of-mine.html").write_text("mine")
    for count, pages in ((10, 3), (5, 2), (0, 1)):
        write_gallery(
            tmp_path, Gallery("photos", count, CLASSES), (item(f"{n}.jpg", size=(8, 6)) for n in range(count))
        )
        assert len(list(tmp_path.glob("index*.html"))) == 1 + pages


def test_a_very_large_run_says_what_the_pages_leave_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "PAGE_PHOTOS", 2)
    monkeypatch.setattr(gallery, "MOST_PAGES", 3)
    taken = []

    def photos():  # type: ignore[no-untyped-def]
        for number in range(10):
            taken.append(number)
            yield item(f"{number}.jpg", size=(8, 6))

    paths = write_gallery(tmp_path, Gallery("photos", 10, CLASSES), photos())
    assert len(paths) == 3
    assert taken == [0, 1, 2, 3, 4, 5]
    assert "The last 4 of 10 photos are not on these pages" in paths[0].read_text(encoding="utf-8")


def test_no_photos_make_a_page_all_the_same(tmp_path: Path) -> None:
    page = write_page(tmp_path, [], failures=[("a.jpg", "damaged")])
    assert data(page) == []
    assert "1 photo failed" in page.read_text(encoding="utf-8")


def test_folders_that_cannot_be_listed_are_not_counted_as_photos(tmp_path: Path) -> None:
    page = write_page(tmp_path, [], failures=[("a.jpg", "damaged"), ("locked", "no")], folders=1)
    assert "<summary>1 photo failed and 1 folder could not be listed</summary>" in page.read_text(encoding="utf-8")


def test_a_long_list_of_failures_is_cut(tmp_path: Path) -> None:
    text = write_page(tmp_path, [], failures=[(f"{number}.jpg", "damaged") for number in range(1200)]).read_text(
        encoding="utf-8"
    )
    assert "1,200 photos failed" in text
    assert "and 1,100 more, in errors.csv" in text
    assert text.count("damaged") == 100


def test_a_page_that_cannot_be_finished_leaves_the_old_one(tmp_path: Path) -> None:
    page = write_page(tmp_path, [item("a.jpg")])
    before = page.read_bytes()

    def broken():  # type: ignore[no-untyped-def]
        yield item("b.jpg")
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        write_gallery(tmp_path, Gallery("photos", 2, CLASSES), broken())
    assert page.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1600, 1200), (640, 480)),
        ((100, 50), (100, 50)),
        ((1, 5000), (1, 640)),
        ((5000, 1), (640, 1)),
        ((1, 1), (1, 1)),
    ],
)
def test_thumbnails(size: tuple[int, int], expected: tuple[int, int]) -> None:
    small = cv2.imdecode(np.frombuffer(thumbnail(photo(*size), 640), np.uint8), cv2.IMREAD_COLOR)
    assert small is not None
    assert small.shape[1::-1] == expected
    assert np.abs(small.mean(axis=(0, 1))[::-1] - photo(*size).mean(axis=(0, 1))).max() < 4


def test_thumbnails_are_larger_where_photos_are_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sides = []
    monkeypatch.setattr(gallery, "thumbnail", lambda image, side: sides.append(side) or b"")
    for count in (1, 24, 25, 100, 101):
        write_page(tmp_path, [item(f"{number}.jpg", size=(2, 2)) for number in range(count)])
    assert list(dict.fromkeys(sides)) == [1280, 960, 640]
    assert sides.count(1280) == 25
    assert sides.count(960) == 125


def test_every_class_may_have_its_own_threshold(tmp_path: Path) -> None:
    """The page says so; what nothing reaches is a number that JSON knows."""
    page = write_page(tmp_path, [item("a.jpg")], threshold={"dog": 0.3, 'cat "tabby" <b>': math.inf, "größe 犬": 0.02})
    text = page.read_text(encoding="utf-8")
    assert '"floor": 0.02' in text
    assert '"threshold": null, "thresholds": [0.3, 2.0, 0.02]' in text
