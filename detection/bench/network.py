"""Crops a second through GoogLeNet: ours beside torchvision's, in inference and in training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import GoogLeNet as TorchvisionGoogLeNet

from backbone.googlenet import GoogLeNet, GoogLeNetOptions
from backbone.inference import fastest_dtype, prepare_for_inference
from detection.bench.device import device_name, peak_memory, synchronised
from detection.bench.timing import Contestant, Race, Report, Timing, race, silent
from detection.runtime import keep_freed_memory

CPU = torch.device("cpu")
PEER = "torchvision"
OURS = {
    "ours": GoogLeNetOptions(),
    "ours, without LRN": GoogLeNetOptions(normalisation="none"),
    "ours, built as torchvision's": GoogLeNetOptions(
        normalisation="batch_norm", third_branch_kernel=3, last_pool_kernel=2
    ),
}
Way = Callable[[Tensor], object]


@dataclass(frozen=True)
class Load:
    """How many crops a batch has, how many pixels a side they have, and how many batches are run."""

    crops: int = 32
    size: int = 224
    batches: int = 5


def bench_network(
    *,
    device: torch.device = CPU,
    load: Load = Load(),
    dtypes: Sequence[torch.dtype] | None = None,
    compiled: bool = False,
    training: bool = True,
    report: Report = silent,
) -> list[Race]:
    """Inference, and a training step, in each of ``dtypes`` (float32 and the device's fastest).

    The networks have random weights and lie channels last, which is the fastest for all of them. Ours have their form
    for inference; torchvision's is as it comes. With ``compiled`` every one runs through ``torch.compile`` too. A
    training step is forward, cross entropy, backward and an update; it runs in float32 under autocast.
    """
    keep_freed_memory()
    torch.manual_seed(0)
    chosen = dict.fromkeys((torch.float32, fastest_dtype(device))) if dtypes is None else dtypes
    races = []
    for dtype in chosen:
        name = str(dtype).removeprefix("torch.")
        ways = inference_ways(device, dtype, compiled=compiled)
        races.append(_race(f"inference, {name}", ways, device, dtype, load, report))
        if training:
            steps = training_ways(device, dtype)
            races.append(_race(f"training step, {name}", steps, device, torch.float32, load, report))
    return races


def inference_ways(device: torch.device, dtype: torch.dtype, *, compiled: bool = False) -> dict[str, Way]:
    """Each network as what makes logits of crops."""
    networks: dict[str, nn.Module]
    networks = {name: prepare_for_inference(GoogLeNet(options), device, dtype) for name, options in OURS.items()}
    networks[PEER] = _torchvision().eval().requires_grad_(False).to(device, dtype)
    networks[PEER].to(memory_format=torch.channels_last)
    ways: dict[str, Way] = {name: partial(_infer, network) for name, network in networks.items()}
    if compiled:
        ways |= {f"{name}, compiled": partial(_infer, torch.compile(network)) for name, network in networks.items()}
    return ways


def training_ways(device: torch.device, dtype: torch.dtype) -> dict[str, Way]:
    """Each network, in training, as what takes one step on crops."""
    networks: dict[str, nn.Module] = {name: GoogLeNet(options) for name, options in OURS.items()}
    networks[PEER] = _torchvision()
    ways: dict[str, Way] = {}
    for name, network in networks.items():
        network.to(device).train().to(memory_format=torch.channels_last)
        optimiser = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9)
        ways[name] = partial(_step, network, optimiser, dtype)
    return ways


def _torchvision() -> nn.Module:
    network: nn.Module = TorchvisionGoogLeNet(aux_logits=False, init_weights=False)
    return network


@torch.inference_mode()
def _infer(network: Callable[[Tensor], Tensor], crops: Tensor) -> Tensor:
    return network(crops)


def _step(network: nn.Module, optimiser: torch.optim.Optimizer, dtype: torch.dtype, crops: Tensor) -> None:
    with torch.autocast(crops.device.type, dtype, enabled=dtype != torch.float32):
        logits = network(crops)  # (N, 1000)
    loss = F.cross_entropy(logits.float(), torch.zeros(len(crops), dtype=torch.long, device=crops.device))
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()


def _race(
    work: str, ways: dict[str, Way], device: torch.device, dtype: torch.dtype, load: Load, report: Report
) -> Race:
    """The ways on the same crops, which lie on the device."""
    crops = torch.randn(load.crops, 3, load.size, load.size).to(device, dtype, memory_format=torch.channels_last)
    contestants = [Contestant(name, synchronised(way, device)) for name, way in ways.items()]
    timings = race(contestants, [crops] * load.batches, warm_up=3, report=partial(_titled, report, work))
    if device.type == "cuda":
        timings = [_with_memory(timing, ways[timing.name], crops) for timing in timings]
    title = f"{work}, {device_name(device)}, {load.crops} crops at once"
    return Race(title, "crop", timings, PEER, units=load.crops)


def _titled(report: Report, title: str, _: str, done: int, total: int | None) -> None:
    report(title, done, total)


def _with_memory(timing: Timing, way: Way, crops: Tensor) -> Timing:
    return replace(timing, facts={"MB of GPU": f"{peak_memory(way, crops, crops.device) / 1e6:,.0f}"})
