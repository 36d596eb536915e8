"""torchvision's own GoogLeNet with random weights, against what is made of its state dict."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.models import GoogLeNet as TorchvisionGoogLeNet

from backbone.torchvision_weights import (
    IMAGENET_PREPROCESSING,
    TRANSFORM_INPUT_PREPROCESSING,
    from_torchvision,
    load_torchvision,
    torchvision_options,
)


@pytest.fixture(scope="module")
def theirs() -> nn.Module:
    """Random statistics and gains too: with those of a fresh network a swapped norm would not show."""
    torch.manual_seed(0)
    network = TorchvisionGoogLeNet(num_classes=7, aux_logits=True, transform_input=True, init_weights=False)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.1)
        elif isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
    return network.eval()


@pytest.fixture(scope="module")
def state(theirs: nn.Module) -> dict[str, Tensor]:
    return theirs.state_dict()


@pytest.mark.parametrize("size", [224, 97])
def test_logits_are_torchvisions(theirs: nn.Module, state: dict[str, Tensor], size: int) -> None:
    """`transform_input` is part of the preprocessing; 97 leaves a map of 7, which the last pooling must round up."""
    crops = torch.randint(256, (2, 3, size, size), dtype=torch.uint8)
    with torch.inference_mode():
        expected = theirs(IMAGENET_PREPROCESSING.normalise(crops))
        logits = from_torchvision(state)(TRANSFORM_INPUT_PREPROCESSING.normalise(crops))
    assert expected.std() > 0.1
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-4 * float(expected.abs().max()))


def test_it_works_without_auxiliary_heads(state: dict[str, Tensor]) -> None:
    network = from_torchvision({name: tensor for name, tensor in state.items() if not name.startswith("aux")})
    assert network.options == torchvision_options(num_classes=7)
    assert not network.training


def test_deviations_from_the_paper_are_named() -> None:
    options = torchvision_options()
    assert (options.normalisation, options.third_branch_kernel, options.last_pool_kernel) == ("batch_norm", 3, 2)
    assert options.dropout == 0.2


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "pickle"])
def test_files_are_read_bare_or_under_model(tmp_path: Path, state: dict[str, Tensor], legacy: bool) -> None:
    path = tmp_path / "checkpoint.pth"
    torch.save({"model": state, "epoch": 3}, path, _use_new_zipfile_serialization=not legacy)
    assert torch.equal(load_torchvision(path).state_dict()["linear.weight"], state["fc.weight"])
    torch.save(state, path, _use_new_zipfile_serialization=not legacy)
    assert load_torchvision(path).options.num_classes == 7


@pytest.mark.parametrize("key", ["model", "state_dict"])
@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
def test_files_of_wrapped_models_are_read(tmp_path: Path, state: dict[str, Tensor], key: str, prefix: str) -> None:
    path = tmp_path / "checkpoint.pth"
    torch.save({key: {prefix + name: tensor for name, tensor in state.items()}, "epoch": 3}, path)
    assert torch.equal(load_torchvision(path).state_dict()["linear.weight"], state["fc.weight"])


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")
@pytest.mark.parametrize(
    ("save", "what"),
    [
        (torch.save, "a whole pickled model, or other objects"),
        (partial(torch.save, _use_new_zipfile_serialization=False), "a whole pickled model, or other objects"),
        (lambda _, path: torch.save({"best": np.float64(3)}, path), "a whole pickled model, or other objects"),
        (lambda module, path: torch.jit.save(torch.jit.script(module), path), "a TorchScript program"),
    ],
    ids=["pickle", "legacy", "NumPy", "TorchScript"],
)
def test_a_whole_model_is_refused_with_what_to_do(
    tmp_path: Path, save: Callable[[nn.Module, Path], None], what: str
) -> None:
    """In our words: PyTorch's tell how to run the code in it; and it would warn, which is an error here."""
    path = tmp_path / "model.pth"
    save(nn.Linear(2, 2), path)
    with pytest.raises(
        ValueError, match=rf"^{path}: not a file of plain tensors: {what}; save model\.state_dict\(\) instead$"
    ):
        load_torchvision(path)


def test_missing_and_unexpected_names_are_listed(state: dict[str, Tensor]) -> None:
    wrong = {name.replace("fc.bias", "fc.offset"): tensor for name, tensor in state.items()}
    with pytest.raises(ValueError, match=r"torchvision's GoogLeNet: missing: fc\.bias; unexpected: fc\.offset$"):
        from_torchvision(wrong)


def test_a_wrong_shape_is_named(state: dict[str, Tensor]) -> None:
    """A network with the kernels that the paper has."""
    kernel = torch.zeros(32, 16, 5, 5)
    with pytest.raises(ValueError, match=r"conv_5x5\.weight is \(32, 16, 5, 5\), not \(32, 16, 3, 3\)"):
        from_torchvision(state | {"inception3a.branch3.1.conv.weight": kernel})


class Harmful:
    """Would run a command when unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("harm",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (Harmful(), "not a file of plain tensors"),
        ([1, 2], "expected a state dict .* got list"),
        ({"weight": 3}, "expected a state dict"),
        ({}, "missing: conv1"),
    ],
    ids=["code", "list", "numbers", "empty"],
)
def test_other_content_is_refused(
    tmp_path: Path, content: object, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "checkpoint.pth"
    torch.save(content, path)
    with pytest.raises(ValueError, match=rf"^{path}: .*{message}"):
        load_torchvision(path)
    assert capsys.readouterr().out == ""


def test_a_truncated_file_is_refused(tmp_path: Path, state: dict[str, Tensor]) -> None:
    path = tmp_path / "checkpoint.pth"
    torch.save({"fc.bias": state["fc.bias"]}, path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match=r"not a file of plain tensors: damaged, or of another kind$"):
        load_torchvision(path)
