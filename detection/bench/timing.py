"""Which of several ways is faster: a race on the same items.

    contestants = [Contestant("ours", ours), Contestant("OpenCV", theirs)]
    timings = race(contestants, photos, repeat=3)
    Race("crops of a photo", "photo", timings, baseline="OpenCV")

The contestants take turns on every item, so that whatever else the machine does slows all of them alike: their ratio
is worth more than the seconds of any. CPU time counts every thread of the process; a contestant on a GPU has to
synchronise before it returns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Report = Callable[[str, int, int | None], None]  # title, done, total: what `detection.command_line.Bars` takes


def silent(title: str, done: int, total: int | None) -> None:
    """A report that nobody reads."""


@dataclass(frozen=True)
class Spent:
    """Seconds of wall time, and of the CPU time of all threads."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Contestant(Generic[Item]):
    """One way to do the work on an item.

    What ``run`` returns is thrown away, but for a :class:`Spent`: a contestant that works in another process
    (:class:`detection.bench.worker.Worker`) measures itself.
    """

    name: str
    run: Callable[[Item], object]


@dataclass(frozen=True)
class Timing:
    """What a contestant took for every item: seconds, the median of its repeats.

    ``facts`` are more columns for this contestant: name and value, as ``{"recall at 0.5": "0.981"}``.
    """

    name: str
    wall: tuple[float, ...]
    cpu: tuple[float, ...]
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Race:
    """Timings of one kind of work; the contestants are compared with ``baseline``, the name of one of them.

    Without a baseline the timings are parts of a whole, which nothing is compared with. ``unit`` is what is counted
    ("crop") and ``units`` how many of them an item has, on the mean. ``notes`` stand below the table, a line each.
    """

    title: str
    unit: str
    timings: Sequence[Timing]
    baseline: str | None
    units: float = 1.0
    notes: Sequence[str] = ()

    def ratios(self, timing: Timing) -> Spent:
        """How many times as fast as the baseline a contestant is: the median over the items."""
        base = next(each for each in self.timings if each.name == self.baseline)
        return Spent(_ratio(base.wall, timing.wall), _ratio(base.cpu, timing.cpu))


def race(
    contestants: Sequence[Contestant[Item]],
    items: Sequence[Item],
    *,
    repeat: int = 1,
    warm_up: int = 1,
    report: Report = silent,
) -> list[Timing]:
    """Time every contestant ``repeat`` times on every item, in turns; the first item is run ``warm_up`` times before.

    Who begins changes from turn to turn, as the first one of a turn finds an item that is in no cache.
    """
    for contestant in contestants:
        for _ in range(warm_up):
            contestant.run(items[0])
    spent: dict[str, list[Spent]] = {contestant.name: [] for contestant in contestants}
    for number, item in enumerate(items):
        turns: dict[str, list[Spent]] = {contestant.name: [] for contestant in contestants}
        for turn in range(repeat):
            first = (number + turn) % len(contestants)
            for contestant in (*contestants[first:], *contestants[:first]):
                turns[contestant.name].append(_time(contestant, item))
        for name, each in turns.items():
            spent[name].append(Spent(median(one.wall for one in each), median(one.cpu for one in each)))
        report("racing", number + 1, len(items))
    return [Timing(name, tuple(s.wall for s in each), tuple(s.cpu for s in each)) for name, each in spent.items()]


def _time(contestant: Contestant[Item], item: Item) -> Spent:
    result, spent = measure(lambda: contestant.run(item))
    return result if isinstance(result, Spent) else spent


def measure(work: Callable[[], Result]) -> tuple[Result, Spent]:
    """What some work gives, and what it takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, Spent(time.perf_counter() - wall, time.process_time() - cpu)


def _ratio(base: Sequence[float], own: Sequence[float]) -> float:
    return median(theirs / ours if ours else float("inf") for theirs, ours in zip(base, own, strict=True))
