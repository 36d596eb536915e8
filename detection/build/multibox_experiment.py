"""Training of a MultiBox from a config to a model file: the order of the steps, and what each leaves in the folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from backbone.weights import Backbone
from detection.boxes import Boxes
from detection.build.data_facts import data_hash
from detection.build.model_file import map_of
from detection.build.multibox import MultiBoxModel, save_multibox, trunk_of, viewer_on
from detection.build.run_folder import LAST, RESCUED, public_facts
from detection.build.schedule import schedule_of
from detection.build.sources import Sources
from detection.build.warm_start import load_start
from detection.config import Config, MultiBoxConfig
from detection.datasets.base import Dataset
from detection.proposals.multibox.head import MultiBoxHead, MultiBoxSettings
from detection.proposals.multibox.priors import MOST_BOXES, fit_priors
from detection.proposals.multibox.proposer import MultiBox
from detection.proposals.recall import coverage
from detection.proposals.store import Report
from detection.runtime import keep_freed_memory
from detection.structures import Proposals, Target
from detection.training.augmentation import photometric
from detection.training.distributed import ALONE, Processes
from detection.training.learner import NonFiniteLossError, Place
from detection.training.multibox import MultiBoxProgress, MultiBoxTraining, Scenes

BUDGETS = (10, 50, 100)
KNOWN = {  # the settings that make a difference, beside all of data and multibox
    "backbone": ("weights",),
    "training": (
        "steps",
        "batch_size",
        "accumulate",
        "deterministic",
        "learning_rate",
        "weight_decay",
        "warmup",
        "box_loss",
        "average",
        "photometric",
        "seed",
        "checkpoint_every",
    ),
}


class MultiBoxExperiment:
    """One training of a MultiBox's head in a folder: ``last.safetensors``, metrics, checkpoint.

    The network is the backbone, cut after the last stage that the head looks at, and stays as it is: what few photos
    can teach fits into the head. Raises ``ValueError`` as :func:`refuse_unknown` does.
    """

    def __init__(
        self,
        config: Config,
        sources: Sources,
        folder: Path,
        device: torch.device,
        report: Report,
        processes: Processes = ALONE,
    ) -> None:
        refuse_unknown(config)
        processes.check_share(config.training.batch_size)
        keep_freed_memory()
        self.config = config
        self.settings = config.multibox or MultiBoxConfig()
        self.sources = sources
        self.folder = folder
        self.device = device
        self.report = report
        self.place = Place(folder, processes)
        with processes.first_ahead():
            self.backbone: Backbone = load_start(
                config.backbone.weights, lambda done, total: report("fetching the weights", done, total or done)
            ).backbone

    def run(self, *, resume: bool = False, on_progress: Callable[[MultiBoxProgress], None] = lambda _: None) -> Path:
        """Train, measure on the validation photos if there are any, and give the model's path."""
        training = self._training(self._head())
        if resume:
            training.resume()
        try:
            training.run(self.config.training.steps, on_progress)
        except NonFiniteLossError as error:
            raise NonFiniteLossError(f"{error}; the last good model is {self._keep(training, RESCUED)}") from error
        return self._keep(training, LAST)

    def replay(self, steps: int, on_progress: Callable[[MultiBoxProgress], None] = lambda _: None) -> None:
        """Train the first steps only, for their trace (:mod:`detection.training.replay`)."""
        self._training(self._head()).run(steps, on_progress)

    def _keep(self, training: MultiBoxTraining, name: str) -> Path:
        """Measure the averaged weights as they are, and make the model file."""
        path = self.folder / f"{name}.safetensors"
        if self.place.processes.first:
            with training.averaged():
                if self.sources.validation is not None:
                    training.log({"step": training.step, **self._coverage(training.model, self.sources.validation)})
                save_multibox(path, self._model(training))
        self.place.processes.wait()
        return path

    def _head(self) -> MultiBoxHead:
        """A new head, whose priors are typical boxes of the training objects."""
        network, like = self.backbone.network, MultiBoxSettings()
        maps = [map_of(network, stage, size=64) for stage in like.stages]
        settings = MultiBoxSettings(
            image_size=self.settings.image_size,
            channels=tuple(one.channels for one in maps),
            strides=tuple(one.stride for one in maps),
            suppression=self.settings.suppression,
        )
        seed = self.config.training.seed
        priors = torch.from_numpy(fit_priors(self._boxes(seed), self.settings.priors, seed))
        torch.manual_seed(seed)
        return MultiBoxHead(priors, settings)

    def _boxes(self, seed: int) -> Boxes:
        """Objects of the training photos (N, 4), as shares of their width and height; as many as are clustered."""
        train, shares, count = self.sources.train, [np.zeros((0, 4), np.float32)], 0
        for done, index in enumerate(np.random.default_rng(seed).permutation(len(train)).tolist(), start=1):
            self.report("finding typical boxes", done, len(train))
            target, (height, width) = train.target(index), train.image(index).shape[:2]
            boxes = target[~target.crowd].boxes / np.array([width, height] * 2, np.float32)
            shares.append(np.asarray(boxes.clip(0, 1), np.float32))
            count += len(boxes)
            if count >= MOST_BOXES:
                break
        return np.concatenate(shares)

    def _training(self, head: MultiBoxHead) -> MultiBoxTraining:
        settings, train = self.config.training, self.sources.train
        read = photometric(train) if settings.photometric else (lambda index, _: train.image(index))
        view = viewer_on(self.backbone.network, head.settings, self.backbone.preprocessing, self.device)
        model = head.to(self.device)
        optimiser = torch.optim.AdamW(model.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
        return MultiBoxTraining(
            model,
            optimiser,
            schedule_of(settings),
            self.place,
            Scenes(train, read, view),
            settings.batch_size,
            self.settings.negatives,
        )

    def _coverage(self, head: MultiBoxHead, validation: Dataset) -> dict[str, object]:
        """How many objects of the validation photos the best boxes cover: recall at IoU 0.5 and 0.7, by budget."""
        view = viewer_on(self.backbone.network, head.settings, self.backbone.preprocessing, self.device)
        proposer = MultiBox(view, head, top=self.settings.top, model="")

        def found() -> Iterator[tuple[Proposals, Target]]:
            for index in range(len(validation)):
                yield proposer(validation.image(index)), validation.target(index)
                self.report("measuring", index + 1, len(validation))

        covered = coverage(found(), validation.class_names, BUDGETS)
        budgets = (*BUDGETS, self.settings.top)
        recall = {
            f"recall_{overlap}": {str(budget): covered.recall(overlap, n) for n, budget in enumerate(budgets)}
            for overlap in (0.5, 0.7)
        }
        return {"photos": len(validation), **recall}

    def _model(self, training: MultiBoxTraining) -> MultiBoxModel:
        trained = {"photos": len(self.sources.train), "data": data_hash(self.sources.train)}
        steps = {"steps": training.step, "photos_seen": training.seen}
        network, head = self.backbone.network, training.model
        cut = trunk_of(network.options, head.settings.stages[-1])
        cut.load_state_dict({name: network.state_dict()[name] for name in cut.state_dict()})
        config = self.config.public().model_dump(mode="json")
        facts = {**public_facts(self.folder), **trained, **steps, "config": config}
        return MultiBoxModel(cut, head, self.backbone.preprocessing, facts)


def refuse_unknown(config: Config) -> None:
    """Refuse settings that the training of a MultiBox would take and ignore: ``ValueError`` with the first one."""
    for section, settings in Config():
        if section in ("data", "multibox"):
            continue
        given = getattr(config, section)
        for key, default in settings:
            if getattr(given, key) != default and key not in KNOWN.get(section, ()):
                raise ValueError(f"{section}.{key}: the training of a MultiBox does not know it; leave it out")
