"""What the documents tell people to type exists: commands, options, settings, files; and README's Python runs."""

import contextlib
import io
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer

from backbone.complexity import table_1_costs
from backbone.googlenet import GoogLeNet
from detection.config import Config, DetectionConfig
from tests.conftest import REPOSITORY

DOCUMENTS = [
    path.relative_to(REPOSITORY).as_posix()
    for folder in (".", "examples", "detection/models")
    for path in sorted((REPOSITORY / folder).glob("*.md"))
]
FENCES = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def text_of(document: str) -> str:
    return (REPOSITORY / document).read_text(encoding="utf-8")


def commands() -> Iterator[tuple[str, list[str]]]:
    """Each ``python tools/...`` line of a block for a shell, with its document."""
    for document in DOCUMENTS:
        for kind, block in FENCES.findall(text_of(document)):
            for line in block.replace("\\\n", " ").splitlines() if kind == "sh" else []:
                words = shlex.split(line, comments=True)
                if words[:1] == ["python"] and words[1].startswith("tools/"):
                    yield document, words[1:]


COMMANDS = list(commands())


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """The command that a line runs, and the words after its name."""
    module = import_module(words[0].removesuffix(".py").replace("/", "."))
    command, rest = typer.main.get_command(module.app), words[1:]
    if rest and rest[0] in (several := getattr(command, "commands", {})):
        return several[rest[0]], rest[1:]
    return command, rest


def test_there_are_commands_to_look_at() -> None:
    assert len(COMMANDS) > 30


@pytest.mark.parametrize(("document", "words"), COMMANDS, ids=[" ".join(words) for _, words in COMMANDS])
def test_a_command_of_a_document_can_be_given(document: str, words: list[str]) -> None:
    command, rest = command_of(words)
    options = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    for word, value in zip(rest, [*rest[1:], ""], strict=True):
        if word.startswith("--"):
            assert word in options, f"{document}: {words[0]} has no {word}"
        if word == "--set" and command.name != "pretrain":
            *section, key = value.partition("=")[0].split(".")
            fields = Config.model_fields[section[0]].annotation if section else DetectionConfig
            assert key in fields.model_fields, f"{document}: no setting {value}"
        if word.startswith("configs/"):
            assert (REPOSITORY / word).is_file(), f"{document}: no {word}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_links_of_a_document_lead_to_files(document: str) -> None:
    for target in LINK.findall(text_of(document)):
        assert ((REPOSITORY / document).parent / target).exists(), target


def test_the_python_of_the_readme_finds_the_cat(monkeypatch: pytest.MonkeyPatch) -> None:
    (program,) = [block for kind, block in FENCES.findall(text_of("README.md")) if kind == "python"]
    monkeypatch.chdir(REPOSITORY)
    names: dict[str, object] = {}
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(program, names)  # it is ours
    assert re.match(r"cat 0\.[5-9]", out.getvalue())
    assert names["picture"].shape[2] == 3  # type: ignore[attr-defined]


def test_a_frozen_stem_saves_what_the_config_says() -> None:
    costs = {row.row: row.multiply_adds / 1e6 for row in table_1_costs(GoogLeNet())}
    said = f"{costs['conv1'] + costs['conv2']:.0f} of {sum(costs.values()):,.0f} million multiply-adds"
    assert said in (REPOSITORY / "configs/voc5.yaml").read_text()


def test_the_lists_of_photos_are_whole() -> None:
    ids = Path(REPOSITORY / "configs/voc5_trainval.txt").read_text().split()
    assert len(set(ids)) == len(ids) == 996
    assert not set(ids) & set(Path(REPOSITORY / "tests/golden/voc/list.txt").read_text().split())
