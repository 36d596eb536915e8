"""Results of one's own as the paper's tables take them: where they belong in Tables 4 and 5, and where they do not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from detection.converters.read_any import RUN_FILE
from detection.datasets.ilsvrc import det_tree
from detection.datasets.open import Place
from detection.evaluation.paper_tables import Measurement, PaperTable, paper_tables
from detection.evaluation.result import Evaluation
from detection.report.question import Question

ILSVRC_DATA = "ILSVRC DET"  # as the paper's tables name it, which are of the test set of 2014
TEST_IMAGES = 40_152
USUAL_SPLIT = "val"  # of ILSVRC's tree, where none is named


def detection_tables(
    question: Question, results: Sequence[Evaluation], detections: Path, data: Place, command: str
) -> list[PaperTable]:
    """Tables 4 and 5 with results of one file of detections; ``data`` is the data set's place.

    How many models it took, and how many regions, is what a run of ``tools/infer.py`` wrote beside its detections.
    ``command`` measures again, when the protocol is added.
    """
    settings = _run_settings(detections)
    models, regions = settings.get("model"), settings.get("top")
    rows = [
        Measurement(
            name=detections.name,
            figure="mAP",
            value=100 * result.mean_ap,
            data=_data(question, data),
            images=len(question.images),
            command=f"{command} --protocol {result.protocol}",
            protocol=result.protocol,
            models=len(models) if isinstance(models, list) else 1,
            regions=regions if isinstance(regions, int) else None,
        )
        for result in results
    ]
    return paper_tables(rows)[2:]


def _data(question: Question, data: Place) -> str:
    """The paper's name for its data, where all of it is judged."""
    classes, all_classes = len(question.class_names), len(question.dataset.class_names)
    name = ":".join(map(str, filter(None, (data.path, data.split))))
    if data.kind == "ilsvrc" and det_tree(data.path):
        whole = len(question.dataset) == TEST_IMAGES
        name = ILSVRC_DATA if whole else f"{ILSVRC_DATA} {data.split or USUAL_SPLIT}"
    parts = [name]
    if classes < all_classes:
        parts.append(f"{classes} of {all_classes} classes")
    if len(question.images) < len(question.dataset):
        parts.append(f"chosen among {len(question.dataset):,} images")
    return ", ".join(parts)


def _run_settings(detections: Path) -> dict[str, object]:
    """The settings of the run that wrote the detections; empty where none tells them."""
    folder = detections if detections.is_dir() else detections.parent
    if detections.name != RUN_FILE and not (detections / RUN_FILE).is_file():
        return {}
    try:
        settings = json.loads((folder / "run.json").read_bytes())["settings"]
    except (OSError, ValueError, LookupError, TypeError):
        return {}
    return settings if isinstance(settings, dict) else {}
