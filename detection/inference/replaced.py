"""Photos that were replaced since a run looked at them: what was found in the old ones is forgotten."""

from __future__ import annotations

from collections.abc import Iterable

from detection.converters.whole_file import whole_path
from detection.inference.find import Photo
from detection.inference.folder import RunFolder
from detection.inference.outputs import remove_drawings, remove_labels
from detection.results import iterate_detections


def forget_replaced(folder: RunFolder, photos: Iterable[Photo]) -> int:
    """Remove the drawings, labels and lines of ``photos`` whose files are others by now; gives how many they are.

    Lines of older versions do not say which file they are of: they stay.
    """
    if not folder.detections.exists():
        return 0
    paths = {photo.id: photo.path for photo in photos}
    replaced: dict[int, str] = {}  # by the number of the line
    for number, record in iterate_detections(folder.detections, skip_torn_line=True):
        if record.file and record.id in paths and record.file.is_replaced(paths[record.id]):
            replaced[number] = record.id
    if replaced:
        remove_drawings(folder.path, replaced.values())  # first: after a kill the lines tell once more
        remove_labels(folder.path, replaced.values())
        with whole_path(folder.detections) as part, part.open("wb") as kept, folder.detections.open("rb") as lines:
            kept.writelines(line for number, line in enumerate(lines, start=1) if number not in replaced)
    return len(replaced)
