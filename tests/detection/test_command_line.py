"""What every command does alike."""

import errno
import io
import logging
import os
import shlex
import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
import typer
from rich.console import Console

from detection import command_line
from detection.command_line import Bars, console, help_text, installed_version, new_app, printable, run_command, table

DOCSTRING = """Count things.

    python tools/count.py one
    python tools/count.py two

A line of words
and another."""


class OddError(RuntimeError):
    """An error that only some commands know."""


def app_of(work: Callable[[int], object]) -> typer.Typer:
    app = new_app()

    @app.command(help=help_text(DOCSTRING))
    def count(number: int) -> object:
        return work(number)

    return app


def fail(error: BaseException) -> Callable[[int], object]:
    def work(number: int) -> object:
        raise error

    return work


def run(work: Callable[[int], object], *arguments: str, **options: object) -> int:
    return run_command(app_of(work), arguments or ("3",), name="count.py", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (1, 1), (["a list"], 0)])
def test_the_exit_code_is_the_number_that_a_command_returns(returned: object, code: int) -> None:
    assert run(lambda number: returned) == code


@pytest.mark.parametrize("error", [ValueError("too\nlong \x1b[31m"), FileNotFoundError("gone"), ImportError("no cv2")])
def test_bad_input_is_one_printable_line(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(fail(error)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"error: {printable(' '.join(str(error).split()))}\n"
    assert "\x1b" not in err


@pytest.mark.parametrize("arguments", [("three",), ("3", "--colour"), ("3", "4")])
def test_a_usage_error_points_to_the_help(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(lambda number: None, *arguments) == 2
    err = capsys.readouterr().err
    assert err.endswith("(--help shows examples)\n")
    assert err.count("\n") == 1


def test_advice_follows_the_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(fail(ValueError("full")), advice=lambda error: f": make room ({type(error).__name__})") == 2
    assert capsys.readouterr().err == "error: full: make room (ValueError)\n"


def test_a_full_disk_is_told_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "a.json")
    assert run(fail(full)) == run(fail(full), again="go on with --resume") == 2
    said = "error: [Errno 28] No space left on device: 'a.json': make room and"
    assert capsys.readouterr().err == f"{said} give the same command again\n{said} go on with --resume\n"


def test_only_the_errors_that_are_named_are_bad_input() -> None:
    with pytest.raises(OddError):
        run(fail(OddError("ours")))
    assert run(fail(OddError("ours")), errors=(OddError,)) == 2


def test_a_gpu_s_full_memory_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(fail(torch.OutOfMemoryError("CUDA out of memory.\nTried"))) == 2
    assert capsys.readouterr().err == "error: the GPU's memory is full: CUDA out of memory. Tried\n"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), typer.Abort()])
def test_ctrl_c_is_130_and_says_how_to_go_on(error: BaseException, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(fail(error), stopped="stopped: again") == 130
    assert capsys.readouterr().err == "stopped: again\n"


PROGRAM = """
import sys
from detection.command_line import Bars, console, new_app, run_command, table

app = new_app()

@app.command()
def show(rows: int) -> int:
    shown = table("photo", "number")
    for row in range(rows):
        shown.add_row("ü猫.jpg", str(row))
    print("ü猫.jpg")
    Bars().tell(rows * "a line on stderr" if rows > 2 else "")
    console().print(shown, "ü猫.jpg")
    print(rows * "ü猫.jpg ")
    return 3

sys.exit(run_command(app, None, name="show.py"))
"""


def test_what_standard_output_cannot_show_is_printed_in_escapes() -> None:
    command = [sys.executable, "-c", PROGRAM, "1"]
    ran = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}, check=False)
    assert (ran.returncode, ran.stderr) == (3, b"\n")
    assert ran.stdout.count(rb"\xfc\u732b.jpg") == 4


