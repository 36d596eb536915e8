"""What MultiBox learns from: who is assigned to whom, which way the losses pull, and a run that goes on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from detection.proposals.multibox.head import MultiBoxHead, MultiBoxSettings, Predictions, View, decode
from detection.structures import RGBImage, Target
from detection.training import multibox
from detection.training.distributed import ALONE, Processes
from detection.training.learner import NonFiniteLossError, Place
from detection.training.multibox import Lesson, MultiBoxTraining, Scenes, make_lesson, multibox_losses
from detection.training.schedule import Schedule
from tests.detection.rectangles import Rectangles, rectangles, without_objects

WINDOWS = torch.tensor([[0.0, 0, 10, 10], [20, 20, 40, 40], [22, 20, 40, 40], [50, 50, 60, 60], [80, 0, 90, 10]])
NOTHING = torch.zeros(0, 4)
SETTINGS = MultiBoxSettings(
    image_size=48, stages=("3b",), channels=(3,), strides=(8,), widths=(4,), cells=2, hidden=16, candidates=8
)
SCHEDULE = Schedule(6, 0.01, warmup=2, box_loss=0.3, average=0.5, checkpoint_every=2, log_every=2)


def random() -> np.random.Generator:
    return np.random.default_rng(0)


def test_every_object_has_the_window_nearest_to_it_and_the_others_show_none() -> None:
    objects = torch.tensor([[51.0, 50, 60, 60], [21, 20, 40, 40], [23, 20, 40, 40]])
    lesson = make_lesson(WINDOWS, objects, NOTHING, NOTHING, 99, random())
    assert lesson.rows[:3].tolist() == [3, 1, 2]
    assert lesson.objects.tolist() == objects.tolist()
    assert sorted(lesson.rows[3:].tolist()) == [0, 4]


def test_an_object_that_no_window_touches_has_the_nearest() -> None:
    lesson = make_lesson(WINDOWS, torch.tensor([[70.0, 52, 78, 60]]), NOTHING, NOTHING, 0, random())
    assert lesson.rows.tolist() == [3]


def test_more_objects_than_windows_leave_some_out() -> None:
    objects = torch.tensor([[0.0, 0, 9, 9], [0, 0, 10, 10], [24, 20, 40, 40]])
    lesson = make_lesson(WINDOWS[:2], objects, NOTHING, NOTHING, 99, random())
    assert lesson.rows.tolist() == [0, 1]
    assert lesson.objects.tolist() == objects[1:].tolist()


def test_a_window_on_a_difficult_object_is_no_negative() -> None:
    lesson = make_lesson(WINDOWS, NOTHING, torch.tensor([[21.0, 20, 40, 40]]), NOTHING, 99, random())
    assert sorted(lesson.rows.tolist()) == [0, 3, 4]
    assert len(lesson.objects) == 0


def test_a_window_in_a_crowd_is_no_negative() -> None:
    crowd = torch.tensor([[0.0, 0, 100, 45]])
    assert make_lesson(WINDOWS, NOTHING, crowd, crowd, 99, random()).rows.tolist() == [3]
    assert len(make_lesson(WINDOWS, NOTHING, crowd, NOTHING, 99, random()).rows) == 5  # a difficult object as large


def test_what_counts_as_neither_is_seen_with_the_crowds_among_it() -> None:
    photos = rectangles(1)
    target = replace(photos.targets[0], difficult=np.array([True, False]), crowd=np.array([False, True]))
    _, objects, ignored, crowds = scenes(replace(photos, targets=(target,)))(0, random())
    assert (len(objects), len(ignored)) == (0, 2)
    assert torch.equal(crowds, ignored[1:])


def test_no_more_negatives_than_were_asked_for() -> None:
    assert len(make_lesson(WINDOWS, NOTHING, NOTHING, NOTHING, 2, random()).rows) == 2


def test_the_losses_pull_the_assigned_windows_up_and_onto_their_objects() -> None:
    windows, objects = WINDOWS[[1, 0, 3]], torch.tensor([[24.0, 20, 40, 44]])
    offsets, logits = torch.zeros(3, 4, requires_grad=True), torch.zeros(3, requires_grad=True)
    losses = multibox_losses(Predictions(offsets, logits), windows, objects)
    assert losses.confidence.item() == pytest.approx(3 * np.log(2))
    assert losses.location.item() == pytest.approx(2)  # two corners are off by a fifth of the side
    (losses.confidence + losses.location).backward()
    assert logits.grad.sign().tolist() == [-1, 1, 1]
    assert offsets.grad[0].sign().tolist() == [-1, 0, 0, -1]
    assert (offsets.grad[1:] == 0).all()
    nearer = decode(-0.1 * offsets.grad, windows)[0]
    assert (nearer - objects[0]).abs().sum() < (windows[0] - objects[0]).abs().sum()


def test_without_objects_only_confidence_is_learnt() -> None:
    losses = multibox_losses(Predictions(torch.ones(2, 4), torch.zeros(2)), WINDOWS[:2], NOTHING)
    assert losses.location == 0
    assert losses.confidence > 0


def test_an_object_out_of_reach_teaches_no_location() -> None:
    offsets = torch.zeros(1, 4, requires_grad=True)
    multibox_losses(Predictions(offsets, torch.zeros(1)), WINDOWS[:1], WINDOWS[4:]).location.backward()
    assert (offsets.grad == 0).all()


def look(image: RGBImage) -> View:
    """The photo itself, at an eighth."""
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
    return View((torch.nn.functional.avg_pool2d(pixels, 8),), image.shape[1], image.shape[0])


def scenes(photos: Rectangles | None = None) -> Scenes:
    photos = photos or rectangles(5)
    return Scenes(photos, lambda index, _: photos.image(index), look)


def test_a_mirrored_photo_has_mirrored_objects() -> None:
    photos = rectangles(1)
    seen = [scenes(photos)(0, np.random.default_rng(seed)) for seed in range(8)]
    x = {tuple(objects[:, 0].tolist()) for _, objects, _, _ in seen}
    boxes = photos.targets[0].boxes
    assert x == {tuple(boxes[:, 0].tolist()), tuple((96 - boxes[:, 2]).tolist())}
    for view, objects, _, _ in seen:
        assert [brightest_channel(view, box) for box in objects] == [0, 2]  # red, blue


def brightest_channel(view: View, box: Tensor) -> int:
    column, row = ((box[:2] + box[2:]) / 16).long().tolist()
    return int(view.maps[0][0, :, row, column].argmax())


def test_objects_are_in_the_pixels_of_the_view_and_those_that_do_not_count_stand_apart() -> None:
    photos = rectangles(1)
    target = photos.targets[0]
    odd = Target(target.boxes, target.labels, difficult=np.array([True, False]))

    def half(image: RGBImage) -> View:
        return look(image)._replace(width=48, height=36)

    one = Scenes(replace(photos, targets=(odd,)), lambda index, _: photos.image(index), half)
    _, objects, ignored, _ = one(0, np.random.default_rng(1))
    assert objects[0, 1].item() == target.boxes[1, 1] / 2
    assert ignored[0, 1].item() == target.boxes[0, 1] / 2


def training(
    folder: Path, photos: Rectangles | None = None, processes: Processes = ALONE, **changes: object
) -> MultiBoxTraining:
    torch.manual_seed(0)
    grid = [[x / 8, y / 6, x / 8 + 0.3, y / 6 + 0.4] for x in range(6) for y in range(4)]
    head = MultiBoxHead(torch.tensor(grid), SETTINGS)
    optimiser = torch.optim.AdamW(head.parameters())
    schedule = replace(SCHEDULE, **changes)
    return MultiBoxTraining(head, optimiser, schedule, Place(folder, processes), scenes(photos), 2, 16)


def test_an_epoch_sees_every_photo_once(tmp_path: Path) -> None:
    one = training(tmp_path)
    seen = [one._photo(number) for lesson in one.lessons(0, 5) for number in lesson]
    assert sorted(seen[:5]) == sorted(seen[5:]) == [0, 1, 2, 3, 4]
    assert seen[:5] != seen[5:]


@pytest.mark.parametrize("partial", [False, True])
def test_windows_of_a_photo_annotated_in_part_are_no_negatives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, partial: bool
) -> None:
    photos = rectangles(1)
    photos = replace(photos, targets=(replace(photos.targets[0], partial=partial),))
    rows, make = [], multibox.make_lesson

    def made(*args: object) -> Lesson:
        lesson = make(*args)
        rows.append(len(lesson.rows))
        return lesson

    monkeypatch.setattr(multibox, "make_lesson", made)
    assert torch.isfinite(training(tmp_path, photos)._losses(0)).all()
    assert rows == [2, 2] if partial else min(rows) > 2


def test_the_objects_are_learnt(tmp_path: Path) -> None:
    one = training(tmp_path, steps=120, learning_rate=0.02, average=0.8, log_every=10, checkpoint_every=60)
    said = []
    one.run(120, said.append)
    assert [line.photos for line in said[:2]] == [20, 40]
    assert said[-1].confidence_loss < 0.8 * said[0].confidence_loss
    assert said[-1].location_loss < 0.7 * said[0].location_loss


def test_photos_without_objects_that_count_are_background(tmp_path: Path) -> None:
    said = []
    training(tmp_path, without_objects(rectangles(2))).run(6, said.append)
    assert said[0].location_loss == 0
    assert said[0].confidence_loss > 0


def test_a_run_that_was_stopped_ends_as_if_it_had_not(tmp_path: Path) -> None:
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    whole = training(tmp_path / "whole")
    whole.run(6, lambda _: None)
    first = training(tmp_path / "stopped")

    class StoppedError(Exception):
        pass

    def stop(line: object) -> None:
        if line.step == 4:
            raise StoppedError

    with pytest.raises(StoppedError):
        first.run(6, stop)
    second = training(tmp_path / "stopped")
    second.resume()
    assert second.step == 2
    second.run(6, lambda _: None)
    for one, other in zip(whole.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(one, other)
    with whole.averaged(), second.averaged():
        for one, other in zip(whole.model.parameters(), second.model.parameters(), strict=True):
            assert torch.equal(one, other)
    assert len((tmp_path / "stopped/metrics.jsonl").read_text().splitlines()) == 3


def test_a_step_in_parts_and_in_shares_sees_the_photos_of_the_whole(tmp_path: Path) -> None:
    """The gradients of two photos at once, one by one, and of two processes added up."""
    gradients = []
    for number, changes in enumerate(({}, {"accumulate": 2})):
        one = training(tmp_path / str(number), **changes)
        one.folder.mkdir()
        one.run(1, lambda _: None)
        gradients.append(one._gradients())
    shares = [training(tmp_path, processes=Processes(rank, 2)) for rank in range(2)]
    for one in shares:
        for part in one.learn(next(one.lessons(0, 1))):
            part.loss.backward()
    gradients.append([sum(pair) for pair in zip(*(one._gradients() for one in shares), strict=True)])
    for others in gradients[1:]:
        torch.testing.assert_close(others, gradients[0], rtol=1e-4, atol=1e-6)


def test_a_step_is_shared_by_no_more_processes_than_it_has_photos(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the 2 photos of a step are too few for 3 processes"):
        training(tmp_path, processes=Processes(0, 3))


def test_a_checkpoint_of_another_head_is_refused(tmp_path: Path) -> None:
    training(tmp_path).save()
    other = training(tmp_path)
    other.model.output = torch.nn.Linear(3, 5)
    with pytest.raises(ValueError, match=r"checkpoint\.pt is a checkpoint of another model"):
        other.resume()


def test_a_loss_that_is_no_number_is_told(tmp_path: Path) -> None:
    one = training(tmp_path)
    torch.nn.init.constant_(one.model.output.bias, float("nan"))
    with pytest.raises(NonFiniteLossError, match=r"the loss became nan at step 0: lower training\.learning_rate"):
        one.run(6, lambda _: None)
