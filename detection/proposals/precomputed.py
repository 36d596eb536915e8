"""Boxes that others made, read from a file and imported into a store.

A file is one of

    .mat    R-CNN's (selective_search_data/voc_2007_test.mat): cell arrays ``images``, the images' names, and ``boxes``,
            one (R, 4) each: ymin, xmin, ymax, xmax, counted from 1, the last pixel included
    .npz    ours: ``ids`` (N,) text, ``counts`` (N,) boxes of each image, ``boxes`` (sum of counts, 4) by the convention
            of :mod:`detection.boxes`, the most promising first; and ``scores`` (sum of counts,), if there are any

It may hold more images than are asked for. A store is keyed by what is in a photo's file, so once boxes are imported
every command that is given the store finds them, whatever the photo is called there.
"""

from __future__ import annotations

import dataclasses
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detection.boxes import clip, from_one_based_inclusive
from detection.images import ImageError, image_size
from detection.proposals.base import JSON
from detection.proposals.store import ProposalStore, Report
from detection.structures import Proposals, RGBImage

SLACK = 1.0  # pixels by which a box may leave its photo: R-CNN scales boxes of 1-based pixels
NPZ = ("ids", "counts", "boxes")
MAT = ("images", "boxes")
NUMBERS = "iuf"  # NumPy's kinds: signed, unsigned, floating


class BoxesFileError(ValueError):
    """A file of boxes cannot be used; the message names the file, the image and the row."""


@dataclasses.dataclass(frozen=True)
class PrecomputedBoxes:
    """The proposer of a store that boxes are imported into: by itself it makes none.

    ``origin`` says in a few words what made the boxes; training and test must agree in it.
    """

    origin: str | None = None

    @property
    def settings(self) -> dict[str, JSON]:
        return {"method": "precomputed", "version": 1, "origin": self.origin}

    def __call__(self, image: RGBImage) -> Proposals:
        """Raises ``ValueError``: an image that no boxes were imported for has none."""
        origin = "" if self.origin is None else f" of origin {self.origin!r}"
        raise ValueError(
            f"no precomputed boxes{origin} were imported for this image of {image.shape[1]} x {image.shape[0]} pixels; "
            "tools/propose.py --method file --boxes FILE imports those of a file into a store"
        )


def import_boxes(
    file: Path, photos: Sequence[tuple[str, Path]], store: ProposalStore, report: Report | None = None
) -> None:
    """Keep a file's boxes of some photos, each an id and a path, in a store; ``report`` follows.

    A photo that the file has no boxes of, or that cannot be read, is passed over: the store has no proposals of it.
    Raises ``FileNotFoundError``, :class:`BoxesFileError`, also where the file knows none of the photos, and
    ``ValueError`` where the store has other boxes of a photo.
    """
    boxes = read_boxes(file)
    if photos and not any(id in boxes for id, _ in photos):
        there = ", ".join(map(repr, list(boxes)[:3])) or "none"
        raise BoxesFileError(
            f"{file}: no boxes of any of the {len(photos)} photos, such as {photos[0][0]!r}; of {there}"
        )
    for done, (id, photo) in enumerate(photos, start=1):
        if id in boxes:
            with suppress(FileNotFoundError, ImageError):
                store.keep(photo, _inside(boxes[id], image_size(photo), f"{file}: image {id!r}"))
        if report is not None:
            report("importing boxes", done, len(photos))


def read_boxes(file: Path) -> dict[str, Proposals]:
    """The boxes of every image of a file, by its id; raises ``FileNotFoundError`` and :class:`BoxesFileError`."""
    if not file.is_file():
        raise FileNotFoundError(f"no file of boxes {file}")
    if file.suffix not in READERS:
        raise BoxesFileError(f"{file}: expected a file {' or '.join(READERS)}")
    found: dict[str, Proposals] = {}
    for id, boxes, scores in READERS[file.suffix](file):
        where = f"{file}: image {id!r}"
        if id in found:
            raise BoxesFileError(f"{where} occurs twice")
        found[id] = _proposals(np.asarray(boxes), scores, where)
    return found


Rows = tuple[str, NDArray[np.generic], NDArray[np.generic] | None]  # id, boxes, scores


