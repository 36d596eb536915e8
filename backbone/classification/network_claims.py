"""What section 5 says of the network and its auxiliary classifiers, each statement beside what a look at it finds."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from backbone.classification.claim import HOLDS, NEEDS_ILSVRC, Claim, compared
from backbone.classification.recipe import NetworkConfig, Recipe
from backbone.classification.training import PREPROCESSING, new_network, training_losses
from backbone.complexity import table_1_costs
from backbone.googlenet import AUXILIARY_AFTER, AUXILIARY_DROPOUT, POOL_BEFORE, GoogLeNet, GoogLeNetOptions
from backbone.inference import prepare_for_inference

NARROW = NetworkConfig(width=0.125)  # enough where only the form counts


def network_claims() -> list[Claim]:
    """Section 5 without its auxiliary classifiers (facts of Figure 3 and the text; Table 1 is counted apart)."""
    where = "backbone/googlenet.py"
    network = published()
    operations, separable = (multiply_adds(published(stem=stem)) / 1e9 for stem in ("plain", "separable"))
    sides = "/".join(dict.fromkeys(str(cost.output[1]) for cost in table_1_costs(network)[1:-1]))
    rectified, convolutions, normalised = _walk(new_network(NARROW, 2))
    depth = len(_layers(network.stem)) + 2 * len(network.inceptions) + 1
    poolings = 2 + len(POOL_BEFORE) + 1
    blocks = convolutions + 1 + poolings + 2 * len(network.inceptions) + len(normalised) + 2
    mean = f"{PREPROCESSING.input_size} x {PREPROCESSING.input_size}, {PREPROCESSING.channel_order.upper()}, zero mean"
    cost_verdict = f"deviates: {separable:.2f} with the separable first layer that Table 1's 34M fit"
    return [
        compared("5", "input", "224 x 224, RGB, zero mean", mean, "backbone/classification/training.py"),
        compared(
            "5", "rectified convolutions", f"{convolutions} of {convolutions}", f"{rectified} of {convolutions}", where
        ),
        compared("5", "layers with parameters", "22", str(depth), "tests/backbone/test_googlenet.py"),
        compared("5", "the same, pooling counted", "27", str(depth + poolings), where),
        Claim(
            "5",
            "building blocks",
            "about 100",
            f"{blocks}: convolutions, poolings, concatenations, normalisations, linear, dropout, softmax",
            "not stated: what counts as one",
            where,
        ),
        Claim("1", "multiply-adds, billions", "1.5", f"{operations:.2f}", cost_verdict, "backbone/complexity.py"),
        compared("5", "maps on which local response normalisation acts", "56 x 56, twice", _sizes(normalised), where),
        compared("5", "sides of the maps (poolings round up)", "56/28/14/7", sides, "backbone/layers.py"),
        compared(
            "5", "dropout before the linear layer", "40%", f"{network.options.dropout:.0%}", "backbone/options.py"
        ),
        Claim("5", "average pooling instead of full connection", "+0.6% top-1", "used", NEEDS_ILSVRC, where),
    ]


def auxiliary_claims() -> list[Claim]:
    """Section 5: the classifiers on 4a and 4d."""
    where = "backbone/googlenet.py"
    network = published(auxiliary=True)
    pooled = _inputs(network, [network.auxiliaries[name].conv for name in AUXILIARY_AFTER])  # type: ignore[misc]
    heads = [network.auxiliaries[name] for name in AUXILIARY_AFTER]
    forms = {f"{head.conv.out_channels}, {head.hidden.out_features}" for head in heads}  # type: ignore[union-attr]
    kept = prepare_for_inference(new_network(NARROW, 2)).auxiliaries
    ratio = gradient_ratio()
    return [
        compared("5", "auxiliary classifiers stand on", "4a, 4d", ", ".join(AUXILIARY_AFTER), where),
        compared(
            "5", "their maps (average pooling 5 x 5, stride 3)", "512 x 4 x 4, 528 x 4 x 4", _shapes(pooled), where
        ),
        compared("5", "their 1 x 1 convolution and hidden layer", "128, 1024", " or ".join(forms), where),
        compared("5", "their dropout", "70%", f"{AUXILIARY_DROPOUT:.0%}", where),
        compared(
            "5", "weight of their losses", "0.3", str(Recipe().auxiliary_loss), "backbone/classification/recipe.py"
        ),
        compared("5", "of them at inference", "none", str(len(kept) or "none"), "backbone/inference.py"),
        Claim(
            "5",
            "they add to the gradient that gets back",
            "more",
            f"{ratio:.0f} times as much at 3a (new weights, width {NARROW.width})",
            HOLDS if ratio > 1 else "deviates: none more",
            "tests/backbone/classification/test_training.py",
        ),
    ]


def gradient_ratio() -> float:
    """How many times as much gradient gets to 3a with both auxiliary losses as without, in a new narrow network."""
    network = new_network(NARROW, 6).train()
    random = torch.Generator().manual_seed(0)
    crops = torch.randn(6, 3, 224, 224, generator=random) * 60
    norms = []
    with torch.random.fork_rng(devices=[]):
        for weight in (0.0, Recipe().auxiliary_loss):
            network.zero_grad()
            torch.manual_seed(0)  # of dropout
            training_losses(network, crops, torch.arange(6), weight)[0].backward()
            gradients = [w.grad for w in network.inceptions["3a"].parameters() if w.grad is not None]
            norms.append(float(torch.cat([gradient.flatten() for gradient in gradients]).norm()))
    return norms[1] / norms[0]


def published(**options: Any) -> GoogLeNet:
    """The network in its full size, of which only shapes are looked at."""
    with torch.device("meta"):
        return GoogLeNet(GoogLeNetOptions(**options))


def multiply_adds(network: GoogLeNet) -> int:
    """All rows of Table 1, for one image."""
    return sum(cost.multiply_adds for cost in table_1_costs(network))


def _layers(module: nn.Module) -> list[nn.Module]:
    return [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]


def _walk(network: GoogLeNet) -> tuple[int, int, list[Tensor]]:
    """Convolutions whose output is never negative, all that ran, and the inputs of the normalisation."""
    least: list[float] = []
    for layer in _layers(network):
        layer.register_forward_hook(lambda _module, _inputs, output: least.append(float(output.min())))
    normalised = _inputs(network, [network.stem.lrn])
    return sum(value >= 0 for value in least), len(least), normalised


def _inputs(network: GoogLeNet, layers: list[nn.Module]) -> list[Tensor]:
    """What the layers are given when the network looks at one crop."""
    seen: list[Tensor] = []
    for layer in layers:
        layer.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    crop = 60 * torch.randn(1, 3, 224, 224, device=next(network.parameters()).device)
    with torch.inference_mode():
        if network.eval().auxiliaries and network.stem.lrn not in layers:
            network.forward_with_auxiliaries(crop)
        else:
            network(crop)
    return seen


def _shapes(maps: list[Tensor]) -> str:
    return ", ".join(" x ".join(str(side) for side in one.shape[1:]) for one in maps)


def _sizes(maps: list[Tensor]) -> str:
    sizes = {" x ".join(str(side) for side in one.shape[2:]) for one in maps}
    return f"{' or '.join(sorted(sizes))}, {'twice' if len(maps) == 2 else f'{len(maps)} times'}"
