"""Model files: what is written is read, and what is no model file is told apart in words."""

import json
import os
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from backbone.model_file import HEADER_KEY, read_model_file, read_model_header, save_model_file

TENSORS = {"weight": torch.tensor([[0.5, 1 / 3]]), "count": torch.tensor(3)}
HEADER = {"kind": "detector", "class_names": ["cat", "Käfer"], "threshold": 0.1}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


def test_it_is_read_as_it_was_written(path: Path) -> None:
    save_model_file(path, TENSORS, HEADER)
    tensors, header = read_model_file(path, kind="detector")
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)
    assert header == {**HEADER, "format": 1}
    assert read_model_header(path) == header
    assert list(path.parent.iterdir()) == [path]


def test_others_may_read_it_as_any_new_file(path: Path) -> None:
    save_model_file(path, TENSORS, HEADER)
    (plain := path.with_name("plain")).touch()
    assert path.stat().st_mode == plain.stat().st_mode


def test_a_header_that_was_read_can_be_written_again(path: Path) -> None:
    save_model_file(path, TENSORS, HEADER)
    tensors, header = read_model_file(path)
    save_model_file(path, tensors, header)
    assert read_model_file(path)[1] == header


def test_half_precision_is_for_floats_only(path: Path) -> None:
    save_model_file(path, TENSORS, HEADER, dtype=torch.float16)
    tensors, _ = read_model_file(path)
    assert tensors["weight"].dtype == torch.float16
    assert torch.equal(tensors["count"], torch.tensor(3))


def test_the_statistics_of_batch_norm_stay_as_they_are(path: Path) -> None:
    """Pixels of -128 to 128 under weights of any size: a variance that float16 does not hold."""
    statistics = {"conv.norm.running_mean": torch.tensor([1e5, 1 / 3]), "conv.norm.running_var": torch.tensor([3e6, 1])}
    save_model_file(path, {**TENSORS, **statistics}, HEADER, dtype=torch.float16)
    tensors, _ = read_model_file(path)
    assert all(torch.equal(tensors[name], value) for name, value in statistics.items())
    assert tensors["weight"].dtype == torch.float16


def test_views_and_shared_memory_are_stored_whole(path: Path) -> None:
    base = torch.arange(6.0).view(2, 3)
    save_model_file(path, {"a": base, "b": base.T, "c": base[:, 1]}, HEADER)
    tensors, _ = read_model_file(path)
    assert torch.equal(tensors["b"], base.T)
    assert torch.equal(tensors["c"], base[:, 1])


@pytest.mark.parametrize(("value", "dtype"), [(1e6, torch.float16), (float("nan"), None)])
def test_a_value_that_would_be_lost_is_refused(path: Path, value: float, dtype: torch.dtype | None) -> None:
    with pytest.raises(ValueError, match="bias holds a value that is not finite as float"):
        save_model_file(path, {"bias": torch.tensor([value])}, HEADER, dtype)
    assert not path.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_told_with_the_file(path: Path) -> None:
    path.with_name(f".{path.name}.{os.getpid()}").symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"No space left on device: '.*/model\.safetensors'$"):
        save_model_file(path, TENSORS, HEADER)


def test_a_failed_write_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_model_file(path, TENSORS, HEADER)

    def half_written(temporary: Path, content: bytes) -> None:
        with temporary.open("wb") as file:
            file.write(content[:4])
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half_written)
    with pytest.raises(OSError, match="No space left"):
        save_model_file(path, TENSORS, {**HEADER, "threshold": 0.2})
    assert read_model_header(path)["threshold"] == 0.1
    assert list(path.parent.iterdir()) == [path]


def test_readers_never_see_half_a_file(path: Path) -> None:
    save_model_file(path, TENSORS, HEADER)
    writer = threading.Thread(target=lambda: [save_model_file(path, TENSORS, HEADER) for _ in range(30)])
    writer.start()
    while writer.is_alive():
        assert read_model_file(path)[1]["kind"] == "detector"
    writer.join()


def test_another_kind_is_refused_in_words(path: Path) -> None:
    save_model_file(path, TENSORS, {"kind": "classifier"})
    with pytest.raises(ValueError, match="this file is a classifier, not a detector; tools/finetune"):
        read_model_file(path, kind="detector")


def test_a_header_needs_a_kind(path: Path) -> None:
    with pytest.raises(ValueError, match=r"needs a 'kind'; it has \['classes'\]"):
        save_model_file(path, TENSORS, {"classes": 3})


def test_a_header_is_json(path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        save_model_file(path, TENSORS, {"kind": "detector", "map": float("nan")})


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere"):
        save_model_file(tmp_path / "nowhere" / "model.safetensors", TENSORS, HEADER)


def test_a_missing_file_is_said(path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no model file .*model\.safetensors"):
        read_model_file(path)


@pytest.mark.parametrize(
    "content", [b"", b"not a model", b"\x0a\x09GoogleNet", b"\xff" * 64], ids=["empty", "text", "caffe", "ff"]
)
def test_another_file_is_refused_in_words(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"model\.safetensors: not a whole model file .*tools/convert_weights\.py reads"
    ):
        read_model_file(path)


def test_a_truncated_file_is_refused(path: Path) -> None:
    save_model_file(path, {"weight": torch.ones(1000)}, HEADER)
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(ValueError, match="not a whole model file"):
        read_model_file(path)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (None, "not one of this project"),
        ({"format": "pt"}, "not one of this project"),
        ({HEADER_KEY: "{"}, "a damaged header"),
        ({HEADER_KEY: "[]"}, "a damaged header"),
        ({HEADER_KEY: json.dumps({"format": 1})}, "a damaged header: 'kind'"),
        (
            {HEADER_KEY: json.dumps({"format": 2, "kind": "detector"})},
            r"format 2 is newer than this version reads \(1\)",
        ),
    ],
)
def test_another_safetensors_file_is_refused(path: Path, metadata: dict[str, str] | None, message: str) -> None:
    save_file(TENSORS, path, metadata=metadata)
    with pytest.raises(ValueError, match=message):
        read_model_file(path)
