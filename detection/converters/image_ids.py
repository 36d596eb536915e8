"""From what a file calls its images to what the data set calls them."""

from __future__ import annotations

from dataclasses import replace

from detection.converters.rows import DetectionRows, NameColumn
from detection.image_names import ImageNames
from detection.results import DetectionsFileError


def by_id(rows: DetectionRows, names: ImageNames) -> DetectionRows:
    """Detections whose images go by the ids of the data set; an image that it does not have keeps its name.

    Raises ``DetectionsFileError`` where a name is that of several images, and where two names are of one.
    """
    lines = {**rows.empty, **{image: int(rows.lines[row]) for image, row in rows.images.first_rows().items()}}
    ids: dict[str, str] = {}
    called: dict[str, str] = {}
    for image, line in lines.items():
        found = names.find(image)
        if len(found) > 1:
            message = f"image {image!r}: {len(found)} photos of the data set have this name"
            raise DetectionsFileError(rows.file, line, message)
        ids[image] = names.ids[found[0]] if found else image
        if (other := called.setdefault(ids[image], image)) != image:
            message = f"images {other!r} and {image!r} would both be {ids[image]!r} of the data set"
            raise DetectionsFileError(rows.file, line, message)
    if all(image == known for image, known in ids.items()):
        return rows
    images = NameColumn(tuple(ids.get(image, image) for image in rows.images.names), rows.images.codes)
    return replace(rows, images=images, empty={ids[image]: line for image, line in rows.empty.items()})
