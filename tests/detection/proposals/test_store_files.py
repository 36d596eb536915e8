"""The files of a store: the same bytes whoever makes them, in whatever order, and however often they are stopped."""

import random
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np
import pytest

from detection.proposals.fixed import SlidingGrid
from detection.proposals.selective_search import SelectiveSearch
from detection.proposals.store import ProposalStore
from detection.structures import Proposals
from tests.conftest import REPOSITORY

# Fill a store by a proposer that takes its time, once the file "go" is there: <store> <seconds a photo> <photo>...
PROGRAM = """
import sys, time
from pathlib import Path
from detection.proposals.fixed import SlidingGrid
from detection.proposals.store import ProposalStore

class SlowGrid(SlidingGrid):
    def __call__(self, image):
        time.sleep(float(sys.argv[2]))
        return super().__call__(image)

folder = Path(sys.argv[1])
store = ProposalStore(folder, SlowGrid())
(folder.parent / f"ready-{sys.argv[3]}").touch()
while not (folder.parent / "go").exists():
    time.sleep(0.005)
store.fill([Path(photo) for photo in sys.argv[4:]], workers=2)
"""


@contextmanager
def filling(store, photos, seconds, number=0):
    """A process that fills a store."""
    command = [sys.executable, "-c", PROGRAM, str(store), str(seconds), str(number), *map(str, photos)]
    process = subprocess.Popen(command, cwd=REPOSITORY)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_until(true, seconds=60):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.005)


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def entries(folder):
    return list(folder.rglob("*.proposals"))


@pytest.fixture
def undisturbed(tmp_path, photos):
    """The files of a store that one thread filled."""
    ProposalStore(tmp_path / "undisturbed", SlidingGrid()).fill(photos, workers=1)
    return files(tmp_path / "undisturbed")


@pytest.mark.parametrize("proposer", [SelectiveSearch("single", width=50, min_side=5), SlidingGrid()])
def test_runs_threads_and_orders_leave_the_same_files(tmp_path, photos, proposer):
    shuffled = photos.copy()
    random.Random(1).shuffle(shuffled)
    runs = {"first": (photos, 1), "second": (photos, 1), "threads": (photos, 2), "shuffled": (shuffled, 2)}
    for name, (order, workers) in runs.items():
        ProposalStore(tmp_path / name, proposer).fill(order, workers=workers)
    first, *others = (files(tmp_path / name) for name in runs)
    assert len(first) == len(photos) + 1
    for other in others:
        assert other == first


def test_two_processes_at_once_leave_the_same_files(tmp_path, photos, undisturbed):
    store = tmp_path / "store"
    with filling(store, photos, 0.02, 1) as one, filling(store, photos, 0.02, 2) as other:
        wait_until(lambda: (tmp_path / "ready-1").exists() and (tmp_path / "ready-2").exists())
        (tmp_path / "go").touch()
        assert [one.wait(), other.wait()] == [0, 0]
    assert files(store) == undisturbed


def test_a_killed_process_is_resumed(tmp_path, photos, undisturbed):
    (tmp_path / "go").touch()
    store = tmp_path / "store"
    with filling(store, photos, 0.3) as process:
        wait_until(lambda: len(entries(store)) >= 2)
        process.kill()
        process.wait()
    done = len(entries(store))
    assert 2 <= done < len(photos)
    calls = []

    class CountedGrid(SlidingGrid):
        def __call__(self, image):
            calls.append(1)
            return super().__call__(image)

    ProposalStore(store, CountedGrid()).fill(photos)
    assert len(calls) == len(photos) - done
    assert {name: content for name, content in files(store).items() if not name.endswith(".part")} == undisturbed


def test_what_a_kill_in_the_midst_of_a_write_leaves_is_not_read(tmp_path, photos, undisturbed):
    store = ProposalStore(tmp_path / "store", SlidingGrid())
    store.fill(photos)
    entry = entries(store.folder)[0]
    half = entry.with_name(f".{entry.name}.123.abcd.part")
    half.write_bytes(entry.read_bytes()[:50])
    entry.unlink()
    store.fill(photos)
    half.unlink()
    assert files(tmp_path / "store") == undisturbed


def test_entries_of_another_version_are_made_again(tmp_path, photos, undisturbed, caplog):
    store = ProposalStore(tmp_path / "store", SlidingGrid())
    store.fill(photos)
    for entry in entries(store.folder):
        entry.write_bytes(b"regions1" + entry.read_bytes()[8:])
    store.fill(photos)
    assert files(tmp_path / "store") == undisturbed
    assert "not an entry of this version" in caplog.text


def test_what_is_kept_from_elsewhere_is_found_and_not_replaced(tmp_path, photos):
    store = ProposalStore(tmp_path / "store", SlidingGrid())
    mine = Proposals(np.array([[1, 2, 3, 4.5]], np.float32), np.array([0.25], np.float32))
    store.keep(photos[0], mine)
    store.keep(photos[0], mine)
    found = store.proposals(photos[0])
    assert (found.boxes.tolist(), found.scores.tolist()) == (mine.boxes.tolist(), mine.scores.tolist())
    with pytest.raises(ValueError, match=r"0\.png: .*store.* has other boxes of this photo"):
        store.keep(photos[0], Proposals(mine.boxes))
    assert store.proposals(photos[0]).scores.tolist() == [0.25]
