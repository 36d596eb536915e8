"""One image's proposals as bytes: exact, small, sealed, and the same on every machine.

    8 bytes    MAGIC
    32 bytes   SHA-256 of the seal and of all that follows
    8 bytes    R and V, two uint32
    the rest   three lists of numbers, squeezed: V distinct coordinates and R scores, both as the bits of float32, each
               number less the one before; R x 4 indices of coordinates, column by column

A list is squeezed by leaving out leading zeros: in blocks of 32, each number takes the bits that the largest of its
block needs. First come the blocks' widths, a byte each, then the bits; the last block is filled up with zeros. A photo
has some hundred distinct coordinates for thousands of boxes, and scores that fall: of 42 kB are left 16. (zlib is not
used: its bytes depend on its build.) Numbers are little-endian, bits begin with the highest.
"""

from __future__ import annotations

import hashlib
import struct

import numpy as np
from numpy.typing import NDArray

from detection.structures import Proposals

MAGIC = b"regions2"
DIGEST = hashlib.sha256().digest_size
COUNTS = struct.Struct("<II")
BLOCK = 32

Numbers = NDArray[np.uint32]


class DamagedEntryError(ValueError):
    """Bytes that are not an entry as it was written, or not the entry that was looked for."""


def pack(proposals: Proposals, seal: bytes) -> bytes:
    """An entry that opens only with the same ``seal``."""
    values, indices = np.unique(proposals.boxes.T, return_inverse=True)
    columns = _steps(values), indices.reshape(-1).astype(np.uint32), _steps(proposals.scores)
    body = COUNTS.pack(len(proposals), len(values)) + b"".join(_squeezed(column) for column in columns)
    return MAGIC + hashlib.sha256(seal + body).digest() + body


def unpack(entry: bytes, seal: bytes) -> Proposals:
    """The proposals, bit for bit; raises :class:`DamagedEntryError`."""
    digest, body = entry[len(MAGIC) : len(MAGIC) + DIGEST], entry[len(MAGIC) + DIGEST :]
    if not entry.startswith(MAGIC):
        raise DamagedEntryError("not an entry of this version of the proposals store")
    if hashlib.sha256(seal + body).digest() != digest:
        raise DamagedEntryError("damaged, or in the place of another entry (its checksum differs)")
    count, distinct = COUNTS.unpack_from(body)
    values, rest = _released(body[COUNTS.size :], distinct)
    indices, rest = _released(rest, 4 * count)
    scores, _ = _released(rest, count)
    return Proposals(_from_steps(values)[indices].reshape(4, count).T, _from_steps(scores))


def _steps(numbers: NDArray[np.float32]) -> Numbers:
    bits: Numbers = numbers.view(np.uint32).copy()
    bits[1:] -= bits[:-1].copy()  # modulo 2^32
    return bits


def _from_steps(steps: Numbers) -> NDArray[np.float32]:
    return np.cumsum(steps, dtype=np.uint32).view(np.float32)


def _squeezed(numbers: Numbers) -> bytes:
    """Widths and bits of a list of numbers."""
    padded = np.zeros(-(-len(numbers) // BLOCK) * BLOCK, ">u4")
    padded[: len(numbers)] = numbers
    largest = padded.reshape(-1, BLOCK).max(axis=1, initial=0)
    widths: NDArray[np.uint8] = np.frexp(largest.astype(np.float64))[1].astype(np.uint8)  # bits of a whole number
    bits = np.unpackbits(padded.view(np.uint8)).reshape(-1, BLOCK, 32)
    return widths.tobytes() + np.packbits(bits[_kept(widths)]).tobytes()


def _released(content: bytes, count: int) -> tuple[Numbers, bytes]:
    """The first ``count`` numbers of squeezed content, and the content behind them."""
    blocks = -(-count // BLOCK)
    widths = np.frombuffer(content[:blocks], np.uint8)
    end = blocks + int(widths.sum(dtype=np.int64)) * BLOCK // 8
    bits = np.zeros((blocks, BLOCK, 32), np.uint8)
    bits[_kept(widths)] = np.unpackbits(np.frombuffer(content[blocks:end], np.uint8))
    return np.packbits(bits).view(">u4")[:count].astype(np.uint32), content[end:]


def _kept(widths: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which bits of blocks are kept: the last ``widths`` of each number."""
    kept = np.arange(32, 0, -1) <= widths[:, None]
    return np.repeat(kept[:, None], BLOCK, axis=1)  # (blocks, BLOCK, 32)
