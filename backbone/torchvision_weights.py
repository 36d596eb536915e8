"""Read torchvision's GoogLeNet weights, which differ from the paper: each difference is a named option here.

Batch norm for local response normalisation, 3x3 kernels in the "5x5" branch (pytorch/vision#906), a 2x2 last pooling,
dropout 0.2. Their auxiliary heads were never trained (pytorch/vision#821) and are left out.
"""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from backbone.googlenet import TABLE_1, GoogLeNet, GoogLeNetOptions
from backbone.preprocessing import Preprocessing
from backbone.strict import check_names, load_strict

# ImageNet's mean and deviation of pixels 0..1, in the scale of pixels 0..255.
IMAGENET_PREPROCESSING = Preprocessing(
    mean=(0.485 * 255, 0.456 * 255, 0.406 * 255), scale=(0.229 * 255, 0.224 * 255, 0.225 * 255)
)
# The published weights undo that inside the network (`transform_input`, pytorch/vision#4136): pixels become -1..1.
TRANSFORM_INPUT_PREPROCESSING = Preprocessing(mean=(127.5, 127.5, 127.5), scale=(127.5, 127.5, 127.5))

TORCHVISION_CONVOLUTIONS = {
    # torchvision, after "inception<block>.": ours, after "inceptions.<block>."
    "branch1": "conv_1x1",
    "branch2.0": "conv_3x3_reduce",
    "branch2.1": "conv_3x3",
    "branch3.0": "conv_5x5_reduce",
    "branch3.1": "conv_5x5",
    "branch4.1": "pool_projection",
}
TORCHVISION_NAMES = {
    "conv1": "stem.conv1",
    "conv2": "stem.conv2_reduce",
    "conv3": "stem.conv2",
    **{
        f"inception{block}.{a}": f"inceptions.{block}.{b}"
        for block in TABLE_1
        for a, b in TORCHVISION_CONVOLUTIONS.items()
    },
}
PARAMETERS = {
    "conv.weight": "weight",
    "bn.weight": "norm.weight",
    "bn.bias": "norm.bias",
    "bn.running_mean": "norm.running_mean",
    "bn.running_var": "norm.running_var",
    "bn.num_batches_tracked": "norm.num_batches_tracked",
}
PARAMETER_NAMES = {
    **{f"{a}.{p}": f"{b}.{q}" for a, b in TORCHVISION_NAMES.items() for p, q in PARAMETERS.items()},
    "fc.weight": "linear.weight",
    "fc.bias": "linear.bias",
}
CHECKPOINT_KEYS = ("model", "state_dict")  # under which checkpoints have it: torchvision's, and Lightning's and many
WRAPPERS = ("module.", "_orig_mod.")  # before each name: of DataParallel, of torch.compile
AUXILIARY_PREFIXES = ("aux1.", "aux2.")


def load_torchvision(path: str | Path) -> GoogLeNet:
    """The network of a torchvision .pth file, for evaluation: a state dict, or a checkpoint with one in it."""
    content = _load(path)
    if isinstance(content, Mapping):
        content = next((content[key] for key in CHECKPOINT_KEYS if isinstance(content.get(key), Mapping)), content)
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise ValueError(f"{path}: expected a state dict (names to tensors), got {type(content).__name__}")
    return from_torchvision(content, source=path)


def from_torchvision(state: Mapping[str, Tensor], source: object = "the state dict") -> GoogLeNet:
    """The network of a torchvision GoogLeNet's ``state_dict()``, with or without auxiliary heads, for evaluation.

    What ``DataParallel`` and ``torch.compile`` put before every name is taken off.
    """
    while prefix := next((one for one in WRAPPERS if state and all(name.startswith(one) for name in state)), None):
        state = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
    state = {name: tensor for name, tensor in state.items() if not name.startswith(AUXILIARY_PREFIXES)}
    check_names(source, "torchvision's GoogLeNet", PARAMETER_NAMES, state)
    network = GoogLeNet(torchvision_options(num_classes=len(state["fc.bias"])))
    load_strict(network, {ours: state[theirs] for theirs, ours in PARAMETER_NAMES.items()}, source)
    return network.eval()


def torchvision_options(num_classes: int = 1000) -> GoogLeNetOptions:
    """The network of torchvision in our terms."""
    return GoogLeNetOptions(
        num_classes=num_classes, normalisation="batch_norm", third_branch_kernel=3, last_pool_kernel=2, dropout=0.2
    )


def _load(path: str | Path) -> object:
    """What ``torch.save`` wrote, if it is tensors and plain values; nothing in the file is executed.

    Raises ``FileNotFoundError``, and ``ValueError`` for another file.
    """
    if _is_program(path):
        raise ValueError(f"{path}: not a file of plain tensors: a TorchScript program; save model.state_dict() instead")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:  # of a damaged file: anything from KeyError to UnpicklingError
        objects = isinstance(error, pickle.UnpicklingError) and "GLOBAL" in str(error)
        what = (
            "a whole pickled model, or other objects; save model.state_dict() instead"
            if objects
            else "damaged, or of another kind"
        )
        raise ValueError(f"{path}: not a file of plain tensors: {what}") from error


def _is_program(path: str | Path) -> bool:
    """Whether a file holds TorchScript, which ``torch.load`` would warn of."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as file:
        return any(name.endswith("/constants.pkl") for name in file.namelist())
