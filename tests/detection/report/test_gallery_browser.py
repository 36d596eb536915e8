"""What the page does, in a real browser."""

from collections.abc import Callable
from pathlib import Path

import pytest

from detection.report import gallery
from detection.report.gallery import Gallery, write_gallery
from tests.detection.report.page import CLASSES, item, write_page

ITEMS = [
    item("img10.jpg", [("dog", 0.9), ("dog", 0.6)]),
    item("img2.jpg", [(CLASSES[1], 0.95), ("dog", 0.3)], size=(150, 200)),
    item("img1.jpg", [], size=(300, 100)),
    item("<img src=x onerror=alert(1)>.jpg", [(CLASSES[2], 0.5), (CLASSES[1], 0.2)]),
]


@pytest.fixture
def show(open_page: Callable, tmp_path: Path) -> Callable:  # type: ignore[type-arg]
    """Opens a gallery."""

    def show_gallery(items=ITEMS, width=1200, height=800, scheme="light", **more):  # type: ignore[no-untyped-def]
        return open_page(write_page(tmp_path, items, **more), width=width, height=height, scheme=scheme)

    return show_gallery


def names(page) -> list[str]:  # type: ignore[no-untyped-def]
    return page.locator(".tile .name").all_inner_texts()


def set_threshold(page, value: float) -> None:  # type: ignore[no-untyped-def]
    page.locator("#threshold").fill(str(value))
    page.wait_for_timeout(50)


def boxes(page, name: str):  # type: ignore[no-untyped-def]
    return page.locator(".tile", has_text=name).locator("svg g")


def test_photos_are_shown_in_the_order_of_their_names_with_counts_and_boxes(show) -> None:  # type: ignore[no-untyped-def]
    page = show()
    assert names(page) == ["<img src=x onerror=alert(1)>.jpg", "img1.jpg", "img2.jpg", "img10.jpg"]
    assert page.locator("#facts").inner_text() == "4 photos · 4 detections"
    assert boxes(page, "img10").count() == 2
    assert boxes(page, "img1.jpg").count() == 0
    assert page.locator(".tile", has_text="img10").locator(".tag").all_inner_texts() == ["dog 0.60", "dog 0.90"]


def test_a_box_lies_where_it_is_in_the_photo(show) -> None:  # type: ignore[no-untyped-def]
    page = show([item("a.jpg", [("dog", 0.9)])])
    photo, box = page.locator(".stage img").bounding_box(), page.locator(".stage rect").last.bounding_box()
    assert photo["width"] / photo["height"] == pytest.approx(200 / 150, rel=0.01)
    left, right = (box["x"] - photo["x"]) / photo["width"], (box["x"] + box["width"] - photo["x"]) / photo["width"]
    above, below = (box["y"] - photo["y"]) / photo["height"], (box["y"] + box["height"] - photo["y"]) / photo["height"]
    assert (left, above, right, below) == pytest.approx((0.1, 0.2, 0.8, 0.9), abs=0.01)


def test_the_slider_acts_on_boxes_and_counts(show) -> None:  # type: ignore[no-untyped-def]
    page = show()
    set_threshold(page, 0.61)
    assert boxes(page, "img10").count() == 1
    assert page.locator("#facts").inner_text() == "4 photos · 2 detections"
    assert page.locator("#threshold-value").inner_text() == "0.61"
    set_threshold(page, 0.05)
    assert page.locator("#facts").inner_text() == "4 photos · 6 detections"
    assert page.locator(".chip b").all_inner_texts() == ["3", "2", "1"]


def test_a_score_at_the_threshold_counts(show) -> None:  # type: ignore[no-untyped-def]
    """At 0.333, which the slider itself cannot show: the page opens with the threshold it was given."""
    page = show([item("a.jpg", [("dog", 0.333)]), item("b.jpg", [("dog", 0.3329)])], threshold=0.333)
    assert page.locator("#facts").inner_text() == "2 photos · 1 detection"


def test_the_class_filter_shows_the_chosen_classes_and_their_photos(show) -> None:  # type: ignore[no-untyped-def]
    page = show()
    set_threshold(page, 0.05)
    page.locator(".chip", has_text="tabby").click()
    assert names(page) == ["<img src=x onerror=alert(1)>.jpg", "img2.jpg"]
    assert boxes(page, "img2").count() == 1
    assert page.locator("#facts").inner_text() == "2 of 4 photos · 2 detections"
    page.locator(".chip", has_text="dog").click()
    assert names(page) == ["<img src=x onerror=alert(1)>.jpg", "img2.jpg", "img10.jpg"]
    assert page.locator('.chip[aria-pressed="true"]').count() == 2
    page.locator(".chip", has_text="tabby").click()
    page.locator(".chip", has_text="dog").click()
    assert len(names(page)) == 4


