"""What the doctor looks for: each kind of finding with its severity and what to do, and the cases that were found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
SHOWN = 3  # further photos of a set
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Kind:
    """``title`` follows a number of cases: "3 photos that cannot be read"; ``advice`` is one line."""

    code: str
    severity: Severity
    title: str
    advice: str


@dataclass(frozen=True)
class Case:
    """One finding at one place; ``photo`` may be another file, ``object`` a class. Paths are below the data set.

    ``class_name`` is that of a single object. ``others`` are the further photos of a set, each behind its split.
    """

    kind: Kind
    split: str | None = None
    photo: str | None = None
    object: str | None = None
    detail: str = ""
    class_name: str | None = None
    others: tuple[tuple[str, str], ...] = ()

    @property
    def order(self) -> tuple[str, ...]:
        return (self.split or "", self.photo or "")

    def __str__(self) -> str:
        where = ", ".join(filter(None, (self.photo or self.split, self.object)))
        if self.others:
            more = f" and {len(self.others) - SHOWN} more" if len(self.others) > SHOWN else ""
            others = ", ".join(f"{split}: {photo}" for split, photo in self.others[:SHOWN])
            return f"{self.split}: {where} = {others}{more}"
        return ": ".join(filter(None, (where, self.detail)))


@dataclass(frozen=True)
class Finding:
    """All cases of a kind, by split and photo."""

    kind: Kind
    cases: tuple[Case, ...]


def findings(cases: Iterable[Case]) -> list[Finding]:
    """The cases by their kind, in the order of ``KINDS``: the severest first."""
    by_kind: dict[Kind, list[Case]] = defaultdict(list)
    for case in cases:
        by_kind[case.kind].append(case)
    # the sort is stable: objects of a photo stay in the order of its annotation
    ordered = {kind: tuple(sorted(by_kind[kind], key=lambda case: case.order)) for kind in KINDS if kind in by_kind}
    return [Finding(kind, cases) for kind, cases in ordered.items()]


# Errors: training refuses them, or learns or measures what is not so.
MISSING_PHOTO = Kind("missing-photo", "error", "photos that are not there", "restore them, or take them off the lists")
UNREADABLE_PHOTO = Kind(
    "unreadable-photo", "error", "photos that cannot be read", "fetch or save them again, or take them off the lists"
)
UNREADABLE_ANNOTATION = Kind(
    "unreadable-annotation", "error", "annotation files or lists that cannot be read", "mend them, or export them again"
)
MISSING_ANNOTATION = Kind(
    "missing-annotation",
    "error",
    "listed photos without an annotation file",
    "annotate them (a file without objects says that there are none), or take them off the lists",
)
NOTHING_ANNOTATED = Kind(
    "nothing-annotated",
    "error",
    "data sets without a single annotated object: there is nothing to train on",
    "put the annotations where they are looked for; if photos alone are meant, say so: --data folder:PATH",
)
NOTHING_COUNTS = Kind(
    "nothing-counts",
    "error",
    "splits without a single object that counts: nothing to train on, or to measure by",
    "annotate their photos; difficult objects and crowds do not count",
)
MALFORMED_RECORD = Kind(
    "malformed-record", "error", "records without a name, an id or four numbers", "mend or remove each of them"
)
REPEATED_ID = Kind("repeated-id", "error", "ids or names that occur twice", "give each its own; merge what is the same")
UNKNOWN_ID = Kind(
    "unknown-id", "error", "annotations of an image or category that is not there", "add it, or remove the annotation"
)
DEGENERATE_BOX = Kind("degenerate-box", "error", "boxes that are inverted or have no area", "draw again, or remove")
OUTSIDE_BOX = Kind("outside-box", "error", "boxes wholly outside their photo", "draw them again, or remove them")
TURNED_PHOTO = Kind(
    "turned-photo",
    "error",
    "photos that were annotated before their EXIF rotation",
    "photos are shown upright here: turn the boxes along, or remove the EXIF tag",
)
RESIZED_PHOTO = Kind(
    "resized-photo",
    "error",
    "photos that were resized after they were annotated",
    "scale the boxes by the same factor, or take the original photos",
)
LEAK = Kind(
    "leak",
    "error",
    "sets of identical photos in more than one split",
    "keep each in one split: a score on photos that were trained on says nothing",
)

# Warnings: probably wrong; training goes on.
NEAR_LEAK = Kind(
    "near-leak",
    "warning",
    "sets of nearly identical photos in more than one split",
    "if they show the same, keep them in one split",
)
MOSTLY_UNANNOTATED = Kind(
    "mostly-unannotated",
    "warning",
    "splits in which most photos have no annotation file",
    "see whether the files lie beside the others, named as their photos: objects of these photos count as background",
)
SWAPPED_SIZE = Kind(
    "swapped-size",
    "warning",
    "annotations whose width and height are swapped",
    "see whether the boxes fit the photo: it may have been turned since",
)
OTHER_SIZE = Kind(
    "other-size", "warning", "annotations that state another size than their photo's", "look whether the boxes fit"
)
MAYBE_TURNED = Kind(
    "maybe-turned",
    "warning",
    "photos with an EXIF rotation, which their annotation may not know",
    "look whether the boxes fit the upright photo",
)
CUT_BOX = Kind(
    "cut-box",
    "warning",
    "boxes that leave their photo by more than a pixel",
    "they are cut to it; look whether they fit",
)
THIN_BOX = Kind("thin-box", "warning", "boxes one pixel wide or high, or less", "draw them again, or remove them")
REPEATED_BOX = Kind(
    "repeated-box", "warning", "objects annotated twice (same class, IoU above .95)", "remove one of the two"
)
SIMILAR_NAMES = Kind(
    "similar-names", "warning", "class names that may mean the same", "if they do, give both the same name"
)
ABSENT_CLASS = Kind(
    "absent-class",
    "warning",
    "classes without an object in some split",
    "what has none to train on is not found, what has none to test on not measured: split anew",
)
DUPLICATE = Kind(
    "duplicate", "warning", "sets of identical photos within a split", "keep one of each; see whether the boxes agree"
)
UNREACHED = Kind(
    "unreached",
    "warning",
    "objects that no proposal reaches (IoU .5)",
    "they cannot be found: add --multibox or another mode (tools/propose.py --ladder)",
)

# Notes: good to know; nothing need be done.
NEAR_DUPLICATE = Kind(
    "near-duplicate", "note", "sets of nearly identical photos within a split", "they teach little more than one"
)
WRONG_SUFFIX = Kind(
    "wrong-suffix", "note", "photos of another format than their name says", "read here; rename them for other tools"
)
BEYOND_EDGE = Kind(
    "beyond-edge",
    "note",
    "boxes that leave their photo by up to a pixel",
    "rounding, or a tool that counts pixels otherwise than the format",
)
FULL_FRAME = Kind(
    "full-frame", "note", "boxes that cover the whole photo", "fine where the object does; a label is no box"
)
NO_OBJECTS = Kind("no-objects", "note", "annotated photos without objects", "they serve as background")
UNANNOTATED = Kind(
    "unannotated", "note", "photos without an annotation file, taken as without objects", "fine if they have none"
)
UNLISTED = Kind(
    "unlisted",
    "note",
    "photos that are not used: no list or annotation names them",
    "annotate or list them to use them",
)
CATEGORY_IDS = Kind(
    "category-ids",
    "note",
    "files whose category ids begin at 0 or have gaps",
    "classes go by name here; other tools may want 1 ... K",
)
ANNOTATION_ID_0 = Kind(
    "annotation-id-0", "note", "annotations with the id 0", "number from 1: pycocotools takes 0 for not matched"
)
FEW_OBJECTS = Kind(
    "few-objects",
    "note",
    "classes with fewer than 10 objects in a split",
    "expect a coarse score; annotate more of them",
)
UNEVEN_CLASSES = Kind(
    "uneven-classes",
    "note",
    "splits in which some class has 100 times the objects of another",
    "more photos of the rare classes help most",
)
SMALL_OBJECTS = Kind(
    "small-objects",
    "note",
    "objects under 16 pixels wide or high, once their photo is 500 wide as for proposals",
    "larger photos of them, or tiles, are easier",
)

KINDS = tuple(value for value in list(globals().values()) if isinstance(value, Kind))