def _read_npz(file: Path) -> Iterator[Rows]:
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as content:
            arrays = {name: content[name] for name in (*NPZ, "scores") if name in content}
    except (ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise BoxesFileError(f"{file}: not an .npz file of plain arrays, or damaged: {error}") from error
    _require(NPZ, arrays, file)
    ids, counts, boxes, scores = arrays["ids"], arrays["counts"], arrays["boxes"], arrays.get("scores")
    if ids.ndim != 1 or counts.shape != ids.shape or counts.dtype.kind not in "iu" or (counts < 0).any():
        raise BoxesFileError(f"{file}: expected a count of boxes for each of {len(ids)} ids, got {counts.shape}")
    if boxes.ndim != 2 or len(boxes) != counts.sum():
        raise BoxesFileError(f"{file}: counts add up to {counts.sum()} boxes, but boxes are {boxes.shape}")
    if scores is not None and (scores.shape != boxes.shape[:1] or scores.dtype.kind not in NUMBERS):
        raise BoxesFileError(f"{file}: expected {len(boxes)} scores, one a box, got {scores.shape} of {scores.dtype}")
    ends = np.cumsum(counts)
    for id, start, end in zip(ids.tolist(), ends - counts, ends, strict=True):
        yield str(id), boxes[start:end], None if scores is None else scores[start:end]


def _read_mat(file: Path) -> Iterator[Rows]:
    try:
        from scipy.io import loadmat
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{file}: MATLAB files need SciPy: pip install scipy") from error
    try:
        content = loadmat(file, variable_names=MAT)
    except NotImplementedError as error:
        raise BoxesFileError(f"{file}: a MATLAB 7.3 file; save it again in MATLAB with -v7") from error
    except Exception as error:  # a damaged file makes SciPy raise anything
        raise BoxesFileError(f"{file}: not a MATLAB file, or damaged: {error}") from error
    _require(MAT, content, file)
    names, boxes = content["images"].reshape(-1), content["boxes"].reshape(-1)
    if len(names) != len(boxes):
        raise BoxesFileError(f"{file}: {len(names)} names of images and {len(boxes)} arrays of boxes")
    for name, yxyx in zip(names, boxes, strict=True):
        id = "".join(np.asarray(name).reshape(-1).astype(str))
        if yxyx.size and (yxyx.ndim != 2 or yxyx.shape[1] != 4 or yxyx.dtype.kind not in NUMBERS):
            raise BoxesFileError(f"{file}: image {id!r}: expected boxes (R, 4), got {yxyx.shape} of {yxyx.dtype}")
        yield id, from_one_based_inclusive(yxyx.reshape(-1, 4)[:, [1, 0, 3, 2]].astype(np.float32)), None


READERS: dict[str, Callable[[Path], Iterator[Rows]]] = {".mat": _read_mat, ".npz": _read_npz}


def _require(names: Iterable[str], content: Mapping[str, object], file: Path) -> None:
    if missing := [name for name in names if name not in content]:
        raise BoxesFileError(f"{file}: no {missing[0]!r}; expected {', '.join(names)}")


def _proposals(boxes: NDArray[np.generic], scores: NDArray[np.generic] | None, where: str) -> Proposals:
    """Checked, and in the order of falling scores."""
    if boxes.ndim != 2 or boxes.shape[1] != 4 or boxes.dtype.kind not in NUMBERS:
        raise BoxesFileError(f"{where}: expected boxes (R, 4) of numbers, got {boxes.shape} of {boxes.dtype}")
    numbers = boxes.astype(np.float32)
    _refuse(~np.isfinite(numbers), numbers, where, "has a coordinate that is not a finite number")
    _refuse(numbers[:, 2:] <= numbers[:, :2], numbers, where, "is inverted or empty (x1 y1 x2 y2)")
    if scores is None:
        return Proposals(numbers)
    ranks = scores.astype(np.float32)
    _refuse(~np.isfinite(ranks[:, None]), numbers, where, "has a score that is not a finite number")
    best_first = np.argsort(-ranks, kind="stable")
    return Proposals(numbers[best_first], ranks[best_first])


def _inside(proposals: Proposals, size: tuple[int, int], where: str) -> Proposals:
    """The proposals cut to a photo of a size (width, height); one that lies outside it is refused."""
    clipped = clip(proposals.boxes, *size)
    nothing_left = np.tile(clipped[:, 2:] <= clipped[:, :2], 2)
    far = np.abs(clipped - proposals.boxes) > SLACK
    _refuse(far | nothing_left, proposals.boxes, where, f"lies outside its photo of {size[0]} x {size[1]} pixels")
    return Proposals(clipped, proposals.scores)


def _refuse(wrong: NDArray[np.bool_], boxes: NDArray[np.float32], where: str, problem: str) -> None:
    """Raise where a row of ``wrong`` (R, n) holds anything."""
    if wrong.any():
        row = int(np.nonzero(wrong)[0][0])
        raise BoxesFileError(f"{where}, row {row}: {boxes[row].tolist()} {problem}")
