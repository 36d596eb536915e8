"""PASCAL VOC, and whatever is laid out like it: one XML file a photo.

Read as they are:

* a VOCdevkit year folder: ``Annotations/*.xml``, ``JPEGImages/*``, ``ImageSets/Main/<split>.txt``; also the
  folders around it, where they hold no other. ``annotations`` and ``images`` are as good, and the XML files may be in
  sub-folders, which are then part of the ids, and the photos in sub-folders of the same names;
* XML files beside their photos, as labelImg writes them; sub-folders with such files are the splits.

Where no split is named, one is chosen (:func:`detection.datasets.listing.choose_split`); without any, every annotated
photo is taken, in the order of the names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath

from detection.datasets.annotation_targets import make_targets
from detection.datasets.annotation_xml import read_annotation
from detection.datasets.base import AnnotatedImages, Refuse, check_classes, did_you_mean, stop
from detection.datasets.listing import (
    Files,
    check_photos,
    choose_split,
    photos_in,
    read_split,
    split_names,
    xml_files,
)
from detection.image_names import ImageNames

PHOTO_FOLDERS = ("JPEGImages", "images", "Images")  # the first that is there


@dataclass(frozen=True)
class Layout:
    """Where the annotations, the photos and the lists of a data set are, and the split to read; ``None`` is all.

    ``pattern`` is what annotation files are called below their folder.
    """

    annotations: Path
    photos: Path
    lists: Path
    split: str | None
    pattern: str = "*.xml"


def open_voc(folder: Path, split: str | None = None, class_names: Sequence[str] | None = None) -> AnnotatedImages:
    """The photos of a split with their objects.

    Without ``class_names`` the classes are the names found in the split, sorted. With them, objects of other classes
    are left out, and a class that is nowhere in the folder is refused. The photos may all be absent (evaluation), but
    not some of them. Raises ``FileNotFoundError`` or ``ValueError`` naming the file, the object and the choices.
    """
    layout = find_layout(folder, split)
    ids, files, photos = voc_files(layout)
    annotations = [read_annotation(file) for file in files]
    found = {name for annotation in annotations for name in annotation.names}
    if class_names is not None:
        everywhere = found if found.issuperset(class_names) else found | voc_names(folder, split)
        check_classes(class_names, everywhere, folder)
    classes = tuple(sorted(found) if class_names is None else class_names)
    check_photos(photos)
    targets = make_targets(annotations, photos, {name: label for label, name in enumerate(classes)})
    return AnnotatedImages(classes, ids, photos, targets)


def is_voc(folder: Path) -> bool:
    """Whether a folder, or one directly below it, has annotations as :func:`open_voc` reads them."""
    return bool(year_folders(folder)) or any(xml_files(folder)) or any(xml_files(folder, "*/*.xml"))


def year_folders(folder: Path) -> list[Path]:
    """The folder itself, if it has ``Annotations/*.xml``; otherwise those one or two levels below that have."""
    levels = (f"{level}[Aa]nnotations" for level in ("", "*/", "*/*/"))
    found = ({path.parent for path in folder.glob(level) if any(xml_files(path, "**/*.xml"))} for level in levels)
    return sorted(next((roots for roots in found if roots), ()))


def voc_splits(folder: Path) -> tuple[str, ...]:
    """The names of the splits; empty where all photos are one set."""
    roots = year_folders(folder)
    if roots:
        return split_names(roots[0] / "ImageSets" / "Main")
    return () if any(xml_files(folder)) else tuple(_folders_beside(folder))


def voc_files(layout: Layout, refuse: Refuse = stop) -> Files:
    """Ids, annotation files and photos of a split; any of the files may be absent.

    An id is the path of the annotation file below ``layout.annotations``, without suffix.
    """
    files = xml_files(layout.annotations, layout.pattern)
    ids = tuple(sorted(path.relative_to(layout.annotations).with_suffix("").as_posix() for path in files))
    if layout.split is not None:
        ids = read_split(layout.lists, layout.split, refuse, ImageNames(ids))
    annotations = tuple(layout.annotations / f"{image_id}.xml" for image_id in ids)
    return ids, annotations, _photos(layout.photos, ids)


def _photos(root: Path, ids: Sequence[str]) -> tuple[Path, ...]:
    """The photo of each id: in the sub-folder that it names, or where there is no such folder, in ``root``."""
    paths = [PurePosixPath(image_id) for image_id in ids]
    names = Counter(path.name for path in paths)
    top = PurePosixPath(".")
    folders = {parent: root / parent for parent in {top, *(path.parent for path in paths)}}
    present = {parent: photos_in(folder) for parent, folder in folders.items()}

    def photo(path: PurePosixPath) -> Path:
        found = present[path.parent].get(path.name)
        if found is None and names[path.name] == 1 and not folders[path.parent].is_dir():
            found = present[top].get(path.name)
        return found or folders[path.parent] / f"{path.name}.jpg"

    return tuple(map(photo, paths))


def find_layout(folder: Path, split: str | None) -> Layout:
    """Where the files of a split are. Raises ``FileNotFoundError`` or ``ValueError`` naming the choices."""
    roots = year_folders(folder)
    if not roots:
        return _locate_beside(folder, split)
    if len(roots) > 1:
        raise ValueError(f"{folder}: several data sets, name one: {', '.join(root.name for root in roots)}")
    root = roots[0]
    lists = root / "ImageSets" / "Main"
    choices = split_names(lists)
    if split is None and choices:
        split = choose_split(folder, choices)
    annotations = next(path for path in sorted(root.glob("[Aa]nnotations")) if any(xml_files(path, "**/*.xml")))
    named = (root / name for name in PHOTO_FOLDERS)
    beside = annotations if photos_in(annotations) else root / PHOTO_FOLDERS[0]
    photos = next((path for path in named if path.is_dir()), beside)
    return Layout(annotations, photos, lists, split, "**/*.xml")


def _locate_beside(folder: Path, split: str | None) -> Layout:
    """XML files beside the photos: in the folder, or in one sub-folder a split."""
    splits = _folders_beside(folder)
    if split is not None and split not in splits:
        raise FileNotFoundError(f"{folder}: no split {split!r}; {did_you_mean(split, splits)}")
    if split is None and not any(xml_files(folder)):
        if not splits:
            raise FileNotFoundError(f"{folder}: neither Annotations/*.xml nor *.xml there")
        split = choose_split(folder, splits)
    root = folder / split if split else folder
    return Layout(root, root, root, None)


def _folders_beside(folder: Path) -> list[str]:
    return sorted({path.parent.name for path in xml_files(folder, "*/*.xml")})


def voc_names(folder: Path, split: str | None) -> set[str]:
    """The names in all splits; ``split`` is one of them. Raises as :func:`open_voc`."""
    if year_folders(folder):
        layout = find_layout(folder, split)
        files = xml_files(layout.annotations, layout.pattern)
    else:
        files = chain(xml_files(folder), xml_files(folder, "*/*.xml"))
    return {name for path in files for name in read_annotation(path).names}
