"""The network against Table 1: sizes, counts, stages, options."""

import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models.feature_extraction import create_feature_extractor

from backbone.googlenet import TABLE_1, GoogLeNet, GoogLeNetOptions, _group_size

NARROW = {"width": 0.05, "num_classes": 3}


def narrow(**options: Any) -> GoogLeNet:
    torch.manual_seed(0)
    return GoogLeNet(GoogLeNetOptions(**(NARROW | options))).eval()


def images(count: int, size: int = 64) -> Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(1))


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.fixture(scope="module")
def paper() -> GoogLeNet:
    """The whole network with everything the paper trains."""
    return GoogLeNet(GoogLeNetOptions(auxiliary=True)).eval()


def test_parameters_are_those_of_table_1(paper: GoogLeNet) -> None:
    auxiliaries = [parameters(head) for head in paper.auxiliaries.values()]
    assert parameters(paper) == 13_378_280
    assert auxiliaries == [3_188_840, 3_190_888]
    assert parameters(paper) - sum(auxiliaries) == 6_998_552


def test_every_stage_has_the_size_of_table_1(paper: GoogLeNet) -> None:
    sizes = {"stem": (192, 28, 28)}
    sizes |= {"3a": (256, 28, 28), "3b": (480, 28, 28), "4a": (512, 14, 14), "4b": (512, 14, 14), "4c": (512, 14, 14)}
    sizes |= {"4d": (528, 14, 14), "4e": (832, 14, 14), "5a": (832, 7, 7), "5b": (1024, 7, 7)}
    x = images(1, 224)
    with torch.inference_mode():
        for stage in GoogLeNet.STAGES:
            x = paper.forward_stages(x, stage, stage)
            assert x.shape[1:] == sizes[stage], stage


def test_stages_are_the_rows_of_table_1() -> None:
    assert ("stem", *TABLE_1) == GoogLeNet.STAGES


def test_there_are_22_layers_with_parameters_on_the_longest_way(paper: GoogLeNet) -> None:
    """Section 5: "22 layers deep when counting only layers with parameters": 3 in the stem, 2 a block, 1 linear."""
    assert 3 + 2 * len(paper.inceptions) + 1 == 22


def test_the_parts_make_the_whole() -> None:
    network, x = narrow(), images(2)
    with torch.inference_mode():
        assert torch.equal(network.forward_stages(network.forward_stages(x, last="3b"), "4a"), network.feature_map(x))
        assert torch.equal(network.features(x), network.feature_map(x).mean(dim=(2, 3)))
        assert torch.equal(network.classify(network.features(x)), network(x))
    assert network.features(x).shape == (2, network.feature_width)


@pytest.mark.parametrize("size", [32, 33, 63, 100])
def test_any_size_of_input_works(size: int) -> None:
    assert narrow()(images(1, size)).shape == (1, 3)


def test_no_images_are_ordinary() -> None:
    assert narrow()(images(0)).shape == (0, 3)


def test_auxiliary_heads_do_not_change_the_logits() -> None:
    network, x = narrow(auxiliary=True), images(2, 224)
    with torch.inference_mode():
        logits = network.forward_with_auxiliaries(x)
        torch.testing.assert_close(logits.main, network(x))
    assert [tuple(each.shape) for each in logits] == [(2, 3)] * 3
    assert not torch.equal(logits.after_4a, logits.after_4d)


def test_forward_is_one_tensor_in_training_too() -> None:
    assert narrow(auxiliary=True).train()(images(2)).shape == (2, 3)


def test_every_parameter_learns() -> None:
    network = narrow(auxiliary=True).train()
    sum(logits.square().sum() for logits in network.forward_with_auxiliaries(images(2, 224))).backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []


def test_dropout_acts_in_training_only() -> None:
    features = torch.ones(1, narrow().feature_width)
    network = narrow()
    assert torch.equal(network.classify(features), network.classify(features))
    network.train()
    assert not torch.equal(network.classify(features), network.classify(features))


def test_a_network_without_linear_layer_gives_features_only() -> None:
    network = narrow(num_classes=0)
    assert network.features(images(1)).shape == (1, network.feature_width)
    with pytest.raises(ValueError, match="no linear layer"):
        network(images(1))


def test_the_naive_module_piles_up_channels() -> None:
    """Section 4: the pooled input passes whole, so the outputs grow "from stage to stage"."""
    network = GoogLeNet(GoogLeNetOptions(inception="naive", num_classes=0, width=0.25))
    widths = [block.out_channels for block in network.inceptions.values()]
    assert widths == sorted(set(widths))
    assert widths[0] == 16 + 32 + 8 + 48
    assert network.features(images(1)).shape == (1, widths[-1])


