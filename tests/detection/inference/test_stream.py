"""Detection over a stream of photos."""

import errno
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from detection.images import decode_image
from detection.inference import stream
from detection.inference.find import Failure, Photo
from detection.inference.stream import AHEAD, FAILURES_IN_A_ROW, Detected, DetectorError, decode_ahead, detect
from detection.proposals.store import StoreError
from detection.structures import Proposals, RGBImage
from tests.detection.inference.stub import StubDetector, save_photo

WAIT = 30  # seconds until a test that waits for a thread fails


def photos(folder: Path, count: int) -> list[Photo]:
    return [Photo(f"{n}.png", save_photo(folder / f"{n}.png", red=10 * n)) for n in range(count)]


def test_records_hold_what_was_found(tmp_path: Path) -> None:
    photo = Photo("sub/a.png", save_photo(tmp_path / "sub" / "a.png", red=255, size=(40, 30)))
    (outcome,) = detect([photo], StubDetector())
    assert isinstance(outcome, Detected)
    record = outcome.record
    assert (record.id, record.path, record.width, record.height) == ("sub/a.png", str(photo.path), 40, 30)
    assert record.boxes.tolist() == [[0, 0, 20, 30]]
    assert (record.labels, record.scores.tolist()) == (("dog",), [1.0])
    assert 0 <= record.seconds < WAIT
    assert np.array_equal(outcome.image, decode_image(photo.path))


def test_proposals_of_a_file_are_handed_on_and_a_fallback_is_recorded(tmp_path: Path) -> None:
    quick, slow = photos(tmp_path, 2)
    made = {
        quick.path: Proposals(np.array([[1, 2, 3, 4]], np.float32)),
        slow.path: Proposals(np.array([[5, 6, 7, 8]], np.float32), fallback="sliding-grid"),
    }
    for ahead in (0, 3):
        found = detect([quick, slow], StubDetector(), lambda path, _: made[path], ahead=ahead)
        records = [one.record for one in found if isinstance(one, Detected)]
        assert [record.fallback for record in records] == [None, "sliding-grid"]
        assert records[1].boxes.tolist() == [[5, 6, 7, 8]]


def test_proposals_are_made_ahead_of_a_detector_that_leaves_the_processor_free(tmp_path: Path) -> None:
    three, begun = photos(tmp_path, 3), {n: threading.Event() for n in range(3)}

    def propose(path: Path, image: RGBImage) -> Proposals:
        begun[int(path.stem)].set()
        if path.stem == "1":
            raise ValueError("no regions")
        return Proposals([[0, 0, image.shape[1], 9]])

    def wait_for_the_last(_: RGBImage) -> None:
        assert begun[2].wait(WAIT)

    first, second, third = detect(three, StubDetector(wait_for_the_last), propose, ahead=2)
    assert isinstance(second, Failure)
    assert second.reason == "the detector failed: no regions"
    assert isinstance(first, Detected)
    assert isinstance(third, Detected)
    assert third.record.boxes.tolist() == [[0, 0, 40, 9]]


def test_order_is_that_of_the_photos(tmp_path: Path) -> None:
    outcomes = list(detect(photos(tmp_path, 12), StubDetector()))
    assert [outcome.record.id for outcome in outcomes if isinstance(outcome, Detected)] == [
        f"{n}.png" for n in range(12)
    ]


def test_no_photos() -> None:
    assert list(detect([], StubDetector())) == []


def test_bad_photos_are_told_and_the_others_go_on(tmp_path: Path) -> None:
    good = photos(tmp_path, 2)
    (tmp_path / "bad.jpg").write_bytes(b"not a photo")
    bad = Photo("bad.jpg", tmp_path / "bad.jpg")
    gone = Photo("gone.jpg", tmp_path / "gone.jpg")
    outcomes = list(detect([bad, good[0], gone, good[1]], StubDetector()))
    assert [type(outcome) for outcome in outcomes] == [Failure, Detected, Failure, Detected]
    assert isinstance(outcomes[0], Failure)
    assert outcomes[0].path == bad.path
    assert outcomes[0].reason.startswith("not an image")  # the path is told once
    assert outcomes[2] == Failure(gone.path, f"no image file {gone.path}")


def test_whatever_the_decoder_raises_is_one_photo_s_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(path: Path) -> RGBImage:
        if path.name == "1.png":
            raise MemoryError
        return decode_image(path)

    monkeypatch.setattr(stream, "decode_image", decode)
    outcomes = list(detect(photos(tmp_path, 3), StubDetector()))
    assert [type(outcome) for outcome in outcomes] == [Detected, Failure, Detected]
    assert outcomes[1] == Failure(tmp_path / "1.png", "MemoryError")


