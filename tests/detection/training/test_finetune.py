"""The loop: it learns, it stops and goes on bit for bit, and its log says what happened."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from detection.regions.warp import Warp
from detection.training.batches import Batch, BatchLoader, RegionSampler
from detection.training.checkpoint import save_checkpoint
from detection.training.finetune import Finetuning, Progress
from detection.training.learner import CHECKPOINT, NonFiniteLossError, Schedule
from detection.training.metrics import METRICS
from detection.training.pools import make_pool
from tests.detection.rectangles import (
    CLASSES,
    CONTEXT,
    PREPROCESSING,
    SIZE,
    narrow_classifier,
    propose,
    rectangles,
)

DATASET = rectangles(3)
POOLS = [
    make_pool(proposals.boxes, target) for proposals, target in zip(propose(DATASET), DATASET.targets, strict=True)
]


def tuning(
    folder: Path,
    *,
    dtype: torch.dtype = torch.float32,
    frozen: str | None = None,
    normalisation: str = "lrn",
    **changes,
) -> Finetuning:
    folder.mkdir(exist_ok=True)
    sampler = RegionSampler(POOLS, batch_size=16)
    loader = BatchLoader(sampler, lambda index, _: DATASET.image(index), lambda step: Warp(SIZE, CONTEXT), torch.device("cpu"))
    schedule = Schedule(**{"steps": 8, "learning_rate": 0.01, "warmup": 2, "average": 0.5, **changes})
    model = narrow_classifier(frozen=frozen, normalisation=normalisation)
    return Finetuning(model, loader, PREPROCESSING.normalise, schedule, folder, dtype)


def run(one: Finetuning, stop: int, *, checkpoint_every: int = 100, log_every: int = 2) -> list[Progress]:
    told: list[Progress] = []
    one.run(stop, checkpoint_every, log_every, told.append)
    return told


def lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]


def assert_same_weights(one: Finetuning, other: Finetuning) -> None:
    for name, weight in one.model.state_dict().items():
        assert torch.equal(weight, other.model.state_dict()[name]), name
    for name, weight in one.average.weights.items():
        assert torch.equal(weight, other.average.weights[name]), name


class KilledError(Exception):
    """The machine goes off."""


def kill_after(one: Finetuning, steps: int) -> None:
    batches = one.loader.batches

    def until_then(start: int, stop: int) -> Iterator[Batch]:
        yield from batches(start, steps)
        raise KilledError

    one.loader.batches = until_then  # type: ignore[method-assign]


@pytest.mark.parametrize(
    "settings",
    [
        {"dtype": torch.float32, "frozen": "stem"},
        {"dtype": torch.bfloat16, "frozen": "stem"},
        {"dtype": torch.float32, "normalisation": "batch_norm"},
    ],
    ids=["float32", "bfloat16", "batch norm"],
)
def test_a_run_that_was_killed_goes_on_bit_for_bit(tmp_path: Path, settings: dict) -> None:
    whole = tuning(tmp_path / "whole", **settings)
    run(whole, 8)
    killed = tuning(tmp_path / "killed", **settings)
    kill_after(killed, 5)
    with pytest.raises(KilledError):
        run(killed, 8, checkpoint_every=3)  # saved at 3; lost: 3 and 4
    resumed = tuning(tmp_path / "killed", **settings)
    resumed.resume()
    assert (resumed.step, resumed.crops) == (3, 48)
    run(resumed, 8)
    assert_same_weights(resumed, whole)
    expected = [{**line, "crops_per_second": 0} for line in lines(tmp_path / "whole")]
    found = [{**line, "crops_per_second": 0} for line in lines(tmp_path / "killed")]
    assert [line["step"] for line in found] == [2, 4, 6, 8]
    assert found[0] == expected[0]
    assert found[2:] == expected[2:]  # line 1 is the mean of one step here, of two there


def test_training_learns_and_reports_what_it_logs(tmp_path: Path) -> None:
    one = tuning(tmp_path, normalisation="batch_norm", steps=50, learning_rate=0.05, head_rate=2.0)
    told = run(one, 50, log_every=10)
    assert told[-1].classification_loss < 0.6 * told[0].classification_loss
    assert told[-1].accuracy > 0.8  # three of four crops are background
    assert told[-1].crops == 800
    assert [vars(progress) for progress in told] == lines(tmp_path)


def test_a_line_is_the_mean_of_the_steps_since_the_last(tmp_path: Path) -> None:
    """Stops at 3 and goes on: lines of 2, 1, 1, 2 and 2 steps."""
    each = run(tuning(tmp_path / "each"), 8, log_every=1)
    one = tuning(tmp_path / "some")
    told = run(one, 3) + run(one, 8)
    assert [progress.step for progress in told] == [2, 3, 4, 6, 8]
    for progress, steps in zip(told, ((0, 1), (2,), (3,), (4, 5), (6, 7)), strict=True):
        assert progress.classification_loss == pytest.approx(
            sum(each[s].classification_loss for s in steps) / len(steps)
        )
        assert progress.accuracy == pytest.approx(sum(each[s].accuracy for s in steps) / len(steps))


def test_frozen_stages_stay_and_the_others_move(tmp_path: Path) -> None:
    one = tuning(tmp_path, frozen="4e")
    before = {name: weight.clone() for name, weight in one.model.state_dict().items()}
    run(one, 4)
    moved = {name for name, weight in one.model.state_dict().items() if not torch.equal(weight, before[name])}
    assert not any(name.startswith(("backbone.stem", "backbone.inceptions.4e")) for name in moved)
    assert any(name.startswith("backbone.inceptions.5a") for name in moved)
    assert any(name.startswith("heads.") for name in moved)


def test_the_rate_rises_then_falls_to_nothing() -> None:
    schedule = Schedule(steps=100, warmup=10)
    factors = [schedule.factor(step) for step in range(100)]
    assert factors[0] == pytest.approx(0.1)
    assert factors[9] == pytest.approx(0.91)
    assert factors[50] == pytest.approx(0.5)
    assert factors[99] == pytest.approx(0.01)
    assert Schedule(steps=100, warmup=0).factor(0) == 1


def test_new_layers_learn_quicker_and_biases_do_not_decay(tmp_path: Path) -> None:
    one = tuning(tmp_path, learning_rate=0.5, head_rate=10.0, weight_decay=0.25)
    names = {id(parameter): name for name, parameter in one.model.named_parameters()}
    seen = set()
    for group in one.optimiser.param_groups:
        for parameter in group["params"]:
            name = names[id(parameter)]
            seen.add(name)
            assert group["base_rate"] == (5.0 if name.startswith("heads.") else 0.5)
            assert group["weight_decay"] == (0.0 if name.endswith("bias") else 0.25)
    assert seen == set(names.values())


def test_judging_the_averaged_weights_leaves_the_trained_ones(tmp_path: Path) -> None:
    one = tuning(tmp_path)
    run(one, 2)
    trained = {name: weight.clone() for name, weight in one.model.state_dict().items()}
    with one.averaged():
        assert not torch.equal(one.model.heads.linear.weight, trained["heads.linear.weight"])
        assert torch.equal(one.average.weights["heads.linear.weight"], trained["heads.linear.weight"])
    for name, weight in one.model.state_dict().items():
        assert torch.equal(weight, trained[name])


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path) -> None:
    one = tuning(tmp_path)
    run(one, 2)
    good = (tmp_path / CHECKPOINT).read_bytes()
    torch.nn.init.constant_(one.model.heads.linear.bias, float("nan"))
    with pytest.raises(NonFiniteLossError, match="became nan at step 2: lower training"):
        run(one, 8)
    assert (tmp_path / CHECKPOINT).read_bytes() == good


def test_the_checkpoint_of_another_model_is_refused_in_words(tmp_path: Path) -> None:
    one = tuning(tmp_path)
    save_checkpoint(tmp_path / CHECKPOINT, {"step": 3})
    with pytest.raises(ValueError, match=r"checkpoint\.pt is a checkpoint of another model or class list"):
        one.resume()
    state = one.model.state_dict() | {"heads.linear.bias": torch.zeros(len(CLASSES) + 5)}
    save_checkpoint(tmp_path / CHECKPOINT, {"model": state})
    with pytest.raises(ValueError, match=r"another model or class list: .*size mismatch"):
        one.resume()


def test_a_log_that_was_cut_off_is_mended(tmp_path: Path) -> None:
    one = tuning(tmp_path)
    run(one, 4)
    with (tmp_path / METRICS).open("a") as file:
        file.write('{"step": 6}\n{"step": 8, "cro')
    tuning(tmp_path).resume()
    assert [line["step"] for line in lines(tmp_path)] == [2, 4]
