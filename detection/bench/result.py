"""Races on the screen and as JSON, ratios first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, astuple
from pathlib import Path
from statistics import median

from rich.table import Table

from detection.bench.machine import describe_machine
from detection.bench.timing import Race
from detection.command_line import table
from detection.converters.whole_file import whole_file


def race_table(race: Race) -> Table:
    """A row a contestant: how many times as fast as the baseline, by wall and by CPU time, then speed and seconds."""
    facts = list(dict.fromkeys(name for timing in race.timings for name in timing.facts))
    compared = () if race.baseline is None else (f"x {race.baseline}", "by CPU time")
    shown = table(race.title, *compared, f"{race.unit}s a second", f"ms a {race.unit}", "ms of CPU", *facts)
    for timing in race.timings:
        ratios = () if race.baseline is None else (f"{one:.2f}" for one in astuple(race.ratios(timing)))
        wall, cpu = median(timing.wall) / race.units, median(timing.cpu) / race.units
        numbers = f"{1 / wall:,.1f}", f"{1000 * wall:,.2f}", f"{1000 * cpu:,.2f}"
        shown.add_row(timing.name, *ratios, *numbers, *(timing.facts.get(name, "") for name in facts))
    return shown


def write_races(path: Path, races: Sequence[Race]) -> None:
    """Write races, and what machine they were run on, as JSON, by rename."""
    content = {"machine": describe_machine(), "races": [_summary(race) for race in races]}
    with whole_file(path) as file:
        json.dump(content, file, indent=1)


def _summary(race: Race) -> dict[str, object]:
    return {
        "title": race.title,
        "unit": race.unit,
        "units_per_item": race.units,
        "baseline": race.baseline,
        "contestants": {
            timing.name: {
                "times_as_fast": None if race.baseline is None else asdict(race.ratios(timing)),
                "seconds_per_item": {"wall": list(timing.wall), "cpu": list(timing.cpu)},
                "facts": dict(timing.facts),
            }
            for timing in race.timings
        },
        "notes": list(race.notes),
    }
