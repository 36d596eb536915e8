"""What an experiment is made of: frozen models whose defaults are the published values.

A config file states only what differs (:mod:`detection.config_file`). Components take plain arguments; only
:mod:`detection.build` reads a :class:`Config`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from backbone.section import PositiveInt, Section, Seed, Share

Stage = Literal["stem", "3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"]  # of GoogLeNet, Table 1
BUNDLED_MULTIBOX = "multibox_voc5"
Engine = Literal["selective-search", "selectivesearch-package", "opencv", "sliding-grid", "multibox", "precomputed"]


def _is_given(info: ValidationInfo, section: str) -> bool:
    """Whether a setting is asked for now: a model that holds settings that change nothing goes on as it is.

    The context of a validation names those that are; without any all are.
    """
    return info.context is None or f"{section}.{info.field_name}" in info.context


class DataConfig(Section):
    """Which images. ``class_names`` None takes every class found in the data.

    ``train_split`` may name several, as ``val1+train1k`` (R-CNN, section 4.2); a name that ends in ``.txt`` is the path
    of a list, an id or a file's name a line. A number as ``validation_split`` is the share of the training photos that
    is held out for it. Photos of ``partial_split``, one or several of these, may show objects that are not annotated:
    they give objects and no background, as ILSVRC's ``train`` always does. ``blacklist`` is such a list of photos to
    leave out, or the devkit's.
    """

    train_split: str | None = None  # None: the data set's own default, as trainval, train, train2017
    validation_split: str | float | None = None
    partial_split: str | None = None
    blacklist: str | None = None
    class_names: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] | None = None  # YAML has lists

    @field_validator("class_names", mode="before")
    @classmethod
    def _are_texts(cls, value: object) -> object:
        if isinstance(value, str):
            raise ValueError(f"must be a list: [{value}]")
        for name in value if isinstance(value, list) else ():
            if not isinstance(name, str):  # YAML reads no as False
                word = {"True": "yes", "False": "no", "None": "null"}.get(str(name), str(name))
                raise ValueError(f"{word} is no text in YAML: quote it, as '{word}'")
        return value

    @field_validator("validation_split")
    @classmethod
    def _is_name_or_share(cls, value: str | float | None) -> str | float | None:
        if isinstance(value, float) and not 0 < value < 1:
            raise ValueError("must be the name of a split, or a share between 0 and 1")
        return value


class BackboneConfig(Section):
    """Where fine-tuning starts: a model file, a .caffemodel, or a known name; ``frozen``: last stage left as it is.

    Batch norm of the stages that are left keeps its statistics; that of the others goes by the crops that one process
    sees at a time. Of a detector the classes of the same names are kept (:mod:`detection.build.warm_start`).
    """

    weights: str = "bvlc_googlenet"
    frozen: Stage | None = None


class ProposalsConfig(Section):
    """Selective search with R-CNN's parameters (R-CNN, section 2.4 and ``selective_search_boxes.m``).

    ``multibox`` boxes of a MultiBox are added to the engine's; the paper's are 200 (section 8). Of the two together, a
    box that overlaps a former one by more than ``union_overlap`` is dropped. An image that takes selective search
    longer than ``time_limit`` seconds has the boxes of ``fallback``. ``origin`` says what made the boxes of the engine
    precomputed.
    """

    engine: Engine = "selective-search"
    mode: Literal["rcnn-fast", "rcnn-quality", "opencv-fast", "opencv-quality", "single"] = "rcnn-fast"
    superpixel_scale: Annotated[float, Field(gt=0)] = 1.0  # 2.0 is the paper's "increased by 2x" (section 8)
    width: PositiveInt | None = 500
    min_side: Annotated[int, Field(ge=0)] = 20
    seed: Seed = 0
    multibox: PositiveInt | None = None
    multibox_model: str = BUNDLED_MULTIBOX
    union_overlap: Share | None = 0.9
    origin: str | None = None
    time_limit: Annotated[float, Field(gt=0)] | None = None
    fallback: Literal["sliding-grid"] = "sliding-grid"

    @model_validator(mode="before")
    @classmethod
    def _modes_of_opencv(cls, values: object) -> object:
        """R-CNN's mode is our engine's default, and unknown to OpenCV's."""
        if isinstance(values, dict) and values.get("engine") == "opencv":
            return {"mode": "opencv-fast", **values}
        return values

    @field_validator("multibox_model")
    @classmethod
    def _its_boxes_are_asked_for(cls, value: str, info: ValidationInfo) -> str:
        used = info.data.get("multibox") or info.data.get("engine") == "multibox"
        if value != BUNDLED_MULTIBOX and not used and _is_given(info, "proposals"):
            raise ValueError(f"none of the boxes of {value} are asked for: set proposals.multibox too, as 200")
        return value

    @field_validator("mode")
    @classmethod
    def _engine_has_modes(cls, value: str, info: ValidationInfo) -> str:
        engine = info.data.get("engine")
        without = engine not in (None, "selective-search", "opencv") and value != "rcnn-fast"
        if without and _is_given(info, "proposals"):
            raise ValueError(f"the engine {engine} has no modes")
        return value


