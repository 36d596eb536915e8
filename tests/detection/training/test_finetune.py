"""The loop: it learns, it stops and goes on bit for bit, and its log says what happened."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from detection.regions.warp import Warp
from detection.training.batches import Batch, BatchLoader, RegionSampler
from detection.training.checkpoint import save_checkpoint
from detection.training.distributed import ALONE, Processes
from detection.training.finetune import Finetuning, Progress, region_optimiser
from detection.training.learner import CHECKPOINT, NonFiniteLossError, Place
from detection.training.metrics import METRICS
from detection.training.pools import make_pool
from detection.training.replay import TRACE, first_difference, read_trace
from detection.training.schedule import Schedule
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
    processes: Processes = ALONE,
    warp_at: Callable[[int], Warp] = lambda _: Warp(SIZE, CONTEXT),
    optimiser: dict | None = None,
    **changes,
) -> Finetuning:
    folder.mkdir(exist_ok=True)
    sampler = RegionSampler(POOLS, batch_size=16)
    loader = BatchLoader(
        sampler, lambda index, _: DATASET.image(index), warp_at, torch.device("cpu"), processes=processes
    )
    schedule = Schedule(
        **{"steps": 8, "learning_rate": 0.01, "warmup": 2, "average": 0.5, "log_every": 2, **changes}  # type: ignore[arg-type]
    )
    model = narrow_classifier(frozen=frozen, normalisation=normalisation)
    return Finetuning(
        model,
        region_optimiser(model, **(optimiser or {})),
        schedule,
        Place(folder, processes, dtype),
        loader,
        PREPROCESSING.normalise,
        DATASET.ids,
    )


def run(one: Finetuning, stop: int) -> list[Progress]:
    told: list[Progress] = []
    one.run(stop, told.append)
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
        {"dtype": torch.float16, "frozen": "stem"},
        {"dtype": torch.float32, "normalisation": "batch_norm", "accumulate": 2},
        {"dtype": torch.float32, "warp_at": lambda step: Warp(SIZE if step > 4 else SIZE // 2, CONTEXT)},
    ],
    ids=["float32", "bfloat16", "float16", "batch norm, accumulated", "small crops first"],
)
def test_a_run_that_was_killed_goes_on_bit_for_bit(tmp_path: Path, settings: dict) -> None:
    """Saved at 3, in the middle of a line of metrics; lost: steps 4 and 5."""
    whole = tuning(tmp_path / "whole", **settings, checkpoint_every=3)
    run(whole, 8)
    killed = tuning(tmp_path / "killed", **settings, checkpoint_every=3)
    kill_after(killed, 5)
    with pytest.raises(KilledError):
        run(killed, 8)
    resumed = tuning(tmp_path / "killed", **settings, checkpoint_every=3)
    resumed.resume()
    assert (resumed.step, resumed.seen) == (3, 48)
    run(resumed, 8)
    assert_same_weights(resumed, whole)
    expected = [{**line, "crops_per_second": 0} for line in lines(tmp_path / "whole")]
    found = [{**line, "crops_per_second": 0} for line in lines(tmp_path / "killed")]
    assert [line["step"] for line in found] == [2, 4, 6, 8]
    assert found == expected
    assert read_trace(tmp_path / "killed") == read_trace(tmp_path / "whole")


def test_training_learns_and_reports_what_it_logs(tmp_path: Path) -> None:
    one = tuning(
        tmp_path, normalisation="batch_norm", steps=60, learning_rate=0.02, log_every=10, optimiser={"head_rate": 2.0}
    )
    told = run(one, 60)
    assert told[-1].classification_loss < 0.6 * told[0].classification_loss
    assert told[-1].accuracy > 0.8  # three of four crops are background
    assert told[-1].crops == 960
    assert [vars(progress) for progress in told] == lines(tmp_path)


def test_a_line_is_the_mean_of_the_steps_since_the_last(tmp_path: Path) -> None:
    """Stops at 3 and goes on: lines of 2, 1, 1, 2 and 2 steps."""
    each = run(tuning(tmp_path / "each", log_every=1), 8)
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


def test_frozen_stages_keep_the_statistics_of_their_batch_norm(tmp_path: Path) -> None:
    """Also where the batch has crops to spare, which are looked at in evaluation mode in between."""
    one = tuning(tmp_path, frozen="4a", normalisation="batch_norm")
    one.loader.sampler.spare = 4
    before = {name: value.clone() for name, value in one.model.state_dict().items()}
    run(one, 4)
    moved = {name for name, value in one.model.state_dict().items() if not torch.equal(value, before[name])}
    stages = list(one.model.stages.STAGES)
    frozen = ("backbone.stem.", *(f"backbone.inceptions.{stage}." for stage in stages[1 : stages.index("4a") + 1]))
    assert not [name for name in moved if name.startswith(frozen)]
    assert any(name.startswith("backbone.inceptions.4b.") and name.endswith("running_var") for name in moved)


def test_the_statistics_of_frozen_stages_are_not_rounded_by_three_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A third, thrice, may be another number."""
    monkeypatch.setattr(Processes, "add", lambda self, tensors: [one.mul_(self.count) for one in tensors])
    one = tuning(tmp_path, frozen="3a", normalisation="batch_norm", processes=Processes(0, 3))
    statistics = [buffer for name, buffer in one.model.stages.stage("3a").named_buffers() if "running" in name]
    for buffer in statistics:
        buffer.uniform_(0.5, 2)
    before = [buffer.clone() for buffer in statistics]
    one.run(1, lambda _: None)
    assert all(map(torch.equal, statistics, before))


