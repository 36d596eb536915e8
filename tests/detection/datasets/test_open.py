"""From the words of a user to a data set."""

import logging
from pathlib import Path

import pytest

from detection.datasets.base import Dataset
from detection.datasets.open import _parse, open_dataset
from tests.contracts import assert_is_dataset
from tests.detection.datasets.trees import (
    annotation_xml,
    write,
    write_coco,
    write_det,
    write_photo,
    write_voc,
    write_yolo,
)

CAT, WORDNET_DOG = [("cat", 1, 1, 9, 9)], [("n02084071", 1, 1, 9, 9)]


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    return write_voc(tmp_path / "VOC2007", {"a": CAT, "b": []}, {"train": ["a"], "val": ["b"]})


@pytest.mark.parametrize(
    ("spec", "parsed"),
    [
        ("photos", (None, "photos", None)),
        ("voc:data/VOC2007", ("voc", "data/VOC2007", None)),
        ("voc:data/VOC2007:test", ("voc", "data/VOC2007", "test")),
        ("data/VOC2007:test", (None, "data/VOC2007", "test")),
        ("voc:data/VOC2007:", ("voc", "data/VOC2007", None)),
        (r"C:\data\VOC2007", (None, r"C:\data\VOC2007", None)),
        ("C:/data/VOC2007", (None, "C:/data/VOC2007", None)),
        ("C:photos", (None, "C:photos", None)),
        (r"voc:C:\data\VOC2007", ("voc", r"C:\data\VOC2007", None)),
        (r"voc:C:\data\VOC2007:test", ("voc", r"C:\data\VOC2007", "test")),
        (r"C:\data\VOC2007:test", (None, r"C:\data\VOC2007", "test")),
        ("data/VOC2007:my/list.txt", (None, "data/VOC2007", "my/list.txt")),
        ("coco:truth.json", ("coco", "truth.json", None)),
        ("coco:truth.json:photos/val", ("coco", "truth.json", "photos/val")),
        (r"coco:C:\truth.json:D:\photos", ("coco", r"C:\truth.json", r"D:\photos")),
        ("a/truth.JSON:b", (None, "a/truth.JSON", "b")),
    ],
)
def test_the_parts_of_a_spec(spec: str, parsed: tuple[str | None, str, str | None]) -> None:
    kind, path, last = parsed
    assert _parse(spec) == (kind, Path(path), last)


def test_a_path_with_a_colon(tmp_path: Path) -> None:
    write_photo(tmp_path / "12:30" / "a.jpg")
    assert open_dataset(tmp_path / "12:30").ids == ("a.jpg",)
    assert open_dataset(f"folder:{tmp_path / '12:30'}").ids == ("a.jpg",)


def test_voc(voc: Path) -> None:
    for spec in (f"{voc}:val", f"voc:{voc}:val", f"voc:{voc.parent}:val"):
        assert open_dataset(spec).ids == ("b",)
    assert open_dataset(voc).ids == open_dataset(voc.parent).ids == ("a",)
    assert open_dataset(str(voc), split="val", class_names=["cat"]).class_names == ("cat",)
    assert_is_dataset(open_dataset(voc))


def test_ilsvrc(tmp_path: Path) -> None:
    root = write_det(tmp_path / "tree", "val", {"a": WORDNET_DOG})
    for spec in (str(root), f"ilsvrc:{root}", f"ilsvrc:{root}:val"):
        assert len(open_dataset(spec).class_names) == 200
    flat = write_voc(tmp_path / "flat", {"a": WORDNET_DOG})
    assert len(open_dataset(flat).class_names) == 200
    assert open_dataset(f"voc:{flat}").class_names == ("n02084071",)


def test_coco(tmp_path: Path) -> None:
    file = write_coco(tmp_path / "annotations/instances_val2017.json", photos=tmp_path / "val2017")
    for spec in (str(file), f"coco:{file}", f"coco:{file}:{tmp_path / 'val2017'}", f"coco:{tmp_path}:val2017"):
        assert_is_dataset(open_dataset(spec))
    assert open_dataset(tmp_path).ids == open_dataset(tmp_path, split="val2017").ids == ("7", "0", "3")
    with pytest.raises(ValueError, match="a COCO file has no split 'val'"):
        open_dataset(file, split="val")


