"""A whole run: saved as it goes, stopped anywhere, gone on with."""

import csv
import errno
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from detection.images import decode_image
from detection.inference import run as run_module
from detection.inference.find import Failure, Found, find_photos
from detection.inference.folder import RunFolder
from detection.inference.outputs import remove_drawings
from detection.inference.run import Begun, Outcome, run
from detection.inference.stream import Detected
from detection.results import DetectionsWriter, ImageDetections, read_detections
from detection.structures import RGBImage
from tests.detection.inference.stub import StubDetector, save_photo


def draw(image: RGBImage, found: ImageDetections) -> RGBImage:
    """A white photo: it is told from its original."""
    return np.full_like(image, 255)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number in range(6):
        save_photo(tmp_path / "photos" / f"sub{number % 2}" / f"{number}.png", red=40 * number)
    return tmp_path / "photos"


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    (tmp_path / "out").mkdir()
    return RunFolder(tmp_path / "out")


Go = Callable[..., list[Begun | Outcome]]


@pytest.fixture
def go(photos: Path, folder: RunFolder) -> Go:
    """Runs to the end; gives what the run yields."""

    def go(detector: StubDetector | None = None, *, path: Path = photos, drawn: bool = True) -> list[Begun | Outcome]:
        return list(run(find_photos([path]), detector or StubDetector(), folder, draw=draw if drawn else None))

    return go


def saved(folder: RunFolder) -> list[str]:
    return [record.id for record in read_detections(folder.detections)]


def drawn(folder: RunFolder) -> list[str]:
    top = folder.path / "annotated"
    return sorted(path.relative_to(top).as_posix() for path in top.rglob("*") if path.is_file())


ALL = ["sub0/0.png", "sub0/2.png", "sub0/4.png", "sub1/1.png", "sub1/3.png", "sub1/5.png"]


def test_every_photo_is_saved_and_drawn(go: Go, folder: RunFolder) -> None:
    begun, *outcomes = go()
    assert begun == Begun(done=0, left=6)
    assert [outcome.record.id for outcome in outcomes if isinstance(outcome, Detected)] == ALL
    assert saved(folder) == drawn(folder) == ALL
    assert (decode_image(folder.drawing("sub0/0.png")) == 255).all()
    assert not folder.errors.exists()


def test_without_drawing(go: Go, folder: RunFolder) -> None:
    go(drawn=False)
    assert saved(folder) == ALL
    assert not (folder.path / "annotated").exists()


def test_a_second_run_has_nothing_to_do(go: Go, folder: RunFolder) -> None:
    go()
    before = folder.detections.read_bytes()
    detector = StubDetector()
    assert go(detector) == [Begun(done=6, left=0)]
    assert detector.calls == 0
    assert folder.detections.read_bytes() == before


@pytest.mark.parametrize("stop", [1, 2, 3, 6])
def test_a_run_that_is_stopped_goes_on_where_it_was(go: Go, photos: Path, folder: RunFolder, stop: int) -> None:
    steps = run(find_photos([photos]), StubDetector(), folder, draw=draw)
    for _ in range(1 + stop):
        next(steps)
    steps.close()
    assert saved(folder) == ALL[:stop]  # what was yielded is saved, even the last
    detector = StubDetector()
    assert go(detector)[0] == Begun(done=stop, left=6 - stop)
    assert detector.calls == 6 - stop
    assert saved(folder) == drawn(folder) == ALL


def test_a_line_cut_off_by_a_kill_is_done_again(go: Go, folder: RunFolder) -> None:
    go()
    content = folder.detections.read_bytes()
    folder.detections.write_bytes(content[:-20])
    assert go()[0] == Begun(done=5, left=1)
    assert saved(folder) == ALL


def test_new_photos_are_added_to_the_old(go: Go, photos: Path, folder: RunFolder) -> None:
    go()
    save_photo(photos / "new.png")
    assert go()[0] == Begun(done=6, left=1)
    assert saved(folder) == [*ALL, "new.png"]


def test_missing_drawings_are_made_without_the_detector(go: Go, folder: RunFolder) -> None:
    go(drawn=False)
    detector = StubDetector()
    begun, *outcomes = go(detector)
    assert begun == Begun(done=0, left=6)
    assert all(isinstance(outcome, Detected) for outcome in outcomes)
    assert detector.calls == 0
    assert saved(folder) == drawn(folder) == ALL


