"""What an experiment reads, and what it refuses to read."""

import logging
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from detection.build.data_facts import data_hash
from detection.build.sources import Sources, open_sources, write_lists
from detection.config import Config
from detection.datasets.combine import in_part
from detection.datasets.ilsvrc import det_200
from detection.datasets.listing import read_split
from tests.detection.datasets.trees import annotation_xml, write, write_det, write_photo, write_voc, write_yolo
from tests.detection.rectangles import Rectangles, propose, rectangles, without_objects

TRAIN, VALIDATION = rectangles(6), rectangles(3, seed=1)


def never(dataset: Rectangles, indices: object = None) -> list:
    raise AssertionError("proposals take hours")


def test_proposals_are_made_when_they_are_asked_for() -> None:
    Sources(TRAIN, VALIDATION, never)
    Sources(TRAIN, None, never)
    assert len(Sources(TRAIN, VALIDATION, propose).proposals(VALIDATION)) == 3


def test_photos_without_objects_are_refused() -> None:
    with pytest.raises(ValueError, match="the 6 training photos hold no object that counts"):
        Sources(without_objects(TRAIN), None, never)


def test_validation_photos_must_have_the_same_classes() -> None:
    other = replace(VALIDATION, class_names=("blue", "red"))
    with pytest.raises(ValueError, match="validation photos have the classes blue, red, those to train on red, blue"):
        Sources(TRAIN, other, never)


def test_photos_to_train_on_cannot_validate() -> None:
    mixed = replace(rectangles(7), images=(*TRAIN.images, VALIDATION.images[0]))
    with pytest.raises(ValueError, match="6 of the validation photos are among those to train on"):
        Sources(TRAIN, mixed, never)


def test_photos_annotated_in_part_alone_are_refused() -> None:
    with pytest.raises(ValueError, match="all 6 training photos are annotated in part, so that none shows what is"):
        Sources(in_part(TRAIN), None, never)


def test_photos_annotated_in_part_cannot_validate() -> None:
    with pytest.raises(ValueError, match="3 of the 3 validation photos are annotated in part"):
        Sources(TRAIN, in_part(VALIDATION), never)


BOX = (1, 1, 9, 9)
PHOTOS = {"a": [("dog", *BOX)], "b": [("cat", *BOX)], "c": [("bird", *BOX)], "d": [], "e": [("dog", *BOX)]}


def sources(data: object, store: Path, **settings: str | float) -> Sources:
    return open_sources(Config.model_validate({"data": settings}), str(data), store, lambda *_: None)


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    return write_voc(tmp_path / "VOC", PHOTOS, {"whole": "ad", "rough": "cb", "val": "e"})


def partial(one: Sources) -> dict[str, bool]:
    return {image_id: one.train.target(index).partial for index, image_id in enumerate(one.train.ids)}


def test_splits_are_joined_and_one_may_be_annotated_in_part(voc: Path, tmp_path: Path) -> None:
    one = sources(voc, tmp_path, train_split="whole+rough", partial_split="rough", validation_split="val")
    assert partial(one) == {"a": False, "d": False, "c": True, "b": True}
    assert one.train.class_names == one.validation.class_names == ("bird", "cat", "dog")
    assert one.lists == {"whole": ("a", "d"), "rough": ("c", "b"), "val": ("e",)}
    both = sources(voc, tmp_path, train_split="whole+rough+val", partial_split="val+rough")
    assert sum(partial(both).values()) == 3


def test_the_lists_of_a_run_are_kept_and_can_be_trained_on_again(voc: Path, tmp_path: Path) -> None:
    one = sources(voc, tmp_path, train_split="whole+rough", partial_split="rough")
    run = tmp_path / "run"
    write_lists(run, one.lists)
    assert (run / "lists/rough.txt").read_text() == "c 1\nb 2\n"
    (voc / "ImageSets/Main/rough.txt").write_text("b\n")
    whole, rough = (str(run / f"lists/{name}.txt") for name in ("whole", "rough"))
    again = sources(voc, tmp_path, train_split=f"{whole}+{rough}", partial_split=rough)
    assert partial(again) == partial(one)
    assert again.lists == one.lists


