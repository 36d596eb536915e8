"""The page, as a file and in a real browser."""

from pathlib import Path

import pytest

from detection.datasets.base import AnnotatedImages
from detection.report.proposals import page as page_module
from detection.report.proposals.page import write_page
from detection.report.proposals.report import proposal_report
from tests.detection.report.proposals.photos import NAMES, WHOLE, measured, photos, target

TITLE = "<script>alert(1)</script> photos"
COLOUR = "getComputedStyle(document.querySelector('polyline')).stroke"


def write(folder: Path, *, ladder: bool = True, objects: bool = True) -> Path:
    """The page of two proposers on the three photos, or on the photos without objects."""
    dataset = photos(folder)
    if not objects:
        dataset = AnnotatedImages(NAMES, dataset.ids, dataset.paths, (target([], []),) * 3)
    names = ("x1", "x2 & <i>") if ladder else ("known",)
    each = [measured(folder, ([WHOLE], [WHOLE], []), name, dataset) for name in names]
    write_page(folder / "page/index.html", proposal_report(TITLE, dataset, each, ladder=ladder), dataset)
    return folder / "page/index.html"


def test_a_page_needs_nothing_else(tmp_path):
    text = write(tmp_path).read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert "<i>" not in text.replace('<i class="p', "")
    assert "http" not in text.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    assert text.count("data:image/jpeg") == 4  # of either proposer the two dogs
    assert [path.name for path in (tmp_path / "page").iterdir()] == ["index.html"]


def test_only_the_worst_objects_have_a_picture(tmp_path, monkeypatch):
    monkeypatch.setattr(page_module, "MOST_CROPS", 1)
    text = write(tmp_path, ladder=False).read_text(encoding="utf-8")
    assert text.count("data:image/jpeg") == 1
    assert "2 objects that no box reaches" in text
    assert "the 1 worst" in text


def test_without_objects_there_are_neither_charts_nor_crops(tmp_path):
    text = write(tmp_path, objects=False).read_text(encoding="utf-8")
    assert "<svg" not in text
    assert "that no box reaches" not in text
    assert "boxes a photo" in text


@pytest.fixture
def show(open_page, tmp_path):
    """Opens the page that is written with some options; how it is shown comes first."""

    def write_and_open(shown=None, **more):
        return open_page(write(tmp_path, **more), **(shown or {}))

    return write_and_open


def test_tables_charts_and_crops_are_shown(show):
    page = show()
    assert page.locator("h1").inner_text() == TITLE
    assert page.locator(".facts").first.inner_text() == "3 photos · 4 objects that count"
    assert page.locator("h2").first.inner_text() == "the paper, section 8"
    assert page.locator("polyline").count() == 6  # two proposers: recall at 0.5 and 0.7, and against overlap
    crop = page.locator("details[open] .crop")
    assert crop.count() == 2
    picture, box = crop.first.locator("img").bounding_box(), crop.first.locator("rect.object").bounding_box()
    assert box["x"] - picture["x"] == pytest.approx(picture["width"] / 3, abs=2)  # 5 of 15 pixels
    assert box["width"] == pytest.approx(picture["width"] * 2 / 3, abs=3)


def test_the_keyboard_picks_out_a_proposer(show):
    page = show()
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "x2 & <i>":
            break
    page.keyboard.press("Enter")
    assert page.locator('.chip[aria-pressed="true"]').inner_text() == "x2 & <i>"
    assert page.locator(".charts svg .on").count() == 3
    page.keyboard.press("Enter")
    assert page.locator('.chip[aria-pressed="true"]').count() == page.locator(".picked").count() == 0


@pytest.mark.parametrize("width", [320, 390, 1440])
def test_nothing_is_wider_than_the_window(show, width):
    page = show({"width": width})
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [320, 390, 1200])
def test_the_paper_s_claims_need_no_scrolling(open_page, tmp_path, width):
    dataset = photos(tmp_path)
    each = [measured(tmp_path, ([WHOLE], [WHOLE], []), name, dataset) for name in ("x1", "x2", "x2 + MultiBox")]
    write_page(tmp_path / "index.html", proposal_report(TITLE, dataset, each, ladder=True), dataset)
    page = open_page(tmp_path / "index.html", width=width)
    table = page.locator(".scroll").first
    assert "differs: boxes that are there twice count once" in table.inner_text()
    assert table.evaluate("element => element.scrollWidth <= element.clientWidth")


def test_light_and_dark_follow_the_system(show):
    colours = [show({"scheme": scheme}).evaluate(COLOUR) for scheme in ("light", "dark")]
    assert colours == ["rgb(0, 114, 178)", "rgb(86, 180, 233)"]


def test_one_proposer_without_objects(show):
    page = show(ladder=False, objects=False)
    assert page.locator("h2").all_inner_texts() == ["all boxes", "how the boxes were made"]