def test_what_is_drawn_again_is_what_was_found(go: Go, photos: Path, folder: RunFolder) -> None:
    go(drawn=False)
    seen = {}
    for _ in run(
        find_photos([photos]),
        StubDetector(),
        folder,
        draw=lambda image, found: seen.setdefault(found.id, (image, found))[0],
    ):
        pass
    for record in read_detections(folder.detections):
        image, found = seen[record.id]
        assert found.scores.tolist() == record.scores.tolist()
        assert np.array_equal(image, decode_image(photos / record.id))


def test_a_photo_that_was_replaced_is_looked_at_again(go: Go, photos: Path, folder: RunFolder) -> None:
    """Of the same name and the same size in pixels; the drawing of the old one is gone at once."""
    go()
    before = {record.id: record.to_json() for record in read_detections(folder.detections)}
    save_photo(photos / "sub1" / "1.png", red=250)
    steps = run(find_photos([photos]), StubDetector(), folder)
    assert next(steps) == Begun(done=5, left=1, replaced=1)
    assert drawn(folder) == [name for name in ALL if name != "sub1/1.png"]
    assert [outcome.record.id for outcome in steps if isinstance(outcome, Detected)] == ["sub1/1.png"]
    after = {record.id: record for record in read_detections(folder.detections)}
    assert {id for id, record in after.items() if record.to_json() != before[id]} == {"sub1/1.png"}
    assert after["sub1/1.png"].scores.tolist() == [pytest.approx(250 / 255)]
    go()
    assert drawn(folder) == ALL


def test_a_photo_that_was_only_copied_is_not_looked_at_again(go: Go, photos: Path, folder: RunFolder) -> None:
    go()
    for path in photos.rglob("*.png"):
        os.utime(path, (1, 1))
    assert go() == [Begun(done=6, left=0)]


def test_a_photo_that_is_damaged_by_now_has_no_results(go: Go, photos: Path, folder: RunFolder) -> None:
    go()
    (photos / "sub1" / "1.png").write_bytes(b"not a photo")
    assert [type(outcome) for outcome in go()] == [Begun, Failure]
    assert "sub1/1.png" not in saved(folder) + drawn(folder)


def test_a_line_that_names_no_file_is_not_drawn_on_another_photo(go: Go, photos: Path, folder: RunFolder) -> None:
    """As older versions wrote them."""
    go(drawn=False)
    lines = [json.loads(line) for line in folder.detections.read_text().splitlines()]
    folder.detections.write_text("".join(json.dumps({**line, "file": None}) + "\n" for line in lines))
    save_photo(photos / "sub0" / "0.png", size=(99, 30))
    failures = [outcome for outcome in go() if not isinstance(outcome, Begun | Detected)]
    assert [failure.reason for failure in failures] == ["not the photo that was detected in: that was 40 x 30 pixels"]
    assert drawn(folder) == ALL[1:]


def test_drawings_of_photos_that_are_not_given_now_are_left_alone(go: Go, photos: Path, folder: RunFolder) -> None:
    go(drawn=False)
    save_photo(folder.path.parent / "alone" / "sub0" / "0.png", red=0)
    begun, *outcomes = go(path=folder.path.parent / "alone")
    assert begun == Begun(done=0, left=1)
    assert len(outcomes) == 1
    assert drawn(folder) == ["sub0/0.png"]


def test_bad_photos_are_listed_and_tried_again(go: Go, photos: Path, folder: RunFolder) -> None:
    (photos / "sub1" / "bad.jpg").write_bytes(b"not a photo")
    (photos / "sub1" / "empty.png").write_bytes(b"")
    for _ in range(2):  # the second run lists them once, not twice
        go()
        with folder.errors.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        assert header == ["path", "reason"]
        assert [path for path, _ in rows] == [str(photos / "sub1" / "bad.jpg"), str(photos / "sub1" / "empty.png")]
        assert saved(folder) == ALL
    save_photo(photos / "sub1" / "bad.jpg")
    (photos / "sub1" / "empty.png").unlink()
    go()
    assert not folder.errors.exists()
    assert saved(folder) == [*ALL, "sub1/bad.jpg"]


