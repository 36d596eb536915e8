"""From the words of a user to the contents of a data set, of whatever format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from detection.datasets.folder import open_folder
from detection.datasets.open import LOOKED_FOR, Place, find_dataset
from detection.doctor.coco_parts import coco_parts
from detection.doctor.contents import Contents, Entry, Item, Part, read_parts, shown, unlisted
from detection.doctor.findings import MOSTLY_UNANNOTATED, NOTHING_ANNOTATED, NOTHING_COUNTS, UNANNOTATED, Case
from detection.doctor.splits import independent
from detection.doctor.xml_parts import ilsvrc_parts, voc_parts
from detection.doctor.yolo_parts import yolo_parts
from detection.proposals.store import Report

MOST_SPLITS = 12  # beyond it lists are not splits: ILSVRC has one a class
MOST_UNANNOTATED = 0.5  # of a split's photos: some have nothing to annotate, most hardly


def read_contents(spec: str, splits: Sequence[str], report: Report) -> Contents:
    """What is at ``spec`` (:func:`detection.datasets.open.open_dataset`), in the splits named, or in all.

    Raises ``FileNotFoundError`` or ``ValueError`` where there is no data set, or no such split.
    """
    place = find_dataset(spec, splits[0] if len(splits) == 1 else None)
    asked = tuple(dict.fromkeys(splits)) or ((place.split,) if place.split else ())
    if place.split not in (None, *asked):
        raise ValueError(f"data set {spec!r} names the split {place.split!r}, but {', '.join(asked)} are asked for")
    parts = {part.split: part for part in READERS[place.kind](place, asked)}
    chosen = list(asked) or independent({name: set(part.photos) for name, part in parts.items()})
    if len(chosen) > MOST_SPLITS:
        raise ValueError(f"{place.path}: {len(chosen)} lists; name some by --split: {', '.join(chosen[:40])}")
    read = [part for name, part in parts.items() if name in chosen]
    entries, cases = read_parts(read, report)
    root = place.path if place.path.is_dir() else place.path.parent
    if not asked and place.kind != "folder":
        cases += unlisted(read, root)
    photos_alone = place.kind == "folder" and (spec.startswith("folder:") or place.path.is_file())  # on purpose
    cases += () if photos_alone else _annotation_cases(place, entries, cases)
    declared = dict.fromkeys(name for part in read for name in part.classes)
    found = sorted({thing.name for entry in entries for thing in entry.objects})
    return Contents(
        place.kind,
        root,
        tuple(part.split for part in read),
        tuple(name for name in parts if name not in chosen),
        tuple(declared) or tuple(found),
        tuple(entries),
        tuple(cases),
    )


def _annotation_cases(place: Place, entries: Sequence[Entry], cases: Sequence[Case]) -> list[Case]:
    """Whether nothing is annotated at all, or else in which splits nothing counts, or little is annotated: what a
    mislaid folder looks like.
    """
    photos = Counter(entry.split for entry in entries)
    if entries and not any(entry.objects for entry in entries):
        where = ", ".join(f"{split} {number:,}" for split, number in photos.items())
        looked_for = f"; looked for {LOOKED_FOR}" if place.kind == "folder" else ""
        return [Case(NOTHING_ANNOTATED, detail=f"{place.kind}, photos: {where}{looked_for}")]
    bare = Counter(case.split for case in cases if case.kind is UNANNOTATED)
    objects = Counter(entry.split for entry in entries for _ in entry.objects)
    counted = {entry.split for entry in entries for thing in entry.objects if thing.counted}
    secret = place.kind == "ilsvrc"  # whose annotations of test nobody has
    return [
        Case(NOTHING_COUNTS, split, detail=f"{number:,} photos, {objects[split]:,} objects, none that counts")
        for split, number in photos.items()
        if split not in counted and not (secret and split.startswith("test"))
    ] + [
        Case(MOSTLY_UNANNOTATED, split, detail=f"{bare[split]:,} of {number:,} photos")
        for split, number in photos.items()
        if bare[split] > MOST_UNANNOTATED * number
    ]


def _folder_parts(place: Place, asked: Sequence[str]) -> Iterator[Part]:
    if asked:
        raise ValueError(f"{place.path}: a folder of images has no split {asked[0]!r}")
    photos = open_folder(place.path).paths
    root = place.path if place.path.is_dir() else place.path.parent

    def read() -> Iterator[Item]:
        for photo in photos:
            yield Case(UNANNOTATED, "all", shown(photo, root))
            yield Entry("all", photo, shown(photo, root), None, ())

    yield Part("all", photos, read)


READERS: Mapping[str, Callable[[Place, Sequence[str]], Iterable[Part]]] = MappingProxyType(
    {"voc": voc_parts, "ilsvrc": ilsvrc_parts, "coco": coco_parts, "yolo": yolo_parts, "folder": _folder_parts}
)
