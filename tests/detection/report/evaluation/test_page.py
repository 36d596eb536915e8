"""What stands on the page, and what it does in a real browser."""

import io
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detection.evaluation.explain import REASONS
from detection.report.evaluation.curves import HEIGHT, LEFT, TOP, WIDTH, Curve, precision_recall, score_dots
from detection.report.evaluation.sheets import (
    budget_rows,
    class_rows,
    confused_pairs,
    confusion_rows,
    explanation_rows,
    stratum_groups,
)
from tests.detection.report.evaluation.report import NAMES, report, write

pytestmark = pytest.mark.filterwarnings("ignore:Mean of empty slice")


def test_the_class_table_holds_what_was_evaluated() -> None:
    one = report()
    red, blue = class_rows(one.results, one.analysis)
    assert (red.objects, red.detections, red.aps) == (4, 4, ("1.000", "1.000"))
    assert (red.precision, red.recall) == ("1.000", "1.000")
    assert (blue.objects, blue.detections) == (4, 3)
    assert blue.aps[0] == f"{one.results[0].classes[NAMES[1]].ap:.3f}"
    assert blue.bar is not None
    assert blue.bar[0] <= blue.bar[1] <= blue.bar[2]


def test_the_costliest_error_comes_first_and_fills_its_bar() -> None:
    rows = budget_rows(report().analysis)
    assert rows[0].bar == pytest.approx(1)
    assert [row.bar for row in rows] == sorted((row.bar for row in rows), reverse=True)
    assert {row.name: row.count for row in rows}["missed"] == 2
    assert {row.name: row.count for row in rows}["background"] == 1


def test_the_matrix_counts_every_object_once() -> None:
    rows = dict(confusion_rows(report().analysis))
    assert [count for count, _ in rows["red"]] == [4, 0, 0]
    assert sum(count for count, _ in rows[NAMES[1]]) == 4
    assert confused_pairs(report().analysis) == []


def test_every_object_is_in_one_part_by_area() -> None:
    groups = dict(stratum_groups(report().analysis))
    assert sum(row.objects for row in groups["area"]) == 8


def test_an_explanation_names_its_rules() -> None:
    one = report()
    explanation = one.analysis.explanations[0]
    all_matter = replace(explanation, steps=tuple(replace(step, gain=0.01) for step in explanation.steps))
    rows = explanation_rows(all_matter, one.dataset.ids)
    differ = ("small object", "taken object", "ties", "formula")
    assert [meaning for meaning, *_ in rows] == [REASONS[name] for name in differ]


def test_rules_that_change_nothing_are_counted() -> None:
    one = report()
    rows = explanation_rows(one.analysis.explanations[0], one.dataset.ids)
    assert [meaning for meaning, *_ in rows] == [
        REASONS["formula"],
        "3 other rules that differ change nothing here",
    ]


