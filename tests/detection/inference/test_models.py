from pathlib import Path

import pytest

from detection.inference.models import BUNDLED, bundled_models, fingerprint, model_file


def test_a_name_is_a_path_first_and_a_bundled_model_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundled = model_file(BUNDLED)
    assert bundled is not None
    assert bundled.name == f"{BUNDLED}.safetensors"
    monkeypatch.chdir(tmp_path)
    Path(BUNDLED).write_bytes(b"mine")
    assert model_file(BUNDLED) == Path(BUNDLED)
    assert model_file("nothing") is None
    assert BUNDLED in bundled_models()


def test_a_fingerprint_changes_with_the_content(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    path.write_bytes(b"one")
    before = fingerprint(str(path))
    assert before.startswith("mine.safetensors ")
    path.write_bytes(b"two")
    assert fingerprint(str(path)) != before
    assert fingerprint("no such model") == "no such model"
