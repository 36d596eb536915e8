"""What every command of ``tools/`` does alike: its docstring as help, errors in one line, exit codes, progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import TracebackType

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

BAD_INPUT = 2
STOPPED = 130  # by Ctrl-C, as shells count it
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
    advice: Callable[[Exception], str] = lambda _: "",
    errors: tuple[type[Exception], ...] = (ValueError, OSError, ImportError),
) -> int:
    """Run a command and give its exit code: what it returned, 2 after bad input, 130 after Ctrl-C.

    An error of ``errors`` is told on stderr in one line, with ``advice`` after it; ``stopped`` is what Ctrl-C is
    answered with.
    """
    try:
        code = app(argv, standalone_mode=False, prog_name=name) or 0
        if code == STOPPED:  # what typer makes of Ctrl-C; older versions raise Abort
            raise KeyboardInterrupt
        return int(code)
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write(f"{stopped}\n")
        return STOPPED
    except USAGE_ERROR as error:
        message = f"{error.format_message()} (--help shows examples)"  # type: ignore[attr-defined]
    except errors as error:
        message = f"{error}{advice(error)}"
    sys.stderr.write(f"error: {printable(' '.join(message.split()))}\n")
    return BAD_INPUT


def printable(text: str) -> str:
    """``text`` in one line that any terminal takes: control characters and stray bytes as escapes."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def console(*, stderr: bool = False) -> Console:
    """A console that neither colours numbers nor breaks lines: what is printed can be piped and searched."""
    return Console(stderr=stderr, highlight=False, soft_wrap=True)


class Bars:
    """One progress bar with an ETA at a time, on stderr; a new title begins a new bar.

    ``with Bars() as bars: bars("training", step, steps)``. ``bars.console`` prints above the bar.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self.console = console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"), *columns, console=self.console, transient=True, disable=quiet
        )
        self._title = ""
        self._task: TaskID | None = None

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def __call__(self, title: str, done: int, total: int | None) -> None:
        if title != self._title or self._task is None:
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._title, self._task = title, self._progress.add_task(title, total=total)
        self._progress.update(self._task, completed=done, total=total)
