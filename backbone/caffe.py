"""Read a .caffemodel without Caffe or protobuf, and make a GoogLeNet of it; every name and shape is checked."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from backbone.googlenet import AUXILIARY_AFTER, TABLE_1, GoogLeNet, GoogLeNetOptions
from backbone.preprocessing import Preprocessing
from backbone.strict import check_names, load_strict

# Field numbers of caffe.proto (BVLC/caffe: src/caffe/proto/caffe.proto).
NET_NAME, NET_LAYERS_V1, NET_LAYERS = 1, 2, 100
LAYER_NAME_BLOBS = {NET_LAYERS: (1, 7), NET_LAYERS_V1: (4, 6)}
BLOB_OLD_SHAPE, BLOB_DATA, BLOB_SHAPE, BLOB_DOUBLE_DATA = (1, 2, 3, 4), 5, 7, 8
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

CAFFE_PREPROCESSING = Preprocessing(channel_order="bgr", mean=(104.0, 117.0, 123.0))

CAFFE_CONVOLUTIONS = {
    # Caffe, after "inception_<block>/": ours, after "inceptions.<block>."
    "1x1": "conv_1x1",
    "3x3_reduce": "conv_3x3_reduce",
    "3x3": "conv_3x3",
    "5x5_reduce": "conv_5x5_reduce",
    "5x5": "conv_5x5",
    "pool_proj": "pool_projection",
}
CAFFE_NAMES = {
    "conv1/7x7_s2": "stem.conv1",
    "conv2/3x3_reduce": "stem.conv2_reduce",
    "conv2/3x3": "stem.conv2",
    **{f"inception_{block}/{a}": f"inceptions.{block}.{b}" for block in TABLE_1 for a, b in CAFFE_CONVOLUTIONS.items()},
    "loss3/classifier": "linear",
}
CAFFE_AUXILIARY_NAMES = {
    f"loss{number}/{a}": f"auxiliaries.{block}.{b}"
    for number, block in enumerate(AUXILIARY_AFTER, start=1)
    for a, b in {"conv": "conv", "fc": "hidden", "classifier": "linear"}.items()
}


def load_caffemodel(path: str | Path) -> GoogLeNet:
    """The GoogLeNet of a .caffemodel (with its auxiliary heads where it has them), in evaluation mode.

    Its input is what :data:`CAFFE_PREPROCESSING` makes: BGR 0..255 minus the mean; the first convolution stays BGR.
    """
    path = Path(path)
    layers = read_caffemodel(path)
    names = dict(CAFFE_NAMES)
    auxiliary = any(name in layers for name in CAFFE_AUXILIARY_NAMES)
    if auxiliary:
        names |= CAFFE_AUXILIARY_NAMES
    check_names(path, "GoogLeNet", names, layers)

    num_classes = layers["loss3/classifier"][-1].numel()
    network = GoogLeNet(GoogLeNetOptions(num_classes=num_classes, auxiliary=auxiliary))
    expected = network.state_dict()
    state, wrong = {}, []
    for name, ours in names.items():
        if len(layers[name]) != 2:
            wrong.append(f"{name} has {len(layers[name])} blobs, not weight and bias")
            continue
        for parameter, blob in zip((f"{ours}.weight", f"{ours}.bias"), layers[name], strict=True):
            shape = expected[parameter].shape
            if _without_leading_ones(blob.shape) == _without_leading_ones(shape):
                state[parameter] = blob.reshape(shape)
            else:
                wrong.append(f"{name} is {tuple(blob.shape)}, not {tuple(shape)}")
    check_names(path, "GoogLeNet", (), (), wrong)
    load_strict(network, state, path)
    return network.eval()


def read_caffemodel(path: str | Path) -> dict[str, list[Tensor]]:
    """The parameter blobs of every layer that has any, by layer name; both the `layer` and the older `layers` form."""
    path = Path(path)
    layers: dict[str, list[Tensor]] = {}
    try:
        for number, layer in _fields(memoryview(path.read_bytes())):
            if number not in LAYER_NAME_BLOBS:
                continue
            name, blobs = _read_layer(_bytes(layer), *LAYER_NAME_BLOBS[number])
            if blobs and name in layers:
                raise ValueError(f"two layers are named {name!r}")
            if blobs:
                layers[name] = blobs
    except ValueError as error:
        raise ValueError(f"{path}: not a whole .caffemodel: {error}") from error
    if not layers:
        raise ValueError(f"{path}: not a .caffemodel: no layer with parameters was found")
    return layers


def _read_layer(message: memoryview, name_field: int, blobs_field: int) -> tuple[str, list[Tensor]]:
    name, blobs = "", []
    for number, value in _fields(message):
        if number == name_field:
            name = bytes(_bytes(value)).decode("utf-8")
        elif number == blobs_field:
            blobs.append(_read_blob(_bytes(value)))
    return name, blobs


def _read_blob(message: memoryview) -> Tensor:
    """One BlobProto: its numbers in the shape it states, as num, channels, height, width or as a list of dimensions."""
    old_shape: dict[int, int] = {}
    shape: list[int] | None = None
    parts: list[np.ndarray] = []
    for number, value in _fields(message):
        if number in BLOB_OLD_SHAPE and isinstance(value, int):
            old_shape[number] = value
        elif number == BLOB_SHAPE:
            shape = _read_shape(_bytes(value))
        elif number in (BLOB_DATA, BLOB_DOUBLE_DATA):
            dtype = "<f4" if number == BLOB_DATA else "<f8"
            parts.append(np.frombuffer(_bytes(value), dtype))
    if shape is None:
        shape = [old_shape.get(number, 1) for number in BLOB_OLD_SHAPE]
    data = np.concatenate(parts).astype(np.float32) if parts else np.zeros(0, np.float32)
    if data.size != math.prod(shape):
        raise ValueError(f"a blob of shape {tuple(shape)} holds {data.size} numbers")
    return torch.from_numpy(data).reshape(shape)


def _read_shape(message: memoryview) -> list[int]:
    """BlobShape: `dim` (field 1), packed into one run of varints or written one by one."""
    dimensions = []
    for number, value in _fields(message):
        if number == 1 and isinstance(value, int):
            dimensions.append(value)
        elif number == 1:
            run, position = _bytes(value), 0
            while position < len(run):
                dimension, position = _varint(run, position)
                dimensions.append(dimension)
    return dimensions


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a protobuf message in order: (field number, varint or the bytes of anything else)."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        number, wire = tag >> 3, tag & 7
        if wire == VARINT:
            value, position = _varint(message, position)
            yield number, value
            continue
        if wire == BYTES:
            length, position = _varint(message, position)
        elif wire in (FIXED32, FIXED64):
            length = 4 if wire == FIXED32 else 8
        else:
            raise ValueError(f"unknown wire type {wire} at byte {position}")
        if position + length > len(message):
            raise ValueError(f"a field of {length} bytes ends after the file; it is truncated or of another kind")
        yield number, message[position : position + length]
        position += length


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(message) and shift < 64:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise ValueError("a number ends after the file; it is truncated or of another kind")


def _bytes(value: int | memoryview) -> memoryview:
    if not isinstance(value, int):
        return value
    raise ValueError("a number stands where a message was expected")


def _without_leading_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Older files pad every shape to four dimensions with ones in front."""
    while len(shape) > 1 and shape[0] == 1:
        shape = shape[1:]
    return tuple(shape)
