"""Fine-tuning from a config to a model file: the order of the steps, and what each leaves in the run's folder."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from backbone.inference import fastest_dtype
from backbone.weights import Backbone
from detection.boxes import Boxes
from detection.build.data_facts import data_hash
from detection.build.detector import border_colour, refuse_unfitted
from detection.build.model_file import DetectorModel, classifier_on, read_detector, save_detector
from detection.build.proposers import build_proposer
from detection.build.rankers import Rankers
from detection.build.regions_file import read_regions, save_regions
from detection.build.run_folder import BEST, LAST, RESCUED, public_facts
from detection.build.schedule import schedule_of
from detection.build.sources import Sources
from detection.build.validation import Judge, sample_of
from detection.build.warm_start import load_start
from detection.config import Config
from detection.heads.region_classifier import RegionClassifier
from detection.proposals.base import Proposer
from detection.proposals.store import Report
from detection.regions.warp import Warp
from detection.training.augmentation import photometric
from detection.training.batches import BatchLoader, RegionSampler, objects_of
from detection.training.distributed import ALONE, Processes
from detection.training.early_stop import Validations
from detection.training.finetune import Finetuning, Progress, region_optimiser
from detection.training.learner import NonFiniteLossError, Place
from detection.training.pools import make_pool
from detection.training.precision import choose_dtype

REGIONS = "regions.npz"

logger = logging.getLogger(__name__)


class Experiment:
    """One fine-tuning in a folder: ``last.safetensors``, ``best.safetensors``, metrics, regions, checkpoint.

    Several ``processes`` may share it: all train, the first does what there is to do beside, and writes.
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
        if config.training.patience is not None and sources.validation is None:
            raise ValueError("training.patience counts validations: name the photos for them in data.validation_split")
        refuse_unfitted(config)
        processes.check_share(objects_of(config.training.batch_size, config.training.positives))
        self.sample = sample_of(sources.validation, config.training)
        self.place = Place(folder, processes, choose_dtype(config.training.precision, device, fastest_dtype(device)))
        self.config = config
        self.sources = sources
        self.folder = folder
        self.device = device
        self.report = report
        self.processes = processes
        with processes.first_ahead():
            self.start = load_start(
                config.backbone.weights, lambda done, total: report("fetching the weights", done, total or done)
            )
        self.backbone: Backbone = self.start.backbone
        self.proposer: Proposer = build_proposer(config.proposals)
        self.data = data_hash(sources.train)
        self.class_names = sources.train.class_names
        self.start.tell(self.class_names)
        self.warp = Warp(config.regions.size, config.regions.context, border_colour(self.backbone.preprocessing))

    def run(self, *, resume: bool = False, on_progress: Callable[[Progress], None] = lambda _: None) -> Path:
        """Train, keep the best and the last model, and give the last one's path."""
        tuning, rankers = self._begin()
        validations = Validations(self.config.training.patience)
        tuning.parts["validations"] = validations
        if resume:
            tuning.resume()
        try:
            self._train(tuning, validations, self._judge(rankers), on_progress)
        except NonFiniteLossError as error:
            rescued = self._keep(tuning, rankers, RESCUED)
            raise NonFiniteLossError(f"{error}; the last good model is {rescued}") from error
        return self._keep(tuning, rankers, LAST)

    def replay(self, steps: int, on_progress: Callable[[Progress], None] = lambda _: None) -> None:
        """Train the first steps only, for their trace (:mod:`detection.training.replay`)."""
        self._begin()[0].run(steps, on_progress)

    def _begin(self) -> tuple[Finetuning, Rankers]:
        """The training before its first step, and the rankers of its photos."""
        train = self.sources.train
        proposals = self.sources.proposals(train)
        rankers = Rankers(self.config, train, proposals, self.backbone.preprocessing, self.device, self.report)
        regions = self._training_regions(rankers)
        torch.manual_seed(self.config.training.seed)  # here: the rankers before it, which a resumed run skips, draw too
        classifier = classifier_on(self.backbone.network, len(self.class_names), self.config)
        self.start.teach(classifier.heads, self.class_names)
        return self._tuning(classifier, regions), rankers

    def _train(
        self,
        tuning: Finetuning,
        validations: Validations,
        judge: Judge | None,
        on_progress: Callable[[Progress], None],
    ) -> None:
        """All steps, interrupted for validations; one that a kill interrupted is made again."""
        settings = self.config.training
        while not validations.exhausted:
            due = tuning.step % settings.validate_every == 0 or tuning.step == settings.steps
            if self.sources.validation is not None and due and validations.step < tuning.step:
                self._validate(tuning, validations, judge)
            elif tuning.step < settings.steps:
                stop = (tuning.step // settings.validate_every + 1) * settings.validate_every
                tuning.run(min(stop, settings.steps), on_progress)
            else:
                return

    def _validate(self, tuning: Finetuning, validations: Validations, judge: Judge | None) -> None:
        """Judge the averaged weights, and keep them if they are the best so far; ``judge`` is the first process's."""
        with tuning.averaged():
            score = self.processes.as_first_says(0.0 if judge is None else judge(self._model(tuning)), self.device)
            if (is_best := validations.add(tuning.step, score)) and self.processes.first:
                save_detector(self._trained(BEST), self._model(tuning))
        photos = 0 if judge is None else len(judge.regions)
        tuning.log({"step": tuning.step, "crops": tuning.seen, "validation_voc07": score, "photos": photos})
        if self.processes.first:
            kept = f"kept as {BEST}.safetensors" if is_best else f"less than the best, {validations.best:.4f}"
            logger.info("step %d: mAP %.4f (VOC07) of %d validation photos, %s", tuning.step, score, photos, kept)
        tuning.save()

    def _keep(self, tuning: Finetuning, rankers: Rankers, name: str) -> Path:
        """Make the model files, of the averaged weights as they are and of the best; the path of the former."""
        if self.processes.first:
            with tuning.averaged():
                save_detector(self._trained(name), self._model(tuning))
            for one in (BEST, name):
                self._finish(one, rankers)
        self.processes.wait()
        return self.folder / f"{name}.safetensors"

    def _trained(self, name: str) -> Path:
        """Where a model waits for its ranker."""
        return self.folder / f".{name}.trained"

    def _finish(self, name: str, rankers: Rankers) -> None:
        """Make the model file of trained weights, with a ranker that reads the maps of just those weights."""
        trained = self._trained(name)
        if not trained.exists():  # no photos to choose a best by, or it is finished
            return
        model = read_detector(trained)
        if self.config.ranking.top is not None:
            model = replace(model, ranker=rankers.fit(model.network, f"ranker of the {name} model"))
        save_detector(self.folder / f"{name}.safetensors", model)
        trained.unlink()

    def _training_regions(self, rankers: Rankers) -> list[Boxes]:
        """The regions of every training photo, kept in the run's folder so that a resumed run has the same."""
        if self.config.ranking.top is None:
            return [one.boxes for one in rankers.proposals]
        file, key = self.folder / REGIONS, self._regions_key()
        with self.processes.first_ahead():
            if (stored := read_regions(file, key)) is not None:
                return stored
            regions = rankers.training_regions(self.backbone.network)
            if self.processes.first:
                save_regions(file, key, regions)
        return regions

    def _regions_key(self) -> str:
        """Everything that the choice of training regions depends on."""
        training = self.config.training
        settings = {
            "data": self.data,
            "proposals": self.proposer.settings,
            "weights": self.config.backbone.weights,
            "ranking": self.config.ranking.model_dump(mode="json"),
            "training": [training.positive_overlap],
        }
        return json.dumps(settings, sort_keys=True)

    def _judge(self, rankers: Rankers) -> Judge | None:
        """What measures a model on a sample of the validation photos; None where there are none, or it is another's."""
        photos = self.sources.validation
        if photos is None:
            return None
        proposals = dict(zip(self.sample, self.sources.proposals(photos, self.sample), strict=True))
        if not self.processes.first:
            return None
        top = self.config.ranking.top
        if top is None:
            regions = {index: proposals[index].boxes for index in self.sample}
        else:
            regions = rankers.select(self.backbone.network, photos, proposals, top)
        return Judge(photos, regions, self.device, self.report)

    def _tuning(self, classifier: RegionClassifier, regions: Sequence[Boxes]) -> Finetuning:
        settings, train = self.config.training, self.sources.train
        labelled = partial(make_pool, positive_overlap=settings.positive_overlap)
        sampler = RegionSampler(
            [labelled(boxes, train.target(index)) for index, boxes in enumerate(regions)],
            batch_size=settings.batch_size,
            positives=settings.positives,
            hard_background=settings.hard_background,
            class_balance=settings.class_balance,
            hard_negatives=settings.hard_negatives,
            seed=settings.seed,
        )
        read = photometric(train) if settings.photometric else (lambda index, _: train.image(index))
        workers = 8 if self.device.type == "cuda" else 1
        model = classifier.to(self.device)
        optimiser = region_optimiser(
            model,
            head_rate=settings.head_rate,
            layer_decay=settings.layer_decay,
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
        )
        loader = BatchLoader(sampler, read, self._warp_at, self.device, workers, self.processes)
        normalise = self.backbone.preprocessing.normalise
        return Finetuning(model, optimiser, schedule_of(settings), self.place, loader, normalise, train.ids)

    def _warp_at(self, step: int) -> Warp:
        """The crops of a training step: small ones at first, where the config asks for it."""
        settings = self.config.training
        if settings.small_crops is None or step >= settings.small_share * settings.steps:
            return self.warp
        return self.warp.of_size(settings.small_crops)

    def _model(self, tuning: Finetuning) -> DetectorModel:
        """The model as it is now, without a ranker."""
        trained = {"photos": len(self.sources.train), "data": self.data, "steps": tuning.step, "crops": tuning.seen}
        return DetectorModel(
            self.class_names,
            tuning.model,
            None,
            self.backbone.preprocessing,
            self.proposer.settings,
            self.config.public(),
            {**public_facts(self.folder), **trained},
        )
