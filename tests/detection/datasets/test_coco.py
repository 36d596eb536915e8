"""COCO instances files, and where their photos are looked for."""

import json
import logging
from pathlib import Path

import pytest

from detection.datasets.coco import choose_coco_file, find_coco_files, open_coco
from detection.datasets.open import open_dataset
from tests.contracts import assert_is_dataset, labels_by_name
from tests.detection.datasets.trees import coco, write, write_coco, write_photo, write_voc, write_yolo


def annotation(**changes: object) -> dict[str, object]:
    return {"id": 5, "image_id": 0, "category_id": 17, "bbox": [1, 2, 3, 4], **changes}


def test_an_instances_file(tmp_path: Path) -> None:
    dataset = open_coco(write_coco(tmp_path / "truth.json", photos=tmp_path / "photos"), tmp_path / "photos")
    assert_is_dataset(dataset)
    assert dataset.class_names == ("person", "cat", "toothbrush")  # category ids 0, 17, 90
    assert dataset.ids == ("7", "0", "3")
    assert dataset.path(1) == tmp_path / "photos" / "a.jpg"
    assert dataset.target(0).labels.tolist() == [2]
    two = dataset.target(1)
    assert two.boxes.tolist() == [[1.5, 2, 11.5, 7], [3, 4, 8, 10]]
    assert two.labels.tolist() == [1, 0]
    assert two.crowd.tolist() == [False, True]
    assert two.areas.tolist() == [31.5, 30]  # the file's; that of the box where the file has none
    assert not two.difficult.any()
    assert len(dataset.target(2)) == 0


def test_classes_in_the_order_asked_for(tmp_path: Path) -> None:
    dataset = open_coco(write_coco(tmp_path / "truth.json"), class_names=("toothbrush", "person"))
    assert_is_dataset(dataset, photos=False)
    assert labels_by_name(dataset) == {"toothbrush": 1, "person": 1}
    assert dataset.target(1).boxes.tolist() == [[3, 4, 8, 10]]
    with pytest.raises(ValueError, match=r"no class 'persn'; did you mean 'person'\? There are: cat, person, tooth"):
        open_coco(tmp_path / "truth.json", class_names=("persn",))


def test_category_ids_are_sorted_as_numbers(tmp_path: Path) -> None:
    names = {10: "ten", 9: "nine", 100: "hundred"}
    content = coco(categories=[{"id": key, "name": name} for key, name in names.items()], annotations=[])
    assert open_coco(write_coco(tmp_path / "truth.json", content)).class_names == ("nine", "ten", "hundred")


def test_text_ids(tmp_path: Path) -> None:
    content = coco(
        images=[{"id": "x1", "file_name": "a.jpg"}],
        categories=[{"id": "z", "name": "cat"}, {"id": "a", "name": "dog"}],
        annotations=[annotation(image_id="x1", category_id="z")],
    )
    dataset = open_coco(write_coco(tmp_path / "truth.json", content))
    assert dataset.class_names == ("dog", "cat")
    assert dataset.category_ids == ("a", "z")
    assert dataset.target(0).labels.tolist() == [1]


@pytest.mark.parametrize(
    ("json_file", "photos"),
    [
        ("annotations/instances_val2017.json", "val2017"),
        ("annotations/instances_val2017.json", "images/val2017"),
        ("annotations/instances_val2017.json", "images"),
        ("annotations/instances_val2017.json", "annotations/val2017"),
        ("train/_annotations.coco.json", "train"),
        ("truth.json", "images"),
        ("truth.json", "."),
    ],
)
def test_photos_are_found(json_file: str, photos: str, tmp_path: Path) -> None:
    root = tmp_path / "data"
    file = write_coco(root / json_file, photos=root / photos)
    assert_is_dataset(open_coco(file))


def test_the_truth_is_enough_to_evaluate(tmp_path: Path) -> None:
    dataset = open_coco(write_coco(tmp_path / "annotations/instances_val2017.json"))
    assert_is_dataset(dataset, photos=False)
    assert dataset.path(0) == tmp_path / "val2017" / "b.jpg"
    with pytest.raises(FileNotFoundError, match=r"no image file .*val2017.b\.jpg"):
        dataset.image(0)


