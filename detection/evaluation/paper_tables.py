"""Tables 2 to 5 of the paper as data, and what was measured here beside them.

"Going Deeper with Convolutions" (arXiv 1409.4842), sections 7 and 8. A figure counts as the paper's only on the paper's
data: what was measured on other data, or under another protocol, stands below the table with its own name.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError


class Table4Row(NamedTuple):
    """Detection: mAP in percent on the ILSVRC 2014 test set."""

    team: str
    year: int
    place: str
    mean_ap: float
    external_data: str
    ensemble: str
    approach: str


class Table5Row(NamedTuple):
    """Detection by a single model: mAP in percent."""

    team: str
    mean_ap: float
    contextual_model: str
    box_regression: str


class Table2Row(NamedTuple):
    """Classification: top-5 error in percent on the ILSVRC 2014 test set."""

    team: str
    year: int
    place: str
    top_5_error: float
    external_data: str


class Table3Row(NamedTuple):
    """Classification by GoogLeNet: top-5 error in percent on the validation set."""

    models: int
    crops: int
    cost: int
    top_5_error: float


TABLE_2 = (
    Table2Row("SuperVision", 2012, "1st", 16.4, "no"),
    Table2Row("SuperVision", 2012, "1st", 15.3, "ImageNet 22k"),
    Table2Row("Clarifai", 2013, "1st", 11.7, "no"),
    Table2Row("Clarifai", 2013, "1st", 11.2, "ImageNet 22k"),
    Table2Row("MSRA", 2014, "3rd", 7.35, "no"),
    Table2Row("VGG", 2014, "2nd", 7.32, "no"),
    Table2Row("GoogLeNet", 2014, "1st", 6.67, "no"),
)
TABLE_3 = (
    Table3Row(1, 1, 1, 10.07),
    Table3Row(1, 10, 10, 9.15),
    Table3Row(1, 144, 144, 7.89),
    Table3Row(7, 1, 7, 8.09),
    Table3Row(7, 10, 70, 7.62),
    Table3Row(7, 144, 1008, 6.67),
)
TABLE_4 = (
    Table4Row("UvA-Euvision", 2013, "1st", 22.6, "none", "?", "Fisher vectors"),
    Table4Row("Deep Insight", 2014, "3rd", 40.5, "ImageNet 1k", "3 models", "CNN"),
    Table4Row("CUHK DeepID-Net", 2014, "2nd", 40.7, "ImageNet 1k", "?", "CNN"),
    Table4Row("GoogLeNet", 2014, "1st", 43.9, "ImageNet 1k", "6 models", "CNN"),
)
TABLE_5 = (
    Table5Row("Trimps-Soushen", 31.6, "no", "?"),
    Table5Row("Berkeley Vision", 34.5, "no", "yes"),
    Table5Row("UvA-Euvision", 35.4, "?", "?"),
    Table5Row("CUHK DeepID-Net2", 37.7, "no", "?"),
    Table5Row("GoogLeNet", 38.02, "no", "no"),
    Table5Row("Deep Insight", 40.2, "yes", "yes"),
)


class Measurement(BaseModel):
    """One figure measured with this project; ``command`` measures it again.

    ``figure``: "mAP", "top-5 error", "top-1 error" or one of a statement about proposals, ``value`` in percent;
    ``protocol`` of detections: voc07, voc10, ilsvrc, coco; ``regions``: how many of a photo were scored; ``pooling`` of
    crops: mean or max; ``precision`` of the convolutions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    figure: str
    value: float
    data: str
    images: int
    command: str
    protocol: str | None = None
    models: int = 1
    regions: int | None = None
    crops: int | None = None
    pooling: str | None = None
    precision: str | None = None
    date: str | None = None
    box_regression: bool | None = None
    contextual_model: bool | None = None

    @property
    def conditions(self) -> str:
        """What the figure was measured under, in words."""
        parts = [
            f"{self.data}, {self.images:,} images",
            self.protocol,
            f"{self.models} model{'s' if self.models > 1 else ''}",
            self.crops and f"{self.crops} crop{'s' if self.crops > 1 else ''}",
            self.pooling == "max" and "the highest over the crops",
            self.precision,
            self.regions and f"{self.regions} regions a photo",
            _option(self.box_regression, "box regression"),
            _option(self.contextual_model, "contextual model"),
        ]
        return ", ".join(part for part in parts if part)


def measured(path: Path | None = None) -> list[Measurement]:
    """The measurements of a file, a JSON list; by default those that come with the package.

    Raises ``ValueError`` that names the place.
    """
    if path is not None and not path.is_file():
        raise FileNotFoundError(f"no file of measurements {path}; tools/classify.py --json writes one")
    source = path or files("detection") / "models" / "measured.json"
    try:
        return [Measurement.model_validate(row) for row in json.loads(source.read_text(encoding="utf-8"))]
    except ValidationError as error:
        problem = error.errors()[0]
        raise ValueError(f"{source}: {'.'.join(map(str, problem['loc'])) or 'a row'}: {problem['msg']}") from None
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError) as error:
        raise ValueError(f"{source}: expected a JSON list of measurements: {error}") from None


def _option(on: bool | None, name: str) -> str | None:
    return None if on is None else f"{'with' if on else 'without'} {name}"


class PaperTable(NamedTuple):
    """A table of the paper; ``comparable`` was measured here on its data, ``others`` on other data.

    ``needs`` names the data that a comparable figure asks for.
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[object, ...]]
    needs: str
    comparable: Sequence[Measurement]
    others: Sequence[Measurement]


def paper_tables(rows: Sequence[Measurement]) -> list[PaperTable]:
    """Tables 2 to 5, with the measurements that belong to each; Table 5 takes single models, Table 4 ensembles too."""
    single = [row for row in rows if row.models == 1]
    classification, detection = "top-5 error", "mAP"
    return [
        _table("Table 2: classification, top-5 error in percent", TABLE_2, "ILSVRC CLS", classification, []),
        _table(
            "Table 3: GoogLeNet classification, top-5 error in percent", TABLE_3, "ILSVRC CLS", classification, rows
        ),
        _table("Table 4: detection, mAP in percent", TABLE_4, "ILSVRC DET", detection, rows),
        _table("Table 5: detection by a single model, mAP in percent", TABLE_5, "ILSVRC DET", detection, single),
    ]


def _table(
    title: str, rows: Sequence[NamedTuple], needs: str, figure: str, measurements: Sequence[Measurement]
) -> PaperTable:
    mine = [row for row in measurements if row.figure == figure]
    comparable = [row for row in mine if row.data == needs and row.protocol in {None, "ilsvrc"}]
    columns = tuple(name.replace("_", " ").replace("mean ap", "mAP") for name in rows[0]._fields)
    return PaperTable(title, columns, rows, needs, comparable, [row for row in mine if row not in comparable])
