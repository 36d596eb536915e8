"""Which run lies in a folder."""

import json
import sys
from pathlib import Path

import pytest
import torch
import yaml

from detection.build.data_facts import data_hash
from detection.build.run_folder import (
    begin_run,
    changed_facts,
    check_run,
    claimed_run,
    facts_of_run,
    read_facts,
)
from detection.config import Config
from detection.converters.locked_folder import FolderInUseError
from detection.training.replay import TRACE
from tests.detection.rectangles import rectangles, small_config

CONFIG = Config()
PHOTOS = rectangles(3)


def facts(photos=PHOTOS) -> dict:
    return facts_of_run(photos, CONFIG, source="voc:photos", device=torch.device("cpu"))


def test_a_run_is_described_so_that_it_can_be_repeated(tmp_path: Path) -> None:
    begin_run(tmp_path / "runs" / "mine", CONFIG, facts())
    folder = tmp_path / "runs" / "mine"
    assert Config.model_validate(yaml.safe_load((folder / "config.yaml").read_text())) == CONFIG
    written = json.loads((folder / "manifest.json").read_text())
    assert written == read_facts(folder)
    assert written["photos"] == 3
    assert written["data"] == data_hash(PHOTOS)
    assert written["versions"]["torch"] == torch.__version__.split("+")[0]
    known = {"revision", "sources", "config", "weights", "seed", "device", "threads", "processes", "machine", "python"}
    assert known <= written.keys()
    assert sorted(path.name for path in folder.iterdir()) == ["config.yaml", "manifest.json"]


def test_a_folder_nothing_was_begun_in_has_no_facts(tmp_path: Path) -> None:
    assert read_facts(tmp_path) == {}


def test_a_new_folder_is_for_a_new_run_and_an_old_one_for_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    check_run(folder, CONFIG, resume=False)
    assert not folder.exists()
    with pytest.raises(FileNotFoundError, match=r"no run in .*mine to resume: leave --resume out"):
        check_run(folder, CONFIG, resume=True)
    begin_run(folder, CONFIG, facts())
    check_run(folder, CONFIG, resume=True)
    begin_run(folder, CONFIG, facts())
    with pytest.raises(ValueError, match=r"was begun with another config \(.*backbone\.weights .* there, 'x' here"):
        check_run(folder, small_config(Path("x")), resume=True)
    (folder / TRACE).touch()
    with pytest.raises(ValueError, match="holds a run already: --resume goes on with it"):
        check_run(folder, CONFIG, resume=False)


@pytest.mark.skipif(sys.platform == "win32", reason="no locks there")
def test_two_processes_do_not_train_in_one_folder(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    with claimed_run(folder, CONFIG, resume=False):
        begin_run(folder, CONFIG, facts())
        for resume in (False, True):
            with (
                pytest.raises(FolderInUseError, match="mine is in use by another process"),
                claimed_run(folder, CONFIG, resume=resume),
            ):
                pytest.fail("claimed")
        assert read_facts(folder)  # the other one took nothing away
    with claimed_run(folder, CONFIG, resume=True):
        pass


def test_a_folder_that_is_not_there_is_not_made_to_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no run in"), claimed_run(tmp_path / "typo", CONFIG, resume=True):
        pytest.fail("claimed")
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_ended_before_its_first_step_may_be_begun_anew(tmp_path: Path) -> None:
    begin_run(tmp_path, CONFIG, facts())
    other = small_config(Path("x"))
    check_run(tmp_path, other, resume=False)
    begin_run(tmp_path, other, facts(rectangles(4)))
    check_run(tmp_path, other, resume=True)
    assert read_facts(tmp_path)["photos"] == 4


def test_a_run_does_not_go_on_with_other_photos(tmp_path: Path) -> None:
    begin_run(tmp_path, CONFIG, facts())
    with pytest.raises(ValueError, match=r"begun with other photos .* voc:photos \(3 photos then, 4 now\)"):
        begin_run(tmp_path, CONFIG, facts(rectangles(4)))
    assert read_facts(tmp_path)["photos"] == 3


def test_what_changes_while_a_run_goes_on_is_added_to_its_manifest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Three machines: what differs is told against the one before."""
    first = facts()
    machines = [first | {"threads": 1}, first | {"threads": 2}, first | {"threads": 2, "python": "3.99"}]
    machines[1]["versions"] = {**machines[1]["versions"], "torch": "9"}
    machines[2]["versions"] = machines[1]["versions"]
    for machine in machines:
        begin_run(tmp_path, CONFIG, machine)
    kept = read_facts(tmp_path)
    assert kept == {**machines[0], "later": [{"threads": 2, "torch": "9"}, {"python": "3.99"}]}
    assert [record.message.partition(" other ")[2] for record in caplog.records] == [
        "threads, torch: its bits may differ",
        "python: its bits may differ",
    ]
    assert changed_facts(kept, machines[2]) == {}
    assert changed_facts(kept, machines[1])["python"] == ("3.99", machines[1]["python"])


def test_a_deterministic_run_goes_on_with_as_many_processes(tmp_path: Path) -> None:
    for deterministic in (False, True):
        folder = tmp_path / str(deterministic)
        begin_run(folder, CONFIG, facts() | {"deterministic": deterministic})
        other = facts() | {"deterministic": deterministic, "processes": 2}
        if deterministic:
            with pytest.raises(ValueError, match=r"begun with 1 processes, .*deterministic is set: with 2"):
                begin_run(folder, CONFIG, other)
        else:
            begin_run(folder, CONFIG, other)


def test_the_facts_tell_a_config_and_weights_from_others() -> None:
    def described(config: Config, bias: float) -> dict:
        weights = {"bias": torch.tensor([bias])}
        return facts_of_run(PHOTOS, config, source="", device=torch.device("cpu"), weights=weights)

    one = described(CONFIG, 1.0)
    assert described(CONFIG, 1.0) == one
    assert changed_facts(one, described(CONFIG, 2.0)).keys() == {"weights"}
    assert changed_facts(one, described(small_config(Path("x")), 1.0)).keys() == {"config"}


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    with pytest.raises(NotADirectoryError, match="mine is a file; a run needs a folder"):
        check_run(tmp_path / "mine", CONFIG, resume=False)