def test_the_split_of_an_address_names_its_list(voc: Path, tmp_path: Path) -> None:
    assert sources(f"voc:{voc}:whole", tmp_path).lists == {"whole": ("a", "d")}


def test_a_split_that_nobody_named_is_told_and_its_list_has_its_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    voc = write_voc(tmp_path / "VOC", PHOTOS, {"trainval": "ad", "test": "e"})
    with caplog.at_level(logging.INFO):
        assert sources(voc, tmp_path).lists == {"trainval": ("a", "d")}
    assert caplog.messages.count(f"{voc}: no split named, taking trainval") == 1
    bare = write_voc(tmp_path / "bare", PHOTOS, {})
    assert sources(bare, tmp_path).lists == {"train": ("a", "b", "c", "d", "e")}


def test_a_class_without_an_object_that_counts_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    voc = write_voc(tmp_path / "VOC", PHOTOS, {"trainval": "abc"})
    file = voc / "Annotations/b.xml"
    file.write_text(file.read_text().replace("<bndbox>", "<difficult>1</difficult><bndbox>"))
    assert sources(voc, tmp_path).train.class_names == ("bird", "cat", "dog")
    assert caplog.messages == ["no object of cat counts in the training photos: not to be learnt"]


@pytest.mark.parametrize("key", ["train_split", "validation_split"])
def test_an_address_and_settings_that_name_other_splits_are_told(key: str, voc: Path, tmp_path: Path) -> None:
    said = rf"--data .*VOC:whole names the split 'whole', but data\.{key} is 'val': leave ':whole' out of --data"
    with pytest.raises(ValueError, match=said):
        sources(f"{voc}:whole", tmp_path, **{key: "val"})


def test_nobody_trains_on_val_of_ilsvrc_who_has_not_named_it(tmp_path: Path) -> None:
    root = write_det(tmp_path / "det", "val", {"a": [(next(iter(det_200())), *BOX)]})
    with pytest.raises(ValueError, match=r"det: name the split to train on, as --set data\.train_split=val1\+train1k"):
        sources(root, tmp_path)
    assert sources(root, tmp_path, train_split="val").lists == {"val": ("a",)}
    assert sources(f"{root}:val", tmp_path).lists == {"val": ("a",)}


def test_a_split_that_is_described_and_not_there_is_not_replaced_by_another(tmp_path: Path) -> None:
    described = {"names": ["cat"], "train": "images/train", "val": "images/val"}
    yolo = write_yolo(tmp_path / "yolo", {"val": {"a": "0 0.5 0.5 0.5 0.5"}}, described)
    with pytest.raises(FileNotFoundError, match="the photos of train shall be at"):
        sources(yolo, tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"train_split": "whole", "partial_split": "rough"}, "data.partial_split: 'rough' is not in data.train_split"),
        ({"train_split": "whole+ruogh"}, "no split 'ruogh'; did you mean 'rough'"),
        ({"train_split": "whole+whole"}, "data.train_split: 'whole.whole' names 'whole' twice"),
        ({"train_split": "whole+"}, "no split ''"),
        ({"train_split": "whole+rough", "partial_split": "whole+rough"}, "all 4 training photos are annotated in part"),
        ({"train_split": "whole", "blacklist": "nowhere.txt"}, "data.blacklist: no list nowhere.txt"),
    ],
)
def test_splits_that_do_not_fit_are_told(voc: Path, tmp_path: Path, settings: dict[str, str], message: str) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        sources(voc, tmp_path, **settings)


