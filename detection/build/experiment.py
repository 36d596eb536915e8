"""Fine-tuning from a config to a model file: the order of the steps, and what each leaves in the run's folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from backbone.googlenet import GoogLeNet
from backbone.inference import fastest_dtype
from backbone.weights import Backbone, load_backbone
from detection.boxes import Boxes
from detection.build.detector import border_colour, build_detector, selector_on
from detection.build.model_file import DetectorModel, map_of, new_classifier, save_detector
from detection.build.proposers import build_proposer
from detection.build.regions_file import read_regions, save_regions
from detection.build.run_folder import data_hash, read_facts
from detection.build.sources import Sources
from detection.config import Config
from detection.datasets.base import Dataset
from detection.evaluation.voc import voc07
from detection.heads.region_classifier import RegionClassifier
from detection.proposals.base import Proposer
from detection.proposals.ranking import RankingSettings, RegionRanker
from detection.regions.warp import Warp
from detection.runtime import keep_freed_memory
from detection.structures import Proposals
from detection.training.augmentation import photometric
from detection.training.batches import BatchLoader, RegionSampler
from detection.training.finetune import CHECKPOINT, Finetuning, Progress, Schedule
from detection.training.pools import RankerRecipe, Report, cross_selected, fit_ranker, make_pool, select_all
from detection.training.ranking import RankerTraining

LOG_EVERY = 20


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
        self.class_names = sources.train.class_names
        self.warp = Warp(config.regions.size, config.regions.context, border_colour(self.backbone.preprocessing))

    def run(self, *, resume: bool = False, on_progress: Callable[[Progress], None] = lambda _: None) -> Path:
        """Train, keep the best and the last model, and give the last one's path."""
        proposals = self.sources.proposals(self.sources.train)
        regions = self._training_regions(proposals)
        torch.manual_seed(self.config.training.seed)  # here: the rankers before it, which a resumed run skips, draw too
        classifier = new_classifier(self.backbone.network.options, len(self.class_names), self.config)
        _copy_backbone(self.backbone.network, classifier)
        tuning = self._tuning(classifier, regions)
        if resume and (self.folder / CHECKPOINT).exists():
            tuning.resume()
        self._train(tuning, proposals, on_progress)
        path = self.folder / "last.safetensors"
        with tuning.averaged():
            save_detector(path, self._model(tuning, self._final_ranker(classifier, proposals)))
        return path

    def _train(
        self, tuning: Finetuning, proposals: Sequence[Proposals], on_progress: Callable[[Progress], None]
    ) -> None:
        """All steps, interrupted for validations; the best averaged model so far is kept."""
        settings = self.config.training
        judge = None if self.sources.validation is None else self._judge(self.sources.validation, proposals)
        while tuning.step < settings.steps:
            stop = min(settings.steps, (tuning.step // settings.validate_every + 1) * settings.validate_every)
            tuning.run(stop, settings.checkpoint_every, LOG_EVERY, on_progress)
            if judge is None:
                continue
            with tuning.averaged():
                score = judge(tuning)
                if better := score >= tuning.best:
                    model = self._model(tuning, self._final_ranker(tuning.model, proposals))
                    save_detector(self.folder / "best.safetensors", model)
            if better:
                tuning.best = score
                tuning.save()

    def _training_regions(self, proposals: Sequence[Proposals]) -> list[Boxes]:
        """The regions of every training photo, kept in the run's folder so that a resumed run has the same."""
        ranking = self.config.ranking
        if ranking.top is None:
            return [one.boxes for one in proposals]
        file, key = self.folder / "regions.npz", self._regions_key()
        if (stored := read_regions(file, key)) is not None:
            return stored
        regions = cross_selected(self._recipe(self.backbone.network), self.sources.train, proposals, ranking.pool)
        save_regions(file, key, regions)
        return regions

    def _regions_key(self) -> str:
        """Everything that the choice of training regions depends on."""
        training = self.config.training
        settings = {
            "data": data_hash(self.sources.train),
            "proposals": self.proposer.settings,
            "weights": self.config.backbone.weights,
            "ranking": self.config.ranking.model_dump(mode="json"),
            "training": [training.positive_overlap, training.seed],
        }
        return json.dumps(settings, sort_keys=True)

    def _recipe(self, network: GoogLeNet) -> RankerRecipe:
        """How to make a ranker that reads the maps of ``network``."""
        ranking, training = self.config.ranking, self.config.training
        read = map_of(self.backbone.network, ranking.stage, size=64)
        settings = RankingSettings(
            image_size=ranking.image_size,
            stage=ranking.stage,
            stride=read.stride,
            channels=read.channels,
            overlap=ranking.overlap,
        )
        return RankerRecipe(
            settings,
            RankerTraining(epochs=ranking.epochs, seed=training.seed),
            ranking.images,
            partial(selector_on, network, preprocessing=self.backbone.preprocessing, device=self.device),
            self.report,
            training.positive_overlap,
        )

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
        loader = BatchLoader(sampler, read, self.warp, self.device, workers=8 if self.device.type == "cuda" else 1)
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

    def _judge(self, validation: Dataset, proposals: Sequence[Proposals]) -> Callable[[Finetuning], float]:
        """What measures and logs VOC07 mAP on a sample of the validation photos."""
        indices = np.random.default_rng(self.config.training.seed).permutation(len(validation))
        sample = sorted(indices[: self.config.training.validation_images].tolist())
        targets = [validation.target(index) for index in sample]
        if all(target.difficult.all() for target in targets):
            raise ValueError(f"none of the {len(sample)} validation photos holds an object that counts")
        regions = self._validation_regions(validation, sample, proposals)

        def judge(tuning: Finetuning) -> float:
            detector = build_detector([self._model(tuning, ranker=None)], self.device)
            predictions = []
            for done, index in enumerate(sample, start=1):
                predictions.append(detector.predict(validation.image(index), Proposals(regions[index])))
                self.report("validating", done, len(sample))
            score = voc07(predictions, targets, self.class_names).mean_ap
            tuning.log({"step": tuning.step, "crops": tuning.crops, "validation_voc07": score, "photos": len(sample)})
            return score

        return judge

    def _validation_regions(
        self, validation: Dataset, sample: Sequence[int], proposals: Sequence[Proposals]
    ) -> dict[int, Boxes]:
        everything = self.sources.proposals(validation)
        top = self.config.ranking.top
        if top is None:
            return {index: everything[index].boxes for index in sample}
        recipe = self._recipe(self.backbone.network)
        ranker = fit_ranker(recipe, self.sources.train, proposals, range(len(self.sources.train)), "validation ranker")
        return select_all(recipe, ranker, validation, everything, sample, top)

    def _final_ranker(self, classifier: RegionClassifier, proposals: Sequence[Proposals]) -> RegionRanker | None:
        """A ranker on the maps of the fine-tuned network, since that is the one in the model file."""
        if self.config.ranking.top is None:
            return None
        network = classifier.backbone
        assert isinstance(network, GoogLeNet)
        train = self.sources.train
        return fit_ranker(self._recipe(network), train, proposals, range(len(train)), "final ranker")

    def _model(self, tuning: Finetuning, ranker: RegionRanker | None) -> DetectorModel:
        facts = {name: fact for name, fact in read_facts(self.folder).items() if name != "source"}  # a private path
        trained = {"photos": len(self.sources.train), "data": data_hash(self.sources.train)}
        return DetectorModel(
            self.class_names,
            tuning.model,
            ranker,
            self.backbone.preprocessing,
            self.proposer.settings,
            self.config,
            {**facts, **trained, "steps": tuning.step, "crops": tuning.crops},
        )


def _copy_backbone(source: GoogLeNet, classifier: RegionClassifier) -> None:
    """The convolutions of a classifier of images; its own classes and auxiliary heads stay behind."""
    wanted = classifier.backbone.state_dict()
    classifier.backbone.load_state_dict({name: source.state_dict()[name] for name in wanted})
