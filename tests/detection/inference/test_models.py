from pathlib import Path

import pytest

from backbone.model_file import change_header
from detection.inference import models
from detection.inference.models import BUNDLED, bundled_models, fingerprints, model_file, model_files, weights_hash
from tests.detection.build.models import write_model


def test_a_name_is_a_path_first_and_a_bundled_model_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundled = model_file(BUNDLED)
    assert bundled is not None
    assert bundled.name == f"{BUNDLED}.safetensors"
    monkeypatch.chdir(tmp_path)
    Path(BUNDLED).write_bytes(b"mine")
    assert model_file(BUNDLED) == Path(BUNDLED)
    assert model_file("nothing") is None
    assert BUNDLED in bundled_models()


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package's models: ``one``, and ``six``, which is ``one`` and two more."""
    folder = tmp_path / "models"
    (folder / "six").mkdir(parents=True)
    for name in ("one", "six/10", "six/2"):
        (folder / f"{name}.safetensors").write_bytes(name.encode())
    (folder / "six.txt").write_bytes(b"one.safetensors\r\nsix/10.safetensors\n\n six/2.safetensors")
    (folder / "six.md").write_text("a card")
    monkeypatch.setattr(models, "_bundled_folder", lambda: folder)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return folder


def test_an_ensemble_is_a_list_of_files(bundled: Path) -> None:
    assert [path.stem for path in model_files("six")] == ["one", "10", "2"]
    assert model_files(bundled / "six.txt") == model_files("six")
    assert [name.split()[0] for name in fingerprints("six")] == [f"{stem}.safetensors" for stem in ("one", "10", "2")]
    assert model_file("six") is None
    assert bundled_models() == ["one", "six"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "names no model file"),
        (b"\xff\xfe\x00", "is not a list of model files"),
        (b"one.safetensors\nseven.safetensors\n", "six.txt names .*seven.safetensors, which is no file"),
    ],
)
def test_what_is_no_list_is_told(bundled: Path, content: bytes, words: str) -> None:
    (bundled / "six.txt").write_bytes(content)
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        model_files("six")


def test_a_folder_of_runs_is_its_finished_members(tmp_path: Path) -> None:
    for number in (1, 2, 10):
        (tmp_path / f"member-{number}").mkdir()
    for number in (1, 10):
        (tmp_path / f"member-{number}" / "last.safetensors").write_bytes(b"x")
    assert [path.parent.name for path in model_files(tmp_path)] == ["member-1", "member-10"]
    assert model_files(tmp_path / "member-1") == [tmp_path / "member-1" / "last.safetensors"]
    assert model_files(tmp_path / "member-2") == []


def test_a_fingerprint_changes_with_the_content(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    path.write_bytes(b"one")
    (before,) = fingerprints(path)
    assert before.startswith("mine.safetensors ")
    path.write_bytes(b"two")
    assert fingerprints(path) != [before]
    assert fingerprints("no such model") == ["no such model"]


def test_the_hash_of_weights_does_not_know_the_header(tmp_path: Path) -> None:
    one, other = (write_model(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2))
    before = weights_hash(one)
    assert before != weights_hash(other)
    change_header(one, {"provenance": {"steps": 8}})
    assert weights_hash(one) == before
