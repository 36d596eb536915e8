"""A whole run: every photo's detections and drawing in the run's folder, from wherever the last one stopped."""

from __future__ import annotations

from collections.abc import Callable, Container, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from detection.datasets.base import first_repeated
from detection.inference.drawings import DrawingError, save_drawing
from detection.inference.find import Failure, Found
from detection.inference.folder import RunFolder
from detection.inference.replaced import forget_replaced
from detection.inference.stream import Detected, Predictor, ProposalsOf, decode_ahead, detect
from detection.results import DetectionsWriter, ImageDetections, read_detections
from detection.structures import RGBImage

Draw = Callable[[RGBImage, ImageDetections], RGBImage]
Outcome = Detected | Failure


@dataclass(frozen=True, slots=True)
class Begun:
    """A run has read its folder: so many photos have their results, so many are left to detect in or to draw.

    ``replaced``: of the latter, those whose earlier results were of another file by the same name.
    """

    done: int
    left: int
    replaced: int = 0


def run(
    found: Found,
    predictor: Predictor,
    folder: RunFolder,
    *,
    draw: Draw | None = None,
    proposals_of: ProposalsOf | None = None,
    ahead: int = 0,
    warm_up: Callable[[], object] | None = None,
) -> Iterator[Begun | Outcome]:
    """Detect in every photo of ``found`` that ``folder`` has no result of, and draw every one that has no drawing.

    A result of another file by the same name is forgotten before. ``warm_up`` is called before the first detection, if
    there is any to be made. Yields ``Begun``, then what came of each photo. A failure is in ``errors.csv`` by then;
    detections are saved by the next step, in a thread beside the detector, and a photo that cannot be drawn is a
    failure that follows them. It may stop anywhere, and the next run does the rest. An ``OSError`` is the folder's (its
    disk is full, say), never a photo's; what was saved before it is whole. Raises ``ValueError`` where two photos would
    have one drawing; other errors as in :func:`detect`.
    """
    if draw and (twice := first_repeated(str(folder.drawing(photo.id)) for photo in found.photos)):
        raise ValueError(f"{twice}: two photos would be drawn there: rename one of them, or leave out the drawings")
    replaced = forget_replaced(folder, found.photos)
    with DetectionsWriter(folder.detections) as writer:
        folder.errors.unlink(missing_ok=True)  # what failed is tried again
        done = writer.done
        photos = [photo for photo in found.photos if photo.id not in done]
        given = {photo.id for photo in found.photos} if draw else set()
        undrawn = sum(1 for _ in _undrawn(folder, given))
        yield Begun(len(found.photos) - len(photos) - undrawn, len(photos) + undrawn, replaced)
        if photos and warm_up:
            with suppress(Exception):  # whatever is wrong with the detector, its photos will tell
                warm_up()
        for failure in found.unreadable:
            folder.note_failure(failure)
            yield failure

        def save(outcome: Detected) -> Failure | None:
            failure = _drawn(outcome, draw, folder) if draw else None
            if outcome.record.id not in done:
                writer.write(outcome.record)
            return failure

        def outcomes() -> Generator[Outcome]:
            if undrawn:
                for record, image in reopen(_undrawn(folder, given)):
                    yield image if isinstance(image, Failure) else Detected(image, record)
            yield from detect(photos, predictor, proposals_of, ahead=ahead)

        yield from _saved_behind(outcomes(), save, folder)


def _drawn(outcome: Detected, draw: Draw, folder: RunFolder) -> Failure | None:
    record = outcome.record
    try:
        save_drawing(draw(outcome.image, record), folder.drawing(record.id))
    except DrawingError as error:
        return Failure(Path(record.path), str(error))
    return None


def _undrawn(folder: RunFolder, given: Container[str]) -> Iterator[ImageDetections]:
    records = read_detections(folder.detections)
    return (record for record in records if record.id in given and not folder.is_drawn(record.id))


def reopen(records: Iterable[ImageDetections]) -> Generator[tuple[ImageDetections, RGBImage | Failure]]:
    """Earlier detections with their photos' pixels again; a failure where the photo is gone or is another by now."""
    with closing(decode_ahead(records)) as images:
        for record, image in images:
            if isinstance(image, Failure) or image.shape[:2] == (record.height, record.width):
                yield record, image
            else:
                size = f"{record.width} x {record.height}"
                yield record, Failure(Path(record.path), f"not the photo that was detected in: that was {size} pixels")


def _saved_behind(
    outcomes: Generator[Outcome], save: Callable[[Detected], Failure | None], folder: RunFolder
) -> Iterator[Outcome]:
    """The same outcomes, each saved while the next is worked on; one at a time, in their order.

    Where one could not be drawn, that follows as a failure.
    """
    saving: Future[Failure | None] | None = None
    with closing(outcomes), ThreadPoolExecutor(1, thread_name_prefix="save") as pool:
        for outcome in outcomes:
            if isinstance(outcome, Failure):
                folder.note_failure(outcome)
            else:
                yield from _failed(saving, folder)
                saving = pool.submit(save, outcome)
            yield outcome
        yield from _failed(saving, folder)


def _failed(saving: Future[Failure | None] | None, folder: RunFolder) -> Iterator[Failure]:
    """Waits until an outcome is saved; what failed then."""
    if saving and (failure := saving.result()):
        folder.note_failure(failure)
        yield failure
