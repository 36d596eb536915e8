"""What the paper says of its classifier (sections 5 to 7), each statement beside what is so here, counted when asked.

A figure that a run must measure first comes from whoever asks, or is named as not measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import torch

from backbone.classification.averaging import POOLINGS
from backbone.classification.claim import HOLDS, NEEDS_ILSVRC, Claim, compared
from backbone.classification.crops import SCALES, cut_crops
from backbone.classification.network_claims import NARROW, auxiliary_claims, multiply_adds, network_claims, published
from backbone.classification.patches import DEGREE, INTERPOLATIONS, draw_patch
from backbone.classification.recipe import Recipe
from backbone.classification.training import new_network

PHOTOS, WEEK = 1_280_000, 7 * 24 * 3600  # of ILSVRC 2012, rounded as in Caffe's solver; seconds

Top5Errors = Mapping[tuple[int, int, str], float]  # in percent, by models, crops and pooling


def classification_claims(errors: Top5Errors, data: str) -> list[Claim]:
    """All of them in the paper's order; ``errors`` were measured on ``data``, which is named beside them."""
    return [
        *network_claims(),
        *auxiliary_claims(),
        *training_claims(),
        *sampling_claims(),
        *testing_claims(errors, data),
    ]


def training_claims() -> list[Claim]:
    """Section 6: the optimiser, and Caffe's reading of what the paper leaves open."""
    recipe, where = Recipe(), "backbone/classification/recipe.py"
    every = recipe.decay_epochs * PHOTOS // recipe.batch_size
    rates = [recipe.rate(step, PHOTOS) for step in (0, every - 1, every)]
    fall = f"{1 - rates[2] / rates[1]:.0%} every {recipe.decay_epochs} epochs"
    operations = 3 * multiply_adds(published()) * recipe.epochs * PHOTOS  # forward, and twice as many backward
    caffe = f"{rates[0]}, {recipe.weight_decay}, {recipe.batch_size}, {recipe.steps(PHOTOS):,}"
    return [
        Claim(
            "6",
            "cost of a training",
            "a few GPUs, a week",
            f"{operations:.1e} multiply-adds, {operations / WEEK:.1e} a second for a week",
            NEEDS_ILSVRC,
            "configs/pretrain_imagenet.yaml",
        ),
        Claim("6", "one recipe", "none: it changed over months", "the one it names", "not stated: the others", where),
        Claim(
            "6", "stochastic gradient descent", "asynchronous", "synchronous", "deviates: runs repeat bit by bit", where
        ),
        compared("6", "momentum", "0.9", str(recipe.momentum), where),
        compared("6", "the learning rate falls", "4% every 8 epochs", fall, where),
        Claim(
            "6",
            "Polyak averaging",
            "yes",
            f"exponential, {recipe.average} a step; at first of the last tenth of the steps",
            "holds; the decay is not stated",
            "backbone/classification/training.py",
        ),
        compared("-", "Caffe: rate, weight decay, batch, batches", "0.01, 0.0002, 32, 10,000,000", caffe, where),
    ]


def sampling_claims() -> list[Claim]:
    """Section 6: the patches that a network is trained on."""
    where = "backbone/classification/patches.py"
    random = np.random.default_rng(0)
    patches = np.array([draw_patch(1024, 1024, random)[2:] for _ in range(20_000)], float)
    shares, aspects = patches.prod(axis=1) / 1024**2, patches[:, 0] / patches[:, 1]
    area = f"{shares.min():.0%} to {shares.max():.0%}, {shares.mean():.0%} on average"
    methods = f"{len(set(INTERPOLATIONS))}, equally likely"
    return [
        compared("6", "area of patches, even", "8% to 100%, 54% on average", area, where),
        compared("6", "their aspect", "0.75 to 1.33", f"{aspects.min():.2f} to {aspects.max():.2f}", where),
        Claim(
            "6",
            "photometric distortions of Howard",
            "yes",
            f"brightness, contrast, colour times {DEGREE[0]} to {DEGREE[1]}, in any order",
            "holds; their degree is not stated, their effect " + NEEDS_ILSVRC,
            where,
        ),
        compared("6", "interpolations", "4, equally likely", methods, "tests/backbone/classification/test_patches.py"),
        Claim("6", "what one of them gains", "could not be told apart", "-", NEEDS_ILSVRC, where),
    ]


def testing_claims(errors: Top5Errors, data: str) -> list[Claim]:
    """Section 7: crops and models."""
    where, tools = "backbone/classification/crops.py", "tools/classify.py --table3 --max-pooling"
    crops = cut_crops(np.zeros((64, 96, 3), np.uint8), 144)
    scales = ", ".join(str(32 * scale) for scale in SCALES)
    first, again = (new_network(NARROW, 2).state_dict() for _ in range(2))
    alike = all(torch.equal(weights, again[name]) for name, weights in first.items())
    by_crops = [errors.get((1, count, "mean")) for count in (1, 10, 144)]
    pooled = [errors.get((1, 144, pooling)) for pooling in reversed(POOLINGS)]
    averaged = [errors.get((models, 144, "mean")) for models in (1, 7)]
    return [
        Claim(
            "7",
            "seven networks that began with the same weights",
            "yes",
            "recipe.seed moves sampling and order, network.initialisation_seed the weights",
            HOLDS if alike else "deviates: weights differ",
            "tests/backbone/classification/test_training.py",
        ),
        Claim("7", "one of them wider", "yes", "network.width", "not stated: how much wider", where),
        compared("7", "crops (4 scales, 3 squares, 6 crops, 2 mirrors)", "144", str(len(crops)), where),
        compared("7", "crops and models are combined by", "mean softmax", f"{POOLINGS[0]} softmax", where),
        compared("7", "shorter sides", "256, 288, 320, 352", scales, where),
        Claim(
            "7",
            "1 and 10 crops",
            "-",
            "centre; corners, centre and mirror images, of the photo squashed to 256 x 256",
            "not stated: of which frame",
            where,
        ),
        _measured("top-5 error of 1, 10, 144 crops falls", "10.07, 9.15, 7.89", by_crops, data, tools),
        _measured("and from the highest over 144 crops to their mean", "it falls", pooled, data, tools),
        Claim("7", "144 crops instead of 10", "may not be necessary", "--crops 10", "not stated: when", where),
        _measured("top-5 error of 1, 7 models falls", "7.89, 6.67", averaged, data, tools),
    ]


def _measured(claim: str, paper: str, values: list[float | None], data: str, where: str) -> Claim:
    """A statement that holds where each value is smaller than the one before."""
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return Claim("7", claim, paper, "-", "not measured", where)
    falls = all(after < before for before, after in pairwise(known))
    here = f"{', '.join(f'{value:.2f}' for value in known)} ({data})"
    return Claim(
        "7", claim, paper, here, f"{HOLDS} on these photos" if falls else "does not show on these photos", where
    )
