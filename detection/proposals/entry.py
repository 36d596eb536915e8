"""One image's proposals as bytes: exact, small, and sealed.

    8 bytes    MAGIC
    32 bytes   SHA-256 of the seal and of all that follows
    the rest   zlib: R and V (two uint32); V distinct coordinates (float32); R x 4 of their indices, column by column
               (uint16, or uint32 where V > 65,536); R scores (float32 bits, each less the one before)

A photo has some hundred distinct coordinates for thousands of boxes, and scores that fall: of 45 kB are left 17.
Numbers are little-endian, and their first bytes, second bytes and so on lie together, which zlib packs better.
"""

from __future__ import annotations

import hashlib
import struct
import zlib

import numpy as np
from numpy.typing import DTypeLike, NDArray

from detection.structures import Proposals

MAGIC = b"regions1"
DIGEST = hashlib.sha256().digest_size
COUNTS = struct.Struct("<II")


class DamagedEntryError(ValueError):
    """Bytes that are not an entry as it was written, or not the entry that was looked for."""


def pack(proposals: Proposals, seal: bytes) -> bytes:
    """An entry that opens only with the same ``seal``."""
    values, indices = np.unique(proposals.boxes.T, return_inverse=True)
    steps = np.diff(proposals.scores.view(np.uint32), prepend=np.uint32(0))  # modulo 2^32
    body = zlib.compress(
        COUNTS.pack(len(proposals), len(values))
        + _planes(values, "<f4")
        + _planes(indices, _index_type(len(values)))
        + _planes(steps, "<u4")
    )
    return MAGIC + hashlib.sha256(seal + body).digest() + body


def unpack(entry: bytes, seal: bytes) -> Proposals:
    """The proposals, bit for bit; raises :class:`DamagedEntryError`."""
    digest, body = entry[len(MAGIC) : len(MAGIC) + DIGEST], entry[len(MAGIC) + DIGEST :]
    if not entry.startswith(MAGIC):
        raise DamagedEntryError("not an entry of this version of the proposals store")
    if hashlib.sha256(seal + body).digest() != digest:
        raise DamagedEntryError("damaged, or in the place of another entry (its checksum differs)")
    content = zlib.decompress(body)
    count, distinct = COUNTS.unpack_from(content)
    value_end = COUNTS.size + 4 * distinct
    score_start = len(content) - 4 * count
    values = _from_planes(content[COUNTS.size : value_end], "<f4")
    indices = _from_planes(content[value_end:score_start], _index_type(distinct))
    steps = _from_planes(content[score_start:], "<u4")
    scores = np.cumsum(steps, dtype=np.uint32).view(np.float32)
    return Proposals(values[indices].reshape(4, count).T, scores)


def _index_type(distinct: int) -> str:
    return "<u2" if distinct <= 1 << 16 else "<u4"


def _planes(numbers: NDArray[np.generic], dtype: DTypeLike) -> bytes:
    """The bytes of numbers: all first bytes, then all second bytes, and so on."""
    flat = np.ascontiguousarray(numbers.reshape(-1), dtype)
    return flat.view(np.uint8).reshape(len(flat), flat.itemsize).T.tobytes()


def _from_planes(content: bytes, dtype: str) -> NDArray[np.generic]:
    planes = np.frombuffer(content, np.uint8).reshape(np.dtype(dtype).itemsize, -1)
    return np.ascontiguousarray(planes.T).view(dtype).reshape(-1)
