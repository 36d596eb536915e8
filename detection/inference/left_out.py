"""What lies among the photos of a run and is not worked on, and what to say of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from detection.command_line import counted
from detection.images import IMAGE_SUFFIXES

TO_CONVERT = (".heic", ".heif", ".avif")  # photos of telephones and browsers
# what lies beside photos and is none, so that nobody misses it
COMPANIONS = frozenset(
    {
        *(".txt", ".md", ".json", ".jsonl", ".xml", ".csv", ".tsv", ".yaml", ".yml", ".html", ".htm", ".css", ".js"),
        *(".py", ".log", ".ini", ".db", ".aae", ".xmp"),
    }
)
NAMED_FOLDERS = 3


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many files of each suffix that is no image's, and the folders of drawings that earlier runs made."""

    files: Counter[str] = field(default_factory=Counter)
    drawings: list[Path] = field(default_factory=list)

    def note(self, file: Path) -> None:
        """Count a file, unless it is an image or a text or table that nobody misses."""
        suffix = file.suffix.lower()
        if suffix and suffix not in IMAGE_SUFFIXES | COMPANIONS:
            self.files[suffix] += 1

    def __str__(self) -> str:
        """All of it in one line, with what can be done for files that are photos; empty where there is nothing."""
        return "; ".join(filter(None, (self._file_words(), self._drawing_words())))

    def _file_words(self) -> str:
        if not self.files:
            return ""
        each = ", ".join(f"{suffix} {number:,}" for suffix, number in sorted(self.files.items()))
        words = f"{counted(self.files.total(), 'file')} left out ({each})"
        photos = [suffix for suffix in TO_CONVERT if suffix in self.files]
        advice = f"; convert {' and '.join(photos)} to JPEG first, with pillow-heif or ImageMagick" if photos else ""
        return words + advice

    def _drawing_words(self) -> str:
        if not self.drawings:
            return ""
        more = len(self.drawings) - NAMED_FOLDERS
        named = ", ".join(map(str, self.drawings[:NAMED_FOLDERS])) + (f" and {more:,} more" if more > 0 else "")
        return f"drawings of an earlier run left out: {named}"
