"""The detections file: JSON Lines, one image a line, appended to while a run goes on.

A line is ``{"id", "path", "width", "height", "boxes": [[x1, y1, x2, y2], ...], "labels": [class name, ...],
"scores": [...], "seconds"}``; boxes follow :mod:`detection.boxes` and lie in the frame of the upright image. Where
proposals took too long a key ``"fallback"`` names the method that stood in, and ``"file"`` says which file it was.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn, Self, cast

import numpy as np
from numpy.typing import NDArray

from detection.photo_file import PhotoFile
from detection.structures import Detections

_FIELDS = {"id": str, "path": str, "width": int, "height": int, "boxes": list, "labels": list, "scores": list}
_WORDS = {str: "a string", int: "a whole number", list: "a list"}
_FIRST_BYTES = b'{"id": "'  # of every line that is written here


class DetectionsFileError(ValueError):
    """A file of detections cannot be understood; the message is one line, ``file:line: what is wrong``."""

    def __init__(self, file: Path, line: int, message: str) -> None:
        super().__init__(f"{file}:{line}: {message}")


@dataclass(frozen=True, eq=False)
class ImageDetections:
    """What a detector found in one image, as one line of a detections file.

    ``boxes`` (D, 4) and ``scores`` (D,) are float64 and hold exactly the decimals that the file holds, so that a result
    computed in memory and one computed from the file are the same: float32 input becomes its shortest decimals.
    ``labels`` are class names; ``seconds`` is what the image took; ``fallback`` is that of
    :class:`detection.structures.Proposals`, ``file`` the photo's as it was then. Raises ``ValueError`` where the parts
    do not fit.
    """

    id: str
    path: str
    width: int
    height: int
    boxes: NDArray[np.float64]
    labels: tuple[str, ...]
    scores: NDArray[np.float64]
    seconds: float
    fallback: str | None = None
    file: PhotoFile | None = None

    def __post_init__(self) -> None:
        boxes = _decimals(self.boxes)
        object.__setattr__(self, "boxes", boxes if boxes.size else boxes.reshape(0, 4))
        object.__setattr__(self, "scores", _decimals(self.scores))
        object.__setattr__(self, "labels", tuple(self.labels))
        try:
            object.__setattr__(self, "seconds", float(self.seconds))
        except OverflowError as error:
            raise ValueError("seconds: a number is too large") from error
        if not self.id:
            raise ValueError("the id is empty")
        if self.width < 1 or self.height < 1:
            raise ValueError(f"an image of {self.width} x {self.height} pixels")
        if not (np.isfinite(self.seconds) and self.seconds >= 0):
            raise ValueError(f"seconds: {self.seconds} is not a duration")
        if self.boxes.ndim != 2 or self.boxes.shape[1] != 4 or self.scores.ndim != 1:
            raise ValueError(f"expected boxes (D, 4) and scores (D,), got {self.boxes.shape} and {self.scores.shape}")
        if not len(self.boxes) == len(self.labels) == len(self.scores):
            lengths = f"{len(self.boxes)} boxes, {len(self.labels)} labels, {len(self.scores)} scores"
            raise ValueError(f"boxes, labels and scores must be as many: {lengths}")
        _check_numbers(self.boxes, self.scores)

    @classmethod
    def of(
        cls, found: Detections, class_names: Sequence[str], *, id: str, path: str, size: tuple[int, int], seconds: float
    ) -> Self:
        """The record of ``found``, whose labels index ``class_names``; ``size`` is (width, height)."""
        outside = found.labels[found.labels >= len(class_names)]
        if len(outside):
            raise ValueError(f"image {id!r}: label {outside[0]} among {len(class_names)} classes")
        labels = tuple(class_names[label] for label in found.labels)
        return cls(id, path, *size, found.boxes, labels, found.scores, seconds, found.fallback)  # type: ignore[arg-type]

    def best_first(self, thresholds: Mapping[str, float] | float = 0.0) -> list[int]:
        """The rows that score their class's threshold (or one for all), by falling score."""
        each = [thresholds[label] if isinstance(thresholds, Mapping) else thresholds for label in self.labels]
        rows = np.flatnonzero(self.scores >= np.array(each))
        best_first: list[int] = rows[np.argsort(-self.scores[rows], kind="stable")].tolist()
        return best_first

    def to_json(self) -> str:
        """The record as one line of JSON, without the line's end."""
        fields = {"id": self.id, "path": self.path, "width": self.width, "height": self.height}
        columns = {"boxes": self.boxes.tolist(), "labels": list(self.labels), "scores": self.scores.tolist()}
        known = {"fallback": self.fallback, "file": self.file and self.file.to_json()}
        last = {"seconds": float(self.seconds)} | {key: value for key, value in known.items() if value is not None}
        return json.dumps({**fields, **columns, **last}, allow_nan=False)

    @classmethod
    def from_json(cls, line: str) -> Self:
        """The record of one line; raises ``ValueError`` that says in one line what is wrong with it."""
        try:
            record = json.loads(line, parse_constant=_refuse_constant)
        except json.JSONDecodeError as error:
            raise ValueError(f"not JSON (column {error.colno}: {error.msg})") from error
        if not isinstance(record, dict):
            raise ValueError(f"expected an object with the keys {', '.join([*_FIELDS, 'seconds'])}, got {line[:60]!r}")
        missing = [name for name in (*_FIELDS, "seconds") if name not in record]
        if missing:
            raise ValueError(f"no {missing[0]!r}; a line holds {', '.join([*_FIELDS, 'seconds'])}")
        for name, kind in _FIELDS.items():
            if type(record[name]) is not kind:
                raise ValueError(f"{name}: expected {_WORDS[kind]}, got {json.dumps(record[name])[:60]}")
        _check_types(record["boxes"], record["labels"], [*record["scores"], record["seconds"]])
        fallback = record.get("fallback")
        if not isinstance(fallback, str | None):
            raise ValueError(f"fallback: expected a string, got {json.dumps(fallback)[:60]}")
        file = None if record.get("file") is None else PhotoFile.from_json(record["file"])
        return cls(**{name: record[name] for name in (*_FIELDS, "seconds")}, fallback=fallback, file=file)