def test_curves_begin_at_recall_0_and_stay_in_the_chart() -> None:
    curves = precision_recall(report().analysis)
    assert [curve.name for curve in curves] == list(NAMES)
    for curve in curves:
        points = [tuple(map(float, point.split(","))) for point in curve.points.split()]
        assert points[0][0] == LEFT
        assert all(LEFT <= x <= WIDTH and TOP <= y <= HEIGHT for x, y in points)
    assert all(dot.radius > 0 for dot in score_dots(report().analysis))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page, which no test changes."""
    return write(tmp_path_factory.mktemp("page"))


def test_the_page_needs_nothing_else_and_escapes_names(path: Path) -> None:
    text = path.read_text()
    assert "&lt;b&gt;blue&lt;/b&gt;" in text
    assert "<b>blue</b>" not in text
    assert "http" not in text.replace("http-equiv", "")


@pytest.fixture
def show(open_page: Callable, path: Path) -> Callable:  # type: ignore[type-arg]
    return lambda **how: open_page(path, **how)


def test_the_headline_the_verdict_and_where_a_missed_object_lies(show) -> None:  # type: ignore[no-untyped-def]
    page = show()
    assert page.locator(".card b").first.inner_text() == f"{report().results[0].mean_ap:.3f}"
    assert "no difference can be told from 4 images" in page.locator("main").inner_text()
    assert page.locator("h1").inner_text() == "found.jsonl"
    photo = page.locator(".photo img").first.bounding_box()
    box = page.locator(".photo .missed rect").first.bounding_box()
    assert photo["x"] <= box["x"]
    assert box["x"] + box["width"] <= photo["x"] + photo["width"] + 3


def test_a_click_on_a_heading_sorts_and_another_turns_it_round(show) -> None:  # type: ignore[no-untyped-def]
    page = show()
    rows = page.locator("table.sortable tbody th")
    assert rows.all_inner_texts() == list(NAMES)
    heading = page.locator("table.sortable thead button", has_text="AP, voc07")
    heading.click()
    assert rows.all_inner_texts() == list(NAMES)
    assert heading.locator("..").get_attribute("aria-sort") == "descending"
    heading.press("Enter")
    assert rows.all_inner_texts() == list(NAMES)[::-1]


def test_a_class_is_picked_out_of_the_curves_and_let_go(show) -> None:  # type: ignore[no-untyped-def]
    page = show()
    chip = page.locator(".legend .chip").nth(1)
    chip.click()
    assert chip.get_attribute("aria-pressed") == "true"
    assert page.locator(".charts .on").get_attribute("data-class") == "1"
    chip.press("Enter")
    assert page.locator(".charts .on, .charts.picked").count() == 0


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (390, "dark")])
def test_a_chip_s_colour_stands_in_its_middle(show, width: int, scheme: str) -> None:  # type: ignore[no-untyped-def]
    page = show(width=width, scheme=scheme)
    chips = page.locator(".legend .chip")
    for number in range(chips.count()):
        chip = chips.nth(number).bounding_box()
        colour = chips.nth(number).locator("svg").bounding_box()
        assert (colour["width"], colour["height"]) == (10, 10)
        assert colour["y"] + 5 == pytest.approx(chip["y"] + chip["height"] / 2, abs=1)


def three_curves() -> list[Curve]:
    """Two that lie upon each other, and that of a class whose object is missed; a fourth class has no object."""
    analysis = report().analysis
    names, objects = (*NAMES, "green", "absent"), analysis.judgement.objects
    labels = np.append(objects.labels[:-1], 2)
    judgement = replace(analysis.judgement, class_names=names, objects=replace(objects, labels=labels))
    none, same = (np.zeros(0), np.zeros(0)), analysis.curves["red"]
    curves = dict(zip(names, (same, same, none, none), strict=True))
    return precision_recall(replace(analysis, judgement=judgement, curves=curves))


def test_curves_that_lie_upon_each_other_take_turns() -> None:
    red, blue, green = three_curves()
    assert red.points == blue.points
    assert (red.dashes, red.offset, blue.dashes, blue.offset) == ("14 14", 0, "14 14", -14)
    assert (green.points, green.dashes) == ("", "")
    assert {curve.dashes for curve in precision_recall(report().analysis)} == {""}


def test_a_class_of_which_nothing_is_found_is_named_and_cannot_be_picked(open_page, tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    curves = three_curves()
    monkeypatch.setattr("detection.report.evaluation.page.precision_recall", lambda _: curves)
    page = open_page(write(tmp_path))
    assert page.locator(".legend .none").all_inner_texts() == ["green, AP 0"]
    assert page.locator(".legend button").count() == page.locator(".charts [data-class]").count() == 2
    page.locator(".legend button").nth(1).click()
    dashes = "element => getComputedStyle(element).strokeDasharray"
    assert page.locator(".charts .on polyline").evaluate(dashes) == "none"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_table_that_goes_on_beyond_its_edge_shows_it(show, scheme: str) -> None:  # type: ignore[no-untyped-def]
    page = show(width=390, scheme=scheme)
    table = page.locator(".scroll", has=page.locator("table.sortable"))

    def greys() -> tuple[float, float, float]:
        """How bright the left edge, the inside, and the right edge are, between its round corners."""
        shot = np.asarray(Image.open(io.BytesIO(table.screenshot())).convert("L"), float)[15:-15]
        return np.median(shot[:, 3]), np.median(shot), np.median(shot[:, -4])

    left, inside, right = greys()
    assert right < inside - 8
    assert left == pytest.approx(inside, abs=2)
    table.evaluate("element => element.scrollTo(element.scrollWidth, 0)")
    left, inside, right = greys()
    assert left < inside - 8
    assert right == pytest.approx(inside, abs=2)


def test_boxes_can_be_hidden_and_photos_enlarged(show) -> None:  # type: ignore[no-untyped-def]
    page = show()
    assert page.locator(".photo").count() == 2  # the photos with an error
    assert page.locator(".photo .missed").count() == 2
    page.locator("[data-show=missed]").click()
    assert not page.locator(".photo .missed").first.is_visible()
    page.locator("[data-show=missed]").click()
    assert page.locator(".photo .missed").first.is_visible()
    before = page.locator(".photo").first.bounding_box()["width"]
    page.locator("#large").click()
    assert page.locator(".photo").first.bounding_box()["width"] > before


def test_nothing_is_wider_than_the_window(show) -> None:  # type: ignore[no-untyped-def]
    page = show()
    for width, scheme in product((320, 768, 1440), ("light", "dark")):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_phone_shows_what_the_errors_cost_without_scrolling(show) -> None:  # type: ignore[no-untyped-def]
    page = show(width=390)
    table = page.locator(".scroll[aria-label='What the errors cost']")
    assert table.evaluate("element => element.scrollWidth <= element.clientWidth")
    assert table.locator("tbody tr").first.locator("th span").inner_text()


def test_the_keyboard_reaches_every_control(show) -> None:  # type: ignore[no-untyped-def]
    page = show()
    controls = page.locator("button").count()
    reached = set()
    for _ in range(controls + page.locator("[tabindex]").count()):
        page.keyboard.press("Tab")
        place = "[...document.querySelectorAll('button')].indexOf(document.activeElement)"
        reached.add(page.evaluate(place))
    assert reached - {-1} == set(range(controls))