def test_photos_are_sorted_by_score(show) -> None:  # type: ignore[no-untyped-def]
    page = show()
    page.locator("#order").select_option("best")
    assert names(page) == ["img2.jpg", "img10.jpg", "<img src=x onerror=alert(1)>.jpg", "img1.jpg"]
    page.locator("#order").select_option("worst")
    assert names(page) == ["<img src=x onerror=alert(1)>.jpg", "img10.jpg", "img2.jpg", "img1.jpg"]
    page.locator("#order").select_option("most")
    assert names(page)[0] == "img10.jpg"


def test_empty_photos_can_be_hidden_and_a_filter_without_photos_says_so(show) -> None:  # type: ignore[no-untyped-def]
    page = show()
    page.locator("#hide-empty").check()
    assert "img1.jpg" not in names(page)
    set_threshold(page, 1)
    assert page.locator("#empty").is_visible()
    page.locator("#reset").click()
    assert len(names(page)) == 4
    assert not page.locator("#empty").is_visible()


def test_the_enlarged_photo_by_keyboard_alone(show) -> None:  # type: ignore[no-untyped-def]
    page = show()
    page.locator(".tile").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    viewer = page.locator("#viewer")
    assert viewer.is_visible()
    assert page.locator("#viewer-name").inner_text() == "img2.jpg"
    assert page.locator("#viewer-place").inner_text() == "3 / 4"
    assert page.locator("#viewer-found li").all_inner_texts() == [f"{CLASSES[1]}\n0.95"]
    assert page.locator("#viewer-rest").inner_text() == "1 more detection not shown (score or class)."
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")  # there is none after the last
    assert page.locator("#viewer-name").inner_text() == "img10.jpg"
    assert page.locator("#next").is_disabled()
    page.keyboard.press("Escape")
    assert not viewer.is_visible()
    # the dialog gives the focus back first, to the tile it was opened from; its "close" event comes after that
    page.locator(".tile:focus .name", has_text="img10.jpg").wait_for()  # the page's own policy forbids eval


def test_the_keyboard_reaches_everything(show) -> None:  # type: ignore[no-untyped-def]
    page = show()
    reached = []
    for _ in range(10):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
    assert reached == ["threshold", "order", "hide-empty", *["chip"] * 3, *["tile"] * 4]


def test_the_enlarged_photo_fits_the_window(show) -> None:  # type: ignore[no-untyped-def]
    page = show([item("wide.jpg", size=(3000, 300)), item("tall.jpg", size=(300, 3000)), item("tiny.jpg", size=(2, 2))])
    for tile in page.locator(".tile").all():
        tile.click()
        room, stage = page.locator("#viewer-photo").bounding_box(), page.locator("#viewer .stage").bounding_box()
        assert stage["x"] >= room["x"] - 1
        assert stage["y"] >= room["y"] - 1
        assert stage["x"] + stage["width"] <= room["x"] + room["width"] + 1
        assert stage["y"] + stage["height"] <= room["y"] + room["height"] + 1
        assert stage["width"] > 20
        page.keyboard.press("Escape")


def test_pointing_at_a_detection_picks_it_out(show) -> None:  # type: ignore[no-untyped-def]
    page = show([item("a.jpg", [("dog", 0.9), ("dog", 0.6)])])
    page.locator(".tile").click()
    assert page.locator("#viewer .on").count() == 0
    page.locator("#viewer-found li").nth(1).hover()
    page.mouse.move(1110, 130)
    page.mouse.move(1112, 132)
    assert page.locator("#viewer .tag.on").inner_text() == "dog 0.60"
    page.mouse.move(400, 20)
    assert page.locator("#viewer .on").count() == 0


def test_the_drawing_can_be_opened(show) -> None:  # type: ignore[no-untyped-def]
    page = show([item("a.jpg")], link=lambda id: f"annotated/{id}")
    page.locator(".tile").click()
    assert page.locator("#viewer-link").get_attribute("href") == "annotated/a.jpg"


@pytest.mark.parametrize("width", [320, 390, 768, 1440])
def test_nothing_is_wider_than_the_window(show, width: int) -> None:  # type: ignore[no-untyped-def]
    page = show(width=width, failures=[("a very long name " * 9 + ".jpg", "x" * 300)], title="long_title_" * 20)
    page.locator("details").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator(".tile").first.click()
    assert page.evaluate("document.getElementById('viewer').scrollWidth") <= width