def read_detections(path: Path | str) -> Iterator[ImageDetections]:
    """Every record of a detections file, in its order, one in memory at a time.

    Raises ``DetectionsFileError`` at the first line that cannot be understood or repeats an image, and
    ``FileNotFoundError`` where there is no file.
    """
    return (record for _, record in iterate_detections(Path(path)))


def iterate_detections(path: Path, *, skip_torn_line: bool = False) -> Iterator[tuple[int, ImageDetections]]:
    """Line number, from 1, and record of every line of a detections file; raises as :func:`read_detections`.

    With ``skip_torn_line`` the beginning of a line that a killed run left at the end of the file is passed over.
    """
    seen: dict[str, int] = {}
    with open_packed(path) as file:
        for number, line in enumerate(file, start=1):
            torn = _is_torn(line)
            if not line.strip() or (torn and skip_torn_line):
                continue
            try:
                record = ImageDetections.from_json(line.decode("utf-8-sig" if number == 1 else "utf-8"))
            except ValueError as error:
                advice = "; it seems cut off: give the command that writes this file once more" if torn else ""
                raise DetectionsFileError(path, number, f"{error}{advice}") from error
            if record.id in seen:
                raise DetectionsFileError(path, number, f"image {record.id!r} was already on line {seen[record.id]}")
            seen[record.id] = number
            yield number, record


