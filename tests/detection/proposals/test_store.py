"""The proposals store: nothing is made twice, and nothing that is damaged is used."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detection.images import ImageError
from detection.proposals.base import JSON
from detection.proposals.store import ProposalStore
from detection.structures import Proposals, RGBImage


class CountingProposer:
    """Boxes that depend on the image, and a count of the images looked at."""

    def __init__(self, step: int = 1) -> None:
        self.step = step
        self.calls = 0
        self.lock = threading.Lock()

    @property
    def settings(self) -> dict[str, JSON]:
        return {"method": "counting", "version": 1, "step": self.step}

    def __call__(self, image: RGBImage) -> Proposals:
        with self.lock:
            self.calls += 1
        corners = np.arange(int(image[0, 0, 0]) % 7, dtype=np.float32) * self.step
        boxes = np.stack([corners, corners, corners + 9.5, corners + 20], axis=1)
        return Proposals(boxes, -corners)


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    random = np.random.default_rng(0)
    paths = [tmp_path / f"{number}.png" for number in range(8)]
    for path in paths:
        Image.fromarray(random.integers(0, 256, (12, 16, 3), dtype=np.uint8)).save(path)
    return paths


def entries(store: ProposalStore) -> list[Path]:
    return sorted(store.folder.rglob("*.proposals"))


def same(first: Proposals, second: Proposals) -> bool:
    return np.array_equal(first.boxes, second.boxes) and np.array_equal(first.scores, second.scores)


def test_an_image_is_looked_at_once(tmp_path: Path, photos: list[Path]) -> None:
    proposer = CountingProposer()
    made = ProposalStore(tmp_path / "store", proposer).fill(photos, workers=2)
    again = ProposalStore(tmp_path / "store", proposer).fill(photos, workers=1)
    assert proposer.calls == len(photos)
    assert all(same(first, second) for first, second in zip(made, again, strict=True))


def test_entries_are_keyed_by_content_and_settings(tmp_path: Path, photos: list[Path]) -> None:
    copy = tmp_path / "copy.png"
    copy.write_bytes(photos[0].read_bytes())
    proposer, other = CountingProposer(), CountingProposer(step=2)
    store = ProposalStore(tmp_path / "store", proposer)
    store.fill([photos[0], copy])
    assert len(entries(store)) == 1
    ProposalStore(tmp_path / "store", other).proposals(photos[0])
    assert other.calls == 1
    assert len(list((tmp_path / "store").iterdir())) == 2
    photos[0].write_bytes(photos[1].read_bytes())
    before = proposer.calls
    store.proposals(photos[0])
    assert proposer.calls == before + 1


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda content: content[:-1], id="truncated"),
        pytest.param(lambda content: content[: len(content) // 2], id="half"),
        pytest.param(lambda content: b"", id="empty"),
        pytest.param(lambda content: content[:12] + b"\xff" + content[13:], id="a changed byte"),
        pytest.param(lambda content: b"junk" * 40, id="junk"),
    ],
)
def test_a_damaged_entry_is_made_again(
    tmp_path: Path, photos: list[Path], spoil: Callable[[bytes], bytes]
) -> None:
    proposer = CountingProposer()
    store = ProposalStore(tmp_path / "store", proposer)
    photo = next(path for path in photos if len(store.proposals(path)) > 1)
    (entry,) = [path for path in entries(store) if path == store._entry(photo.read_bytes())]
    whole = entry.read_bytes()
    entry.write_bytes(spoil(whole))
    calls = proposer.calls
    store.proposals(photo)
    assert proposer.calls == calls + 1
    assert entry.read_bytes() == whole


def test_the_same_bytes_whatever_the_order_and_the_threads(tmp_path: Path, photos: list[Path]) -> None:
    first = ProposalStore(tmp_path / "first", CountingProposer())
    second = ProposalStore(tmp_path / "second", CountingProposer())
    first.fill(photos, workers=1)
    second.fill(photos[::-1], workers=4)
    assert [path.read_bytes() for path in entries(first)] == [path.read_bytes() for path in entries(second)]
    assert [path.name for path in entries(first)] == [path.name for path in entries(second)]


def test_two_fill_at_once(tmp_path: Path, photos: list[Path]) -> None:
    stores = [ProposalStore(tmp_path / "store", CountingProposer()) for _ in range(2)]
    threads = [threading.Thread(target=store.fill, args=(photos, 2)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(entries(stores[0])) == len(photos)
    assert not [path for path in stores[0].folder.rglob(".*") if path.is_file()]


def test_progress_is_told_and_results_are_in_order(tmp_path: Path, photos: list[Path]) -> None:
    told: list[tuple[int, int]] = []
    store = ProposalStore(tmp_path / "store", CountingProposer())
    results = store.fill(photos, workers=3, report=lambda _, done, total: told.append((done, total)))
    assert told == [(done, len(photos)) for done in range(1, len(photos) + 1)]
    assert all(same(found, store.proposals(photo)) for found, photo in zip(results, photos, strict=True))


def test_a_bad_photo_is_named(tmp_path: Path) -> None:
    photo = tmp_path / "bad.jpg"
    photo.write_bytes(b"not a photo")
    with pytest.raises(ImageError, match=r"bad\.jpg"):
        ProposalStore(tmp_path / "store", CountingProposer()).proposals(photo)
