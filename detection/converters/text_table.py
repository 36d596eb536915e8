"""Tables in text files, of millions of lines: read column by column, and what is wrong is told with its line."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detection.converters.rows import text_lines
from detection.results import DetectionsFileError

PORTION = 1 << 16  # lines that are taken apart together
LONGEST = 64  # characters of a word; lines with longer ones are taken apart one by one
MOST_DIGITS = 18  # of a whole number


@dataclass(frozen=True)
class Layout:
    """The columns of a table, in their order: what each is called, and whether it holds ``str``, ``int`` or ``float``.

    ``separator`` stands between them; ``None`` is any number of blanks.
    """

    names: Sequence[str]
    kinds: Sequence[type[str | int | float]]
    separator: str | None = None

    def __str__(self) -> str:
        return self.separator.join(self.names) if self.separator else " ".join(f"<{name}>" for name in self.names)


@dataclass(frozen=True, eq=False)
class Portion:
    """Some lines of a table: their numbers (N,), and its columns, (N,) each."""

    lines: NDArray[np.int64]
    columns: Sequence[NDArray[np.generic]]

    def words(self, column: int) -> list[str]:
        return [str(word) for word in self.columns[column].tolist()]

    def numbers(self, columns: Sequence[int]) -> NDArray[np.float64]:
        """The columns side by side, (N, columns)."""
        return np.stack([self.columns[column] for column in columns], axis=1).astype(np.float64)


def read_table(path: Path, lines: Iterator[tuple[int, str]], layout: Layout) -> Iterator[Portion]:
    """The numbered ``lines`` of a file, portion by portion.

    Raises ``FileNotFoundError``, and ``ValueError`` naming file and line.
    """
    while portion := list(islice(lines, PORTION)):
        numbers, texts = zip(*portion, strict=True)
        columns = _quickly(texts, layout)
        yield Portion(np.array(numbers, np.int64), columns or _one_by_one(path, portion, layout))


def read_blanked(path: Path, names: Sequence[str], kinds: Sequence[type[str | int | float]]) -> Iterator[Portion]:
    """A file whose columns are separated by blanks; raises as :func:`read_table`."""
    return read_table(path, text_lines(path), Layout(names, kinds))


def _quickly(texts: Sequence[str], layout: Layout) -> list[NDArray[np.generic]] | None:
    """The columns; ``None`` where a line does not fit, or might not be what it seems."""
    kinds = [(f"column {place}", f"U{LONGEST}" if kind is str else kind) for place, kind in enumerate(layout.kinds)]
    quote = layout.separator and '"'
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)  # older NumPy reads the whole number 1.5 as 1, and warns
            table = np.loadtxt(texts, kinds, comments=None, delimiter=layout.separator, quotechar=quote, ndmin=1)
    except (ValueError, DeprecationWarning):
        return None
    columns = [table[name] for name, _ in kinds]
    words = [column for column, kind in zip(columns, layout.kinds, strict=True) if kind is str]
    whole = all(np.strings.str_len(column).max() < LONGEST for column in words)
    return columns if whole and len(table) == len(texts) else None


def _one_by_one(path: Path, portion: Sequence[tuple[int, str]], layout: Layout) -> list[NDArray[np.generic]]:
    """The same, slowly; raises ``DetectionsFileError`` at the first line that does not fit."""
    rows = []
    for number, text in portion:
        try:
            values = next(csv.reader([text], strict=True)) if layout.separator else text.split()
            rows.append([_value(value, kind) for value, kind in zip(values, layout.kinds, strict=True)])
        except (ValueError, csv.Error):
            raise DetectionsFileError(path, number, f"expected {layout}, got {text.strip()[:80]!r}") from None
    return [np.array(column) for column in zip(*rows, strict=True)]


def _value(text: str, kind: type[str | int | float]) -> str | int | float:
    """Numbers as every program writes them: Python also takes ``1_000`` and the digits of other scripts."""
    if kind is not str and (not text.isascii() or "_" in text):
        raise ValueError(f"{text!r} is not a plain number")
    if kind is int and len(text) > MOST_DIGITS:
        raise ValueError(f"{text!r} is too large")
    return kind(text)