@contextmanager
def open_packed(path: Path) -> Iterator[BinaryIO]:
    """A file to read, unpacked if it is a ``.gz``.

    Raises ``FileNotFoundError``, and ``ValueError`` where the packing is damaged.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield cast(BinaryIO, file)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path}: damaged: {error}") from error


class DetectionsWriter:
    """Appends records to a detections file and goes on where a killed run stopped.

    ``done`` holds the ids that the file already has. The beginning of a line at the end of the file is what a killed
    run leaves: it is cut away, and its image counts as not done. Any other fault raises ``DetectionsFileError`` and
    leaves the file as it was.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = self.path.open("ab+")
        try:
            self._done = {record.id for _, record in iterate_detections(self.path, skip_torn_line=True)}
            self._end_last_line()
        except BaseException:
            self._file.close()
            raise

    def _end_last_line(self) -> None:
        """Cut away the beginning of a line; a line that only lacks its end, as another program left it, gets one."""
        end = _end_of_whole_lines(self._file)
        self._file.seek(end)
        beginning = self._file.read(len(_FIRST_BYTES))
        if beginning and _is_torn(beginning):
            self._file.truncate(end)
        elif beginning:
            self._file.write(b"\n")
            self._file.flush()

    @property
    def done(self) -> frozenset[str]:
        return frozenset(self._done)

    def write(self, record: ImageDetections) -> None:
        """Append one record, which has left the process on return; an image that is there is a ``ValueError``.

        An ``OSError`` names the file.
        """
        if record.id in self._done:
            raise ValueError(f"{self.path}: image {record.id!r} is already there")
        with self._named():
            self._file.write(record.to_json().encode() + b"\n")
            self._file.flush()
        self._done.add(record.id)

    def close(self) -> None:
        with self._named():
            self._file.close()  # which tries once more to write what a full disk did not take

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _is_torn(line: bytes) -> bool:
    """Whether a line, of which the first bytes are enough, is one of ours without its end; no line at all is, too."""
    return not line.endswith(b"\n") and line.startswith(_FIRST_BYTES[: len(line)])


def _end_of_whole_lines(file: BinaryIO, block: int = 1 << 20) -> int:
    """Position after the last line end, looked for from the end of the file, which may be large."""
    end = file.seek(0, 2)
    while end > 0:
        start = max(end - block, 0)
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def _decimals(values: object) -> NDArray[np.float64]:
    array = np.asarray(values)
    if array.dtype == np.float32:
        array = array.astype(str)  # the shortest decimals that name this float32 and no other
    try:
        return np.ascontiguousarray(array, np.float64)
    except OverflowError as error:
        raise ValueError("a number is too large") from error


def _check_numbers(boxes: NDArray[np.float64], scores: NDArray[np.float64]) -> None:
    if not np.isfinite(scores).all():
        row = int(np.flatnonzero(~np.isfinite(scores))[0])
        raise ValueError(f"score {row} is {scores[row]}, not a finite number")
    if not np.isfinite(boxes).all():
        row = int(np.flatnonzero(~np.isfinite(boxes).all(axis=1))[0])
        raise ValueError(f"box {row} has a coordinate that is not a finite number: {boxes[row].tolist()}")
    inverted = np.flatnonzero((boxes[:, 2:] < boxes[:, :2]).any(axis=1))
    if len(inverted):
        raise ValueError(f"box {inverted[0]} is inverted (x1, y1, x2, y2): {boxes[inverted[0]].tolist()}")


def _check_types(boxes: list[object], labels: list[object], numbers: list[object]) -> None:
    for row, box in enumerate(boxes):
        if not (isinstance(box, list) and len(box) == 4 and all(type(value) in (int, float) for value in box)):
            raise ValueError(f"box {row}: expected four numbers [x1, y1, x2, y2], got {json.dumps(box)[:60]}")
    for row, label in enumerate(labels):
        if not (isinstance(label, str) and label):
            raise ValueError(f"label {row}: expected a class name, got {json.dumps(label)[:60]}")
    for number in numbers:
        if type(number) not in (int, float):
            raise ValueError(f"scores and seconds: expected numbers, got {json.dumps(number)[:60]}")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number that JSON knows")
