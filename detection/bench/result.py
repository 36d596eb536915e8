"""Races on the screen and as JSON, ratios first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, astuple
from pathlib import Path
from statistics import median

from rich.table import Table

from detection.bench.machine import describe_machine
from detection.bench.scaling import Cost, exponent
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


def scaling_table(costs: Sequence[Cost]) -> Table:
    """A row a size of images: what a megapixel costs, also beside the smallest's."""
    shown = table("megapixels", "CPU seconds a megapixel", "of the smallest's")
    for cost in costs:
        ratio = cost.per_megapixel / costs[0].per_megapixel
        shown.add_row(f"{cost.megapixels:g}", f"{cost.per_megapixel:.3f}", f"{ratio:.2f} times")
    return shown


def write_races(path: Path, races: Sequence[Race], costs: Sequence[Cost] = ()) -> None:
    """Write races, what proposals of larger images cost, and what machine it was, as JSON, by rename."""
    content: dict[str, object] = {"machine": describe_machine(), "races": [_summary(race) for race in races]}
    if costs:
        content["scaling"] = {"exponent": exponent(costs), "sizes": [asdict(cost) for cost in costs]}
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
