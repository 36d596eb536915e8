"""The tutorial examples/blood_cells.md: its commands are ones that the tools know, and they run one after another."""

import importlib
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
import yaml

from detection.config_file import read_config
from tests.conftest import REPOSITORY
from tests.detection.rectangles import write_backbone

TUTORIAL = REPOSITORY / "examples" / "blood_cells.md"
CONFIG = REPOSITORY / "configs" / "blood_cells.yaml"
DATA = "BCCD_Dataset/BCCD"  # as the tutorial calls it
FEW = {"train": 4, "val": 2, "trainval": 6, "test": 3}  # photos of a split


def commands() -> list[list[str]]:
    """What the tutorial's shell blocks run, in words: tool and arguments."""
    blocks = re.findall(r"^```sh\n(.*?)^```", TUTORIAL.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    return [rest for program, *rest in filter(None, words) if program == "python"]


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_is_one_that_its_tool_understands(command: list[str]) -> None:
    tool, *arguments = command
    module = importlib.import_module(tool.removesuffix(".py").replace("/", "."))
    typer.main.get_command(module.app).make_context(tool, arguments)


def test_the_config_and_what_the_tutorial_changes_of_it_are_known() -> None:
    read_config(CONFIG)
    text = TUTORIAL.read_text(encoding="utf-8")
    settings = re.findall(r"\b(\w+\.\w+=[\w.-]+)", text)
    assert settings
    read_config(CONFIG, settings)


def test_every_figure_that_the_config_states_stands_in_the_tutorial_too() -> None:
    """The two are read side by side, and are changed together."""
    comment = "".join(line for line in CONFIG.read_text(encoding="utf-8").splitlines(True) if line.startswith("#"))
    tutorial = TUTORIAL.read_text(encoding="utf-8")
    for figure in re.findall(r"0\.\d{4}", comment):
        assert figure in tutorial


@pytest.fixture
def here(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the tutorial's layout: a few photos of the data set, and a network small enough for seconds."""
    cells, few = shared / "data" / "bccd" / "BCCD", tmp_path / DATA
    lists = few / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    for name in ("Annotations", "JPEGImages"):
        (few / name).symlink_to(cells / name)
    test, trainval = ((cells / "ImageSets/Main" / f"{split}.txt").read_text().split() for split in ("test", "trainval"))
    for split, ids in {"test": test, "train": trainval, "val": trainval[FEW["train"] :], "trainval": trainval}.items():
        (lists / f"{split}.txt").write_text("\n".join(ids[: FEW[split]]) + "\n")
    values = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    values["backbone"]["weights"] = str(write_backbone(tmp_path / "narrow.safetensors"))
    values["ranking"] |= {"top": 12, "image_size": 96, "epochs": 1}
    values["regions"] = {"size": 64, "context": 4}
    values["training"] |= {"batch_size": 16, "warmup": 1}
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / CONFIG.name).write_text(yaml.safe_dump(values))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_commands_run_one_after_another(here: Path) -> None:
    """With another network and few steps, the tutorial's own command lines do what it says."""
    for tool, *arguments in commands():
        module = importlib.import_module(tool.removesuffix(".py").replace("/", "."))
        main: Callable[[list[str]], int] = module.main
        short = [re.sub(r"training\.steps=\d+", "training.steps=2", argument) for argument in arguments]
        if tool == "tools/finetune.py":
            short += ["--set", "training.steps=2", "--device", "cpu"]
        # the doctor's exit code tells what it found
        assert main(short) in ({0, 1} if tool == "tools/doctor.py" else {0}), short
    assert (here / "runs/cells/last.safetensors").exists()
    assert list(here.rglob("*.html"))