def test_a_photo_that_cannot_be_drawn_is_a_failure_and_the_others_go_on(
    go: Go, photos: Path, folder: RunFolder
) -> None:
    wide = photos / "sub0" / "2.jpg"
    save_photo(photos / "sub0" / "2.png", size=(66_000, 2)).rename(wide)  # wider than a JPEG can be
    names = [wide.relative_to(photos).as_posix() if name == "sub0/2.png" else name for name in ALL]
    for _ in range(2):  # it is tried again
        (failure,) = [outcome for outcome in go() if isinstance(outcome, Failure)]
        assert failure.path == wide
        assert failure.reason.startswith("a drawing of 66000 x 2 pixels cannot be written as JPEG: ")
        assert folder.errors.read_text(encoding="utf-8").count(str(wide)) == 1
        assert saved(folder) == names
        assert drawn(folder) == [name for name in names if name != "sub0/2.jpg"]


def test_a_photo_whose_drawing_would_have_too_long_a_name_is_a_failure_and_the_others_go_on(
    photos: Path, folder: RunFolder
) -> None:
    long = save_photo(photos / "long.png").rename(photos / ("x" * 254))
    for _ in range(2):
        found = find_photos([photos, long])
        (failure,) = [one for one in run(found, StubDetector(), folder, draw=draw) if isinstance(one, Failure)]
        assert failure == Failure(long, "a drawing cannot be called xxxxxxxxxxxxxxxxxxxx....jpg: the name is too long")
        assert saved(folder) == [*ALL, long.name]
        assert drawn(folder) == ALL
    assert folder.drawing_address(long.name) is None
    save_photo(photos / "long.png", red=3).rename(long)
    assert len(list(run(find_photos([photos, long]), StubDetector(), folder))) == 2
    remove_drawings(folder.path)
    assert not folder.drawings.exists()


def no_room(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_while_drawing_loses_nothing(go: Go, folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    save, calls = run_module.save_drawing, 0

    def full_after_two(image: RGBImage, path: Path) -> None:
        nonlocal calls
        calls += 1
        save(image, path) if calls <= 2 else no_room()

    with monkeypatch.context() as patch:
        patch.setattr(run_module, "save_drawing", full_after_two)
        with pytest.raises(OSError, match="No space left on device"):
            go()
    assert saved(folder) == ALL[:2]
    go()
    assert saved(folder) == drawn(folder) == ALL


def test_a_full_disk_while_writing_a_line_loses_nothing(
    go: Go, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = DetectionsWriter.write

    def full_after_two(self: DetectionsWriter, record: ImageDetections) -> None:
        if len(self.done) < 2:
            return write(self, record)
        with self.path.open("ab") as file:
            file.write(record.to_json()[:25].encode())  # what still went onto the disk
        return no_room()

    with monkeypatch.context() as patch:
        patch.setattr(DetectionsWriter, "write", full_after_two)
        with pytest.raises(OSError, match="No space left on device"):
            go()
    go()
    assert saved(folder) == drawn(folder) == ALL


def test_a_full_disk_at_the_last_photo_is_not_overlooked(
    go: Go, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DetectionsWriter, "write", lambda self, record: no_room() if record.id == ALL[-1] else None)
    with pytest.raises(OSError, match="No space left on device"):
        go()


def test_saving_does_not_keep_the_detector_waiting(go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    """The detector begins the next photo while the one before is not saved yet."""
    detector, save = StubDetector(), run_module.save_drawing
    further = [threading.Event() for _ in range(8)]
    detector.before = lambda image: further[detector.calls].set()
    saves = iter(range(1, 9))

    def slow(image: RGBImage, path: Path) -> None:
        number = next(saves)
        assert number == len(ALL) or further[number + 1].wait(30), f"photo {number + 1} waits until {number} is saved"
        save(image, path)

    monkeypatch.setattr(run_module, "save_drawing", slow)
    go(detector)


def test_folders_that_cannot_be_listed_are_failures(photos: Path, folder: RunFolder) -> None:
    found = find_photos([photos])
    failure = Failure(photos / "locked", "cannot list this folder: Permission denied")
    outcomes = list(run(Found(found.root, found.photos, (failure,)), StubDetector(), folder))
    assert failure in outcomes
    assert "locked,cannot list this folder" in folder.errors.read_text(encoding="utf-8")
    assert saved(folder) == ALL
