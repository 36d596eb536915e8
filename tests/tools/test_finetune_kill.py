"""tools/finetune.py killed with SIGKILL at any moment: what is resumed ends with the bits of a run that was not killed.

The processes are forked from one that has imported everything and computed nothing: a start costs no seconds.
"""

import json
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from detection.build.proposers import build_proposer
from detection.proposals.store import ProposalStore
from tests.detection.rectangles import propose, small_config, write_backbone
from tests.tools.test_finetune import PHOTOS, write_photos
from tools import finetune

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
REPOSITORY = Path(__file__).resolve().parents[2]
STEPS = 6


@dataclass(frozen=True)
class Laboratory:
    """Where runs of one config are made: as arguments of tools/finetune.py, without --out."""

    folder: Path
    arguments: tuple[str, ...]

    def command(self, out: Path) -> list[str]:
        """What goes on with a run, or begins it."""
        resume = ["--resume"] if (out / "config.yaml").exists() else []
        return [*self.arguments, "--out", str(out), *resume]


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    """Six photos whose proposals are in the store, and a narrow network; a checkpoint a step, two validations."""
    folder = tmp_path_factory.mktemp("laboratory")
    voc = write_photos(folder / "VOC")
    config = small_config(
        write_backbone(folder / "narrow.safetensors"),
        data={"train_split": "train", "validation_split": "val"},
        training={
            "steps": STEPS,
            "checkpoint_every": 1,
            "validate_every": 3,
            "photometric": False,
            "deterministic": True,
        },
    )
    (folder / "small.yaml").write_text(yaml.safe_dump(config.model_dump(mode="json")))
    store = ProposalStore(folder / "store", build_proposer(config.proposals))
    for image_id, boxes in zip(PHOTOS.ids, propose(PHOTOS), strict=True):
        store.keep(voc / "JPEGImages" / f"{image_id}.png", boxes)
    options = ("--data", str(voc), "--store", str(folder / "store"), "--device", "cpu", "--quiet")
    return Laboratory(folder, (str(folder / "small.yaml"), *options))


@pytest.fixture(scope="module")
def processes() -> Any:
    """Starts processes that need not import PyTorch."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["detection.build.training_run", "tools.finetune"])
    return context


@pytest.fixture(scope="module")
def whole(laboratory: Laboratory, processes: Any) -> tuple[Path, float]:
    """A run that nobody killed, and the seconds it took; the same seeds gave another the same bits."""
    first, second = (laboratory.folder / name for name in ("first", "whole"))
    finish(laboratory.command(first), processes)  # waits for imports
    started = time.monotonic()
    finish(laboratory.command(second), processes)
    seconds = time.monotonic() - started
    assert_same_run(first, second)
    return second, seconds


def begin(arguments: list[str], processes: Any, die_in_checkpoint: int | None = None) -> Any:
    process = processes.Process(target=train, args=(arguments, die_in_checkpoint))
    process.start()
    return process


def finish(arguments: list[str], processes: Any) -> None:
    process = begin(arguments, processes)
    process.join()
    assert process.exitcode == 0


def train(arguments: list[str], die_in_checkpoint: int | None) -> None:
    """The command, in a process of its own, which may kill itself when a checkpoint is half-written."""
    torch.set_num_threads(1)
    save, saved = torch.save, 0

    def save_or_die(state: object, file: Any) -> None:
        nonlocal saved
        saved += 1
        save(state, file)
        if saved == die_in_checkpoint:
            file.truncate(file.tell() // 2)
            os.kill(os.getpid(), signal.SIGKILL)

    torch.save = save_or_die
    sys.exit(finetune.main(arguments))


def assert_same_run(one: Path, other: Path) -> None:
    for name in ("last.safetensors", "best.safetensors", "trace.jsonl", "manifest.json", "config.yaml"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    assert metrics(one) == metrics(other)


def metrics(folder: Path) -> list[dict[str, object]]:
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [{name: value for name, value in line.items() if name != "crops_per_second"} for line in lines]


def kill_and_resume(laboratory: Laboratory, processes: Any, whole: tuple[Path, float], number: int) -> None:
    """Kill a run at a random moment or, every fourth, within a checkpoint; resume it and compare."""
    reference, seconds = whole
    chance = random.Random(number)
    out = laboratory.folder / f"killed{number}"
    if number % 4 == 0:
        process = begin(laboratory.command(out), processes, chance.randint(1, STEPS + 2))
    else:
        process = begin(laboratory.command(out), processes)
        time.sleep(chance.uniform(0.1, 1.0) * seconds)
        process.kill()  # SIGKILL
    process.join()
    assert process.exitcode in (-signal.SIGKILL, 0)
    finish(laboratory.command(out), processes)
    assert_same_run(out, reference)


@pytest.mark.parametrize("number", [0, 1])
def test_a_killed_run_ends_with_the_bits_of_one_that_was_not(
    laboratory: Laboratory, processes: Any, whole: tuple[Path, float], number: int
) -> None:
    kill_and_resume(laboratory, processes, whole, number)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(2, 20))
def test_a_run_killed_at_any_moment_ends_with_the_bits_of_one_that_was_not(
    laboratory: Laboratory, processes: Any, whole: tuple[Path, float], number: int
) -> None:
    kill_and_resume(laboratory, processes, whole, number)


@pytest.mark.slow
def test_torchrun_goes_on_by_itself_when_a_process_is_killed(laboratory: Laboratory, tmp_path: Path) -> None:
    """Two processes, of which the second is killed once the run has a checkpoint."""
    outs = tmp_path / "whole", tmp_path / "killed"
    for out in outs:
        longer = ["--set", "training.steps=30", "--set", "training.validate_every=15"]  # than the kill takes
        started = under_torchrun(*laboratory.arguments, *longer, "--out", str(out))
        if out.name == "killed":
            kill_second_process(started, out)
        _, said = started.communicate(timeout=400)
        assert started.returncode == 0, said
        assert ("exitcode: -9" in said) == (out.name == "killed")
    assert_same_run(*outs)
    assert json.loads((outs[0] / "manifest.json").read_text())["processes"] == 2
    verification = under_torchrun(*laboratory.arguments[1:], "--verify", str(outs[0]), "--steps", "3")
    _, said = verification.communicate(timeout=400)
    assert verification.returncode == 0, said


def under_torchrun(*arguments: str) -> subprocess.Popen[str]:
    """tools/finetune.py in two processes."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nnodes=1", "--nproc-per-node=2"]
    place = ["--rdzv-backend=c10d", f"--rdzv-endpoint=127.0.0.1:{free_port()}", "--max-restarts=1"]
    command = [*torchrun, *place, str(REPOSITORY / "tools/finetune.py"), *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def kill_second_process(torchrun: subprocess.Popen[str], out: Path) -> None:
    while not (out / "checkpoint.pt").exists():
        assert torchrun.poll() is None
        time.sleep(0.02)
    children = Path(f"/proc/{torchrun.pid}/task/{torchrun.pid}/children").read_text().split()
    ranks = {
        Path(f"/proc/{child}/environ").read_bytes().split(b"\0").count(b"RANK=1"): int(child) for child in children
    }
    os.kill(ranks[1], signal.SIGKILL)