@pytest.mark.parametrize(
    "options",
    [
        {"stem": "separable"},
        {"inception": "naive"},
        {"normalisation": "batch_norm"},
        {"normalisation": "none"},
        {"third_branch_kernel": 3},
        {"last_pool_kernel": 2},
    ],
)
def test_every_option_runs_and_changes_something(options: dict[str, Any]) -> None:
    changed, usual, x = narrow(**options), narrow(), images(2)
    same = changed.state_dict().keys() == usual.state_dict().keys() and torch.equal(changed(x), usual(x))
    assert changed(x).shape == (2, 3)
    assert not same


def test_local_response_norm_stands_after_pool_1_and_before_pool_2() -> None:
    """Figure 3; with the order turned round the numbers differ."""
    network, x = narrow(), images(1)
    stem, pool = network.stem, nn.MaxPool2d(3, stride=2, ceil_mode=True)
    x1 = nn.functional.local_response_norm(pool(stem.conv1(x)), 5, 1e-4, 0.75, 1.0)
    x2 = pool(nn.functional.local_response_norm(stem.conv2(stem.conv2_reduce(x1)), 5, 1e-4, 0.75, 1.0))
    torch.testing.assert_close(stem(x), x2)


def more_than_a_group() -> Tensor:
    return images(2 * _group_size(images(1)) + 1)


def test_groups_on_a_cpu_change_nothing() -> None:
    network, x = narrow(), more_than_a_group()
    with torch.inference_mode():
        one_by_one = torch.cat([network(image[None]) for image in x])
        assert network._in_groups(x, network.STAGES)
        torch.testing.assert_close(network(x), one_by_one)


def test_training_sees_the_whole_batch() -> None:
    """Batch norm must."""
    network = narrow(normalisation="batch_norm").train()
    with torch.no_grad():
        assert not network._in_groups(more_than_a_group(), network.STAGES)


@torch.no_grad()
def test_a_hook_sees_the_whole_batch() -> None:
    network, x, seen = narrow(), more_than_a_group(), []
    before = network(x)
    network.inceptions["4a"].conv_1x1.register_forward_pre_hook(lambda _module, inputs: seen.append(len(inputs[0])))
    network.stem.register_forward_hook(lambda _module, _inputs, output: seen.append(len(output)))
    torch.testing.assert_close(network(x), before)
    assert seen == [len(x), len(x)]


@pytest.mark.parametrize("gradients", [True, False])
def test_torchvision_takes_maps_out_of_it(gradients: bool) -> None:
    network, x = narrow(), more_than_a_group()
    with torch.set_grad_enabled(gradients):
        maps = create_feature_extractor(network, {"inceptions.4a": "4a"})(x)
        torch.testing.assert_close(maps["4a"], network.forward_stages(x, last="4a"))


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")
@torch.no_grad()
def test_a_traced_program_takes_batches_of_any_size() -> None:
    network = narrow()
    program = torch.jit.trace(network, more_than_a_group())
    torch.testing.assert_close(program(images(3)), network(images(3)))


@pytest.mark.parametrize("shape", [(3, 224, 224), (224, 224), (1, 1, 3, 224, 224)])
def test_what_is_no_batch_is_refused_as_it_was_given(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=re.escape(f"expected a batch (N, C, H, W), got shape {shape}")):
        narrow()(torch.zeros(shape))


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [("stem", "6a", "unknown stage '6a'; the stages are stem, 3a, .*5b"), ("4a", "3b", "'4a' comes after '3b'")],
)
def test_wrong_stages_are_refused(first: str, last: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        narrow().forward_stages(images(1), first, last)


def test_auxiliary_heads_must_exist_and_have_their_size() -> None:
    with pytest.raises(ValueError, match=r"GoogLeNetOptions\(auxiliary=True\)"):
        narrow().forward_with_auxiliaries(images(1, 224))
    with pytest.raises(ValueError, match="input of 224 x 224"):
        narrow(auxiliary=True).forward_with_auxiliaries(images(1, 128))


def test_parameter_names_are_the_model_file_s() -> None:
    """They are stored in model files: renaming one breaks every file that exists."""
    names = set(narrow(auxiliary=True).state_dict())
    assert {"stem.conv1.weight", "stem.conv2_reduce.bias", "inceptions.3a.conv_5x5_reduce.weight"} <= names
    assert {"inceptions.5b.pool_projection.bias", "auxiliaries.4d.hidden.weight", "linear.weight"} <= names
    assert "inceptions.4c.conv_3x3.norm.running_mean" in narrow(normalisation="batch_norm").state_dict()
    assert "stem.conv1.depthwise.weight" in narrow(stem="separable").state_dict()
