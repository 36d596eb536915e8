from itertools import pairwise

import pytest

from detection.bench import timing
from detection.bench.timing import Contestant, Race, Spent, Timing, race


def test_contestants_take_turns_and_another_begins_each_time() -> None:
    order: list[str] = []
    contestants = [Contestant(name, lambda item, name=name: order.append(f"{name}{item}")) for name in "ab"]
    race(contestants, [1, 2], repeat=2, warm_up=0)
    assert order == ["a1", "b1", "b1", "a1", "b2", "a2", "a2", "b2"]


def test_warm_up_is_not_timed_and_uses_the_first_item(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    (timing,) = race([Contestant("a", seen.append)], [7, 8, 9], warm_up=2)
    assert seen == [7, 7, 7, 8, 9]
    assert len(timing.wall) == len(timing.cpu) == 3


def test_the_median_of_the_repeats_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    took = iter([5.0, 1.0, 2.0])
    monkeypatch.setattr(timing.time, "perf_counter", FakeClock(took))
    (one,) = race([Contestant("a", lambda item: None)], ["x"], repeat=3, warm_up=0)
    assert one.wall == (2.0,)


class FakeClock:
    """Answers in pairs that lie as far apart as ``took`` says."""

    def __init__(self, took):
        self.took, self.inside = took, False

    def __call__(self):
        self.inside = not self.inside
        return 0.0 if self.inside else next(self.took)


def test_a_contestant_may_measure_itself() -> None:
    (one,) = race([Contestant("elsewhere", lambda item: Spent(item, 2 * item))], [1.0, 3.0])
    assert (one.wall, one.cpu) == ((1.0, 3.0), (2.0, 6.0))


def test_wall_time_runs_while_a_contestant_sleeps_and_cpu_time_does_not() -> None:
    (one,) = race([Contestant("sleeper", lambda item: timing.time.sleep(0.05))], ["x"], warm_up=0)
    assert one.wall[0] >= 0.05
    assert one.cpu[0] < 0.04


def test_ratios_say_how_many_times_as_fast_as_the_baseline() -> None:
    slow = Timing("slow", wall=(2.0, 8.0, 100.0), cpu=(1.0, 1.0, 1.0))
    fast = Timing("fast", wall=(1.0, 2.0, 100.0), cpu=(0.5, 0.5, 0.0))
    raced = Race("work", "piece", [slow, fast], baseline="slow")
    assert raced.ratios(fast) == Spent(2.0, 2.0)
    assert raced.ratios(slow) == Spent(1.0, 1.0)


def test_progress_is_told_item_by_item() -> None:
    told: list[tuple[str, int, int | None]] = []
    race([Contestant("a", lambda item: None)], "xyz", report=lambda *step: told.append(step))
    assert [done for _, done, _ in told] == [1, 2, 3]
    assert all(first[1] < second[1] for first, second in pairwise(told))
