"""Photos of rectangles as a VOC tree, with a config to train on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from PIL import Image

from tests.detection.rectangles import Rectangles, small_config, write_backbone


def write_tree(root: Path, photos: Rectangles, splits: Mapping[str, Sequence[str]]) -> Path:
    """A VOC year folder of the photos; ``splits`` are lists of their ids."""
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (root / name).mkdir(parents=True)
    for image_id, image, target in zip(photos.ids, photos.images, photos.targets, strict=True):
        Image.fromarray(image).save(root / "JPEGImages" / f"{image_id}.png")
        objects = ""
        for label, box in zip(target.labels, target.boxes.tolist(), strict=True):
            x1, y1, x2, y2 = map(int, box)
            corners = f"<xmin>{x1 + 1}</xmin><ymin>{y1 + 1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>"
            objects += f"<object><name>{photos.class_names[label]}</name><bndbox>{corners}</bndbox></object>"
        (root / "Annotations" / f"{image_id}.xml").write_text(f"<annotation>{objects}</annotation>")
    for split, ids in splits.items():
        (root / "ImageSets" / "Main" / f"{split}.txt").write_text("\n".join(ids) + "\n")
    return root


def write_config(folder: Path, **sections: dict[str, object]) -> Path:
    """A config of a narrow network on a grid of regions, of which a ranker chooses some."""
    weights = write_backbone(folder / "narrow.safetensors", normalisation="batch_norm")
    settings = small_config(
        weights,
        data={"train_split": "train"},
        proposals={"engine": "sliding-grid"},
        ranking={"top": 12, "pool": 30, "image_size": 64, "epochs": 1},
        **sections,
    )
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    return path
