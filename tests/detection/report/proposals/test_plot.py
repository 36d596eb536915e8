import pytest

from detection.report.proposals.plot import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, charts
from tests.detection.report.proposals.photos import measured


def test_lines_lie_where_their_numbers_are(tmp_path):
    by_boxes, by_overlap = charts([measured(tmp_path)])
    solid, dashed = by_boxes.lines
    assert (solid.dashed, dashed.dashed) == (False, True)
    last = solid.dots[-1]
    assert last.x == LEFT  # one box a photo, on the mean: the decade's beginning
    assert last.y == pytest.approx((TOP + HEIGHT - BOTTOM) / 2, abs=0.1)  # a recall of one half
    assert last.text == "1 boxes: 50.0% at 0.5"
    (mark,) = by_boxes.marks
    assert mark.x == WIDTH - RIGHT
    assert "91.6%" in mark.text
    (line,) = by_overlap.lines
    assert (line.dots[0].x, line.dots[-1].x) == (LEFT, WIDTH - RIGHT)
    assert line.dots[-1].text == "25.0% at 1"
    assert line.points.startswith(f"{LEFT:.1f},")


def test_axes_lie_within_the_frame(tmp_path):
    for chart in charts([measured(tmp_path)] * 5):
        assert all(LEFT <= place <= WIDTH - RIGHT for place, _ in chart.x_ticks)
        assert [label for _, label in chart.y_ticks] == ["0%", "20%", "40%", "60%", "80%", "100%"]