def test_a_folder_of_photos(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    photo = write_photo(tmp_path / "a.jpg")
    with caplog.at_level(logging.WARNING):
        assert open_dataset(f"folder:{tmp_path}").ids == open_dataset(photo).ids == ("a.jpg",)
        assert not caplog.records
        assert open_dataset(tmp_path).ids == ("a.jpg",)
    assert "no annotations there (looked for ImageSets/DET/*.txt (ILSVRC)" in caplog.text
    with pytest.raises(ValueError, match="a folder of images has no split 'val'"):
        open_dataset(tmp_path, split="val")


def test_a_format_that_is_named_is_not_looked_for(voc: Path) -> None:
    assert len(open_dataset(f"folder:{voc}")) == 2
    with pytest.raises(FileNotFoundError, match="no annotations/instances"):
        open_dataset(f"coco:{voc}")


def test_two_splits_contradict(voc: Path) -> None:
    assert open_dataset(f"{voc}:val", split="val").ids == ("b",)
    with pytest.raises(ValueError, match="names the split 'val', but 'train' is asked for: leave ':val' out"):
        open_dataset(f"{voc}:val", split="train")


def lay_out(kind: str, root: Path, third: str = "c") -> Path:
    """Photos a and b of a split train, a third of val, in a format."""
    splits = {"train": ("a", "b"), "val": (third,)}
    if kind == "coco":
        for split, names in splits.items():
            images = [{"id": ord(name[0]), "file_name": f"{name}.jpg"} for name in names]
            categories = [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}]
            content = {"images": images, "categories": categories, "annotations": []}
            write_coco(root / f"annotations/instances_{split}.json", content, root / split)
    elif kind == "yolo":
        rows = {split: dict.fromkeys(names, "") for split, names in splits.items()}
        described = {split: f"images/{split}" for split in (*splits, "test")}  # of which test is not there
        write_yolo(root, rows, {**described, "names": ["cat", "dog"]})
    elif kind == "tree":
        write_voc(root, dict.fromkeys(("a", "b", third), CAT), splits)
    elif kind == "det":
        for split, names in splits.items():
            write_det(root, split, dict.fromkeys(names, WORDNET_DOG))
    elif kind == "flat ilsvrc":
        write_voc(root, dict.fromkeys(("a", "b", third), WORDNET_DOG))
    else:
        for split, name in (("train", "a"), ("train", "b"), ("val", third)):
            folder = root / split if kind == "xml by split" else root
            if kind != "folder":
                write(folder / f"{name}.xml", annotation_xml(CAT))
            write_photo(folder / f"{name}.jpg")
    return root


KINDS = ("coco", "yolo", "tree", "xml", "xml by split", "flat ilsvrc", "det", "folder")


def names_in(dataset: Dataset) -> list[str]:
    return [dataset.path(index).stem for index in range(len(dataset))]


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_of_photos_is_a_split_in_every_format(kind: str, tmp_path: Path) -> None:
    root = lay_out(kind, tmp_path / "pets")
    ids = open_dataset(root, split="train" if kind == "det" else None).ids[:2]
    mine = write(tmp_path / "mine.txt", "".join(f"{image_id} {n}\n" for n, image_id in enumerate(ids[::-1], start=1)))
    dataset = open_dataset(root, split=str(mine))
    assert_is_dataset(dataset)
    assert names_in(dataset) == ["b", "a"]
    write(mine, "a.jpg\nnobody\n")
    if kind != "det":  # where a photo without an annotation file is legal
        with pytest.raises((ValueError, FileNotFoundError), match="nobody"):
            open_dataset(root, split=str(mine))
    with pytest.raises(FileNotFoundError, match=r"other\.txt"):
        open_dataset(root, split=str(tmp_path / "other.txt"))


