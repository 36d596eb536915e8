"""Model files: one safetensors file whose JSON header says all that is needed to run what it holds."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from backbone.int8 import SCALE, from_int8, to_int8

HEADER_KEY = "googlenet-rcnn"  # in the metadata of the safetensors file; its value is the header as JSON
FORMAT_VERSION = 1
STATISTICS = (".running_mean", ".running_var")  # of batch norm; a variance may outgrow float16
HOW_TO_MAKE = {"detector": "tools/finetune.py makes one of it", "classifier": "tools/convert_weights.py writes one"}

Header = dict[str, Any]  # JSON


def save_model_file(
    path: str | Path,
    tensors: Mapping[str, Tensor],
    header: Header,
    dtype: torch.dtype | None = None,
    int8: Collection[str] = (),
) -> None:
    """Write a model file by rename, so that a killed run leaves nothing half-written.

    ``header`` is JSON and has a "kind" ("detector", "classifier"). ``dtype`` (say float16) is what floating-point
    tensors are stored as, but for the running statistics of batch norm; a value that it cannot hold is an error. The
    tensors named in ``int8`` are stored in a byte a number: see :mod:`backbone.int8`.
    """
    path = Path(path)
    if not isinstance(header.get("kind"), str):
        raise ValueError(f"{path}: the header of a model file needs a 'kind'; it has {sorted(header)}")
    text = json.dumps({**header, "format": FORMAT_VERSION}, allow_nan=False)
    stored = {
        name: _storable(tensor, None if name in int8 or name.endswith(STATISTICS) else dtype, f"{path}: {name}")
        for name, tensor in tensors.items()
    }
    for name in int8:
        stored[name], stored[name + SCALE] = to_int8(stored[name])
    check_place(path)
    _write(path, stored, text)


def check_place(path: Path) -> None:
    """Refuse a path that no model file can be written to: ``IsADirectoryError``, ``FileNotFoundError``.

    A tool asks before hours of work, whose result would be lost.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; name the file to write, such as {path / 'model.safetensors'}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.parent}")


def change_header(path: str | Path, changes: Header) -> None:
    """Write other values into a model file's header; its tensors stay as they are stored."""
    text = json.dumps({**read_model_header(path), **changes}, allow_nan=False)
    _write(Path(path), _stored(path), text)


def read_model_file(path: str | Path, kind: str | None = None) -> tuple[dict[str, Tensor], Header]:
    """The tensors (on the CPU, as stored; of bytes, float32) and the header of a model file.

    A file of another ``kind`` is refused.
    """
    header = read_model_header(path)
    if kind is not None and header["kind"] != kind:
        hint = f"; {HOW_TO_MAKE[kind]}" if kind in HOW_TO_MAKE else ""
        raise ValueError(f"{path}: this file is a {header['kind']}, not a {kind}{hint}")
    stored = _stored(path)
    scales = {name.removesuffix(SCALE): stored.pop(name) for name in list(stored) if name.endswith(SCALE)}
    return stored | {name: from_int8(stored[name], scale) for name, scale in scales.items()}, header


def read_model_header(path: str | Path) -> Header:
    """What a model file says of itself, without its tensors."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"no model file {path}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(
            f"{path}: not a whole model file ({error}); tools/convert_weights.py reads .caffemodel and .pth files"
        ) from error
    if HEADER_KEY not in metadata:
        raise ValueError(f"{path}: a safetensors file, but not one of this project: it has no {HEADER_KEY!r} header")
    try:
        header: Header = json.loads(metadata[HEADER_KEY])
        version, _ = int(header["format"]), str(header["kind"])
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path}: a damaged header: {error}") from error
    if version > FORMAT_VERSION:
        raise ValueError(f"{path}: model file format {version} is newer than this version reads ({FORMAT_VERSION})")
    return header


def _stored(path: str | Path) -> dict[str, Tensor]:
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no dict


def _write(path: Path, stored: dict[str, Tensor], text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(save(stored, metadata={HEADER_KEY: text}))  # save_file's are for the owner alone
        temporary.replace(path)
    except OSError as error:
        if error.strerror and error.filename is None:  # of a full disk
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _storable(tensor: Tensor, dtype: torch.dtype | None, label: str) -> Tensor:
    """A tensor of its own memory, as safetensors wants it."""
    stored = tensor.detach().to("cpu", dtype if tensor.is_floating_point() else None, copy=True).contiguous()
    if not stored.isfinite().all():
        raise ValueError(f"{label} holds a value that is not finite as {str(stored.dtype).removeprefix('torch.')}")
    return stored