def test_the_rate_rises_then_falls_to_nothing() -> None:
    schedule = Schedule(steps=100, learning_rate=2.0, warmup=10)
    rates = [schedule.rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.2)
    assert rates[9] == pytest.approx(1.82)
    assert rates[50] == pytest.approx(1)
    assert rates[99] == pytest.approx(0.02)
    assert Schedule(steps=100, learning_rate=2.0, warmup=0).rate(0) == 2


def rates_by_name(one: Finetuning) -> dict[str, tuple[float, float]]:
    """The factor of the learning rate and the weight decay of every weight that is learnt."""
    names = {id(parameter): name for name, parameter in one.model.named_parameters()}
    groups = one.optimiser.param_groups
    return {names[id(w)]: (group["times"], group["weight_decay"]) for group in groups for w in group["params"]}


def test_new_layers_learn_quicker_and_biases_do_not_decay(tmp_path: Path) -> None:
    one = tuning(tmp_path, optimiser={"head_rate": 10.0, "weight_decay": 0.25})
    found = rates_by_name(one)
    assert found.keys() == dict(one.model.named_parameters()).keys()
    for name, rates in found.items():
        assert rates == (10.0 if name.startswith("heads.") else 1.0, 0.0 if name.endswith("bias") else 0.25)


def test_each_stage_learns_slower_than_the_one_after_it(tmp_path: Path) -> None:
    one = tuning(tmp_path, frozen="3a", optimiser={"head_rate": 4.0, "layer_decay": 0.5})
    found = rates_by_name(one)
    by_stage = {"5b": 1, "5a": 0.5, "4e": 0.25, "4a": 0.5**6, "3b": 0.5**7}
    for stage, times in by_stage.items():
        assert {rates[0] for name, rates in found.items() if f".{stage}." in name} == {times}
    assert {rates[0] for name, rates in found.items() if name.startswith("heads.")} == {4.0}
    assert not any(".3a." in name or ".stem." in name for name in found)
    run(one, 1)
    assert {group["lr"] for group in one.optimiser.param_groups if group["times"] == 0.25} == {0.25 * 0.005}


@pytest.mark.parametrize("parts", [2, 3, 16])
def test_a_batch_in_parts_gives_the_gradients_of_the_whole(tmp_path: Path, parts: int) -> None:
    """Of 16 crops, dropout included; a part may have no object."""
    whole, cut = tuning(tmp_path / "whole"), tuning(tmp_path / "cut", accumulate=parts)
    assert whole.model.heads.dropout.p > 0
    for one in (whole, cut):
        run(one, 1)
    for ours, theirs in zip(cut.model.parameters(), whole.model.parameters(), strict=True):
        assert ours.grad is not None
        assert theirs.grad is not None
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-6)
    line, other = lines(tmp_path / "whole")[0], lines(tmp_path / "cut")[0]
    for name in ("classification_loss", "box_loss", "accuracy", "crops"):
        assert line[name] == pytest.approx(other[name], rel=1e-5), name


