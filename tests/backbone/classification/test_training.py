"""Section 6's training: the schedule, the losses, the averaged weights; that it learns; that it repeats itself."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from backbone.classification.averaging import CropClassifier, error_grid
from backbone.classification.patches import PatchStream
from backbone.classification.photos import LabelledPhotos, class_folders
from backbone.classification.recipe import NetworkConfig, Recipe
from backbone.classification.training import Pretraining, new_network, polyak, training_losses
from backbone.googlenet import GoogLeNet
from backbone.weights import load_backbone, save_classifier
from detection.training.averaging import WeightAverage
from tests.backbone.classification.coloured_shapes import CLASSES, decode, write_shapes

NARROW = NetworkConfig(width=0.125, auxiliary=False, input_size=64)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> LabelledPhotos:
    return class_folders(write_shapes(tmp_path_factory.mktemp("train"), 20), {".png"})


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Bits are promised for one number of threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def training(photos: LabelledPhotos, network: NetworkConfig = NARROW, **recipe: Any) -> Pretraining:
    settings = Recipe(**({"batch_size": 24, "epochs": 20, "average": 0.9, "photometric": False} | recipe))
    stream = PatchStream(photos, decode, size=network.input_size, photometric=settings.photometric, seed=settings.seed)
    return Pretraining(new_network(network, len(photos.class_names)), stream, settings)


def test_the_schedule_is_the_paper_s() -> None:
    """0.96 every 8 epochs; in Caffe's solver every 320,000 batches of 32, ten million in all."""
    recipe, photos = Recipe(), 1_280_000
    assert recipe.steps(photos) == 10_000_000
    assert [recipe.rate(step, photos) for step in (0, 319_999, 320_000)] == [0.01, 0.01, 0.01 * 0.96]
    assert recipe.rate(9_999_999, photos) == pytest.approx(0.01 * 0.96**31)
    assert (recipe.momentum, recipe.weight_decay, recipe.auxiliary_loss) == (0.9, 2e-4, 0.3)


def test_it_learns_to_tell_shapes(shapes: LabelledPhotos, tmp_path: Path) -> None:
    """Six classes, chance is 17%; the network as published but narrow, from nothing, in seconds."""
    run = training(shapes)
    lines = list(run.run(run.steps))
    assert lines[-1].step == run.steps == 100
    assert lines[-1].loss < 0.6 * lines[0].loss
    judged = class_folders(write_shapes(tmp_path / "val", 6, seed=1), {".png"}, CLASSES)
    (row,) = error_grid(CropClassifier([run.classifier()]), judged, decode, crops=[1])
    assert row.top_1_error < 55, row  # by chance: once in a hundred thousand runs


def test_auxiliary_losses_carry_more_gradient_to_3a(shapes: LabelledPhotos) -> None:
    """Section 5: they increase the signal that gets back to the lower layers; above both heads nothing changes."""
    network = NetworkConfig(width=0.125)
    ratios = []
    for seed in range(3):
        run = training(shapes, network.model_copy(update={"initialisation_seed": seed}), batch_size=6)
        ((crops, labels),) = run.stream.batches(seed, seed + 1, 6)
        with_heads, without = (gradients(run.network, crops, labels, weight) for weight in (0.3, 0.0))
        ratios.append(with_heads["3a"] / without["3a"])
        assert with_heads["5b"] == pytest.approx(without["5b"], rel=1e-5)
    assert min(ratios) > 2


@pytest.mark.slow
def test_it_learns_with_and_without_auxiliary_losses(shapes: LabelledPhotos) -> None:
    """At full crops, from the same weights, on the same patches: the loss of the main classifier, which they share."""
    losses = {}
    for auxiliary in (True, False):
        network = NetworkConfig(width=0.125, auxiliary=auxiliary)
        run = training(shapes, network, batch_size=16, epochs=8)
        losses[auxiliary] = [line.loss for line in run.run(run.steps)]
    print(losses)  # noqa: T201  # shown by `pytest -s`
    assert all(line[-1] < 0.75 * line[0] for line in losses.values())


def gradients(network: GoogLeNet, crops: torch.Tensor, labels: torch.Tensor, weight: float) -> dict[str, float]:
    """The norm of the gradient in every block."""
    network.zero_grad()
    torch.manual_seed(0)
    training_losses(network.train(), crops.float() - 120, labels, weight)[0].backward()
    return {
        name: float(sum(w.grad.square().sum() for w in block.parameters() if w.grad is not None) ** 0.5)
        for name, block in network.inceptions.items()
    }


def test_the_loss_is_the_main_one_and_three_tenths_of_each_auxiliary(shapes: LabelledPhotos) -> None:
    network = new_network(NetworkConfig(width=0.05), 6).eval()
    crops, labels = torch.randn(2, 3, 224, 224), torch.tensor([1, 4])
    with torch.no_grad():
        main, *auxiliary = network.forward_with_auxiliaries(crops)
        losses = [torch.nn.functional.cross_entropy(logits, labels) for logits in (main, *auxiliary)]
        total, logits = training_losses(network, crops, labels, 0.3)
    torch.testing.assert_close(total, losses[0] + 0.3 * losses[1] + 0.3 * losses[2])
    assert torch.equal(logits, main)
    assert not torch.equal(losses[1], losses[2])


