"""The quick way through a table is the slow way, and a fault is told with its line."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.converters import text_table
from detection.converters.text_table import LONGEST, Layout, read_blanked, read_table
from detection.results import DetectionsFileError

FILE = Path("found.txt")
LAYOUT = Layout(["name", "count", "size"], [str, int, float])
row = st.tuples(st.text("ab\u00e9#\"'", min_size=1, max_size=5), st.integers(-9, 10**12), st.floats(allow_nan=False))


def lines_of(rows, start=1):
    return [(number, f"{name} {count}  {size!r}\n") for number, (name, count, size) in enumerate(rows, start=start)]


def columns_of(portions):
    return [column for portion in portions for column in zip(*(c.tolist() for c in portion.columns), strict=True)]


@given(st.lists(row, min_size=1, max_size=20))
def test_quickly_and_one_by_one_read_the_same(rows):
    lines = lines_of(rows)
    quick = text_table._quickly([text for _, text in lines], LAYOUT)
    slow = text_table._one_by_one(FILE, lines, LAYOUT)
    assert quick is not None
    for column, other in zip(quick, slow, strict=True):
        np.testing.assert_array_equal(column, other)
    assert columns_of(read_table(FILE, iter(lines), LAYOUT)) == rows


@pytest.mark.parametrize("portion", [1, 2, 3, 100])
def test_portions_make_up_the_whole(monkeypatch, portion):
    monkeypatch.setattr(text_table, "PORTION", portion)
    rows = [("a", number, number / 8) for number in range(7)]
    portions = list(read_table(FILE, iter(lines_of(rows, start=3)), LAYOUT))
    assert columns_of(portions) == rows
    assert np.concatenate([one.lines for one in portions]).tolist() == list(range(3, 10))


def test_long_words_are_not_cut():
    rows = [("a" * 200, 1, 0.5), ("a" * LONGEST, 2, 0.5), ("b", 3, 0.5)]
    assert columns_of(read_table(FILE, iter(lines_of(rows)), LAYOUT)) == rows


@pytest.mark.parametrize(
    "text",
    [
        "a 1",
        "a 1 2 3",
        "a 1.5 2",
        "a 1 x",
        "a 1 1_0",
        "a 1 1,5",
        "a 1 0x1F",
        "a \u0661 2",
        "a 1 \u0661",
        "a 1" + "0" * 20 + " 2",
    ],
)
@pytest.mark.parametrize("portion", [1, 50])
def test_the_line_at_fault_is_named(monkeypatch, text, portion):
    monkeypatch.setattr(text_table, "PORTION", portion)
    lines = lines_of([("a", 1, 0.5)] * 9)
    lines[6] = (70, f"{text}\n")
    with pytest.raises(DetectionsFileError, match=r"^found.txt:70: expected <name> <count> <size>, got 'a"):
        list(read_table(FILE, iter(lines), LAYOUT))


def test_quoted_words_hold_separators():
    layout = Layout(["name", "size"], [str, float], separator=",")
    assert columns_of(read_table(FILE, iter([(1, '"a, b",1\n'), (2, "c,2\n")]), layout)) == [("a, b", 1), ("c", 2)]
    with pytest.raises(DetectionsFileError, match=r"^found\.txt:2: expected name,size"):
        list(read_table(FILE, iter([(1, "a,1\n"), (2, '"b\n'), (3, 'c",2\n')]), layout))


def test_blank_lines_count_as_lines(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("a 1\n\n  \nb 2\n")
    (portion,) = read_blanked(path, ["name", "size"], [str, float])
    assert portion.lines.tolist() == [1, 4]
    assert portion.words(0) == ["a", "b"]
    assert portion.numbers([1]).tolist() == [[1.0], [2.0]]