@pytest.mark.parametrize("line", ["a", "a.jpg", "far/a.JPEG", r"C:\far\a.jpg", '"a"', '"a.jpg" 1', "a 1", "./a.jpg -1"])
@pytest.mark.parametrize("kind", KINDS)
def test_lines_as_people_write_them(kind: str, line: str, tmp_path: Path) -> None:
    root = lay_out(kind, tmp_path / "pets")
    mine = write(tmp_path / "mine.txt", f"b\n{line}\n")
    dataset = open_dataset(root, split=str(mine))
    assert_is_dataset(dataset)
    assert names_in(dataset) == ["b", "a"]


@pytest.mark.parametrize("line", ["my photo", '"my photo"', "my photo.jpg", '"my photo" 3', "my photo 3"])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("coco", "det")])
def test_blanks_in_names(kind: str, line: str, tmp_path: Path) -> None:
    root = lay_out(kind, tmp_path / "pets", third="my photo")
    mine = write(tmp_path / "mine.txt", f"{line}\n")
    assert names_in(open_dataset(root, split=str(mine))) == ["my photo"]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "det"])
def test_a_list_may_name_files_of_any_split(kind: str, tmp_path: Path) -> None:
    root = lay_out(kind, tmp_path / "pets")
    mine = write(tmp_path / "mine.txt", "somewhere/c.jpg\na\n\n")
    assert names_in(open_dataset(root, split=str(mine))) == ["c", "a"]


@pytest.mark.parametrize("name", ["mine", "val_mine", "test_mine", "train"])
def test_a_list_of_ilsvrc_is_of_the_set_that_has_its_photos(name: str, tmp_path: Path) -> None:
    root = lay_out("det", tmp_path / "ILSVRC")
    write_det(root, "test", {"t": None})
    mine = write(tmp_path / f"{name}.txt", "unheard_of.JPEG\nc.JPEG\n")
    write_photo(root / "Data/DET/val/unheard_of.JPEG")
    dataset = open_dataset(root, split=str(mine))
    assert dataset.ids == ("unheard_of", "c")
    assert dataset.path(1) == root / "Data/DET/val/c.JPEG"
    assert [len(dataset.target(index)) for index in range(2)] == [0, 1]
    assert not dataset.target(1).partial
    write(mine, "a.JPEG\n")
    assert open_dataset(root, split=str(mine)).target(0).partial  # of train


def test_a_list_of_ilsvrc_may_name_a_photo_by_two_names_but_once(tmp_path: Path) -> None:
    root = lay_out("det", tmp_path / "ILSVRC")
    mine = write(tmp_path / "mine.txt", "c.JPEG\nfar/c\n")
    with pytest.raises(ValueError, match=r"mine\.txt: lists image 'c' twice"):
        open_dataset(root, split=str(mine))


def test_a_list_of_coco_keeps_the_numbers_of_the_classes(tmp_path: Path) -> None:
    root = lay_out("coco", tmp_path / "pets")
    mine = write(tmp_path / "mine.txt", "c.jpg\n")
    for spec in (root, root / "annotations/instances_val.json"):
        assert open_dataset(spec, split=str(mine)).category_ids == (3, 7)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        (
            "absent",
            FileNotFoundError,
            r"no file or folder absent \(data set 'absent'; formats: voc, coco, yolo, ilsvrc",
        ),
        ("voc:absent:train", FileNotFoundError, "no file or folder absent"),
        ("vco:absent", ValueError, r"data set 'vco:absent': no format 'vco'; did you mean 'voc'\? There are: coco"),
        ("", FileNotFoundError, "names no path"),
        ("voc:", FileNotFoundError, "names no path"),
    ],
)
def test_what_cannot_be_opened(spec: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        open_dataset(spec)


def test_an_empty_folder_and_a_strange_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no data set there; looked for ImageSets.*COCO.*VOC.*YOLO\), images"):
        open_dataset(tmp_path)
    with pytest.raises(
        ValueError,
        match=r"notes\.txt: neither a folder, a COCO file \(\*\.json\), a YOLO description \(\*\.yaml\), nor",
    ):
        open_dataset(write(tmp_path / "notes.txt", ""))
