"""How a GoogLeNet is trained from nothing: section 6 of the paper, and Caffe's reading where it gives no number."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from backbone.section import Positive, PositiveInt, Section, Seed, Share


class NetworkConfig(Section):
    """Which network; the auxiliary heads are dropped when it is trained.

    The paper's seven networks began with the same weights: ``initialisation_seed`` is apart from the seed of the
    sampling. One of the seven was wider.
    """

    width: Positive = 1.0
    stem: Literal["plain", "separable"] = "plain"
    normalisation: Literal["lrn", "batch_norm", "none"] = "lrn"
    auxiliary: bool = True
    dropout: Share = 0.4
    input_size: Annotated[int, Field(ge=32)] = 224  # auxiliary heads need 224
    initialisation_seed: Seed = 0


class Recipe(Section):
    """Section 6. From Caffe's ``bvlc_googlenet/solver.prototxt``: rate, weight decay, batch, 250 epochs."""

    epochs: PositiveInt = 250
    batch_size: PositiveInt = 32
    learning_rate: Positive = 0.01
    decay: Share = 0.96  # of the learning rate,
    decay_epochs: PositiveInt = 8  # every so many epochs
    momentum: Share = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 2e-4
    auxiliary_loss: Annotated[float, Field(ge=0)] = 0.3
    # Polyak averaging: decay of the averaged weights a step, but t / (t + 10) at most at step t: in the first 100,000
    # steps or so the mean is of about the last tenth of them. 0 is off
    average: Share = 0.9999
    photometric: bool = True
    seed: Seed = 0  # of the order, the patches and dropout
    checkpoint_every: PositiveInt = 2000  # steps
    validate_every: PositiveInt = 8  # epochs

    def steps(self, photos: int) -> int:
        """Batches in all epochs over ``photos``."""
        return -(-self.epochs * photos // self.batch_size)

    def rate(self, step: int, photos: int) -> float:
        """The learning rate at a step."""
        epoch = step * self.batch_size // photos
        return self.learning_rate * self.decay ** (epoch // self.decay_epochs)


class PretrainingConfig(Section):
    """One training: a network and how it is trained."""

    network: NetworkConfig = NetworkConfig()
    recipe: Recipe = Recipe()
