"""What every command of ``tools/`` does alike: its docstring as help, errors in one line, exit codes, progress.

    app = new_app()

    @app.command(help=help_text(__doc__))
    def count(photos: Path, ...) -> int:
        ...

    def main(argv: Sequence[str] | None = None) -> int:
        return run_command(app, argv, name="count.py")

What the command returns is its exit code.
"""

from __future__ import annotations

import errno
import io
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, redirect_stderr, redirect_stdout
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Self, TextIO, cast

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

BAD_INPUT = 2
NO_ROOM = {errno.ENOSPC: "make room", errno.EDQUOT: "make room", errno.EFBIG: "allow larger files (ulimit -f)"}
STOPPED = 130  # by Ctrl-C, as shells count it
TELL_EVERY = 30.0  # seconds: where there is no terminal, a line of progress
FILE_WIDTH = 1000  # characters: in a pipe or a file a table's row stays in one line
# click's UsageError: some versions of typer import click, some contain it
USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]


def new_app() -> typer.Typer:
    """An application whose errors and help are plain text."""
    return typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def help_text(docstring: str | None) -> str:
    """A docstring as a command's help: its lines stay as they are (click would wrap them)."""
    return "\b\n" + str(docstring).replace("\n\n", "\n\n\b\n")


def run_command(
    app: typer.Typer,
    argv: Sequence[str] | None,
    *,
    name: str,
    stopped: str = "stopped",
    again: str = "give the same command again",
    advice: Callable[[Exception], str] = lambda _: "",
    errors: tuple[type[Exception], ...] = (ValueError, OSError, ImportError),
) -> int:
    """Run a command and give its exit code: the number that it returned, 2 after bad input, 130 after Ctrl-C.

    An error of ``errors`` is told on stderr in one line, with ``advice`` after it, and a full disk with what to do
    ``again`` when there is room; ``stopped`` is what Ctrl-C is answered with. What is printed and cannot be shown, or
    is read by no one, does not change the code.
    """
    with _lenient(sys.stdout, redirect_stdout), _lenient(sys.stderr, redirect_stderr):
        try:
            code = app(argv, standalone_mode=False, prog_name=name)
            if code == STOPPED:  # what typer makes of Ctrl-C; older versions raise Abort
                raise KeyboardInterrupt
            return code if isinstance(code, int) else 0
        except (KeyboardInterrupt, typer.Abort):
            sys.stderr.write(f"{stopped}\n")
            return STOPPED
        except USAGE_ERROR as error:
            message = f"{error.format_message()} (--help shows examples)"  # type: ignore[attr-defined]
        except errors as error:
            message = f"{error}{advice(error)}"
            if isinstance(error, OSError) and error.errno in NO_ROOM:
                message += f": {NO_ROOM[error.errno]} and {again}"
        except RuntimeError as error:
            if type(error).__name__ != "OutOfMemoryError":  # PyTorch's, which is not imported for its sake
                raise
            message = f"the GPU's memory is full: {error}"
        sys.stderr.write(f"error: {printable(' '.join(message.split()))}\n")
        return BAD_INPUT


@contextmanager
def _lenient(out: TextIO | None, redirect: Callable[[TextIO], AbstractContextManager[object]]) -> Iterator[None]:
    """An output that takes any text: a name that it cannot show is printed in escapes, not an error."""
    if out is None:  # it was closed
        yield
        return
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(errors="backslashreplace")
    stream = cast(TextIO, _Unread(out))
    with redirect(stream):
        try:
            yield
        finally:
            stream.flush()


class _Unread:
    """A stream that may lose its reader, as in ``| head``: what is written from then on goes nowhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with self._reader_may_leave():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._reader_may_leave():
            self._stream.flush()

    @contextmanager
    def _reader_may_leave(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())  # for what is still in its buffer, too
            os.close(nowhere)


def printable(text: str) -> str:
    """``text`` in one line that any terminal takes: control characters and stray bytes as escapes."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def counted(count: int, noun: str) -> str:
    """``1 photo``, ``1,200 photos``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def installed_version(package: str = "googlenet-rcnn") -> str | None:
    """The version of an installed package; ``None`` where it is not, or runs from its checkout."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def console(*, stderr: bool = False) -> Console:
    """A console that prints what it is given: no colours for numbers, no markup or emoji codes, no broken lines."""
    made = Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)
    if not made.is_terminal:
        made.width = FILE_WIDTH
    return made


def table(first: str, *numbers: str) -> Table:
    """A table to add rows to: a column of words, and columns of numbers."""
    made = Table(first)
    for name in numbers:
        made.add_column(name, justify="right")
    return made


class Bars:
    """One progress bar with an ETA at a time, on stderr; a new title begins a new bar.

    ``with Bars() as bars: bars("training", step, steps)``. ``bars.console`` prints above the bar, and so does, from
    :meth:`show_log` on, what is logged. Where stderr is no terminal there is a plain line instead, every
    ``TELL_EVERY`` seconds: what takes less prints nothing.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self.console = console(stderr=True)
        self._quiet = quiet
        self._progress = Progress(
            TextColumn("{task.description}"),
            *columns,
            console=self.console,
            transient=True,
            disable=quiet or not self.console.is_terminal,
        )
        self._title = ""
        self._task: TaskID | None = None
        self._told = time.monotonic()  # when the last plain line was due
        self._begun = (self._told, 0)  # of this title: when, and how much was done already

    def show_log(self) -> Self:
        """Print warnings and, unless quiet, notes of the library, a line each."""
        root = logging.getLogger()
        root.setLevel(logging.WARNING if self._quiet else logging.INFO)
        for handler in [one for one in root.handlers if isinstance(one, _ConsoleHandler)]:
            root.removeHandler(handler)  # of a command that ran before in this process
        root.addHandler(_ConsoleHandler(self.console))
        return self

    def tell(self, line: str) -> None:
        """Print a line above the bar, unless quiet."""
        if not self._quiet:
            self.console.print(line)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def __call__(self, title: str, done: int, total: int | None) -> None:
        if title != self._title or self._task is None:
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._title, self._task = title, self._progress.add_task(title, total=total)
            self._begun = (time.monotonic(), done)
        self._progress.update(self._task, completed=done, total=total)
        if not self.console.is_terminal and time.monotonic() >= self._told + TELL_EVERY:
            self._told = time.monotonic()
            self.tell(_plain_line(title, done, total, self._told - self._begun[0], done - self._begun[1]))


def _plain_line(title: str, done: int, total: int | None, seconds: float, since: int) -> str:
    """Progress in words: ``since`` of what is done took these ``seconds``, and the rest will be as fast."""
    if total is None:
        return f"{title}: {done:,}"
    left = f", {timedelta(seconds=round(max(total - done, 0) * seconds / since))} left" if since > 0 else ""
    return f"{title}: {done:,} of {total:,}{left}"


class _ConsoleHandler(logging.Handler):
    """Hands log records to a console, which prints them above its progress bar."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        self._console.print(printable(self.format(record)))
