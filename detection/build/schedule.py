"""What a config says of the course of a training."""

from __future__ import annotations

from detection.config import TrainingConfig
from detection.training.schedule import Schedule


def schedule_of(settings: TrainingConfig) -> Schedule:
    """The part of the section ``training`` that every training has."""
    return Schedule(
        settings.steps,
        learning_rate=settings.learning_rate,
        warmup=settings.warmup,
        box_loss=settings.box_loss,
        average=settings.average,
        accumulate=settings.accumulate,
        seed=settings.seed,
        checkpoint_every=settings.checkpoint_every,
    )