class RankingConfig(Section):
    """The look at the whole image that chooses which regions the network sees; ``top`` None scores them all."""

    top: PositiveInt | None = None
    pool: PositiveInt = 400  # regions of a photo that training draws from
    images: PositiveInt = 1000  # photos that a ranker is trained on, at most
    image_size: PositiveInt = 576
    stage: Stage = "4e"
    overlap: Share = 0.8
    epochs: PositiveInt = 5  # more where photos are few: at least 100 steps of 4 photos
    seed: Seed = 0


class RegionsConfig(Section):
    """R-CNN's warp: ``context`` of ``size`` pixels at each edge are surroundings (R-CNN, appendix A)."""

    size: Annotated[int, Field(ge=32)] = 224
    context: Annotated[int, Field(ge=0)] = 16


class TrainingConfig(Section):
    """Fine-tuning (R-CNN, section 2.3). Rates are per batch; the schedule falls linearly to 0 after a warm-up."""

    steps: PositiveInt = 2000
    batch_size: PositiveInt = 128  # of all processes together
    # parts that a process cuts its share of a batch into: less memory, the same gradients (without batch norm)
    accumulate: PositiveInt = 1
    precision: Literal["auto", "float32", "bf16", "fp16"] = "auto"  # of the convolutions; auto: what the device likes
    deterministic: bool = False  # the same seeds give the same bits, on the same machine and versions
    positives: Share = 0.25  # 32 of 128
    positive_overlap: Share = 0.5
    hard_background: Share = 0.5  # of the background, drawn from IoU [0.1, positive_overlap) (Fast R-CNN, 2.3)
    # background crops that are made beyond those learnt from, as a share of them; the easiest are dropped (OHEM)
    hard_negatives: Annotated[float, Field(ge=0)] = 0.0
    class_balance: Share = 0.5  # 0: classes as often as they occur; 1: all equally often
    learning_rate: Annotated[float, Field(gt=0)] = 0.001
    head_rate: Annotated[float, Field(gt=0)] = 10.0  # times the learning rate, for the new layers
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0  # each stage's rate is the next one's times this
    momentum: Share = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 5e-4
    warmup: Annotated[int, Field(ge=0)] = 100
    dropout: Share = 0.4
    box_regression: bool = True
    box_loss: Annotated[float, Field(ge=0)] = 1.0
    small_crops: Annotated[int, Field(ge=32)] | None = None  # pixels a side at first (progressive resizing)
    small_share: Share = 0.6  # of the steps, where crops are small at first
    # Polyak averaging (paper, section 6): decay of the averaged weights a step, but t / (t + 10) at most at step t. For
    # 10 * average / (1 - average) steps, 4,990 here, the mean is of about the last tenth of the steps, and a larger
    # value changes nothing. 0 is off
    average: Share = 0.998
    photometric: bool = True  # albumentations on the photo, before regions are cut
    seed: Seed = 0
    checkpoint_every: PositiveInt = 100
    validate_every: PositiveInt = 1000
    validation_images: PositiveInt = 100
    patience: PositiveInt | None = None  # validations in a row without gain that end the run


class ScoringConfig(Section):
    """How tools/refine.py fits what stands on a finished network's features (R-CNN, appendices B, C; ``rcnn_train.m``).

    At most ``photos`` photos are looked at, in each its objects and ``regions`` of its regions, by lot.
    """

    photos: PositiveInt = 5000
    regions: PositiveInt = 64
    feature_norm: Annotated[float, Field(gt=0)] = 20.0  # the mean that features are scaled to
    svm_cost: Annotated[float, Field(gt=0)] = 1e-3  # C
    svm_bias: Annotated[float, Field(gt=0)] = 10.0  # the constant feature
    positive_weight: Annotated[float, Field(gt=0)] = 2.0
    negative_overlap: Share = 0.3  # regions that overlap an object of the class by less
    ridge: Annotated[float, Field(gt=0)] = 1000.0  # lambda
    ridge_overlap: Share = 0.6  # regions that overlap their object by more
    context_cost: Annotated[float, Field(gt=0)] = 1e-3  # as svm_cost, of the logistic regression on whole photos


