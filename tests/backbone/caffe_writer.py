"""A small writer of .caffemodel files, for tests: what Caffe would have written, in its newer and its older form."""

import struct
from collections.abc import Sequence

from torch import Tensor

from backbone.caffe import CAFFE_AUXILIARY_NAMES, CAFFE_NAMES
from backbone.googlenet import GoogLeNet

Layers = dict[str, list[Tensor]]


def caffe_layers(network: GoogLeNet) -> Layers:
    """The parameters of a network by Caffe's layer names."""
    names = CAFFE_NAMES | (CAFFE_AUXILIARY_NAMES if network.auxiliaries else {})
    state = network.state_dict()
    return {theirs: [state[f"{ours}.weight"], state[f"{ours}.bias"]] for theirs, ours in names.items()}


def caffemodel(layers: Layers) -> bytes:
    """NetParameter with `layer` (100): name 1, type 2, blobs 7; BlobProto with `shape` (7)."""
    relu = message(100, text(1, "conv1/relu") + text(2, "ReLU"))
    body = (
        message(100, text(1, name) + text(2, "Convolution") + b"".join(message(7, blob(tensor)) for tensor in tensors))
        for name, tensors in layers.items()
    )
    return text(1, "GoogleNet") + relu + b"".join(body)


def caffemodel_v1(layers: Layers) -> bytes:
    """NetParameter with `layers` (2): name 4, type 5 (a number), blobs 6; BlobProto with four dimensions (1 to 4)."""
    body = (
        message(2, text(4, name) + number(5, 4) + b"".join(message(6, old_blob(tensor)) for tensor in tensors))
        for name, tensors in layers.items()
    )
    return text(1, "GoogleNet") + b"".join(body)


def blob(tensor: Tensor, *, packed: bool = True, double: bool = False) -> bytes:
    """BlobProto as Caffe writes it, or with its numbers one by one, or in double precision."""
    values = tensor.flatten().tolist()
    if double:
        data = message(8, struct.pack(f"<{len(values)}d", *values))
    elif packed:
        data = message(5, tensor.contiguous().numpy().astype("<f4").tobytes())
    else:
        data = b"".join(varint(5 << 3 | 5) + struct.pack("<f", value) for value in values)
    shape = message(1, b"".join(map(varint, tensor.shape))) if packed else b"".join(number(1, n) for n in tensor.shape)
    return message(7, shape) + data


def old_blob(tensor: Tensor) -> bytes:
    return dimensions([1] * (4 - tensor.ndim) + list(tensor.shape)) + message(5, tensor.numpy().astype("<f4").tobytes())


def dimensions(sizes: Sequence[int]) -> bytes:
    return b"".join(number(field, size) for field, size in enumerate(sizes, start=1))


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def text(field: int, value: str) -> bytes:
    return message(field, value.encode())


def message(field: int, value: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
