"""A contestant in a process of its own: another interpreter, another set of packages."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from tempfile import TemporaryFile
from typing import Self

from detection.bench.timing import Spent


class Worker:
    """Hands items to a program, a line of JSON each, and gives what the work took in there.

    The program answers every line with one: ``{"wall": seconds, "cpu": seconds}``. Use as
    ``with Worker([python, script]) as worker: race([Contestant("theirs", worker), ...], items)``. Raises
    ``RuntimeError`` with the last that the program said on stderr where it answers otherwise or ends.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.command = list(command)
        self._said = TemporaryFile()  # noqa: SIM115 - closed at the end; a pipe that nobody reads fills up
        self._process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, text=True, encoding="utf-8"
        )

    def __call__(self, item: object) -> Spent:
        lines, answers = self._process.stdin, self._process.stdout
        assert lines is not None
        assert answers is not None
        try:
            lines.write(json.dumps(item) + "\n")
            lines.flush()
            answer = json.loads(answers.readline())
            return Spent(float(answer["wall"]), float(answer["cpu"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            self.close()
            raise RuntimeError(f"{' '.join(self.command)}: no answer: {self._last_words()}") from error

    def close(self) -> None:
        """End the program; it is given no more lines, and killed if it does not end of itself."""
        try:
            self._process.communicate(timeout=10)
        except (OSError, ValueError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()

    def _last_words(self) -> str:
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
        self._said.close()
