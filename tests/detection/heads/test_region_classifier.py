import pytest
import torch
from torch import nn

from detection.heads.region_classifier import RegionClassifier, RegionHeads
from tests.detection.rectangles import CELLS, SIZE, narrow_classifier, narrow_network

CROPS = torch.linspace(-1, 1, 2 * 3 * SIZE * SIZE).view(2, 3, SIZE, SIZE)


def test_logits_have_a_background_column_and_offsets_have_none() -> None:
    scores = narrow_classifier()(CROPS)
    assert scores.logits.shape == (2, 3)
    assert scores.offsets is not None
    assert scores.offsets.shape == (2, 2, 4)


def test_without_box_regression_there_are_no_offsets() -> None:
    model = narrow_classifier(box_regression=False)
    assert model(CROPS).offsets is None
    assert not [name for name in model.state_dict() if "box_regressor" in name]


def test_new_heads_say_hardly_anything() -> None:
    scores = narrow_classifier()(CROPS)
    assert scores.logits.softmax(dim=1).sub(1 / 3).abs().max() < 0.1
    assert scores.offsets.abs().max() < 0.1


def test_the_offsets_of_a_class_are_its_four_outputs() -> None:
    heads = narrow_classifier().heads
    heads.box_regressor.linear.bias.data.copy_(torch.arange(8.0))
    heads.box_regressor.linear.weight.data.zero_()
    offsets = heads(torch.zeros(1, heads.linear.in_features, CELLS, CELLS)).offsets
    assert offsets.tolist() == [[[0, 1, 2, 3], [4, 5, 6, 7]]]


@pytest.mark.parametrize("frozen", ["stem", "4c", "5b"])
def test_frozen_stages_compute_the_same_and_learn_nothing(frozen: str) -> None:
    model, free = narrow_classifier(frozen=frozen), narrow_classifier()
    scores = model(CROPS)
    assert torch.equal(scores.logits, free(CROPS).logits)
    (scores.logits.square().sum() + scores.offsets.square().sum()).backward()
    stages = list(model.stages.STAGES)
    still = {stage: _gradients(model, stage) for stage in stages}
    split = stages.index(frozen) + 1
    assert not any(any(still[stage]) for stage in stages[:split])
    assert all(all(still[stage]) for stage in stages[split:])
    assert model.heads.linear.weight.grad is not None


def _gradients(model: RegionClassifier, stage: str) -> list[bool]:
    module = model.backbone.stem if stage == "stem" else model.backbone.inceptions[stage]
    return [parameter.grad is not None for parameter in module.parameters()]


def test_a_stage_that_does_not_exist_cannot_be_frozen() -> None:
    with pytest.raises(ValueError, match=r"no stage '6a' to freeze; the stages are stem, 3a, .*5b"):
        narrow_classifier(frozen="6a")


def test_the_heads_work_in_single_precision_under_autocast() -> None:
    model = narrow_classifier()
    with torch.autocast("cpu", torch.bfloat16):
        feature_map = model.feature_map(CROPS)
        scores = model.heads(feature_map)
    assert feature_map.dtype == torch.bfloat16
    assert scores.logits.dtype == scores.offsets.dtype == torch.float32
    assert torch.equal(scores.logits, model.heads(feature_map.float()).logits)


def test_heads_take_maps_of_their_size() -> None:
    heads = RegionHeads(2, 8, cells=3)
    assert heads(torch.ones(5, 8, 3, 3)).offsets.shape == (5, 2, 4)


def test_no_crops_have_no_scores() -> None:
    scores = narrow_classifier()(torch.zeros(0, 3, SIZE, SIZE))
    assert scores.logits.shape == (0, 3)
    assert scores.offsets.shape == (0, 2, 4)


def test_dropout_acts_in_training_only() -> None:
    heads = RegionHeads(2, 50, box_regression=False, dropout=0.5)
    nn.init.ones_(heads.linear.weight)
    feature_map = torch.ones(4, 50, 2, 2)
    assert heads.train()(feature_map).logits.unique().numel() > 1
    assert heads.eval()(feature_map).logits.unique().tolist() == [50]


def test_a_backbone_is_any_module_of_named_stages() -> None:
    network = narrow_network()
    model = RegionClassifier(network, RegionHeads(4, network.feature_width, cells=CELLS)).eval()
    assert torch.equal(model.feature_map(CROPS), network.feature_map(CROPS))
