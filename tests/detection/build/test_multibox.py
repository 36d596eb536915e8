"""A MultiBox on disk: what is written is read and runs, what is none is refused in one line."""

from pathlib import Path

import numpy as np
import pytest
import torch

from backbone.model_file import read_model_file, save_model_file
from detection.build.multibox import MultiBoxModel, load_multibox, read_multibox, save_multibox, trunk_of
from detection.proposals.multibox.head import MultiBoxHead, MultiBoxSettings
from tests.contracts import assert_is_proposer
from tests.detection.build.models import write_model
from tests.detection.rectangles import PREPROCESSING, narrow_network, rectangles

CPU = torch.device("cpu")
IMAGE = rectangles(1).images[0]


def model(seed: int = 0, **changes: object) -> MultiBoxModel:
    """A MultiBox of random weights that says something."""
    options = narrow_network().options
    torch.manual_seed(seed)
    trunk = trunk_of(options, "4e")
    channels = tuple(trunk.inceptions[stage].out_channels for stage in ("3b", "4e"))
    settings = MultiBoxSettings(image_size=64, channels=channels, widths=(2, 3), cells=2, hidden=6, **changes)
    low = torch.rand(40, 2) * 0.7
    head = MultiBoxHead(torch.cat([low, low + 0.1 + torch.rand(40, 2) * 0.2], dim=1), settings).eval()
    torch.nn.init.normal_(head.output.weight, std=0.5)
    return MultiBoxModel(trunk, head, PREPROCESSING, {"steps": 7})


def write(path: Path, *args: object, **changes: object) -> Path:
    save_multibox(path, model(*args, **changes), torch.float32)
    return path


def test_a_multibox_survives_its_file(tmp_path: Path) -> None:
    written, read = model(suppression=0.6), read_multibox(write(tmp_path / "mine.safetensors", suppression=0.6))
    assert (read.preprocessing, read.provenance, read.head.settings) == (
        written.preprocessing,
        written.provenance,
        written.head.settings,
    )
    for one, other in ((read.network, written.network), (read.head, written.head)):
        assert one.state_dict().keys() == other.state_dict().keys()
        assert all(torch.equal(tensor, other.state_dict()[name]) for name, tensor in one.state_dict().items())
        assert not one.training


def test_the_file_holds_no_stage_that_is_not_looked_at(tmp_path: Path) -> None:
    tensors, header = read_model_file(write(tmp_path / "mine.safetensors"))
    assert any(".4e." in name for name in tensors)
    assert not any(".5a." in name or "linear" in name for name in tensors)
    assert (header["kind"], header["multibox"]["priors"]) == ("multibox", 40)


def test_half_precision_on_disk_becomes_single_again(tmp_path: Path) -> None:
    save_multibox(tmp_path / "mine.safetensors", model())
    tensors, _ = read_model_file(tmp_path / "mine.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    assert {tensor.dtype for tensor in read_multibox(tmp_path / "mine.safetensors").head.parameters()} == {
        torch.float32
    }


def test_a_loaded_multibox_is_a_proposer(tmp_path: Path) -> None:
    assert_is_proposer(load_multibox(write(tmp_path / "mine.safetensors"), top=10, device=CPU))


def test_the_settings_tell_the_content_of_the_file_not_its_name(tmp_path: Path) -> None:
    first, copy, other = (
        write(tmp_path / f"{name}.safetensors", seed) for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    settings = [load_multibox(path, top=10, device=CPU).settings for path in (first, copy, other)]
    assert settings[0] == settings[1] != settings[2]
    assert settings[0]["method"] == "multibox"
    assert settings[0]["top"] == 10


@pytest.mark.parametrize("threads", [1, 2])
def test_boxes_do_not_depend_on_the_threads(tmp_path: Path, threads: int) -> None:
    multibox = load_multibox(write(tmp_path / "mine.safetensors"), top=10, device=CPU)
    expected, before = multibox(IMAGE).boxes, torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert np.array_equal(multibox(IMAGE).boxes, expected)
    finally:
        torch.set_num_threads(before)


def test_a_name_that_is_neither_a_file_nor_bundled() -> None:
    with pytest.raises(FileNotFoundError, match="no MultiBox model file multibox_none, and none of that name comes"):
        load_multibox("multibox_none", top=10, device=CPU)


def test_a_detector_is_refused(tmp_path: Path) -> None:
    path = write_model(tmp_path / "detector.safetensors")
    with pytest.raises(ValueError, match=r"detector\.safetensors: this file is a detector, not a multibox"):
        load_multibox(path, top=10, device=CPU)


def tampered(path: Path, **changes: object) -> Path:
    tensors, header = read_model_file(path)
    save_model_file(path, tensors, {**header, **changes})
    return path


@pytest.mark.parametrize(
    "changes",
    [
        {"multibox": {"priors": 40, "side": 3}},
        {"multibox": {"priors": None}},
        {"multibox": None},
        {"multibox": {"priors": 40, "stages": ["3b", "9z"]}},
        {"architecture": {"name": "googlenet", "options": {"depth": 3}}},
        {"preprocessing": {}},
    ],
    ids=str,
)
def test_a_header_that_is_not_understood_is_told(tmp_path: Path, changes: dict) -> None:
    path = tampered(write(tmp_path / "mine.safetensors"), **changes)
    with pytest.raises(ValueError, match=r"mine\.safetensors: a header that this version does not understand"):
        read_multibox(path)


def test_weights_that_do_not_fit_the_header_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.safetensors")
    settings = read_model_file(path)[1]["multibox"]
    with pytest.raises(ValueError, match=r"head\.hidden\.weight is \(6, \d+\), not \(9, \d+\)"):
        read_multibox(tampered(path, multibox={**settings, "hidden": 9}))


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.safetensors")
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ValueError, match=r"mine\.safetensors: not a whole model file"):
        load_multibox(path, top=10, device=CPU)