class DetectionConfig(Section):
    """From scores to detections: whose scores and boxes, per-class suppression, the cap an image (R-CNN, section 2.2).

    The SVMs, the ridge's boxes and the contextual model are fitted by tools/refine.py. ``context`` is the share of the
    whole photo's evidence that counts; 0 leaves it out. How well a region lay is judged by how far its box is moved.
    """

    scores: Literal["softmax", "svm"] = "softmax"
    box_regression: Literal["none", "learned", "ridge"] = "learned"  # where the network has it; the paper has none
    context: Share = 0.0
    localisation_confidence: Annotated[float, Field(ge=0)] = 0.0  # exponent of how well a region lay; R-CNN has none
    suppression: Share = 0.3
    voting: Share | None = None  # box voting (arXiv 1505.01749); R-CNN has none
    support: bool = False  # a score counts by how many votes of voting stand behind it
    cover_penalty: Share = 0.0  # what a box loses that lies in a better one (Soft-NMS, arXiv 1704.04503)
    per_image: PositiveInt = 100
    floor: Share = 0.01

    @field_validator("localisation_confidence")
    @classmethod
    def _boxes_are_moved(cls, value: float, info: ValidationInfo) -> float:
        if value and info.data.get("box_regression") == "none" and _is_given(info, "detection"):
            raise ValueError("with detection.box_regression=none no box is moved, and nothing is judged by it: set 0")
        return value

    @field_validator("support")
    @classmethod
    def _votes_are_counted(cls, value: bool, info: ValidationInfo) -> bool:
        if value and info.data.get("voting", 0) is None and _is_given(info, "detection"):
            raise ValueError("without detection.voting there are no votes: set it too, as 0.5, or support to false")
        return value

    def uses_fitted(self) -> list[str]:
        """What of it tools/refine.py has to fit, as it is written in a config; empty where the network is enough."""
        asked = {
            "scores=svm": self.scores == "svm",
            "box_regression=ridge": self.box_regression == "ridge",
            f"context={self.context:g}": self.context > 0,
        }
        return [wanted for wanted, is_asked in asked.items() if is_asked]


class MultiBoxConfig(Section):
    """A MultiBox, trained instead of a detector (arXiv 1312.2249); ``training`` says how, its batches are of photos.

    Settings that only a detector's training knows are refused beside it.
    """

    priors: PositiveInt = 800
    image_size: PositiveInt = 576
    negatives: PositiveInt = 256  # windows of a look that shall not be objects
    suppression: Share = 0.75
    top: PositiveInt = 200  # boxes whose coverage is measured


class Config(Section):
    """One experiment; with a section ``multibox`` it trains a MultiBox."""

    data: DataConfig = DataConfig()
    backbone: BackboneConfig = BackboneConfig()
    proposals: ProposalsConfig = ProposalsConfig()
    ranking: RankingConfig = RankingConfig()
    regions: RegionsConfig = RegionsConfig()
    training: TrainingConfig = TrainingConfig()
    scoring: ScoringConfig = ScoringConfig()
    multibox: MultiBoxConfig | None = None
    detection: DetectionConfig = DetectionConfig()

    def public(self) -> Config:
        """The same without the folders of absolute paths, for a file that travels: they tell of a private disk."""
        values = {name: getattr(self.data, name) for name in PATHS}
        data = {name: _without_folders(value) for name, value in values.items() if isinstance(value, str)}
        weights = _without_folders(self.backbone.weights)
        return self.model_copy(
            update={
                "data": self.data.model_copy(update=data),
                "backbone": self.backbone.model_copy(update={"weights": weights}),
            }
        )


PATHS = ("train_split", "validation_split", "partial_split", "blacklist")  # of a DataConfig, which may be paths


def _without_folders(paths: str) -> str:
    """Absolute paths, joined by +, as names of files; others stay."""
    return "+".join(Path(path).name if Path(path).is_absolute() else path for path in paths.split("+"))
