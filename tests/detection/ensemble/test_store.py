"""Region scores on disk."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from detection.ensemble.store import Regions, ScoreStore, begin_scores, open_scores
from detection.heads.scoring import RawScores

FACTS = {"regions": "first-00000000", "top": 5, "proposals": {"method": "grid"}}
RAW = RawScores(torch.rand(3, 2), learned=torch.rand(3, 2, 4))


def begin(folder: Path, ids: tuple[str, ...] = ("a", "b/c"), **facts: object) -> ScoreStore:
    return begin_scores(folder, ids, ["cat", "dog"], {**FACTS, **facts}, joins=["proposals", "top"])


def test_what_is_kept_is_read(tmp_path: Path) -> None:
    store = begin(tmp_path / "new")
    assert store.members == []
    assert store.regions(1) is None
    store.save_regions(1, Regions(np.array([[0, 0, 5, 6]], np.float32), (30, 40)))
    store.save("first-00000000", 1, RAW)
    again = open_scores(tmp_path / "new")
    assert (again.ids, again.class_names, again.members) == (("a", "b/c"), ("cat", "dog"), ["first-00000000"])
    regions = again.regions(1)
    assert regions is not None
    assert (regions.boxes.tolist(), regions.size) == ([[0, 0, 5, 6]], (30, 40))
    assert (again.has("first-00000000", 0), again.has("first-00000000", 1)) == (False, True)
    read = again.read("first-00000000", 1)
    assert torch.equal(read.softmax, RAW.softmax)
    assert torch.equal(read.learned, RAW.learned)
    assert (read.svm, read.ridge, read.evidence) == (None, None, None)


def test_other_folders_are_no_members(tmp_path: Path) -> None:
    store = begin(tmp_path)
    for name in ("my-notes", "plots", "old-4e1fa2c8.bak", ".cache-4e1fa2c8 copy"):
        (tmp_path / name).mkdir()
    store.save("voc5.v2-4e1fa2c8", 1, RAW)
    assert store.members == ["voc5.v2-4e1fa2c8"]
    assert store.known_as("renamed-4e1fa2c8") == "voc5.v2-4e1fa2c8"


def test_of_the_regions_the_first_may_be_read_alone(tmp_path: Path) -> None:
    store = begin(tmp_path)
    store.save_regions(1, Regions(np.arange(12, dtype=np.float32).reshape(3, 4), (30, 40)))
    store.save("first-00000000", 1, RAW._replace(evidence=torch.rand(2)))
    first = store.first(2)
    regions, raw, whole = first.regions(1), first.read("first-00000000", 1), store.read("first-00000000", 1)
    assert regions is not None
    assert regions.boxes.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert torch.equal(raw.softmax, RAW.softmax[:2])
    assert raw.learned is not None
    assert torch.equal(raw.learned, RAW.learned[:2])
    assert (raw.ridge, len(whole.softmax)) == (None, 3)
    assert raw.evidence is not None
    assert torch.equal(raw.evidence, whole.evidence)
    with pytest.raises(ValueError, match="5 regions of a photo were scored, not 6"):
        store.first(6)


def test_a_photo_that_a_member_has_not_scored_is_told(tmp_path: Path) -> None:
    store = begin(tmp_path)
    store.save("first-00000000", 1, RAW)
    with pytest.raises(
        ValueError, match=r"first-00000000 has not scored 1 of 2 photos: tools/ensemble\.py score goes on"
    ):
        store.read("first-00000000", 0)


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = begin(tmp_path)

    def full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space"):
        store.save("first-00000000", 1, RAW)
    assert not store.has("first-00000000", 1)
    assert list((tmp_path / "first-00000000").iterdir()) == []


def test_scores_of_other_photos_classes_or_regions_are_refused(tmp_path: Path) -> None:
    begin(tmp_path)
    assert begin(tmp_path, regions="second-1").facts["regions"] == "first-00000000"  # which chose them once and for all
    with pytest.raises(ValueError, match="holds the scores of 2 other photos"):
        begin(tmp_path, ids=("a",))
    with pytest.raises(ValueError, match=r"holds scores with top = 5, these have 9"):
        begin(tmp_path, top=9)
    with pytest.raises(ValueError, match="holds scores of the classes cat, dog"):
        begin_scores(tmp_path, ("a", "b/c"), ["dog"], FACTS, joins=[])


@pytest.mark.parametrize("content", [None, "{", "[]", json.dumps({"format": "another"})])
def test_a_folder_without_scores_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "scores.json").write_text(content)
    with pytest.raises(ValueError, match=r"no region scores of tools/ensemble\.py \(scores\.json: "):
        open_scores(tmp_path)
