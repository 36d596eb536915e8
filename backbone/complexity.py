"""What a network costs, row by row of Table 1: weights and multiply-adds, counted and not estimated."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from backbone.googlenet import GoogLeNet

TABLE_1_STATED = {
    # row: (params, ops) as the paper prints them; K and M there are 1024 and 10 ** 6 where they fit at all
    "conv1": ("2.7K", "34M"),
    "conv2": ("112K", "360M"),
    "3a": ("159K", "128M"),
    "3b": ("380K", "304M"),
    "4a": ("364K", "73M"),
    "4b": ("437K", "88M"),
    "4c": ("463K", "100M"),
    "4d": ("580K", "119M"),
    "4e": ("840K", "170M"),
    "5a": ("1072K", "54M"),
    "5b": ("1388K", "71M"),
    "linear": ("1000K", "1M"),
}


class RowCost(NamedTuple):
    """A row of Table 1: ``output`` is (channels, height, width); ``weights`` are counted without biases."""

    row: str
    output: tuple[int, ...]
    weights: int
    multiply_adds: int


def table_1_costs(network: GoogLeNet, input_size: int = 224) -> list[RowCost]:
    """The rows of Table 1 as ``network`` has them, for one image; shapes are followed, nothing is computed."""
    network = copy.deepcopy(network).to("meta").eval()
    rows = _rows(network)
    costs = {id(layer): 0 for modules in rows.values() for layer in _layers(modules)}
    outputs: dict[int, tuple[int, ...]] = {}

    def record(module: nn.Module, _: Any, output: Tensor) -> None:
        outputs[id(module)] = tuple(output.shape[1:])
        if id(module) in costs:
            assert isinstance(module.weight, Tensor)
            costs[id(module)] = module.weight.numel() * output.shape[2:].numel()

    for module in network.modules():
        module.register_forward_hook(record)
    run = network if network.linear is not None else network.features
    with torch.inference_mode():
        run(torch.empty(1, 3, input_size, input_size, device="meta"))
    return [
        RowCost(
            row,
            outputs[id(modules[-1])],
            sum(layer.weight.numel() for layer in _layers(modules)),
            sum(costs[id(layer)] for layer in _layers(modules)),
        )
        for row, modules in rows.items()
    ]


def _rows(network: GoogLeNet) -> dict[str, list[nn.Module]]:
    stem = network.stem
    rows: dict[str, list[nn.Module]] = {"conv1": [stem.conv1], "conv2": [stem.conv2_reduce, stem.conv2]}
    rows |= {name: [block] for name, block in network.inceptions.items()}
    if network.linear is not None:
        rows["linear"] = [network.linear]
    return rows


def _layers(modules: list[nn.Module]) -> list[nn.Conv2d | nn.Linear]:
    return [layer for module in modules for layer in module.modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]
