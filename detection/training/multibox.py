"""Training of MultiBox (arXiv 1312.2249): every object is given one window, which learns to find it.

Of a photo's windows, as many as it has objects are assigned to them one to one, the best for all of them together; the
confidence of these shall rise and that of the others fall, and the boxes of these shall move onto the objects. An
object counts once, large or small: where every window near an object learnt to find it, as in Faster R-CNN, large
objects would teach a hundred windows and small ones none (on VOC 2007 val 8 points of recall less).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import box_iou, generalized_box_iou

from detection.boxes import flip_horizontal
from detection.datasets.base import Dataset
from detection.proposals.multibox.head import MultiBoxHead, Predictions, View, encode
from detection.structures import RGBImage
from detection.training.assignment import assign
from detection.training.learner import Learner, Part, Place
from detection.training.sampling import share_inside
from detection.training.schedule import Schedule

IGNORED_OVERLAP = 0.4  # with a difficult object or a crowd, or as much of it in a crowd: the window is no negative
FARTHEST = 50.0  # squared location loss of an object that no window is near: it teaches no location


class Lesson(NamedTuple):
    """What is learnt from one look at R windows: ``rows`` (N,) of them, the first of which are assigned to ``objects``
    (P, 4); the others show no object.
    """

    rows: Tensor
    objects: Tensor


class Losses(NamedTuple):
    """Two scalars, sums over the windows of a look (arXiv 1312.2249, equations 2 and 3)."""

    confidence: Tensor
    location: Tensor


@dataclass(frozen=True)
class MultiBoxProgress:
    """One line of metrics.jsonl: means over the steps since the last line; ``photos``: seen so far."""

    step: int
    photos: int
    confidence_loss: float
    location_loss: float
    learning_rate: float
    photos_per_second: float


def make_lesson(
    windows: Tensor, objects: Tensor, ignored: Tensor, crowds: Tensor, negatives: int, random: np.random.Generator
) -> Lesson:
    """Assign ``objects`` (G, 4) to ``windows`` (R, 4), and draw at most ``negatives`` of the other windows.

    Negatives lie on nothing that is ``ignored`` (I, 4), nor in one of the ``crowds`` (C, 4) among it. The assignment
    has the largest sum of generalised IoU, which tells near from far where nothing overlaps.
    """
    overlaps = generalized_box_iou(objects, windows).double().cpu().numpy()
    of_objects, of_windows = assign(-overlaps)
    free = np.ones(len(windows), bool)
    free[of_windows] = False
    if len(ignored):
        free &= (box_iou(windows, ignored).amax(dim=1) < IGNORED_OVERLAP).cpu().numpy()
    free &= share_inside(windows.cpu().numpy(), crowds.cpu().numpy()) < IGNORED_OVERLAP
    drawn = random.permutation(np.flatnonzero(free))[:negatives]
    rows = torch.from_numpy(np.concatenate([of_windows, drawn])).to(windows.device)
    return Lesson(rows, objects[torch.from_numpy(of_objects).to(objects.device)])


def multibox_losses(predictions: Predictions, windows: Tensor, objects: Tensor) -> Losses:
    """Losses of N windows, the first P of which are assigned to ``objects`` (P, 4)."""
    assigned = len(objects)
    shows = (torch.arange(len(windows), device=windows.device) < assigned).float()
    confidence = F.binary_cross_entropy_with_logits(predictions.logits, shows, reduction="sum")
    wanted = encode(objects, windows[:assigned])
    squares = (predictions.offsets[:assigned] - wanted).square().sum(dim=1)
    return Losses(confidence, squares.clamp(max=FARTHEST).sum())


class Scenes:
    """Training photos as the head sees them, every other one mirrored.

    ``read`` gives the photo of an index, distorted or not; ``view`` is the network's look at it.
    """

    def __init__(
        self,
        dataset: Dataset,
        read: Callable[[int, np.random.Generator], RGBImage],
        view: Callable[[RGBImage], View],
    ) -> None:
        self.dataset = dataset
        self.read = read
        self.view = view

    def __len__(self) -> int:
        return len(self.dataset)

    def __call__(self, index: int, random: np.random.Generator) -> tuple[View, Tensor, Tensor, Tensor]:
        """The view of a photo, and in its pixels its objects (G, 4), what counts as neither (I, 4), of that the crowds
        (C, 4).
        """
        image, target = self.read(index, random), self.dataset.target(index)
        boxes = target.boxes
        if random.random() < 0.5:
            image, boxes = np.ascontiguousarray(image[:, ::-1]), flip_horizontal(boxes, image.shape[1])
        view = self.view(image)
        device = view.maps[0].device
        scale = np.array([view.width / image.shape[1], view.height / image.shape[0]] * 2, np.float32)
        scaled, crowd = torch.from_numpy(boxes * scale).to(device), torch.from_numpy(target.crowd).to(device)
        ignored = torch.from_numpy(target.difficult).to(device) | crowd
        return view, scaled[~ignored], scaled[ignored], scaled[crowd]


class MultiBoxTraining(Learner[MultiBoxHead, Sequence[int], MultiBoxProgress]):
    """A run in a folder, which :meth:`run` moves on step by step; ``schedule.box_loss`` is the paper's alpha."""

    VALUES = 2  # confidence loss, location loss

    def __init__(
        self,
        head: MultiBoxHead,
        optimiser: torch.optim.Optimizer,
        schedule: Schedule,
        place: Place,
        scenes: Scenes,
        photos_a_step: int,
        negatives: int,
    ) -> None:
        super().__init__(head, optimiser, schedule, place)
        self.scenes = scenes
        self.photos_a_step = photos_a_step
        self.negatives = negatives
        self.processes.check_share(photos_a_step)

    def lessons(self, start: int, stop: int) -> Iterator[Sequence[int]]:
        """Of each step, the numbers of its photos in the order of all epochs."""
        mine = self.processes.share(self.photos_a_step)
        for step in range(start, stop):
            yield [step * self.photos_a_step + number for number in mine]

    def size(self, lesson: Sequence[int]) -> int:  # noqa: ARG002  # one share of them
        return self.photos_a_step

    def learn(self, lesson: Sequence[int]) -> Iterator[Part]:
        """The shares of the confidence and the location loss of some photos at a time."""
        for numbers in np.array_split(lesson, min(self.schedule.accumulate, len(lesson))):
            values = torch.stack([self._losses(int(number)) for number in numbers]).sum(dim=0) / self.photos_a_step
            yield Part(values[0] + self.schedule.box_loss * values[1], values)

    def line(self, values: list[float], rate: float, speed: float) -> MultiBoxProgress:
        confidence, location = values
        return MultiBoxProgress(self.step, self.seen, confidence, location, rate, speed)

    def evidence(self, lesson: Sequence[int]) -> dict[str, Any]:
        return {"images": [self.scenes.dataset.ids[self._photo(number)] for number in lesson]}

    def _photo(self, number: int) -> int:
        """Every photo once an epoch, in an order of the epoch's own."""
        count = len(self.scenes)
        return int(_order(self.schedule.seed, number // count, count)[number % count])

    def _losses(self, number: int) -> Tensor:
        """The losses (2,) of both looks at a photo."""
        random = np.random.default_rng((self.schedule.seed, number))
        photo = self._photo(number)
        negatives = 0 if self.scenes.dataset.target(photo).partial else self.negatives
        view, objects, ignored, crowds = self.scenes(photo, random)
        reduced = self.model.reduce(view)
        looks = []
        for windows in (self.model.first_windows(reduced), self.model.second_windows(reduced)):
            lesson = make_lesson(windows, objects, ignored, crowds, negatives, random)
            chosen = windows[lesson.rows]
            looks.append(torch.stack(multibox_losses(self.model(reduced, chosen), chosen, lesson.objects)))
        return torch.stack(looks).sum(dim=0)


def _order(seed: int, epoch: int, count: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.random.default_rng((seed, epoch, count)).permutation(count)
