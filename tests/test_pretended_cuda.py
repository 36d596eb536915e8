"""What a GPU would run, on a device that only pretends to be one: nothing is in the wrong place, and little waits."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from backbone.preprocessing import Preprocessing
from detection.build.detector import load_detector
from detection.regions.crops import begin_crops, crop_regions
from detection.regions.warp import Warp
from detection.training.batches import BatchLoader, RegionSampler
from detection.training.finetune import Finetuning, region_optimiser
from detection.training.learner import Place
from detection.training.pools import make_pool
from detection.training.schedule import Schedule
from tests.detection.build.models import write_model
from tests.detection.rectangles import (
    CONTEXT,
    PREPROCESSING,
    SIZE,
    narrow_classifier,
    propose,
    rectangles,
    small_multibox_config,
    write_backbone,
)
from tests.detection.rectangles_voc import write_config, write_tree
from tests.pretended_cuda import CUDA, PretendedCuda, is_there, pretended_cuda
from tools.finetune import main as finetune
from tools.refine import main as refine

PHOTOS = rectangles(6)


@pytest.fixture
def gpu() -> Iterator[PretendedCuda]:
    with pretended_cuda() as device:
        yield device


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "VOC", PHOTOS, {"train": PHOTOS.ids[:4], "val": PHOTOS.ids[4:]})


def test_tensors_of_two_devices_do_not_meet(gpu: PretendedCuda) -> None:
    there = torch.ones(3, device="cuda")
    assert (there.device, there.is_cuda, (there + 1)[1:].mean().device) == (CUDA, True, CUDA)
    for mixed in (lambda: there + torch.ones(3), lambda: F.linear(there, torch.ones(2, 3)), there.numpy):
        with pytest.raises((RuntimeError, TypeError), match=r"two devices|cuda:0 device type"):
            mixed()
    assert (there * torch.tensor(2.0)).sum().cpu().numpy() == 6


def test_a_module_moves_with_its_gradients_and_a_copy_stays(gpu: PretendedCuda) -> None:
    layer = torch.nn.Linear(2, 2)
    here = layer.weight.detach().clone()
    layer.to("cuda")(torch.ones(1, 2, device=CUDA)).sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.is_cuda
    assert not is_there(here)


def test_what_waits_is_counted(gpu: PretendedCuda) -> None:
    there = torch.arange(3).pin_memory().to("cuda", non_blocking=True)
    assert gpu.waits == {}
    torch.ones(2).to("cuda")
    torch.tensor([1.0], device="cuda")
    there.sum().item()
    there[there > 1].cpu()
    assert gpu.waits == {"brought": 2, "item": 1, "__getitem__": 1, "read back": 1}


@pytest.mark.parametrize(
    "look",
    [
        lambda there: torch.where(there > 1), lambda there: there.masked_select(there > 1), lambda there: 1 in there,
        lambda there: f"{there[0]}", lambda there: there[np.array([True, False, True])], lambda there: there[[0, 2]],
        lambda there: torch.allclose(there, there), lambda there: bool(there.any()), lambda there: int(there[1]),
        lambda there: there.bincount(), lambda there: float(there.max()), lambda there: there.argwhere(),
    ],
)  # fmt: skip
def test_a_look_at_what_is_there_waits(gpu: PretendedCuda, look: Callable[[torch.Tensor], object]) -> None:
    there = torch.arange(3, device=CUDA)
    there.add_(1)[1:].clone().where(there[1:] > 1, there[0])
    assert gpu.waits == {}
    look(there)
    assert gpu.waits.total() >= 1


def test_crops_of_many_photos_cross_without_a_wait(gpu: PretendedCuda) -> None:
    cuts = [(image[:, ::-1], target.boxes) for image, target in zip(PHOTOS.images, PHOTOS.targets, strict=True)]
    crops = begin_crops(cuts, Warp(), CUDA)()
    crops = Preprocessing("bgr", mean=(104, 117, 123)).normalise(crops)
    assert crops.device == CUDA
    assert gpu.waits == {}
    here = crop_regions(cuts[1][0], cuts[1][1], Warp(), torch.device("cpu"))
    gathered = crop_regions(cuts[1][0], cuts[1][1], Warp(), CUDA).cpu()
    assert np.abs((gathered - here).numpy()).max() < 0.05


@pytest.mark.parametrize(("box_regression", "accumulate"), [(True, 1), (True, 2), (False, 1)])
def test_a_step_of_training_waits_once(
    gpu: PretendedCuda, tmp_path: Path, box_regression: bool, accumulate: int
) -> None:
    pools = [make_pool(one.boxes, target) for one, target in zip(propose(PHOTOS), PHOTOS.targets, strict=True)]
    loader = BatchLoader(
        RegionSampler(pools, batch_size=16), lambda i, _: PHOTOS.image(i), lambda _: Warp(SIZE, CONTEXT), CUDA, 3
    )
    model = narrow_classifier(frozen="stem", box_regression=box_regression).to(CUDA)
    schedule = Schedule(steps=9, learning_rate=0.01, log_every=4, checkpoint_every=100, accumulate=accumulate)
    place = Place(tmp_path, dtype=torch.bfloat16)
    tuning = Finetuning(model, region_optimiser(model), schedule, place, loader, PREPROCESSING.normalise, PHOTOS.ids)
    tuning.run(2, lambda _: None)  # writes a checkpoint, and that waits
    before = Counter(gpu.waits)
    tuning.schedule = Schedule(steps=100, learning_rate=0.01, log_every=4, checkpoint_every=100, accumulate=accumulate)
    tuning.save = lambda: None  # type: ignore[method-assign]
    tuning._trace = lambda *_, **__: None  # type: ignore[method-assign]
    tuning.run(8, lambda _: None)
    assert gpu.waits - before == {"read back": 6}


@pytest.mark.usefixtures("short_rankers")
def test_a_detector_is_trained_validated_resumed_and_run(
    tmp_path: Path, voc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same command as on a processor, whose figures it repeats."""
    monkeypatch.chdir(tmp_path)
    config = write_config(tmp_path, training={"steps": 4, "checkpoint_every": 2, "validate_every": 2})
    arguments = [str(config), "--data", str(voc), "--quiet", "--set", "data.validation_split=val"]
    assert finetune([*arguments, "--out", "here", "--device", "cpu"]) == 0
    with pretended_cuda():
        assert finetune([*arguments, "--out", "there"]) == 0
        assert finetune([*arguments, "--out", "there", "--resume"]) == 0
        assert json.loads(Path("there/manifest.json").read_text())["device"] == "pretended"
        found = load_detector("there/last.safetensors").predict(PHOTOS.images[0])
        assert refine(["there/last.safetensors", "--data", f"{voc}:train", "--out", "refined.safetensors"]) == 0
    here, there = (
        [json.loads(line) for line in Path(run, "metrics.jsonl").read_text().splitlines()] for run in ("here", "there")
    )
    assert [line["step"] for line in here] == [line["step"] for line in there]
    for one, other in zip(here, there, strict=True):
        assert one.get("classification_loss", 0) == pytest.approx(other.get("classification_loss", 0), rel=0.02)
    assert len(found) > 0


def test_a_multibox_is_trained_and_proposes(tmp_path: Path, voc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    weights = write_backbone(tmp_path / "narrow.safetensors")
    config = small_multibox_config(weights, {"priors": 20, "image_size": 64, "negatives": 8}, {"steps": 2})
    Path("small.yaml").write_text(config.model_dump_json())
    with pretended_cuda():
        assert finetune(["small.yaml", "--data", f"{voc}:train", "--out", "boxes", "--quiet"]) == 0


def test_a_detector_with_all_that_can_be_fitted_runs(tmp_path: Path, gpu: PretendedCuda) -> None:
    detector = load_detector([write_model(tmp_path / f"{seed}.safetensors", seed, ranker=True) for seed in (1, 2)])
    assert detector.scorer.device.type == "cuda"
    gpu.waits.clear()
    detector.predict(PHOTOS.images[0])
    assert gpu.waits["item"] + gpu.waits["nonzero"] == 0
