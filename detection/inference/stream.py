"""Detection over a stream of photos: the next photos are decoded while the detector works on this one."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

from detection.images import decode_image
from detection.inference.find import Failure, Photo
from detection.photo_file import PhotoFile
from detection.proposals.store import StoreError
from detection.results import ImageDetections
from detection.structures import Detections, Proposals, RGBImage

AHEAD = 2  # photos decoded in advance: memory for so many, and a slow file does not keep the detector waiting
FAILURES_IN_A_ROW = 20  # of the detector itself; by then it is the detector that is broken, not the photos


class Predictor(Protocol):
    """A detector, as this package needs it."""

    @property
    def class_names(self) -> tuple[str, ...]: ...

    def predict(self, image: RGBImage, proposals: Proposals | None = None) -> Detections: ...


ProposalsOf = Callable[[Path, RGBImage], Proposals]  # of an image file and what it shows: what a proposals store has


class Located(Protocol):
    """Anything that knows the file of its image: a photo, a record of a detections file."""

    @property
    def path(self) -> Path | str: ...


Item = TypeVar("Item", bound=Located)
Work = TypeVar("Work")


@dataclass(frozen=True, eq=False, slots=True)
class Prepared:
    """A photo's pixels and its file, its proposals where they are made in advance, or what went wrong, and seconds."""

    image: RGBImage
    file: PhotoFile | None = None
    proposals: Proposals | Exception | None = None
    seconds: float = 0.0


@dataclass(frozen=True, eq=False, slots=True)
class Detected:
    """A photo's pixels and what was found in them."""

    image: RGBImage
    record: ImageDetections


class DetectorError(RuntimeError):
    """The detector fails on every photo; the message holds the last reason."""


def detect(
    photos: Iterable[Photo], predictor: Predictor, proposals_of: ProposalsOf | None = None, *, ahead: int = 0
) -> Generator[Detected | Failure]:
    """What ``predictor`` finds in each photo, in their order; a photo that cannot be worked on gives a ``Failure``.

    With ``proposals_of`` it is handed proposals, and makes none itself: when it is a photo's turn or, where the
    predictor leaves the processor free, for so many photos ``ahead`` in as many threads.
    ``seconds`` of a record is the detector's own time, and that of ``proposals_of``: to read them, or to make them.
    Holds ``ahead`` (or ``AHEAD``) + 1 images at any time. Raises ``DetectorError`` after ``FAILURES_IN_A_ROW`` of its
    failures, and :class:`detection.proposals.store.StoreError` where ``proposals_of`` does.
    """
    failed = 0
    prepare = partial(_prepare, proposals_of=proposals_of if ahead else None)
    with closing(work_ahead(photos, prepare, ahead or AHEAD)) as prepared:
        for photo, ready in prepared:
            if isinstance(ready, Failure):
                yield ready
                continue
            try:
                record = _detect(photo, ready, predictor, proposals_of)
            except StoreError:  # its disk is full, say: the next photo would fare no better
                raise
            except Exception as error:  # whatever one photo does to a detector, the others are still wanted
                failed += 1
                yield Failure(photo.path, f"the detector failed: {_reason(error, photo.path)}")
                if failed == FAILURES_IN_A_ROW:
                    raise DetectorError(
                        f"the detector failed {failed} times in a row: {_reason(error, photo.path)}"
                    ) from error
            else:
                failed = 0
                yield Detected(ready.image, record)


def _prepare(photo: Photo, proposals_of: ProposalsOf | None) -> Prepared | Failure:
    file = PhotoFile.of(photo.path)  # before it is decoded: what replaces it meanwhile will be noticed
    image = _decode(photo)
    if isinstance(image, Failure):
        return image
    if proposals_of is None:
        return Prepared(image, file)
    start = time.perf_counter()
    try:
        proposals: Proposals | Exception = proposals_of(photo.path, image)
    except Exception as error:  # noqa: BLE001 - it is raised when it is the photo's turn
        proposals = error
    return Prepared(image, file, proposals, time.perf_counter() - start)


def _detect(photo: Photo, ready: Prepared, predictor: Predictor, proposals_of: ProposalsOf | None) -> ImageDetections:
    start = time.perf_counter() - ready.seconds
    proposals = ready.proposals
    if isinstance(proposals, Exception):
        raise proposals
    if proposals is None and proposals_of is not None:
        proposals = proposals_of(photo.path, ready.image)
    found = predictor.predict(ready.image) if proposals is None else predictor.predict(ready.image, proposals)
    seconds = time.perf_counter() - start
    size = (ready.image.shape[1], ready.image.shape[0])
    names = predictor.class_names
    record = ImageDetections.of(found, names, id=photo.id, path=str(photo.path), size=size, seconds=seconds)
    return replace(record, file=ready.file)


def decode_ahead(items: Iterable[Item]) -> Generator[tuple[Item, RGBImage | Failure]]:
    """Each item with its image, or why there is none; up to ``AHEAD`` images are decoded in advance, in threads."""
    return work_ahead(items, _decode, AHEAD)


def work_ahead(items: Iterable[Item], work: Callable[[Item], Work], ahead: int) -> Generator[tuple[Item, Work]]:
    """Each item with what ``work`` makes of it, which is done for up to ``ahead`` items in advance, in threads."""
    pool = ThreadPoolExecutor(ahead, thread_name_prefix="ahead")
    waiting: deque[tuple[Item, Future[Work]]] = deque()
    remaining = iter(items)
    try:
        while True:
            for item in islice(remaining, ahead + 1 - len(waiting)):
                waiting.append((item, pool.submit(work, item)))
            if not waiting:
                return
            item, done = waiting.popleft()
            yield item, done.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _decode(item: Located) -> RGBImage | Failure:
    path = Path(item.path)
    try:
        return decode_image(path)
    except Exception as error:  # noqa: BLE001 - one file, whatever is wrong with it, never stops a run
        return Failure(path, _reason(error, path))


def _reason(error: Exception, path: Path) -> str:
    """What went wrong with ``path``, in one line; the kind of the error where its message does not say enough."""
    message = " ".join(str(error).removeprefix(f"{path}: ").split())
    speaks_for_itself = isinstance(error, ValueError | FileNotFoundError) and message
    return message if speaks_for_itself else f"{type(error).__name__} {message}".strip()