def test_a_photo_on_which_the_detector_fails_is_told(tmp_path: Path) -> None:
    def refuse(image: RGBImage) -> None:
        if image[0, 0, 0] == 10:
            raise RuntimeError("no\nmemory")

    outcomes = list(detect(photos(tmp_path, 3), StubDetector(refuse)))
    assert [type(outcome) for outcome in outcomes] == [Detected, Failure, Detected]
    assert outcomes[1] == Failure(tmp_path / "1.png", "the detector failed: RuntimeError no memory")


def test_a_detector_that_only_fails_ends_the_stream(tmp_path: Path) -> None:
    def refuse(image: RGBImage) -> None:
        raise ValueError("wrong device")

    outcomes = detect(photos(tmp_path, FAILURES_IN_A_ROW + 5), StubDetector(refuse))
    for _ in range(FAILURES_IN_A_ROW):
        assert isinstance(next(outcomes), Failure)
    with pytest.raises(DetectorError, match=f"the detector failed {FAILURES_IN_A_ROW} times in a row: wrong device"):
        next(outcomes)


def test_a_store_that_cannot_be_written_ends_the_stream(tmp_path: Path) -> None:
    def full(*_: object) -> Proposals:
        raise StoreError("cannot write to the proposals store", errno.ENOSPC)

    for ahead in (0, 2):
        with pytest.raises(StoreError, match="cannot write to the proposals store"):
            list(detect(photos(tmp_path, 3), StubDetector(), full, ahead=ahead))


def test_a_photo_that_a_store_cannot_read_is_told(tmp_path: Path) -> None:
    def gone(photo: Path, image: RGBImage) -> Proposals:
        raise FileNotFoundError(f"no image file {photo}")

    (outcome,) = detect(photos(tmp_path, 1), StubDetector(), gone)
    assert isinstance(outcome, Failure)


def test_failures_with_a_success_between_do_not_end_it(tmp_path: Path) -> None:
    detector = StubDetector()

    def refuse(image: RGBImage) -> None:
        if detector.calls % FAILURES_IN_A_ROW:
            raise ValueError("no")

    detector.before = refuse
    outcomes = list(detect(photos(tmp_path, 2 * FAILURES_IN_A_ROW) * 2, detector))
    assert sum(isinstance(outcome, Detected) for outcome in outcomes) == 4


def test_bad_photos_in_a_row_do_not_end_it(tmp_path: Path) -> None:
    gone = [Photo(f"{n}.jpg", tmp_path / f"{n}.jpg") for n in range(3 * FAILURES_IN_A_ROW)]
    assert all(isinstance(outcome, Failure) for outcome in detect(gone, StubDetector()))


def test_the_next_photos_are_decoded_while_the_detector_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = [threading.Event() for _ in range(6)]

    def decode(path: Path) -> RGBImage:
        decoded[int(path.stem)].set()
        return decode_image(path)

    def work(image: RGBImage) -> None:
        here = image[0, 0, 0] // 10
        for ahead in range(here + 1, min(here + 1 + AHEAD, 6)):
            assert decoded[ahead].wait(WAIT), f"photo {ahead} is not decoded while the detector works on {here}"

    monkeypatch.setattr(stream, "decode_image", decode)
    outcomes = list(detect(photos(tmp_path, 6), StubDetector(work)))
    assert all(isinstance(outcome, Detected) for outcome in outcomes)


def test_few_images_are_in_memory_at_any_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alive = weakref.WeakSet()  # of owners, since an array itself has no hash
    most = 0

    class Owner:
        pass

    class Image(np.ndarray):
        owner: Owner

    def decode(path: Path) -> RGBImage:
        nonlocal most
        image = np.zeros((3, 4, 3), np.uint8).view(Image)
        image.owner = Owner()
        alive.add(image.owner)
        most = max(most, len(alive))
        return image

    monkeypatch.setattr(stream, "decode_image", decode)
    seen = 0
    for _ in detect((Photo(str(n), Path(str(n))) for n in range(200)), StubDetector()):
        seen += 1
    assert seen == 200
    assert most <= AHEAD + 3  # decoded ahead, with the detector, with the caller


def test_photos_are_taken_from_a_stream_as_they_are_needed(tmp_path: Path) -> None:
    taken = 0

    def endless() -> Iterator[Photo]:
        nonlocal taken
        path = save_photo(tmp_path / "a.png")
        while True:
            taken += 1
            yield Photo("a.png", path)

    outcomes = detect(endless(), StubDetector())
    for _ in range(3):
        next(outcomes)
    outcomes.close()
    assert taken <= 3 + AHEAD


def test_stopping_leaves_no_thread_behind(tmp_path: Path) -> None:
    before = threading.active_count()
    images = decode_ahead(photos(tmp_path, 9))
    next(images)
    images.close()
    assert threading.active_count() == before
