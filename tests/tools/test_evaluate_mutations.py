"""Damaged input ends in one clear line, changes nothing, or is warned of: no traceback, no silent wrong number."""

import json
import logging
import random
import shutil
from pathlib import Path

import pytest

from tests.tools.evaluations import CASES, Case
from tests.tools.mutations import REFUSED, SAME, UNDEFINED, Mutation, mutate
from tools.evaluate import main

QUICK, ALL = 30, 200  # mutations a case


def run(case: Case, folder: Path, capfd: pytest.CaptureFixture[str]) -> tuple[int, object, list[str]]:
    """Exit code, what was written, and the lines on stderr."""
    output = folder / "result.json"
    output.unlink(missing_ok=True)
    code = main([*case.arguments, "--json", str(output)])
    printed = capfd.readouterr()
    if code:
        assert printed.out == ""
        assert not output.exists()
    return code, json.loads(output.read_text()) if output.exists() else None, printed.err.splitlines()


def assert_is_told(mutation: Mutation, path: Path, folder: Path, lines: list[str]) -> None:
    *warnings, error = lines
    assert all(line.startswith("WARNING: ") for line in warnings), lines
    assert error.startswith("error: "), lines
    assert len(error) < 1500, lines
    assert str(folder) in error, lines
    if mutation.line is not None:
        assert f"{path}:{mutation.line}: " in error, lines


def spoil_and_run(name: str, seed: int, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    case = CASES[name](folder)
    code, whole, lines = run(case, folder, capfd)
    assert (code, lines) == (0, []), lines
    chance = random.Random(f"{name} {seed}")
    path = chance.choice(case.files)
    mutation = mutate(path, chance)
    code, result, lines = run(case, folder, capfd)
    what = f"{path.name}: {mutation.name}: {mutation.expected}, but {code} {lines} {result == whole}"
    if code == 2:
        assert mutation.expected != SAME, what
        assert_is_told(mutation, path, folder, lines)
    else:
        assert code == 0, what
        assert mutation.expected != REFUSED, what
        assert all(line.startswith("WARNING: ") for line in lines), what
        assert result == whole or (lines and mutation.expected != SAME) or mutation.expected == UNDEFINED, what


@pytest.mark.parametrize("name", CASES)
def test_damage_is_never_silent(name, tmp_path, capfd):
    for seed in range(QUICK):
        spoil_and_run(name, seed, tmp_path / str(seed), capfd)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_damage_is_never_silent_a_thousand_times(name, tmp_path, capfd):
    for seed in range(QUICK, ALL):
        spoil_and_run(name, seed, tmp_path / str(seed), capfd)
        shutil.rmtree(tmp_path / str(seed))
        logging.getLogger().handlers.clear()