def test_some_photos_are_not_enough(tmp_path: Path) -> None:
    file = write_coco(tmp_path / "truth.json", photos=tmp_path / "images")
    (tmp_path / "images/a.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of 3 photos are missing, the first is .*images.a\.jpg"):
        open_coco(file)


def test_boxes_stay_as_the_official_score_counts_them(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    boxes = [[-0.5, 0, 10, 10], [30, 20, 10.75, 11], [30, 20, 12.5, 10]]
    content = coco(annotations=[annotation(id=index, bbox=box) for index, box in enumerate(boxes)])
    file = write_coco(tmp_path / "truth.json", content)
    with caplog.at_level(logging.WARNING):
        dataset = open_coco(file)
    assert dataset.target(1).boxes.tolist() == [[-0.5, 0, 9.5, 10], [30, 20, 40.75, 31], [30, 20, 40, 30]]
    assert [record.getMessage() for record in caplog.records] == [
        f"{file}: 1 of 3 boxes leave their photo, by up to 2.5 pixels, and were cut to it"
    ]


def test_objects_with_a_side_of_0_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As two of the official train2017 are."""
    boxes = [[1, 2, 0, 4], [1, 2, 3, 4], [296.65, 388.33, 1.03, 0.0]]
    content = coco(annotations=[annotation(id=number, bbox=box) for number, box in enumerate(boxes)])
    file = write_coco(tmp_path / "truth.json", content)
    with caplog.at_level(logging.WARNING):
        dataset = open_coco(file)
    assert dataset.target(1).boxes.tolist() == [[1, 2, 4, 6]]
    assert [record.getMessage() for record in caplog.records] == [
        f"{file}: 2 of 3 objects have a side of 0 and are left out"
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"annotations": [annotation(bbox=[1, 2, 3, -4])]}, "annotation 5 with x, y, .* 1, 2, 3, -4 has no area"),
        ({"annotations": [annotation(bbox=[20000.5, 2, 1e-9, 4])]}, "annotation 5 .* has no area"),
        ({"annotations": [annotation(bbox=[50, 2, 3, 4])]}, "annotation 5 .* lies outside its photo of 40 x 30"),
        ({"annotations": [annotation(bbox=[1, 2, 3])]}, r"annotation 5: 'bbox' must be four numbers.* \[1, 2, 3\]"),
        ({"annotations": [annotation(bbox=[1, 2, 3, "x"])]}, "'bbox' must be four numbers"),
        ({"annotations": [annotation(bbox=[1, 2, 3, float("nan")])]}, "'bbox' must be four numbers"),
        ({"annotations": [annotation(bbox=None)]}, "'bbox' must be four numbers"),
        ({"annotations": [annotation(area=-1)]}, "annotation 5: 'area' must be a number of pixels, got -1"),
        ({"annotations": [annotation(area="big")]}, "'area' must be a number of pixels, got 'big'"),
        ({"annotations": [{"id": 5, "image_id": 0, "category_id": 17}]}, "annotation 5 has no 'bbox'"),
        ({"annotations": [{"image_id": 0, "bbox": [1, 2, 3, 4]}]}, r"annotations\[0\] has no 'category_id'"),
        ({"annotations": [annotation(), annotation()]}, "annotation 5 occurs twice"),
        ({"annotations": [annotation(image_id=1)]}, "annotation 5: image_id 1 is not among the images"),
        ({"annotations": [annotation(category_id=1)]}, "category_id 1 is not among .*: 0 person, 17 cat, 90 tooth"),
        ({"annotations": [annotation(image_id=0.5)]}, "'image_id' must be a whole number or a string, got 0.5"),
        ({"annotations": [3]}, r"annotations\[0\] is not an object: 3"),
        ({"images": coco()["images"] + coco()["images"]}, "image 7 occurs twice"),  # type: ignore[operator]
        ({"images": [{"id": 1, "file_name": ""}]}, "image 1: 'file_name' must be a string, got ''"),
        ({"categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}, "category 1 occurs twice"),
        (
            {
                "categories": [{"id": 0, "name": "a"}, {"id": 17, "name": "a"}],
                "annotations": [annotation(), annotation(id=6, category_id=0)],
            },
            "two categories have the name 'a'",
        ),
        ({"images": None}, "no list 'images' as in COCO's instances files; there are: images, categories, annot"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(changes: dict[str, object], message: str, tmp_path: Path) -> None:
    file = write_coco(tmp_path / "truth.json", coco(**changes))
    with pytest.raises(ValueError, match=message) as caught:
        open_coco(file)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{file}: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "truncated or damaged JSON"),
        (json.dumps(coco())[:-20], "truncated or damaged JSON: .*line 1 column"),
        ("[]", r"holds a list \(as a file of detections does\), not COCO's truth"),
        ("{}", "no list 'images' .*; there are: none"),
        ("\xff", "truncated or damaged JSON"),
        ("[" * 100_000, "truncated or damaged JSON"),
    ],
)
def test_files_that_are_no_instances_files(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "truth.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=message) as caught:
        open_coco(file)
    assert str(caught.value).startswith(f"{file}: ")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no annotation file .*truth\.json"):
        open_coco(tmp_path / "truth.json")


def test_the_files_of_a_folder(tmp_path: Path) -> None:
    for name in ("instances_train2017", "instances_val2017", "captions_val2017", "person_keypoints_val2017"):
        write(tmp_path / "annotations" / f"{name}.json", "{}")
    assert list(find_coco_files(tmp_path)) == ["train2017", "val2017"]
    assert choose_coco_file(tmp_path, "val2017").name == "instances_val2017.json"
    assert choose_coco_file(tmp_path, None).name == "instances_train2017.json"
    (tmp_path / "annotations/instances_train2017.json").rename(tmp_path / "annotations/instances_test2017.json")
    with pytest.raises(ValueError, match=rf"name a split: test2017, val2017; as --data {tmp_path}:test2017, or --set"):
        choose_coco_file(tmp_path, None)
    with pytest.raises(FileNotFoundError, match=r"no split 'val2071'; did you mean 'val2017'\?"):
        choose_coco_file(tmp_path, "val2071")
    with pytest.raises(FileNotFoundError, match=r"no annotations/instances_\*\.json or"):
        choose_coco_file(tmp_path / "annotations" / "nothing", None)


def test_the_files_of_an_export_with_a_folder_a_split(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        write_coco(tmp_path / split / "_annotations.coco.json", photos=tmp_path / split)
    assert list(find_coco_files(tmp_path)) == ["train", "valid"]
    assert find_coco_files(tmp_path / "train") == {"train": tmp_path / "train/_annotations.coco.json"}
    assert_is_dataset(open_coco(choose_coco_file(tmp_path, "valid")))


def test_a_class_that_only_another_file_of_the_folder_has_is_without_objects(tmp_path):
    """By its id there, where no category here has that."""
    categories = [{"id": 1, "name": "kite"}, {"id": 17, "name": "zebra"}]
    write_coco(tmp_path / "annotations/instances_train.json", coco(categories=categories, annotations=[]))
    write_coco(tmp_path / "annotations/instances_val.json")
    names = ("zebra", "cat", "kite")
    dataset = open_dataset(tmp_path, split="val", class_names=names)
    assert dataset.class_names == names
    assert dataset.category_ids == ("instances_train: 17", 17, 1)
    assert [target.labels.tolist() for target in dataset.targets] == [[], [1], []]
    with pytest.raises(ValueError, match=r"instances_val.json: no class 'zebr'; did you mean 'zebra'\?"):
        open_dataset(tmp_path, split="val", class_names=("zebr",))
    with pytest.raises(ValueError, match="no class 'zebra'"):
        open_dataset(tmp_path / "annotations/instances_val.json", class_names=names)


def test_a_category_without_objects_may_share_its_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    categories = [
        {"id": 0, "name": "cat"},
        {"id": 17, "name": "cat"},
        {"id": 3, "name": "dog"},
        {"id": 4, "name": "dog"},
    ]
    file = write_coco(tmp_path / "truth.json", coco(categories=categories, annotations=[annotation()]))
    dataset = open_coco(file)
    assert (dataset.class_names, dataset.category_ids) == (("dog", "cat"), (3, 17))
    assert [record.getMessage() for record in caplog.records] == [
        f"{file}: category {key} has no objects and the name of another, {name!r}; it is left out"
        for key, name in ((0, "cat"), (4, "dog"))
    ]


def test_a_file_of_any_name_in_a_folder_of_its_own(tmp_path: Path) -> None:
    """As Label Studio writes it; beside its YOLO labels lies a JSON file that begins alike."""
    studio = write_coco(tmp_path / "studio" / "result.json", photos=tmp_path / "studio" / "images")
    write(studio.with_name("results.json"), "[]")
    assert find_coco_files(studio.parent) == {"result": studio}
    assert_is_dataset(open_dataset(studio.parent))
    yolo = write_yolo(tmp_path / "yolo", {"train": {"a": "0 .5 .5 .1 .1\n"}})
    write(yolo / "classes.txt", "cat\n")
    write(yolo / "notes.json", '{\n  "categories": [{"id": 0, "name": "cat"}], "info": {}}')
    assert find_coco_files(yolo) == {}
    assert open_dataset(yolo).class_names == ("cat",)
    voc = write_voc(tmp_path / "VOC2007", {"a": [("dog", 1, 1, 9, 9)]})
    write_coco(voc / "pascal_test2007.json")
    assert open_dataset(voc).class_names == ("dog",)


def test_photos_whose_paths_lead_nowhere_are_found_by_their_names(tmp_path: Path) -> None:
    """Label Studio's are those of its own disk."""
    content = coco()
    for image in content["images"]:  # type: ignore[attr-defined]
        write_photo(tmp_path / "images" / image["file_name"])
        image["file_name"] = f"../../label-studio/data/media/upload/1/{image['file_name']}"
    file = write_coco(tmp_path / "result.json", content)
    for dataset in (open_coco(file), open_coco(file, tmp_path / "images")):
        assert_is_dataset(dataset)
        assert dataset.path(0) == tmp_path / "images/b.jpg"
    content["images"][1]["file_name"] = "other/b.jpg"  # type: ignore[index]
    alike = open_coco(write_coco(file, content))
    assert not any(alike.path(index).is_file() for index in range(3))


def test_the_only_file_needs_no_name(tmp_path: Path) -> None:
    file = write_coco(tmp_path / "annotations/mine.json")
    write_photo(tmp_path / "images/a.jpg")
    assert choose_coco_file(tmp_path, None) == choose_coco_file(tmp_path, "mine") == file


def test_the_real_coco_sample(shared: Path) -> None:
    file = shared / "data/coco_fakebbox100/instances_val2014_100.json"
    content = json.loads(file.read_bytes())
    dataset = open_coco(file)
    assert_is_dataset(dataset, photos=False)
    assert (len(dataset), len(dataset.class_names)) == (100, 80)
    assert sum(len(target) for target in dataset.targets) == len(content["annotations"]) == 839
    assert sum(int(target.crowd.sum()) for target in dataset.targets) == 9
    assert [int(image_id) for image_id in dataset.ids] == [image["id"] for image in content["images"]]
    assert sum(target.areas.sum() for target in dataset.targets) == pytest.approx(
        sum(record["area"] for record in content["annotations"])
    )


def test_category_ids_are_kept_in_the_order_of_the_classes(shared: Path) -> None:
    file = shared / "data" / "coco_fakebbox100" / "instances_val2014_100.json"
    dataset = open_coco(file)
    assert dataset.class_names[:2] == ("person", "bicycle")
    assert dataset.category_ids[:2] == (1, 2)
    assert dataset.category_ids[-1] == 90  # 80 classes: COCO's numbers have gaps
    assert open_coco(file, class_names=["toothbrush", "person"]).category_ids == (90, 1)
