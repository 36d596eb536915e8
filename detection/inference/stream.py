"""Detection over a stream of photos: the next photos are decoded while the detector works on this one."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

from detection.images import decode_image
from detection.inference.find import Failure, Photo
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


ProposalsOf = Callable[[Path], Proposals]  # of an image file: what a proposals store has


class Located(Protocol):
    """Anything that knows the file of its image: a photo, a record of a detections file."""

    @property
    def path(self) -> Path | str: ...


Item = TypeVar("Item", bound=Located)


@dataclass(frozen=True, eq=False, slots=True)
class Detected:
    """A photo's pixels and what was found in them."""

    image: RGBImage
    record: ImageDetections


class DetectorError(RuntimeError):
    """The detector fails on every photo; the message holds the last reason."""


def detect(
    photos: Iterable[Photo], predictor: Predictor, proposals_of: ProposalsOf | None = None
) -> Generator[Detected | Failure]:
    """What ``predictor`` finds in each photo, in their order; a photo that cannot be worked on gives a ``Failure``.

    With ``proposals_of`` it is handed proposals, and makes none itself.
    ``seconds`` of a record is the detector's own time, and that of ``proposals_of``: to read them, or to make them.
    Holds ``AHEAD`` + 1 images at any time. Raises ``DetectorError`` after ``FAILURES_IN_A_ROW`` of its failures, and
    :class:`detection.proposals.store.StoreError` where ``proposals_of`` does.
    """
    failed = 0
    with closing(decode_ahead(photos)) as images:
        for photo, image in images:
            if isinstance(image, Failure):
                yield image
                continue
            try:
                record = _detect(photo, image, predictor, proposals_of)
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
                yield Detected(image, record)


def _detect(photo: Photo, image: RGBImage, predictor: Predictor, proposals_of: ProposalsOf | None) -> ImageDetections:
    start = time.perf_counter()
    found = predictor.predict(image) if proposals_of is None else predictor.predict(image, proposals_of(photo.path))
    seconds = time.perf_counter() - start
    size = (image.shape[1], image.shape[0])
    names = predictor.class_names
    return ImageDetections.of(found, names, id=photo.id, path=str(photo.path), size=size, seconds=seconds)


def decode_ahead(items: Iterable[Item], *, ahead: int = AHEAD) -> Generator[tuple[Item, RGBImage | Failure]]:
    """Each item with its image, or why there is none; up to ``ahead`` images are decoded in advance, in threads."""
    pool = ThreadPoolExecutor(ahead, thread_name_prefix="decode")
    waiting: deque[tuple[Item, Future[RGBImage | Failure]]] = deque()
    remaining = iter(items)
    try:
        while True:
            for item in islice(remaining, ahead + 1 - len(waiting)):
                waiting.append((item, pool.submit(_decode, Path(item.path))))
            if not waiting:
                return
            item, image = waiting.popleft()
            yield item, image.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _decode(path: Path) -> RGBImage | Failure:
    try:
        return decode_image(path)
    except Exception as error:  # noqa: BLE001 - one file, whatever is wrong with it, never stops a run
        return Failure(path, _reason(error, path))


def _reason(error: Exception, path: Path) -> str:
    """What went wrong with ``path``, in one line; the kind of the error where its message does not say enough."""
    message = " ".join(str(error).removeprefix(f"{path}: ").split())
    speaks_for_itself = isinstance(error, ValueError | FileNotFoundError) and message
    return message if speaks_for_itself else f"{type(error).__name__} {message}".strip()
