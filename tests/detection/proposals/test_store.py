"""The proposals store: nothing is made twice, and nothing that is damaged is used."""

import json
import logging
import threading

import numpy as np
import pytest

from detection.images import ImageError
from detection.proposals.store import Failure, ProposalStore, StoreError
from detection.structures import Proposals


class CountingProposer:
    """Boxes that depend on the image, and a count of the images looked at."""

    def __init__(self, step=1):
        self.step = step
        self.calls = 0
        self.lock = threading.Lock()

    @property
    def settings(self):
        return {"method": "counting", "version": 1, "step": self.step}

    def __call__(self, image):
        with self.lock:
            self.calls += 1
        corners = np.arange(image[0, 0, 0] % 7, dtype=np.float32) * self.step
        return Proposals(np.stack([corners, corners, corners + 9.5, corners + 20], axis=1), -corners)


class StubbornProposer(CountingProposer):
    """It refuses every image."""

    def __call__(self, image):
        raise ValueError("too large for proposals")


def entries(store):
    return sorted(store.folder.rglob("*.proposals"))


def same(first, second):
    return np.array_equal(first.boxes, second.boxes) and np.array_equal(first.scores, second.scores)


def test_an_image_is_looked_at_once(tmp_path, photos):
    proposer = CountingProposer()
    made = ProposalStore(tmp_path / "store", proposer).fill(photos, workers=2)
    again = ProposalStore(tmp_path / "store", proposer).fill(photos, workers=1)
    assert proposer.calls == len(photos)
    assert all(same(first, second) for first, second in zip(made, again, strict=True))


def test_a_copied_photo_finds_its_entry_and_a_changed_one_does_not(tmp_path, photos):
    copy = tmp_path / "copy.png"
    copy.write_bytes(photos[0].read_bytes())
    proposer = CountingProposer()
    store = ProposalStore(tmp_path / "store", proposer)
    store.fill([photos[0], copy], workers=1)
    assert proposer.calls == len(entries(store)) == 1
    photos[0].write_bytes(photos[1].read_bytes())
    store.proposals(photos[0])
    assert proposer.calls == len(entries(store)) == 2


def test_other_settings_have_entries_of_their_own_and_say_what_they_are(tmp_path, photos):
    stores = [ProposalStore(tmp_path / "store", CountingProposer(step)) for step in (1, 2)]
    for store in stores:
        store.fill(photos)
        assert store.proposer.calls == len(photos)
        assert json.loads((store.folder / "settings.json").read_text()) == store.settings == store.proposer.settings
    assert {store.folder for store in stores} == set((tmp_path / "store").iterdir())


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda content: content[:-1], id="truncated"),
        pytest.param(lambda content: content[: len(content) // 2], id="half"),
        pytest.param(lambda content: b"", id="empty"),
        pytest.param(lambda content: content[:12] + bytes([content[12] ^ 1]) + content[13:], id="a changed bit"),
        pytest.param(lambda content: b"junk" * 40, id="junk"),
    ],
)
def test_a_damaged_entry_is_made_again(tmp_path, photos, spoil, caplog):
    proposer = CountingProposer()
    store = ProposalStore(tmp_path / "store", proposer)
    made = store.proposals(photos[0])
    (entry,) = entries(store)
    whole = entry.read_bytes()
    entry.write_bytes(spoil(whole))
    with caplog.at_level(logging.WARNING):
        assert same(store.proposals(photos[0]), made)
    assert proposer.calls == 2
    assert entry.read_bytes() == whole
    assert str(entry) in caplog.text
    store.proposals(photos[0])
    assert proposer.calls == 2


def test_an_entry_in_the_place_of_another_is_not_used(tmp_path, photos):
    store = ProposalStore(tmp_path / "store", CountingProposer())
    first, second = store.fill(photos[:2])
    one, other = entries(store)
    one.write_bytes(other.read_bytes())
    assert same(store.proposals(photos[0]), first)
    assert same(store.proposals(photos[1]), second)
    assert store.proposer.calls == 3


def test_a_write_that_fails_leaves_nothing(tmp_path, photos, monkeypatch):
    store = ProposalStore(tmp_path / "store", CountingProposer())

    def full(path, content):
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(StoreError, match=r"proposals store .*store.*: No space left on device$") as refused:
        store.fill(photos)
    assert refused.value.errno == 28
    assert [path.name for path in store.folder.rglob("*") if path.is_file()] == ["settings.json"]


def test_a_store_that_is_a_file_is_refused(tmp_path):
    place = tmp_path / "store"
    place.touch()
    with pytest.raises(StoreError, match=r"proposals store .*store"):
        ProposalStore(place, CountingProposer())


def test_a_filled_store_need_not_be_writable(tmp_path, photos, monkeypatch):
    made = ProposalStore(tmp_path / "store", CountingProposer()).fill(photos)
    monkeypatch.setattr("pathlib.Path.write_bytes", lambda *_: pytest.fail("written"))
    monkeypatch.setattr("pathlib.Path.mkdir", lambda *_, **__: pytest.fail("made"))
    found = ProposalStore(tmp_path / "store", CountingProposer()).fill(photos)
    assert all(same(first, second) for first, second in zip(made, found, strict=True))


def test_progress_is_told_and_results_are_in_order(tmp_path, photos):
    told = []
    store = ProposalStore(tmp_path / "store", CountingProposer())
    results = store.fill(photos, workers=3, report=lambda _, done, total: told.append((done, total)))
    assert told == [(done, len(photos)) for done in range(1, len(photos) + 1)]
    assert all(same(found, store.proposals(photo)) for found, photo in zip(results, photos, strict=True))


def test_no_photos_are_no_proposals(tmp_path):
    assert ProposalStore(tmp_path / "store", CountingProposer()).fill([]) == []


def test_a_bad_photo_is_named_and_does_not_stop_the_others(tmp_path, photos):
    bad, missing = tmp_path / "bad.jpg", tmp_path / "missing.jpg"
    bad.write_bytes(b"not a photo")
    store = ProposalStore(tmp_path / "store", CountingProposer())
    results = list(store.each([photos[0], bad, missing, photos[1]], workers=2))
    assert [type(one) for one in results] == [Proposals, Failure, Failure, Proposals]
    assert [one.photo for one in results[1:3]] == [bad, missing]
    assert str(bad) in results[1].reason
    assert str(missing) in results[2].reason
    with pytest.raises(ImageError, match=r"bad\.jpg"):
        store.proposals(bad)
    with pytest.raises(FileNotFoundError, match=r"missing\.jpg"):
        store.proposals(missing)
    with pytest.raises(ValueError, match=r"bad\.jpg"):
        store.fill([photos[0], bad])


def test_a_photo_that_the_proposer_refuses_is_named(tmp_path, photos):
    (failure,) = ProposalStore(tmp_path / "store", StubbornProposer()).each(photos[:1])
    assert failure.reason == f"{photos[0]}: too large for proposals"


def test_who_stops_listening_stops_the_work(tmp_path, photos):
    proposer = CountingProposer()
    results = ProposalStore(tmp_path / "store", proposer).each(photos * 50, workers=1)
    next(results)
    results.close()
    assert proposer.calls <= len(photos)
    assert threading.active_count() < 5