def test_a_blacklist_leaves_photos_out_of_training_and_validation(
    voc: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (voc / "ImageSets/Main/val.txt").write_text("e\nc\n")
    blacklist = write(tmp_path / "black.txt", "b\nc some words\nunknown\n")
    with caplog.at_level(logging.INFO):
        one = sources(voc, tmp_path, train_split="whole+rough", validation_split="val", blacklist=str(blacklist))
    assert one.lists == {"whole": ("a", "d"), "rough": (), "val": ("e",)}
    assert f"{blacklist}: 2 training photos left out, 2 stay" in caplog.text


@pytest.mark.parametrize("line", ["b.jpg", "far/b.jpg", r"C:\far\b.jpg", '"b"', "b.jpg 1"])
def test_a_blacklist_may_name_files(voc: Path, tmp_path: Path, line: str) -> None:
    blacklist = write(tmp_path / "black.txt", f"{line}\nunknown.jpg\n")
    one = sources(voc, tmp_path, train_split="whole+rough", blacklist=str(blacklist))
    assert one.lists == {"whole": ("a", "d"), "rough": ("c",)}


def test_a_name_that_photos_share_cannot_be_blacklisted(voc: Path, tmp_path: Path) -> None:
    for name in ("one/x", "two/x"):
        write(voc / f"Annotations/{name}.xml", annotation_xml([("dog", *BOX)]))
        write_photo(voc / f"JPEGImages/{name}.jpg")
    write(voc / "ImageSets/Main/more.txt", "a\none/x\ntwo/x\n")
    blacklist = write(tmp_path / "black.txt", "unknown\nx.jpg\n")
    with pytest.raises(ValueError, match=r"black\.txt:2: image 'x\.jpg': 2 photos have this name"):
        sources(voc, tmp_path, train_split="more", blacklist=str(blacklist))
    write(blacklist, "two/x.jpg\n")
    assert sources(voc, tmp_path, train_split="more", blacklist=str(blacklist)).lists == {"more": ("a", "one/x")}


def test_one_name_is_one_list(voc: Path, tmp_path: Path) -> None:
    """A run keeps the photos of both sides by name: neither list may take the other's place."""
    mine, theirs = (write(tmp_path / side / "list.txt", f"{ids}\n") for side, ids in (("a", "a\nc"), ("b", "e")))
    with pytest.raises(ValueError, match=r"data\.train_split: '.*' and data\.validation_split: '.*' name 'list' twice"):
        sources(voc, tmp_path, train_split=str(mine), validation_split=str(theirs))
    mine = mine.rename(tmp_path / "held_out.txt")
    with pytest.raises(ValueError, match=r"data\.validation_split: 0\.5 name 'held_out' twice"):
        sources(voc, tmp_path, train_split=str(mine), validation_split=0.5)
    assert sources(voc, tmp_path, train_split=str(mine)).lists == {"held_out": ("a", "c")}


MANY = {f"{number:03}": [(("dog", "cat")[number % 2], *BOX)] for number in range(50)}


def test_a_share_is_held_out_to_validate_on(tmp_path: Path) -> None:
    root = write_voc(tmp_path / "VOC", MANY, {"one": list(MANY)[:40], "two": list(MANY)[40:]})
    one = sources(root, tmp_path, train_split="one+two", validation_split=0.2)
    assert {name: len(ids) for name, ids in one.lists.items()} == {"held_out": 10, "one": 32, "two": 8}
    assert one.train.ids == one.lists["one"] + one.lists["two"]
    assert one.validation.ids == one.lists["held_out"]
    assert sorted(one.train.ids + one.validation.ids) == sorted(MANY)
    assert one.validation.class_names == one.train.class_names == ("cat", "dog")


def test_the_same_photos_are_held_out_for_every_seed_and_when_the_run_goes_on(tmp_path: Path) -> None:
    root = write_voc(tmp_path / "VOC", MANY, {"train": list(MANY)})
    configs = (
        Config.model_validate({"data": {"validation_split": 0.1}, "training": {"seed": seed}}) for seed in (0, 0, 1)
    )
    runs = [open_sources(config, str(root), tmp_path, lambda *_: None) for config in configs]
    assert len({data_hash(run.train) for run in runs}) == 1
    assert len({run.lists["held_out"] for run in runs}) == 1
    whole = sources(root, tmp_path)
    assert data_hash(whole.train) != data_hash(runs[0].train)
    write_lists(tmp_path / "run", runs[0].lists)
    mine, held_out = (str(tmp_path / f"run/lists/{name}.txt") for name in ("train", "held_out"))
    again = sources(root, tmp_path, train_split=mine, validation_split=held_out)
    assert data_hash(again.train) == data_hash(runs[0].train)
    assert again.lists == runs[0].lists


def test_what_is_held_out_hardly_changes_where_photos_are_added(tmp_path: Path) -> None:
    root = write_voc(tmp_path / "VOC", MANY, {"few": list(MANY)[:45], "all": list(MANY)})
    few, every = (sources(root, tmp_path, train_split=name, validation_split=0.2) for name in ("few", "all"))
    assert len(set(few.lists["held_out"]) & set(every.lists["held_out"])) >= 7


def test_photos_annotated_in_part_are_not_held_out(tmp_path: Path) -> None:
    root = write_voc(tmp_path / "VOC", MANY, {"one": list(MANY)[:40], "rough": list(MANY)[40:]})
    one = sources(root, tmp_path, train_split="one+rough", partial_split="rough", validation_split=0.5)
    assert {name: len(ids) for name, ids in one.lists.items()} == {"held_out": 20, "one": 20, "rough": 10}


def test_what_is_held_out_has_the_classes_that_are_trained_on(tmp_path: Path) -> None:
    root = write_voc(tmp_path / "VOC", {**MANY, "x": [("bird", *BOX)]}, {"one": list(MANY), "rough": ["x"]})
    one = sources(root, tmp_path, train_split="one+rough", partial_split="rough", validation_split=0.5)
    assert one.validation.class_names == one.train.class_names == ("bird", "cat", "dog")


@pytest.mark.parametrize("share", [0.001, 0.999])
def test_a_share_that_leaves_nothing_is_told(tmp_path: Path, share: float) -> None:
    root = write_voc(tmp_path / "VOC", MANY, {"one": list(MANY)})
    with pytest.raises(ValueError, match=r"data\.validation_split: 0\.\d+ of these photos leaves none .*: one 50"):
        sources(root, tmp_path, train_split="one", validation_split=share)


ACCORDION, AIRPLANE = list(det_200())[:2]


@pytest.fixture
def ilsvrc(tmp_path: Path) -> Path:
    root = tmp_path / "ILSVRC"
    write_det(root, "val", {f"ILSVRC2012_val_{number:08}": [(ACCORDION, *BOX)] for number in range(1, 9)})
    train = {f"ILSVRC2013_train/n/{number}": [((ACCORDION, AIRPLANE)[number % 2], *BOX)] for number in range(8)}
    return write_det(root, "train", train)


def test_val1_and_boxes_of_train_as_r_cnn_had_them(ilsvrc: Path, tmp_path: Path) -> None:
    one = sources(ilsvrc, tmp_path, train_split="val1+train2", validation_split="val2")
    assert Counter(partial(one).values()) == {False: 4, True: 4}
    assert all(is_partial == image_id.startswith("ILSVRC2013_train") for image_id, is_partial in partial(one).items())
    assert {name: len(ids) for name, ids in one.lists.items()} == {"val1": 4, "train2": 4, "val2": 4}
    write_lists(tmp_path / "run", one.lists)
    assert read_split(tmp_path / "run/lists", "val1") == one.lists["val1"]
    mine = [str(tmp_path / f"run/lists/{name}.txt") for name in ("val1", "train2", "val2")]
    again = sources(ilsvrc, tmp_path, train_split="+".join(mine[:2]), validation_split=mine[2])
    assert partial(again) == partial(one)


def test_train_alone_has_no_background(ilsvrc: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"all 8 training photos are annotated in part.*data.train_split=val1.train1k"):
        sources(ilsvrc, tmp_path, train_split="train")


def test_the_devkits_blacklist_numbers_the_photos_of_val(ilsvrc: Path, tmp_path: Path) -> None:
    blacklist = write(tmp_path / "black.txt", f"2 {ACCORDION}\n7 {ACCORDION}\n7 {AIRPLANE}\n")
    one = sources(ilsvrc, tmp_path, train_split="val1", validation_split="val2", blacklist=str(blacklist))
    left = sorted({*one.lists["val1"], *one.lists["val2"]})
    assert [int(image_id[-8:]) for image_id in left] == [1, 3, 4, 5, 6, 8]
    write(blacklist, f"9 {ACCORDION}\n")
    with pytest.raises(ValueError, match="expected numbers of 1 to 8, the photos of val, got '9'"):
        sources(ilsvrc, tmp_path, train_split="val1", blacklist=str(blacklist))
    write(blacklist, "ILSVRC2012_val_00000003\n")
    one = sources(ilsvrc, tmp_path, train_split="val", blacklist=str(blacklist))
    assert len(one.train) == 7
