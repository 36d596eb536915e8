"""Proposals on disk, so that no image is segmented twice: training, inference and evaluation share them.

A store is a folder with a folder for each way of making proposals, named by the method and a hash of its settings:

    <store>/selective-search-3f09c1d2e4b5/settings.json        what the boxes were made with
    <store>/selective-search-3f09c1d2e4b5/ab/abcd....proposals one entry an image, named by a hash of the file's bytes

So a changed photo or setting can never find the wrong boxes, and a copied or renamed photo finds its own. (The file is
hashed, not its pixels: that costs no decoding; a photo saved anew is another photo.) An entry takes its name when it is
whole and carries a checksum: any number of threads and processes may fill a store at once, a killed one leaves no entry
half-written (a hidden file ``.part`` at most, which nothing reads), and an entry that was damaged since is made again.
What a fallback made for lack of time (``Proposals.fallback``) is handed out and not kept.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from detection.images import decode_image
from detection.proposals.base import JSON, Proposer
from detection.proposals.entry import DamagedEntryError, pack, unpack
from detection.structures import Proposals, RGBImage

SETTINGS = "settings.json"
AHEAD = 4  # photos in work, or done and not yet handed out, for each thread

Report = Callable[[str, int, int], None]  # what is being done, how much of it is done, how much there is

logger = logging.getLogger(__name__)


class StoreError(OSError):
    """A store that cannot be made or written; the message names the place and the reason."""

    def __init__(self, message: str, errno: int | None = None) -> None:
        super().__init__(message)
        self.errno = errno


@dataclass(frozen=True)
class Failure:
    """A photo without proposals, and why; the reason names the photo."""

    photo: Path
    reason: str


class ProposalStore:
    """The proposals of one proposer, in a folder that others may share.

    Raises :class:`StoreError` where there is no such folder and none can be made.
    """

    def __init__(self, folder: Path, proposer: Proposer) -> None:
        self.proposer = proposer
        text = json.dumps(proposer.settings, indent=1, sort_keys=True)
        self.folder = folder / f"{proposer.settings['method']}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
        if not (settings := self.folder / SETTINGS).is_file():
            _write(settings, f"{text}\n".encode())

    @property
    def settings(self) -> dict[str, JSON]:
        """What the boxes are made with; see :class:`detection.proposals.base.Proposer`."""
        return self.proposer.settings

    def proposals(self, photo: Path, image: RGBImage | None = None) -> Proposals:
        """The proposals of an image file: read, or else made and kept; ``image`` is what it shows, if that is at hand.

        Raises ``FileNotFoundError``, :class:`detection.images.ImageError` and :class:`StoreError`.
        """
        entry, seal = _place(self.folder, photo)
        kept = _read(entry, seal)
        if kept is not None:
            return kept
        made = self.proposer(decode_image(photo) if image is None else image)
        if made.fallback is None:
            _write(entry, pack(made, seal))
        return made

    def keep(self, photo: Path, proposals: Proposals) -> None:
        """Keep proposals of an image file that were made elsewhere, by what has the settings of this store.

        Raises ``FileNotFoundError``, :class:`StoreError`, and ``ValueError`` where there are others already.
        """
        entry, seal = _place(self.folder, photo)
        packed = pack(proposals, seal)
        kept = _read(entry, seal)
        if kept is None:
            _write(entry, packed)
        elif pack(kept, seal) != packed:
            raise ValueError(f"{photo}: {self.folder} has other boxes of this photo; choose another store or origin")

    def each(self, photos: Iterable[Path], workers: int | None = None) -> Iterator[Proposals | Failure]:
        """The proposals of many image files, in their order, by ``workers`` threads (all cores).

        A photo that cannot be read, or is too large, gives a :class:`Failure`. Threads are enough: the engine releases
        the interpreter's lock.
        """
        workers = workers or os.cpu_count() or 1
        waiting: deque[Future[Proposals | Failure]] = deque()
        executor = ThreadPoolExecutor(workers)
        try:
            for photo in photos:
                waiting.append(executor.submit(self._try, photo))
                if len(waiting) > AHEAD * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:  # when stopped half-way, only what is in work is waited for
            executor.shutdown(cancel_futures=True)

    def fill(self, photos: Sequence[Path], workers: int | None = None, report: Report | None = None) -> list[Proposals]:
        """The proposals of many image files, in their order; ``report`` follows.

        Raises ``ValueError`` with the reason at the first photo that has none; warns of those that a fallback made.
        """
        results: list[Proposals] = []
        for done, result in enumerate(self.each(photos, workers), start=1):
            if isinstance(result, Failure):
                raise ValueError(result.reason)
            results.append(result)
            if report is not None:
                report("proposing regions", done, len(photos))
        fallbacks = [one.fallback for one in results if one.fallback is not None]
        if fallbacks:
            logger.warning(
                "%d of %d photos took too long and have the boxes of %s: they depend on the speed of this machine",
                *(len(fallbacks), len(photos), fallbacks[0]),
            )
        return results

    def _try(self, photo: Path) -> Proposals | Failure:
        try:
            return self.proposals(photo)
        except StoreError:
            raise
        except (OSError, ValueError) as error:
            reason = str(error)
            return Failure(photo, reason if str(photo) in reason else f"{photo}: {reason}")


def one_method(store: Path, photos: Sequence[Path] = ()) -> Path:
    """The folder in a store of its only way of making proposals; or ``store`` itself, where it is such a folder.

    Of several ways it is the one that has proposals of all ``photos`` that are there. Raises ``FileNotFoundError``
    where there is none, and ``ValueError`` naming those that there are to choose from.
    """
    if (store / SETTINGS).is_file():
        return store.absolute()  # which has a name, as "." has not
    found = sorted(settings.parent for settings in store.glob(f"*/{SETTINGS}"))
    if not found:
        raise FileNotFoundError(f"{store}: not a proposals store (no {SETTINGS} in it or in a folder of it)")
    if len(found) == 1:
        return found[0]
    photos = [photo for photo in photos if photo.is_file()]
    held = {folder: sum(_place(folder, photo)[0].is_file() for photo in photos) for folder in found}
    whole = [folder for folder, count in held.items() if photos and count == len(photos)]
    if len(whole) == 1:
        return whole[0]
    listed = ", ".join(f"{folder} ({count} of the {len(photos)} photos)" for folder, count in held.items())
    raise ValueError(f"{store}: holds proposals of {len(found)} kinds; name the folder of one: {listed}")


def stored(folder: Path, photo: Path) -> Proposals | None:
    """The proposals of an image file in the folder of a way of making them; ``None`` where there are none to use.

    Raises ``FileNotFoundError`` where there is no such image file.
    """
    entry, seal = _place(folder, photo)
    try:
        return unpack(entry.read_bytes(), seal)
    except (FileNotFoundError, DamagedEntryError):
        return None


def _place(folder: Path, photo: Path) -> tuple[Path, bytes]:
    """The entry of an image file, and its seal: moved to another name or folder it does not open."""
    name = hashlib.sha256(_content(photo)).hexdigest()
    return folder / name[:2] / f"{name}.proposals", f"{folder.name}/{name}".encode()


def _content(photo: Path) -> bytes:
    try:
        return photo.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"no image file {photo}") from None


def _read(entry: Path, seal: bytes) -> Proposals | None:
    try:
        return unpack(entry.read_bytes(), seal)
    except FileNotFoundError:
        return None
    except DamagedEntryError as error:
        logger.warning("%s: %s; it is made again", entry, error)
        return None


def _write(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all, whoever else writes it at the same time."""
    part = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"cannot write to the proposals store {path.parent}: {error.strerror}", error.errno) from error
