"""Fine-tuning from a config to a model file: the order of the steps, and what each leaves in the run's folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from backbone.inference import fastest_dtype
from backbone.weights import Backbone, load_backbone
from detection.boxes import Boxes
from detection.build.detector import border_colour
from detection.build.model_file import DetectorModel, classifier_on, read_detector, save_detector
from detection.build.proposers import build_proposer
from detection.build.rankers import Rankers
from detection.build.regions_file import read_regions, save_regions
from detection.build.run_folder import data_hash, read_facts
from detection.build.sources import Sources
from detection.build.validation import Judge, choose_sample
from detection.config import Config
from detection.heads.region_classifier import RegionClassifier
from detection.proposals.base import Proposer
from detection.regions.warp import Warp
from detection.runtime import keep_freed_memory
from detection.training.augmentation import photometric
from detection.training.batches import BatchLoader, RegionSampler
from detection.training.finetune import Finetuning, Progress
from detection.training.learner import CHECKPOINT, Schedule
from detection.training.pools import Report, make_pool

LOG_EVERY = 20
BEST, LAST = "best", "last"


class Experiment:
    """One fine-tuning in a folder: ``last.safetensors``, ``best.safetensors``, metrics, regions, checkpoint."""

    def __init__(self, config: Config, sources: Sources, folder: Path, device: torch.device, report: Report) -> None:
        keep_freed_memory()
        self.config = config
        self.sources = sources
        self.folder = folder
        self.device = device
        self.report = report
        self.backbone: Backbone = load_backbone(
            config.backbone.weights, lambda done, total: report("fetching the weights", done, total or done)
        )
        self.proposer: Proposer = build_proposer(config.proposals)
        self.data = data_hash(sources.train)
        self.class_names = sources.train.class_names
        self.warp = Warp(config.regions.size, config.regions.context, border_colour(self.backbone.preprocessing))

    def run(self, *, resume: bool = False, on_progress: Callable[[Progress], None] = lambda _: None) -> Path:
        """Train, keep the best and the last model, and give the last one's path."""
        train = self.sources.train
        proposals = self.sources.proposals(train)
        rankers = Rankers(self.config, train, proposals, self.backbone.preprocessing, self.device, self.report)
        regions = self._training_regions(rankers)
        torch.manual_seed(self.config.training.seed)  # here: the rankers before it, which a resumed run skips, draw too
        classifier = classifier_on(self.backbone.network, len(self.class_names), self.config)
        tuning = self._tuning(classifier, regions)
        if resume and (self.folder / CHECKPOINT).exists():
            tuning.resume()
        self._train(tuning, self._judge(rankers), on_progress)
        with tuning.averaged():
            save_detector(self._trained(LAST), self._model(tuning))
        for name in (BEST, LAST):
            self._finish(name, rankers)
        return self.folder / f"{LAST}.safetensors"

    def _train(self, tuning: Finetuning, judge: Judge | None, on_progress: Callable[[Progress], None]) -> None:
        """All steps, interrupted for validations; the best averaged model so far is kept."""
        settings = self.config.training
        while tuning.step < settings.steps:
            stop = min(settings.steps, (tuning.step // settings.validate_every + 1) * settings.validate_every)
            tuning.run(stop, settings.checkpoint_every, LOG_EVERY, on_progress)
            if judge is None:
                continue
            with tuning.averaged():
                score = judge(self._model(tuning))
                if better := score >= tuning.best:
                    save_detector(self._trained(BEST), self._model(tuning))
            photos = len(judge.regions)
            tuning.log({"step": tuning.step, "crops": tuning.crops, "validation_voc07": score, "photos": photos})
            if better:
                tuning.best = score
                tuning.save()

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
        file, key = self.folder / "regions.npz", self._regions_key()
        if (stored := read_regions(file, key)) is not None:
            return stored
        regions = rankers.training_regions(self.backbone.network)
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
            "training": [training.positive_overlap, training.seed],
        }
        return json.dumps(settings, sort_keys=True)

    def _judge(self, rankers: Rankers) -> Judge | None:
        """What measures a model on a sample of the validation photos; None where there are none."""
        photos, settings = self.sources.validation, self.config.training
        if photos is None:
            return None
        sample = choose_sample(photos, settings.validation_images, settings.seed)
        proposals = self.sources.proposals(photos)
        top = self.config.ranking.top
        if top is None:
            regions = {index: proposals[index].boxes for index in sample}
        else:
            regions = rankers.select(self.backbone.network, photos, proposals, sample, top)
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
            seed=settings.seed,
        )
        read = photometric(train) if settings.photometric else (lambda index, _: train.image(index))
        workers = 8 if self.device.type == "cuda" else 1
        loader = BatchLoader(sampler, read, self._warp_at, self.device, workers)
        schedule = Schedule(
            settings.steps,
            settings.learning_rate,
            settings.head_rate,
            settings.momentum,
            settings.weight_decay,
            settings.warmup,
            settings.box_loss,
            settings.average,
            settings.seed,
        )
        normalise = self.backbone.preprocessing.normalise
        return Finetuning(
            classifier.to(self.device), loader, normalise, schedule, self.folder, fastest_dtype(self.device)
        )

    def _warp_at(self, step: int) -> Warp:
        """The crops of a training step: small ones at first, where the config asks for it."""
        settings = self.config.training
        if settings.small_crops is None or step >= settings.small_share * settings.steps:
            return self.warp
        return self.warp.of_size(settings.small_crops)

    def _model(self, tuning: Finetuning) -> DetectorModel:
        """The model as it is now, without a ranker."""
        facts = {name: fact for name, fact in read_facts(self.folder).items() if name != "source"}  # a private path
        trained = {"photos": len(self.sources.train), "data": self.data, "steps": tuning.step, "crops": tuning.crops}
        return DetectorModel(
            self.class_names,
            tuning.model,
            None,
            self.backbone.preprocessing,
            self.proposer.settings,
            self.config,
            {**facts, **trained},
        )