def test_light_and_dark_follow_the_system(show) -> None:  # type: ignore[no-untyped-def]
    grounds = [
        show(scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor") for scheme in ("light", "dark")
    ]
    assert grounds == ["rgb(247, 247, 245)", "rgb(19, 20, 22)"]


def test_photos_far_from_the_window_cost_nothing_until_they_come_near(show) -> None:  # type: ignore[no-untyped-def]
    page = show([item(f"{number}.jpg", [("dog", 0.9)], size=(40, 30)) for number in range(300)])
    assert page.locator(".tile").count() == 300
    set_threshold(page, 0.4)
    assert 0 < page.locator(".stage").count() < 100
    assert page.locator(".tile").last.locator(".stage").count() == 0
    page.locator(".tile").last.scroll_into_view_if_needed()
    page.locator(".tile").last.locator(".stage svg g").wait_for(state="attached")


def test_a_failure_is_told(show) -> None:  # type: ignore[no-untyped-def]
    page = show(failures=[("broken.jpg", "damaged JPEG image")])
    page.locator("details").click()
    assert page.locator("details li").inner_text() == "broken.jpg damaged JPEG image"


def test_each_class_has_its_own_threshold_until_the_slider_is_moved(show) -> None:  # type: ignore[no-untyped-def]
    photos = [item("a.jpg", [("dog", 0.4), ("größe 犬", 0.4)]), item("b.jpg", [("dog", 0.2)])]
    page = show(photos, threshold={"dog": 0.3, 'cat "tabby" <b>': 0.5, "größe 犬": 2.0})
    assert page.locator("#facts").inner_text() == "2 photos · 1 detection"
    assert page.locator("#threshold-value").inner_text() == "by class"
    set_threshold(page, 0.15)
    assert page.locator("#facts").inner_text() == "2 photos · 3 detections"


def test_the_keyboard_picks_detections_and_goes_on_to_the_next_photo(show) -> None:  # type: ignore[no-untyped-def]
    page = show([item("a.jpg", [("dog", 0.9), ("dog", 0.6)]), item("b.jpg", [("dog", 0.8)])])
    page.locator(".tile").first.click()
    while page.evaluate("document.activeElement.closest('li') === null"):
        page.keyboard.press("Tab")
    assert page.locator("#viewer .tag.on").inner_text() == "dog 0.90"
    page.keyboard.press("Tab")
    assert page.locator("#viewer .tag.on").inner_text() == "dog 0.60"
    page.keyboard.press("ArrowRight")
    assert page.locator("#viewer-name").inner_text() == "b.jpg"
    assert page.locator("#viewer .on").count() == 0
    page.keyboard.press("ArrowLeft")
    assert page.locator("#viewer-name").inner_text() == "a.jpg"


def test_there_is_a_way_back_to_each_class_s_own_threshold(show) -> None:  # type: ignore[no-untyped-def]
    thresholds = {"dog": 0.3, 'cat "tabby" <b>': 0.5, "größe 犬": 2.0}
    page = show([item("a.jpg", [("dog", 0.4)]), item("b.jpg", [("dog", 0.2)])], threshold=thresholds)
    back = page.locator("#by-class")
    assert not back.is_visible()
    set_threshold(page, 0.15)
    assert page.locator("#facts").inner_text() == "2 photos · 2 detections"
    back.focus()
    page.keyboard.press("Enter")
    assert page.locator("#facts").inner_text() == "2 photos · 1 detection"
    assert page.locator("#threshold-value").inner_text() == "by class"
    assert not back.is_visible()
    assert page.evaluate("document.activeElement.id") == "threshold"
    assert not show(threshold=0.5).locator("#by-class").is_visible()


def test_score_and_classes_travel_to_the_other_pages(  # type: ignore[no-untyped-def]
    open_page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "PAGE_PHOTOS", 2)
    photos = [item(f"{n}.jpg", [("dog", 0.9), (CLASSES[1], 0.6), ("dog", 0.2)]) for n in range(3)]
    paths = write_gallery(tmp_path, Gallery("photos", 3, CLASSES), iter(photos))
    page = open_page(paths[0])
    assert page.locator("#facts").inner_text() == "2 of 3 photos (page 1 of 2) · 4 detections"
    other = page.locator(".pager a").last
    assert other.get_attribute("href") == "index-2.html"
    set_threshold(page, 0.25)
    page.locator(".chip", has_text="tabby").click()
    address = other.evaluate("link => link.href")
    second = open_page(paths[1])
    second.evaluate("hash => { location.hash = hash; }", address.partition("#")[2])
    second.reload()
    assert second.locator("#facts").inner_text() == "1 of 3 photos (page 2 of 2) · 1 detection"
    assert second.locator("#threshold-value").inner_text() == "0.25"
    assert second.locator('.chip[aria-pressed="true"]').inner_text().startswith("cat")


def test_a_photo_without_a_picture_says_why(show) -> None:  # type: ignore[no-untyped-def]
    page = show([(item("a.jpg")[0], "no image file a.jpg")])
    assert page.locator(".gone").inner_text() == "no picture: no image file a.jpg"
