"""Trainings of a classifier from a config and a folder of photos, as tools/pretrain.py runs them."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from pathlib import Path

from backbone.classification.averaging import CropClassifier, error_grid
from backbone.classification.patches import PatchStream
from backbone.classification.photos import LabelledPhotos, class_folders
from backbone.classification.recipe import PretrainingConfig
from backbone.classification.training import Pretraining, new_network
from backbone.weights import save_classifier
from detection.build.run_folder import begin_run, claimed_run, facts_of_machine
from detection.images import IMAGE_SUFFIXES, decode_image
from detection.proposals.store import Report
from detection.runtime import choose_device, keep_freed_memory
from detection.training.checkpoint import load_checkpoint, save_checkpoint
from detection.training.learner import CHECKPOINT
from detection.training.metrics import METRICS, cut_log, log_line, log_size

MODEL = "model.safetensors"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PretrainingRun:
    """A training in ``folder`` on the photos of ``data``.

    These lie in ``train/<class>/``, and to validate on in ``val/<class>/``; or all in ``<class>/``. ``workers``
    processes read them; 0: this one does.
    """

    config: PretrainingConfig
    data: Path
    folder: Path
    device: str
    report: Report
    workers: int = 0

    def train(self, *, resume: bool) -> Path:
        """Train, and give the path of the classifier; raises as :func:`claimed_run` and :func:`class_folders` do."""
        with claimed_run(self.folder, self.config, resume=resume):
            return self._train(resume=resume)

    def _train(self, *, resume: bool) -> Path:
        device = choose_device(self.device)
        keep_freed_memory()
        photos, judged = self._photos()
        facts = {"source": str(self.data), "data": photos.digest(), "photos": len(photos), **facts_of_machine(device)}
        network, recipe = self.config.network, self.config.recipe
        stream = PatchStream(
            photos, decode_image, size=network.input_size, photometric=recipe.photometric, seed=recipe.seed
        )
        training = Pretraining(new_network(network, len(photos.class_names)), stream, recipe, device)
        begin_run(self.folder, self.config, facts)
        if resume and self._resume(training) and judged:
            self._judge(training, judged)
        self._teach(training, judged)
        provenance = {**facts, "config": self.config.model_dump(mode="json")}
        save_classifier(self.folder / MODEL, training.classifier(), provenance)
        return self.folder / MODEL

    def _photos(self) -> tuple[LabelledPhotos, LabelledPhotos | None]:
        """Those to train on, and those to validate on, if there are any."""
        train, val = self.data / "train", self.data / "val"
        if not train.is_dir():
            return class_folders(self.data, IMAGE_SUFFIXES), None
        photos = class_folders(train, IMAGE_SUFFIXES)
        return photos, class_folders(val, IMAGE_SUFFIXES, photos.class_names) if val.is_dir() else None

    def _resume(self, training: Pretraining) -> bool:
        """Go on from the folder's checkpoint, or from the beginning; what was logged since then is forgotten.

        Whether what was trained so far is still to be judged.
        """
        path, size, due = self.folder / CHECKPOINT, 0, False
        if path.exists():
            state = load_checkpoint(path)
            training.load_state_dict(state)
            size, due = int(state["log"]), bool(state.get("judge", False))
        cut_log(self.folder / METRICS, size)
        return due

    def _teach(self, training: Pretraining, judged: LabelledPhotos | None) -> None:
        """All steps, interrupted for checkpoints and validations."""
        recipe = training.recipe
        judge_every = max(1, recipe.validate_every * len(training.stream) // recipe.batch_size)
        while training.step < training.steps:
            stop = min(
                training.steps,
                *((training.step // every + 1) * every for every in (recipe.checkpoint_every, judge_every)),
            )
            for progress in training.run(stop, workers=self.workers):
                log_line(self.folder / METRICS, asdict(progress))
                self.report("training", progress.step, training.steps)
            due = judged is not None and (stop % judge_every == 0 or stop == training.steps)
            self._save(training, judge=due)  # first: what stops the validation costs no training
            if judged and due:
                self._judge(training, judged)

    def _save(self, training: Pretraining, *, judge: bool) -> None:
        """A checkpoint; ``judge``: these weights are still to be judged."""
        facts = {"log": log_size(self.folder / METRICS), "judge": judge}
        save_checkpoint(self.folder / CHECKPOINT, {**training.state_dict(), **facts})

    def _judge(self, training: Pretraining, photos: LabelledPhotos) -> None:
        """Measure the averaged weights with one crop a photo that can be read, and remember that it is done."""
        classifier = CropClassifier([training.classifier()], training.device)
        (row,) = error_grid(
            classifier,
            photos,
            decode_image,
            crops=[1],
            report=lambda done, total: self.report("validating", done, total),
            unreadable=lambda error: logger.warning("left out of the validation: %s", error),
        )
        errors = {"top_1_error": row.top_1_error, "top_5_error": row.top_5_error}
        log_line(self.folder / METRICS, {"step": training.step, **errors})
        logger.info(
            "step %s: top-1 error %.2f%%, top-5 error %.2f%%", f"{training.step:,}", row.top_1_error, row.top_5_error
        )
        self._save(training, judge=False)
