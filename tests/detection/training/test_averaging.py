import pytest
import torch
from torch import nn

from detection.training.averaging import WeightAverage


def module(value: float) -> nn.Linear:
    one = nn.Linear(1, 1)
    set_to(one, value)
    return one


def set_to(one: nn.Module, value: float) -> None:
    for parameter in one.parameters():
        nn.init.constant_(parameter, value)


def test_a_young_average_follows_and_an_old_one_decays() -> None:
    """After n steps the decay is n / (n + 10), at most 0.2 here: 1/11, 2/12, then 0.2."""
    one = module(0.0)
    average = WeightAverage(one, 0.2)
    expected = 0.0
    for step, decay in ((1, 1 / 11), (2, 2 / 12), (3, 0.2), (4, 0.2)):
        set_to(one, float(step))
        average.update(one)
        expected = decay * expected + (1 - decay) * step
        assert average.weights["weight"].item() == pytest.approx(expected)


def test_without_decay_the_average_is_the_model() -> None:
    one = module(1.0)
    average = WeightAverage(one, 0.0)
    set_to(one, 5.0)
    average.update(one)
    assert average.weights["bias"].item() == 5


def test_swapping_twice_changes_nothing() -> None:
    one = module(1.0)
    average = WeightAverage(one, 0.5)
    set_to(one, 3.0)
    average.swap(one)
    assert (one.weight.item(), average.weights["weight"].item()) == (1, 3)
    average.swap(one)
    assert (one.weight.item(), average.weights["weight"].item()) == (3, 1)


def test_a_state_is_restored() -> None:
    one = module(1.0)
    average, other = WeightAverage(one, 0.9), WeightAverage(module(7.0), 0.9)
    for value in (2.0, 3.0):
        set_to(one, value)
        average.update(one)
    other.load_state_dict(average.state_dict())
    assert (other.steps, other.weights) == (2, average.weights)
    set_to(one, 9.0)
    average.update(one)
    assert not torch.equal(other.weights["weight"], average.weights["weight"])  # a copy
