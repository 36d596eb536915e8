"""Trainings from a config and an address: what torchrun changes."""

from pathlib import Path

import pytest

from detection.build import sources
from detection.build.sources import open_sources
from detection.proposals.store import ProposalStore
from detection.structures import Proposals
from detection.training.distributed import ALONE, Processes
from tests.detection.datasets.trees import write_voc
from tests.detection.rectangles import small_config, write_backbone


@pytest.mark.parametrize(
    ("processes", "filled"), [(ALONE, ["0123"]), (Processes(0, 3), ["0", "0123"]), (Processes(2, 3), ["23", "0123"])]
)
def test_each_process_fills_its_share_of_the_store_before_it_asks_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: Processes, filled: list[str]
) -> None:
    photos = {str(number): [("red", 5, 5, 20, 25)] for number in range(4)}
    voc = write_voc(tmp_path / "VOC", photos, {"trainval": photos})
    asked = []

    def fill(self: ProposalStore, paths: list[Path], report: object) -> list[Proposals]:
        asked.append("".join(path.stem for path in paths))
        return [Proposals([[0, 0, 9, 9]])] * len(paths)

    def wait(self: Processes) -> None:
        asked.append("wait")

    monkeypatch.setattr(sources.ProposalStore, "fill", fill)
    monkeypatch.setattr(Processes, "wait", wait)
    config = small_config(write_backbone(tmp_path / "narrow.safetensors"))
    one = open_sources(config, str(voc), tmp_path / "store", lambda *_: None, processes)
    assert len(one.proposals(one.train)) == 4
    if processes is ALONE:
        assert len(one.proposals(one.train, [3, 1])) == 2
        assert asked.pop() == "31"
    assert [paths for paths in asked if paths != "wait"] == filled
    assert asked.count("wait") == len(filled) - 1