def test_a_run_that_was_stopped_ends_with_the_same_bits(shapes: LabelledPhotos) -> None:
    whole = training(shapes, photometric=True, epochs=1)
    lines = list(whole.run(3)) + list(whole.run(5))
    first = training(shapes, photometric=True, epochs=1)
    again = list(first.run(3))
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    torch.manual_seed(99)
    second = training(shapes, photometric=True, epochs=1)
    second.load_state_dict(torch.load(file, weights_only=True))
    again += list(second.run(5))
    assert [(line.step, line.loss, line.accuracy) for line in again] == [
        (line.step, line.loss, line.accuracy) for line in lines
    ]
    assert states_equal(whole.state_dict(), second.state_dict())


def states_equal(first: Any, second: Any) -> bool:
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(states_equal(first[key], second[key]) for key in first)
    if isinstance(first, list):
        return len(first) == len(second) and all(map(states_equal, first, second))
    return bool(first == second)


def test_seven_networks_begin_alike_and_see_other_batches(shapes: LabelledPhotos) -> None:
    """Section 7: the same initial weights; only sampling and order differ. Another width is another network."""
    first, second = training(shapes, seed=0), training(shapes, seed=1)
    assert states_equal(first.network.state_dict(), second.network.state_dict())
    assert [first.stream.index(n) for n in range(9)] != [second.stream.index(n) for n in range(9)]
    other = new_network(NARROW.model_copy(update={"initialisation_seed": 1}), len(CLASSES))
    assert not states_equal(first.network.state_dict(), dict(other.state_dict()))


def test_biases_learn_twice_as_fast_and_are_not_decayed(shapes: LabelledPhotos) -> None:
    run = training(shapes, momentum=0.0, learning_rate=0.003)
    before = {name: parameter.clone() for name, parameter in run.network.named_parameters()}
    run.half = False
    list(run.run(1))
    after = dict(run.network.named_parameters())
    for name, times, decay in (("linear.weight", 1, 2e-4), ("linear.bias", 2, 0)):
        gradient = after[name].grad
        assert gradient is not None
        change = 0.003 * times * (gradient + decay * before[name])
        torch.testing.assert_close(before[name] - after[name].detach(), change, rtol=1e-3, atol=1e-7)


def test_a_classifier_is_averaged_as_a_detector_is() -> None:
    """Two modules that may not know each other have the same formula."""
    module = nn.Linear(1, 1)
    detector = WeightAverage(module, 0.5)
    mean, update = detector.weights["weight"].clone(), polyak(0.5)
    for step in range(1, 30):
        nn.init.constant_(module.weight, step**2)
        detector.update(module)
        update([mean], [module.weight], torch.tensor(step))
        torch.testing.assert_close(mean, detector.weights["weight"])


def test_while_an_average_is_young_two_thirds_of_it_lie_on_the_last_tenth() -> None:
    update, mean, steps = polyak(0.998), torch.zeros(1), 1500
    for step in range(1, steps + 1):
        update([mean], [torch.tensor([float(step > 0.9 * steps)])], torch.tensor(step))
    assert mean.item() == pytest.approx(0.65, abs=0.01)


def test_averaged_weights_follow_while_young_and_lag_behind_later() -> None:
    mean, model = torch.zeros(1), torch.tensor([1.0])
    update = polyak(0.99)
    update([mean], [model], torch.tensor(1))
    assert mean.item() == pytest.approx(1 - 1 / 11)
    mean.zero_()
    update([mean], [model], torch.tensor(10**6))
    assert mean.item() == pytest.approx(0.01)
    polyak(0.0)([mean], [model], torch.tensor(10**6))
    assert mean.item() == 1


def test_what_is_kept_has_averaged_weights_and_no_auxiliary_heads(shapes: LabelledPhotos, tmp_path: Path) -> None:
    run = training(shapes, NetworkConfig(width=0.05), batch_size=2)
    list(run.run(2))
    kept = run.classifier()
    assert not torch.equal(kept.network.state_dict()["linear.weight"], run.network.state_dict()["linear.weight"])
    save_classifier(tmp_path / "model.safetensors", kept)
    loaded = load_backbone(tmp_path / "model.safetensors")
    assert loaded.class_names == CLASSES
    assert loaded.preprocessing.input_size == 224
    assert not loaded.network.auxiliaries
    averaged = run.average.module.state_dict()
    assert all(torch.equal(tensor, averaged[name]) for name, tensor in loaded.network.state_dict().items())


def test_nothing_is_learnt_from_a_loss_that_is_no_number(shapes: LabelledPhotos) -> None:
    run = training(shapes)
    with torch.no_grad():
        run.network.linear.weight.fill_(float("inf"))  # type: ignore[union-attr]
    before = run.network.stem.conv2.weight.clone()
    with pytest.raises(FloatingPointError, match=r"the loss became (nan|inf) at step 0: lower recipe.learning_rate"):
        list(run.run(1))
    assert torch.equal(run.network.stem.conv2.weight, before)


def test_a_checkpoint_of_another_network_is_refused(shapes: LabelledPhotos) -> None:
    state = training(shapes).state_dict()
    with pytest.raises(ValueError, match="a checkpoint of another network or class list"):
        training(shapes, NARROW.model_copy(update={"width": 0.05})).load_state_dict(state)


def test_auxiliary_heads_need_whole_crops() -> None:
    with pytest.raises(ValueError, match=r"network.input_size 64: the auxiliary heads need 224"):
        new_network(NetworkConfig(input_size=64), 6)