@pytest.mark.skipif(sys.platform == "win32", reason="a shell")
def test_standard_output_may_be_closed() -> None:
    command = f"{shlex.join([sys.executable, '-c', PROGRAM, '2'])} >&-"
    ran = subprocess.run(["bash", "-c", command], stderr=subprocess.PIPE, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (3, "\n")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes")
@pytest.mark.parametrize("rows", [1, 3000], ids=["little", "more than a buffer holds"])
def test_the_exit_code_is_the_command_s_own_where_no_one_reads(rows: int) -> None:
    program = shlex.join([sys.executable, "-c", PROGRAM, str(rows)])
    for end in ("| true", "2>&1 | true"):
        command = f"{program} {end}; echo ${{PIPESTATUS[0]}}"
        ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
        assert ran.stdout == "3\n"


def test_help_keeps_the_lines_of_the_docstring(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(lambda number: None, "--help") == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    start = lines.index("Count things.")
    assert lines[start : start + 7] == [line.strip() for line in DOCSTRING.splitlines()]


def test_strange_characters_are_escaped_and_letters_stay() -> None:
    assert printable("犬\n\x1b[31m\udcff") == "犬\\n\\x1b[31m\\udcff"


def test_what_is_printed_is_what_was_given_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    text = "[red]a[/red] :smile: 12 " + 300 * "x"
    console().print(text)
    assert capsys.readouterr().out == f"{text}\n"


def test_a_row_of_a_table_stays_in_one_line_where_it_is_not_read_on_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = table("photo", "score")
    shown.add_row(200 * "x", "1")
    shown.add_row("[b]", "22")
    console().print(shown)
    rows = [line.split("│")[1:-1] for line in capsys.readouterr().out.splitlines() if line.startswith("│")]
    assert [cell.strip() for row in rows for cell in row] == [200 * "x", "1", "[b]", "22"]
    assert rows[0][1].endswith(" 1 ")  # numbers stand on the right


def test_versions() -> None:
    assert installed_version("pytest") == pytest.__version__
    assert installed_version("no-such-package") is None


def test_without_a_terminal_there_is_no_bar_and_lines_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    with Bars() as bars:
        bars("working", 1, 2)
        bars.tell("half of it")
    assert capsys.readouterr() == ("", "half of it\n")


def test_without_a_terminal_long_work_tells_a_line_every_half_minute(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("detection.command_line.time.monotonic", lambda: now)
    for quiet in (False, True):
        with Bars(quiet=quiet) as bars:
            for step in range(400, 409):  # resumed: 400 were done before
                bars("training", step, 1400)
                now += 10
            bars("fetching", 5, None)
            now += 40
            bars("fetching", 6, None)
    assert capsys.readouterr().err.splitlines() == [
        "training: 403 of 1,400, 2:46:10 left",
        "training: 406 of 1,400, 2:45:40 left",
        "fetching: 5",
        "fetching: 6",
    ]


def test_a_long_silence_before_the_first_step_says_nothing_of_the_rest(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("detection.command_line.time.monotonic", lambda: now)
    with Bars() as bars:
        now = 100.0
        bars("photos", 1, 3)
    assert capsys.readouterr().err == "photos: 1 of 3\n"


def test_quiet_tells_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Bars(quiet=True) as bars:
        bars("working", 1, 2)
        bars.tell("half of it")
    assert capsys.readouterr() == ("", "")


def test_on_a_terminal_a_bar_shows_its_title_and_count(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(command_line, "console", lambda **_: Console(file=screen, force_terminal=True, width=100))
    with Bars() as bars:
        bars("reading", 1, 2)
        bars("training", 3, 40)
        bars.tell("a line above")
    text = screen.getvalue()
    assert "training" in text
    assert "3/40" in text
    assert "a line above" in text


@pytest.mark.parametrize(("quiet", "lines"), [(False, 2), (True, 1)])
def test_the_log_is_shown_a_line_a_record(
    quiet: bool, lines: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    Bars(quiet=quiet).show_log()
    logging.getLogger("detection.some").info("a note")
    logging.getLogger("detection.some").warning("[bold] of a\nphoto %s", 300 * "x")
    told = capsys.readouterr().err.splitlines()
    assert len(told) == lines
    assert told[-1] == "[bold] of a\\nphoto " + 300 * "x"