def test_crops_are_small_at_first(tmp_path: Path) -> None:
    seen = []
    one = tuning(tmp_path, warp_at=lambda step: Warp(SIZE if step >= 2 else SIZE // 2, CONTEXT))
    learn = one.learn

    def watched(lesson: Batch) -> Iterator:
        seen.append(lesson.crops.shape[-1])
        return learn(lesson)

    one.learn = watched  # type: ignore[method-assign]
    run(one, 4)
    assert seen == [SIZE // 2, SIZE // 2, SIZE, SIZE]


def test_a_half_precision_step_that_overflows_is_left_out_and_the_scale_is_kept(tmp_path: Path) -> None:
    one = tuning(tmp_path, dtype=torch.float16)
    scale = one.scaler.get_scale()
    before = one.model.heads.linear.weight.clone()
    one.scaler.load_state_dict({**one.scaler.state_dict(), "scale": 2.0**40})
    run(one, 1)
    assert torch.equal(one.model.heads.linear.weight, before)
    assert one.scaler.get_scale() == 2.0**39 != scale
    other = tuning(tmp_path, dtype=torch.float16)
    other.resume()
    assert other.scaler.state_dict() == one.scaler.state_dict()


def test_judging_the_averaged_weights_leaves_the_trained_ones(tmp_path: Path) -> None:
    one = tuning(tmp_path)
    run(one, 2)
    trained = {name: weight.clone() for name, weight in one.model.state_dict().items()}
    with one.averaged():
        assert not torch.equal(one.model.heads.linear.weight, trained["heads.linear.weight"])
        assert torch.equal(one.average.weights["heads.linear.weight"], trained["heads.linear.weight"])
    for name, weight in one.model.state_dict().items():
        assert torch.equal(weight, trained[name])


def test_a_loss_that_is_no_number_stops_the_run_and_its_batch_is_kept(tmp_path: Path) -> None:
    one = tuning(tmp_path)
    run(one, 2)
    good = (tmp_path / CHECKPOINT).read_bytes()
    averaged = one.average.weights["heads.linear.bias"].clone()
    torch.nn.init.constant_(one.model.heads.linear.bias, float("nan"))
    with pytest.raises(NonFiniteLossError, match=r"became nan at step 2: lower training.*kept in .*not_finite\.0\.pt"):
        run(one, 8)
    assert (tmp_path / CHECKPOINT).read_bytes() == good
    assert torch.equal(one.average.weights["heads.linear.bias"], averaged)
    kept = torch.load(tmp_path / "not_finite.0.pt", weights_only=True)
    batch = one.loader.batch(2)
    assert kept["step"] == 2
    assert kept["images"] == [DATASET.ids[index] for index in batch.images]
    for name in ("crops", "regions", "classes", "matches"):
        assert torch.equal(kept[name], getattr(batch, name)), name


def test_a_gradient_that_is_no_number_is_not_learnt_from(tmp_path: Path) -> None:
    one = tuning(tmp_path, normalisation="batch_norm")
    weight = one.model.heads.linear.weight
    before = {name: value.clone() for name, value in one.model.state_dict().items() if "num_batches" not in name}
    weight.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(NonFiniteLossError, match="a gradient is not finite at step 0"):
        run(one, 8)
    for name, value in before.items():
        assert torch.equal(one.model.state_dict()[name], value), name


def test_the_checkpoint_of_another_model_is_refused_in_words(tmp_path: Path) -> None:
    one = tuning(tmp_path)
    save_checkpoint(tmp_path / CHECKPOINT, {"step": 3})
    with pytest.raises(ValueError, match=r"checkpoint\.pt is a checkpoint of another model, class list or version"):
        one.resume()
    state = one.model.state_dict() | {"heads.linear.bias": torch.zeros(len(CLASSES) + 5)}
    save_checkpoint(tmp_path / CHECKPOINT, {"model": state})
    with pytest.raises(ValueError, match=r"another model, class list or version: .*size mismatch"):
        one.resume()


def test_a_log_that_was_cut_off_is_mended(tmp_path: Path) -> None:
    one = tuning(tmp_path)
    run(one, 4)
    for name in (METRICS, TRACE):
        with (tmp_path / name).open("a") as file:
            file.write('{"step": 4}\n{"step": 8, "cro')
    tuning(tmp_path).resume()
    assert [line["step"] for line in lines(tmp_path)] == [2, 4]
    assert list(read_trace(tmp_path)) == [1, 2, 3, 4]


def test_without_a_checkpoint_a_run_begins_anew(tmp_path: Path) -> None:
    one = tuning(tmp_path)
    one.log({"step": 1})
    one.resume()
    assert one.step == 0
    assert lines(tmp_path) == []


def test_a_trace_tells_runs_apart_by_the_first_step_that_differs(tmp_path: Path) -> None:
    one, other, third = (tuning(tmp_path / str(n), checkpoint_every=2) for n in range(3))
    run(one, 3)
    run(other, 4)
    assert first_difference(read_trace(one.folder), read_trace(other.folder)) is None
    run(third, 2)
    with torch.no_grad():
        third.model.heads.linear.weight[0, 0] += 1e-3
    run(third, 4)
    found = first_difference(read_trace(third.folder), read_trace(other.folder))
    assert found is not None
    assert found.step == 3
    assert found.ours.startswith("loss ")
    assert found.ours != found.theirs
