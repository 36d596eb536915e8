"""What averaging models gains, on the screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from rich.table import Table

from detection.command_line import printable, table
from detection.evaluation.bootstrap import Interval
from detection.evaluation.ensemble_gain import EnsembleRow

PAPER = "the paper, six models on ILSVRC 2014: 40% to 43.9% (section 8)"


def ensemble_table(rows: Sequence[EnsembleRow]) -> Table:
    """Mean AP of every row, what it gains, and in which classes most and least."""
    shown = table("models", "mean AP", "points gained", "95% interval", "ahead in resamples")
    for name in ("over", "gains most in", "least in"):
        shown.add_column(name)
    for row in rows:
        name = printable(f"{row.kind} {row.name}" + (f" (mean of {row.choices})" if row.choices > 1 else ""))
        if row.gain is None:
            shown.add_row(name, f"{row.mean_ap:.4f}")
            continue
        each = {label: gain for label, gain in row.gain.classes.items() if not np.isnan(gain.value)}
        classes = sorted(each, key=lambda label: -each[label].value)
        ends = [f"{printable(label)} {_points(each[label])[0]}" for label in (*classes[:1], *classes[-1:])]
        gained, interval = _points(row.gain.difference)
        over = printable(row.gain.names[0])
        shown.add_row(name, f"{row.mean_ap:.4f}", gained, interval, f"{row.gain.ahead:.0%}", over, *ends)
    return shown


def class_gains(row: EnsembleRow) -> Table:
    """What each class gains in one row."""
    shown = table("class", "points gained", "95% interval")
    for name, interval in {} if row.gain is None else row.gain.classes.items():
        shown.add_row(printable(name), *_points(interval))
    return shown


def settings_table(figures: Mapping[str, float]) -> Table:
    """Mean AP by settings, the best first."""
    shown = table("settings", "mean AP")
    for settings in sorted(figures, key=lambda one: -np.nan_to_num(figures[one])):
        shown.add_row(printable(settings), f"{figures[settings]:.4f}")
    return shown


def threshold_table(thresholds: Mapping[str, Mapping[str, float | None]]) -> Table:
    """The threshold of every class, by rule."""
    shown = table("class", *thresholds)
    for name in next(iter(thresholds.values()), {}):
        cells = (classes[name] for classes in thresholds.values())
        shown.add_row(printable(name), *("-" if cell is None else f"{cell:.2f}" for cell in cells))
    return shown


def _points(interval: Interval) -> tuple[str, str]:
    """A difference in points, and its interval; of what is undefined a dash."""
    value, low, high = (100 * number for number in vars(interval).values())
    return ("-", "-") if np.isnan(value) else (f"{value:+z.1f}", f"{low:+z.1f} to {high:+z.1f}")
