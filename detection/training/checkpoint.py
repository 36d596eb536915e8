"""Checkpoints: all that a run needs to go on as if it had never stopped, written so that a kill cannot spoil them."""

from __future__ import annotations

import os
from io import BufferedWriter, FileIO
from pathlib import Path
from typing import Any

import torch

from detection.converters.whole_file import whole_path


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write ``state`` (tensors, plain values) to ``path`` by rename: the previous one stays until the new is whole.

    Raises ``OSError`` naming the path where there is no room.
    """
    with whole_path(path) as part, _Written(FileIO(part, "wb")) as file:
        try:
            torch.save(state, file)
        except RuntimeError:
            if file.error is not None:
                raise file.error from None
            raise
        file.flush()
        os.fsync(file.fileno())


class _Written(BufferedWriter):
    """A file that remembers why it could not be written: PyTorch says no more than that a position is unexpected."""

    error: OSError | None = None

    def write(self, buffer: Any, /) -> int:
        try:
            return super().write(buffer)
        except OSError as error:
            self.error = error
            raise


def load_checkpoint(path: Path) -> dict[str, Any]:
    """What :func:`save_checkpoint` wrote; nothing in the file is executed.

    Raises ``FileNotFoundError``, and ``ValueError`` where the file is no checkpoint.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint at {path}: there is nothing to resume; run without --resume")
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001  # of a damaged file: anything from KeyError to UnpicklingError
        raise ValueError(f"{path} is not a checkpoint, or is damaged ({type(error).__name__})") from None
    return state
