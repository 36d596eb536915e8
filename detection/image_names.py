"""Which image of a data set a text names: its id, or its photo's file, wherever that lies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import PurePath, PurePosixPath

from detection.images import IMAGE_SUFFIXES


class ImageNames:
    """Finds images by what people and tools call them.

    ``photos`` are the paths of their files, in the order of ``ids``; where they are not known, ids stand for them.
    """

    def __init__(self, ids: Sequence[str], photos: Sequence[PurePath] = ()) -> None:
        self.ids = ids
        self._photos = photos
        self._by_id = {image_id: index for index, image_id in enumerate(ids)}

    def __len__(self) -> int:
        return len(self.ids)

    def find(self, *texts: str) -> Sequence[int]:
        """The position of the image that is named by the first text that names one; several where they share the name.

        An id counts before all else, whichever text it is. Any other text is the path of a photo, of any machine, with
        or without its suffix: as much of its end counts as is known. Empty where no text names an image.
        """
        for text in texts:
            if text in self._by_id:
                return (self._by_id[text],)
        ends = [end for text in texts for end in path_ends(text)]
        if found := next((self._by_photo[end] for end in ends if end in self._by_photo), None):
            return found
        return next(((self._by_id[end],) for end in ends if end in self._by_id), ())

    @cached_property
    def _by_photo(self) -> Mapping[str, list[int]]:
        """Images by the names of their photos' files; of those that share one also by longer ends of their paths."""
        parts = [photo.parts for photo in self._photos or map(PurePosixPath, self.ids)]
        found: dict[str, list[int]] = {}
        rest, length = list(range(len(parts))), 1
        while rest:
            ends = ["/".join(parts[index][-length:]) for index in rest]
            for index, end in zip(rest, ends, strict=True):
                for name in {end, without_suffix(end)}:
                    found.setdefault(name, []).append(index)
            shared = (index for index, end in zip(rest, ends, strict=True) if len(found[without_suffix(end)]) > 1)
            rest, length = [index for index in shared if len(parts[index]) > length], length + 1
        return found


def path_ends(text: str) -> Iterator[str]:
    """A path with forward slashes and its ever shorter ends down to the file's name, each also without its suffix."""
    parts = PurePosixPath(text.replace("\\", "/")).parts
    for start in range(len(parts)):
        end = "/".join(parts[start:])
        yield end
        if (bare := without_suffix(end)) != end:
            yield bare


def without_suffix(name: str) -> str:
    """A name without the suffix of an image file; any other dot is part of the name."""
    stem, _, suffix = name.rpartition(".")
    return stem if f".{suffix.lower()}" in IMAGE_SUFFIXES and stem and not stem.endswith("/") else name
