"""Published weights by name: fetched once, checked, kept in a cache folder."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

CACHE_VARIABLE = "GOOGLENET_RCNN_CACHE"
TIMEOUT_SECONDS = 30
CHUNK_BYTES = 1 << 18

Progress = Callable[[int, int | None], None]  # bytes so far, all bytes where the server says how many


class Published(NamedTuple):
    """Weights that can be fetched; ``checksum`` is the beginning of the file's digest, as its publisher gives it."""

    url: str
    algorithm: str
    checksum: str

    @property
    def file_name(self) -> str:
        return self.url.rsplit("/", maxsplit=1)[-1]


KNOWN_WEIGHTS = {
    "bvlc_googlenet": Published(
        "http://dl.caffe.berkeleyvision.org/bvlc_googlenet.caffemodel",
        "sha1",
        "405fc5acd08a3bb12de8ee5e23a96bec22f08204",
    ),
    "torchvision_googlenet": Published(
        "https://download.pytorch.org/models/googlenet-1378be20.pth", "sha256", "1378be20"
    ),
}


def fetch(name: str, progress: Progress | None = None) -> Path:
    """The file of the weights called ``name``, from the cache or else its publisher, with the right checksum."""
    if name not in KNOWN_WEIGHTS:
        raise ValueError(f"no published weights are known as {name!r}; known: {', '.join(KNOWN_WEIGHTS)}")
    published = KNOWN_WEIGHTS[name]
    target = cache_folder() / published.file_name
    if target.is_file():
        _check(target, published, f"{target} is not {name}", "remove it to fetch it again")
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        _download(published.url, temporary, target, progress)
        _check(temporary, published, f"{published.url} gave something else than {name}", "nothing was kept")
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def cache_folder() -> Path:
    """$GOOGLENET_RCNN_CACHE, else googlenet-rcnn in $XDG_CACHE_HOME, else in ~/.cache."""
    if own := os.environ.get(CACHE_VARIABLE):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "googlenet-rcnn"


def _download(url: str, temporary: Path, target: Path, progress: Progress | None) -> None:
    done = 0
    with temporary.open("wb") as file:
        for chunk, total in _chunks(url, target):
            done += file.write(chunk)
            if progress is not None:
                progress(done, total)


def _chunks(url: str, target: Path) -> Iterator[tuple[bytes, int | None]]:
    """The body of ``url`` in pieces, each with the length of the whole; whatever fails is one kind of error."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
            total = response.length
            while chunk := response.read(CHUNK_BYTES):
                yield chunk, total
            if response.length:
                raise ConnectionError(f"the connection ended {response.length} bytes early")
    except (OSError, http.client.HTTPException) as error:
        raise FileNotFoundError(
            f"cannot fetch {url} ({error}); without a network, fetch it elsewhere and put it at {target}"
        ) from error


def _check(path: Path, published: Published, complaint: str, advice: str) -> None:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, published.algorithm).hexdigest()
    if not digest.startswith(published.checksum):
        raise ValueError(f"{complaint}: its {published.algorithm} is {digest}, not {published.checksum}; {advice}")
