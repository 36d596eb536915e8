import json
import subprocess
import sys

import numpy as np
import pytest

from detection.datasets.ilsvrc import det_200
from detection.results import DetectionsWriter, ImageDetections
from tests.conftest import REPOSITORY
from tests.golden.cases import FOLDER, Case, ilsvrc_case, read_lines, voc_case
from tools.evaluate import main

BOX = [10.0, 10.0, 50.0, 50.0]


def write_annotation(path, objects):
    """Objects of (name, house box, difficult)."""
    parts = [
        f"<object><name>{name}</name><difficult>{int(difficult)}</difficult><bndbox><xmin>{box[0] + 1}</xmin>"
        f"<ymin>{box[1] + 1}</ymin><xmax>{box[2]}</xmax><ymax>{box[3]}</ymax></bndbox></object>"
        for name, box, difficult in objects
    ]
    path.write_text(f"<annotation>{''.join(parts)}</annotation>")


def write_voc(folder, images: dict[str, list], split="test"):
    """A VOCdevkit year folder without photos."""
    for name in ("Annotations", "ImageSets/Main"):
        (folder / name).mkdir(parents=True)
    (folder / "ImageSets" / "Main" / f"{split}.txt").write_text("".join(f"{image}\n" for image in images))
    for image, objects in images.items():
        write_annotation(folder / "Annotations" / f"{image}.xml", objects)
    return folder


def objects_of(case: Case, names) -> dict[str, list]:
    return {
        image: [
            (names[label], box, difficult)
            for label, box, difficult in zip(target.labels, target.boxes.tolist(), target.difficult, strict=True)
        ]
        for image, target in zip(case.ids, case.targets, strict=True)
    }


def write_jsonl(path, images: dict[str, list]):
    """Images of (label, score, box)."""
    with DetectionsWriter(path) as writer:
        for image, found in images.items():
            labels, scores, boxes = zip(*found, strict=True) if found else ((), (), ())
            writer.write(ImageDetections(image, f"{image}.jpg", 99, 99, boxes, labels, scores, 0.1))
    return path


@pytest.fixture
def pets(tmp_path):
    """Two images; a cat, and a dog beside a difficult cat."""
    return write_voc(
        tmp_path / "pets", {"one": [("cat", BOX, False)], "two": [("dog", BOX, False), ("cat", [0, 0, 9, 9], True)]}
    )


@pytest.fixture
def found(tmp_path):
    return write_jsonl(
        tmp_path / "found.jsonl", {"one": [("Cat", 0.9, BOX), ("dog", 0.8, BOX)], "two": [("dog", 0.7, BOX)]}
    )


def evaluate(*arguments, tmp_path):
    """The JSON that a run writes."""
    path = tmp_path / "result.json"
    assert main([*map(str, arguments), "--json", str(path)]) == 0
    return json.loads(path.read_text())


def test_voc_text_of_the_devkit_scores_as_the_devkit_says(tmp_path):
    case = voc_case("voc_synthetic")
    data = write_voc(tmp_path / "VOC2007", objects_of(case, case.class_names))
    text = FOLDER / "voc_synthetic" / "detections"  # there are sheep among the detections, but none in the images
    result = evaluate(text, "--data", data, "--split", "test", "--ignore-unknown-classes", tmp_path=tmp_path)
    for protocol, key in (("voc07", "11point"), ("voc10", "area")):
        mean = case.golden[f"mean_ap_{key}_classes_with_ground_truth"]
        assert result[protocol]["mean_ap"] == pytest.approx(mean, rel=0, abs=1e-9)
        assert result[protocol]["classes_in_mean"] == 18
        for name, one in result[protocol]["classes"].items():
            golden = case.golden["classes"][name]
            assert (one["positives"], one["detections"]) == (golden["n_ground_truth"], golden["n_detections"])
            if one["positives"]:
                assert one["ap"] == pytest.approx(golden[f"ap_{key}"], rel=0, abs=1e-9)
                assert one["recall"] == pytest.approx(golden["recall_end"] or 0, abs=1e-9)
                assert one["precision"] == pytest.approx(golden["precision_end"], abs=1e-9, nan_ok=True)
            else:
                assert one["ap"] is None


@pytest.fixture(scope="module")
def det_tree(tmp_path_factory):
    """The golden ILSVRC case as the official tree, without photos, and its predictions without unknown classes."""
    case, root = ilsvrc_case("ties"), tmp_path_factory.mktemp("ilsvrc")
    (root / "ImageSets" / "DET").mkdir(parents=True)
    (root / "Annotations" / "DET" / "val").mkdir(parents=True)
    numbered = "".join(f"{image} {number}\n" for number, image in enumerate(case.ids, start=1))
    (root / "ImageSets" / "DET" / "val.txt").write_text(numbered)
    for image, objects in objects_of(case, list(det_200())).items():
        write_annotation(root / "Annotations" / "DET" / "val" / f"{image}.xml", objects)
    return root


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ties", ["--blacklist", FOLDER / "ilsvrc" / "blacklist.txt"]),
        ("ties_noblacklist", []),
        (
            "subset",
            ["--blacklist", FOLDER / "ilsvrc" / "blacklist.txt", "--images", FOLDER / "ilsvrc" / "list_subset.txt"],
        ),
    ],
)
def test_ilsvrc_submissions_score_as_the_devkit_says(det_tree, tmp_path, name, options):
    predictions = FOLDER / "ilsvrc" / "pred_ties.txt.gz"
    result = evaluate(predictions, "--data", det_tree, "--protocol", "ilsvrc", *options, tmp_path=tmp_path)["ilsvrc"]
    golden = ilsvrc_case(name).golden
    each = list(result["classes"].values())
    counted = [label for label, positives in enumerate(golden["n_ground_truth"]) if positives]
    np.testing.assert_allclose(
        [each[label]["ap"] for label in counted], [golden["ap"][label] for label in counted], rtol=0, atol=1e-9
    )
    assert result["classes_in_mean"] == len(counted)
    assert all(one["ap"] is None for label, one in enumerate(each) if label not in counted)


def test_a_list_as_the_split_numbers_the_images_of_a_submission(det_tree, tmp_path, capsys):
    """The devkit takes the numbers that stand in the list; they are neither in order nor without gaps."""
    listed = FOLDER / "ilsvrc" / "list_subset.txt"
    numbers = set(listed.read_text().split()[1::2])
    rows = [row for row in read_lines(FOLDER / "ilsvrc" / "pred_ties.txt.gz") if row.split()[0] in numbers]
    found = tmp_path / "found.txt"
    found.write_text("".join(f"{row}\n" for row in rows))
    options = ["--split", listed, "--blacklist", FOLDER / "ilsvrc" / "blacklist.txt"]
    result = evaluate(found, "--data", det_tree, *options, tmp_path=tmp_path)["ilsvrc"]
    golden = ilsvrc_case("subset").golden
    each = [one["ap"] for one in result["classes"].values()]
    counted = [label for label, positives in enumerate(golden["n_ground_truth"]) if positives]
    assert [each[label] for label in counted] == pytest.approx([golden["ap"][label] for label in counted], abs=1e-9)
    lowest, highest = min(map(int, numbers)), max(map(int, numbers))
    assert f"numbered as in the list of the split, from {lowest} to {highest}" in capsys.readouterr().err


def test_yolov2_on_real_photos(shared, tmp_path):
    result = evaluate(
        shared / "data" / "golden" / "voc" / "detections",
        *("--data", shared / "data" / "voc2007_5class" / "VOCdevkit" / "VOC2007", "--split", "test"),
        *("--classes", "bus,car,cat,person,train"),
        tmp_path=tmp_path,
    )
    golden = voc_case("voc").golden["classes"]
    for protocol, key in (("voc07", "ap_11point"), ("voc10", "ap_area")):
        expected = {name: golden[name][key] for name in ("bus", "car", "cat", "person", "train")}
        assert {name: one["ap"] for name, one in result[protocol]["classes"].items()} == pytest.approx(
            expected, abs=1e-9
        )
        assert result[protocol]["mean_ap"] == pytest.approx(np.mean(list(expected.values())), abs=1e-9)


def write_class_files(folder, *names, split="test"):
    folder.mkdir(exist_ok=True)
    for name in names:
        line = "one 0.9 11 11 50 50\n" if name == "cat" else "two 0.8 11 11 50 50\n"
        (folder / f"comp4_det_{split}_{name}.txt").write_text(line)
    return folder


def test_a_stranger_names_the_folder_and_the_data_alone(shared, capsys):
    """YOLOv2's text files lie in a folder below, of the test set, with classes that these photos do not show."""
    golden, photos = shared / "data" / "golden" / "voc", shared / "data" / "voc2007_5class" / "VOCdevkit" / "VOC2007"
    assert main([str(golden), "--data", str(photos), "--quiet"]) == 0
    printed = capsys.readouterr()
    means = [voc_case("voc").golden[f"mean_ap_{key}_classes_with_ground_truth"] for key in ("11point", "area")]
    assert [f"mean AP {mean:.4f}" in line for mean, line in zip(means, printed.out.splitlines(), strict=True)] == [1, 1]
    assert "left out, as the data set has no such class: bird (135), sheep (19)" in printed.err


def test_class_files_say_the_split(tmp_path, capsys):
    data = write_voc(tmp_path / "pets", {"one": [("cat", BOX, False)], "two": [("dog", BOX, False)]})
    (data / "ImageSets" / "Main" / "trainval.txt").write_text("two\n")
    found = write_class_files(tmp_path / "found", "cat", "dog")
    assert evaluate(found, "--data", data, tmp_path=tmp_path)["voc10"]["mean_ap"] == 1
    assert "taking the split 'test', as the files of detections are named after it" in capsys.readouterr().err
    arguments = [str(found), "--data", str(data), "--split", "trainval"]
    assert main(arguments) == 2
    again = f"; is 'test' the split? python tools/evaluate.py {' '.join(arguments)} --split test"
    assert capsys.readouterr().err.endswith(f"{again}\n")
    assert main([*arguments, "--split", "test"]) == 0


def test_class_files_say_a_split_with_underscores(tmp_path, capsys):
    data = write_voc(tmp_path / "pets", {"one": [("cat", BOX, False)], "two": [("dog", BOX, False)]}, "test_2012")
    (data / "ImageSets" / "Main" / "test.txt").write_text("two\n")
    found = write_class_files(tmp_path / "found", "cat", "dog", split="test_2012")
    assert evaluate(found, "--data", data, tmp_path=tmp_path)["voc10"]["mean_ap"] == 1
    assert "taking the split 'test_2012', as the files" in capsys.readouterr().err


def test_a_split_that_the_data_set_has_not_is_not_taken_from_the_names(tmp_path, capsys):
    data = write_voc(tmp_path / "pets", {"one": [("cat", BOX, False)]})
    found = write_class_files(tmp_path / "found", "cat", split="val")
    assert evaluate(found, "--data", data, tmp_path=tmp_path)["voc10"]["mean_ap"] == 1
    assert capsys.readouterr().err == ""


def test_classes_in_which_nothing_was_found_are_named(tmp_path, pets, capsys):
    found = write_class_files(tmp_path / "found", "cat")
    assert evaluate(found, "--data", pets, "--split", "test", tmp_path=tmp_path)["voc10"]["mean_ap"] == 0.5
    assert "nothing was found of 1 of 2 classes" in capsys.readouterr().err


def write_coco_case(folder):
    """Two images, their numbers falling; in that of the lower number something equally likely is found wrongly."""
    folder.mkdir()
    images = [{"id": number, "file_name": f"{number}.jpg", "width": 99, "height": 99} for number in (9, 3)]
    annotation = {"image_id": 9, "category_id": 5, "bbox": [10, 10, 40, 40], "area": 1600, "iscrowd": 0}
    truth = {"images": images, "categories": [{"id": 5, "name": "cat"}], "annotations": [{"id": 0, **annotation}]}
    found = {"category_id": 5, "score": 0.5, "bbox": [10, 10, 40, 40]}
    (folder / "instances_val.json").write_text(json.dumps(truth))
    (folder / "instances_found.json").write_text(json.dumps([{**found, "image_id": 9}, {**found, "image_id": 3}]))
    return folder


def test_coco_is_the_protocol_of_coco_files_and_has_twelve_figures(tmp_path, capsys):
    folder = write_coco_case(tmp_path / "coco")
    result = evaluate(folder / "instances_found.json", "--data", folder, tmp_path=tmp_path)
    assert list(result) == ["coco"]
    figures = {name: value for name, value in result["coco"].items() if name.startswith("A")}
    assert figures == pytest.approx(
        {"AP": 0.5, "AP50": 0.5, "AP75": 0.5, "APs": None, "APm": 0.5, "APl": None}
        | {"AR1": 1, "AR10": 1, "AR100": 1, "ARs": None, "ARm": 1, "ARl": None}
    )
    assert result["coco"]["mean_ap"] == pytest.approx(0.5)  # of equal scores those in image 3 rank first
    assert result["coco"]["classes"]["cat"]["positives"] == 1
    assert "coco: AP 0.5000, AP50 0.5000" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["{}.jpg", "{}", "val2017/{}.jpg", "C:\\val2017\\{}.jpg"])
@pytest.mark.parametrize("kind", ["jsonl", "csv", "image_id"])
def test_photos_of_coco_are_known_by_their_files(kind, name, tmp_path):
    """Their names are the ids with zeros before them, and infer.py knows no ids."""
    images = [{"id": n, "file_name": f"{n:012}.jpg", "width": 99, "height": 99} for n in (9, 3)]
    objects = [{"id": n, "image_id": n, "category_id": 5, "bbox": [10, 10, 40, 40]} for n in (9, 3)]
    truth = tmp_path / "instances_val2017.json"
    truth.write_text(json.dumps({"images": images, "categories": [{"id": 5, "name": "cat"}], "annotations": objects}))
    names = [name.format(f"{n:012}") for n in (9, 3)]
    found = tmp_path / f"found.{kind}"
    if kind == "jsonl":
        write_jsonl(found, {image: [("cat", 0.5, BOX)] for image in names})
    elif kind == "csv":
        lines = (f"{image},cat,0.5,11,11,50,50\n" for image in names)
        found.write_text("".join(["image,class,score,x1,y1,x2,y2\n", *lines]))
    else:
        sound = {"category_id": 5, "score": 0.5, "bbox": [10, 10, 40, 40]}
        found.write_text(json.dumps([{**sound, "image_id": image} for image in names]))
    assert evaluate(found, "--data", truth, tmp_path=tmp_path)["coco"]["AP50"] == pytest.approx(1)


def test_coco_measures_voc_annotations_too(pets, found, tmp_path):
    result = evaluate(found, "--data", pets, "--protocol", "coco,voc10", tmp_path=tmp_path)
    assert result["coco"]["classes"]["dog"]["ap"] == pytest.approx(0.5)
    assert result["coco"]["AP50"] == pytest.approx(result["voc10"]["mean_ap"])


def test_ilsvrc_is_the_protocol_of_its_200_classes(det_tree, tmp_path):
    assert list(evaluate(FOLDER / "ilsvrc" / "pred_ties.txt.gz", "--data", det_tree, tmp_path=tmp_path)) == ["ilsvrc"]


def test_an_unknown_class_is_answered_with_the_command_that_leaves_it_out(pets, tmp_path, capsys):
    path = write_jsonl(tmp_path / "f.jsonl", {"one": [("cow", 0.8, BOX)]})
    assert main([str(path), "--data", str(pets)]) == 2
    again = f"; to leave them out: python tools/evaluate.py {path} --data {pets} --ignore-unknown-classes"
    assert capsys.readouterr().err.endswith(f"{again}\n")


def test_a_class_that_another_split_shows_is_undefined_in_this_one(pets, tmp_path, capsys):
    """A class that no split shows is refused beside it."""
    write_annotation(pets / "Annotations" / "three.xml", [("cow", BOX, False), ("emu", BOX, False)])
    (pets / "ImageSets" / "Main" / "train.txt").write_text("three\n")
    found = [("cat", 0.9, BOX), ("cow", 0.8, BOX)]
    path = write_jsonl(tmp_path / "f.jsonl", {"one": found, "two": [("dog", 0.9, BOX)]})
    other = write_jsonl(tmp_path / "g.jsonl", {"one": found, "two": [("dog", 0.9, BOX), ("emu", 0.8, BOX)]})
    arguments = [str(path), "--data", str(pets), "--split", "test", "--protocol", "voc10", "--json"]
    assert main([*arguments, str(tmp_path / "ap.json")]) == 0
    told = capsys.readouterr().err
    assert told.count("no object of cow is in these images: without an average precision") == 1
    measured = json.loads((tmp_path / "ap.json").read_text())["voc10"]
    assert (measured["mean_ap"], measured["classes"]["cow"]["ap"]) == (1, None)
    compare = ["--compare", str(other), "--html", str(tmp_path / "a.html")]
    assert main([*arguments, str(tmp_path / "ap.json"), *compare]) == 0
    assert main([*arguments, str(tmp_path / "ap.json"), "--classes", "cat,cow"]) == 0
    assert list(json.loads((tmp_path / "ap.json").read_text())["voc10"]["classes"]) == ["cat", "cow"]
    strange = write_jsonl(tmp_path / "s.jsonl", {"one": [*found, ("yak", 0.7, BOX)]})
    capsys.readouterr()
    assert main([str(strange), *arguments[1:-1]]) == 2
    unknown = "class 'yak' is not in the data set; it has: cat, dog, cow; unknown are: yak (1)"
    assert unknown in capsys.readouterr().err


def test_the_table_names_protocol_class_and_mean(pets, found, capsys):
    assert main([str(found), "--data", str(pets), "--split", "test", "--protocol", "voc10,ilsvrc"]) == 0
    printed = capsys.readouterr()
    rows = [
        [cell.strip() for cell in line.split("│")[1:-1]] for line in printed.out.splitlines() if line.startswith("│")
    ]
    assert rows == [["cat", "1", "1", "1.0000", "1.0000"], ["dog", "1", "2", "0.5000", "0.5000"]]
    assert "voc10 AP" in printed.out
    assert "voc10: mean AP 0.7500, median 0.7500, over 2 of 2 classes" in printed.out
    assert "ilsvrc: mean AP 0.7500" in printed.out
    assert printed.err == ""


def test_quiet_prints_the_means_alone(pets, found, capsys):
    assert main([str(found), "--data", str(pets), "--protocol", "voc07", "--quiet"]) == 0
    assert capsys.readouterr().out == "voc07: mean AP 0.7500, median 0.7500, over 2 of 2 classes\n"


def test_some_classes_alone_in_the_order_asked_for(pets, found, tmp_path, capsys):
    result = evaluate(found, "--data", pets, "--classes", "DOG, cat", "--protocol", "voc10", tmp_path=tmp_path)
    assert list(result["voc10"]["classes"]) == ["dog", "cat"]
    assert evaluate(found, "--data", pets, "--classes", "dog", tmp_path=tmp_path)["voc10"]["mean_ap"] == 0.5


def test_classes_that_the_file_calls_otherwise_are_told(pets, tmp_path, capsys):
    path = write_jsonl(
        tmp_path / "f.jsonl", {"one": [("kitty", 0.8, BOX)], "two": [("kitty", 0.8, BOX), ("dog", 0.7, BOX)]}
    )
    result = evaluate(path, "--data", pets, "--classes", "cat", tmp_path=tmp_path)
    assert result["voc10"]["mean_ap"] == 0
    errors = capsys.readouterr().err
    assert "no detection is of these classes, but of dog (1), kitty (2): every average precision is 0" in errors
    assert "no detections at all" not in errors


def test_what_is_read_is_not_written_over(pets, found, tmp_path, capsys):
    other = write_jsonl(tmp_path / "other.jsonl", {"one": [], "two": []})
    inputs = {path: path.read_bytes() for path in (found, other)}
    arguments = [str(found), "--data", str(pets)]
    (tmp_path / "run").mkdir()
    run = found.rename(tmp_path / "run" / "detections.jsonl")
    found.symlink_to(run)
    for outputs in (
        ["--json", found],
        ["--html", found],
        ["--json", run],
        ["--compare", other, "--html", other],
        ["--html", tmp_path / "new", "--json", tmp_path / "run" / ".." / "new"],
    ):
        assert main([*arguments, *map(str, outputs)]) == 2
        assert "is another file of this command, which it would overwrite" in capsys.readouterr().err
    assert main([str(run.parent), "--data", str(pets), "--json", str(run)]) == 2
    assert {path: path.read_bytes() for path in inputs} == inputs
    assert not (tmp_path / "new").exists()


def test_some_images_alone(pets, found, tmp_path):
    (tmp_path / "list.txt").write_text("two 1\n\n")
    result = evaluate(found, "--data", pets, "--images", tmp_path / "list.txt", tmp_path=tmp_path)["voc10"]
    assert result["classes"]["dog"] == {"ap": 1.0, "positives": 1, "detections": 1, "recall": 1.0, "precision": 1.0}
    assert result["classes"]["cat"]["ap"] is None
    assert (result["mean_ap"], result["classes_in_mean"]) == (1.0, 1)


def test_images_that_are_not_spoken_of_are_counted_in_a_warning(pets, tmp_path, capsys):
    found = write_jsonl(tmp_path / "half.jsonl", {"one": []})
    result = evaluate(found, "--data", pets, tmp_path=tmp_path)
    assert (result["voc07"]["mean_ap"], result["voc07"]["classes_in_mean"]) == (0.0, 2)
    errors = capsys.readouterr().err
    assert "WARNING: 1 of 2 images have no detections" in errors
    assert "there are no detections at all: every average precision is 0" in errors


def test_boxes_without_area_are_counted_in_a_warning(pets, tmp_path, capsys):
    path = tmp_path / "found.csv"
    path.write_text("image,class,score,x1,y1,x2,y2\none,cat,.5,50,50,10,10\ntwo,dog,.5,10,10,50,50\n")
    assert evaluate(path, "--data", pets, tmp_path=tmp_path)["voc10"]["mean_ap"] == 0.5
    assert "1 detections have a box without area" in capsys.readouterr().err


def test_unknown_classes_can_be_left_out(pets, tmp_path, capsys):
    found = write_jsonl(
        tmp_path / "f.jsonl", {"one": [("cat", 0.9, BOX), ("cow", 0.8, BOX)], "two": [("dog", 0.7, BOX)]}
    )
    arguments = [str(found), "--data", str(pets)]
    assert main(arguments) == 2
    assert "class 'cow' is not in the data set; it has: cat, dog" in capsys.readouterr().err
    assert main([*arguments, "--ignore-unknown-classes"]) == 0
    assert "left out, as the data set has no such class: cow (1)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["FOUND"], "Missing option '--data'"),
        (["FOUND", "--data", "DATA", "--protocol", "voc12"], "no protocol 'voc12'; did you mean 'voc10'?"),
        (["FOUND", "--data", "DATA", "--classes", "dgo"], "no class 'dgo'; did you mean 'dog'?"),
        (["FOUND", "--data", "DATA", "--split", "tset"], "did you mean 'test'?"),
        (["FOUND", "--data", "DATA/gone"], "gone"),
        (["gone.jsonl", "--data", "DATA"], "gone.jsonl: no such file"),
        (["FOUND", "--data", "DATA", "--images", "LIST"], "LIST:2: image 'three' is not among the 2 of the data set"),
        (["FOUND", "--data", "DATA", "--images", "gone.txt"], "gone.txt"),
        (["FOUND", "--data", "DATA", "--images", "BLANK"], "BLANK: lists no image"),
        (["FOUND", "--data", "DATA", "--protocol", "ilsvrc", "--blacklist", "BLANK"], "BLANK: lists no image"),
        (
            ["FOUND", "--data", "DATA", "--protocol", "ilsvrc", "--blacklist", "LIST"],
            "LIST:1: expected an image number",
        ),
        (
            ["FOUND", "--data", "DATA", "--blacklist", "PAIRS"],
            "PAIRS: voc07, voc10 has none; only --protocol ilsvrc has",
        ),
        (["STRANGE", "--data", "DATA"], "STRANGE:1: image 'three' is not among the 2 of the data set"),
        (["BROKEN", "--data", "DATA"], "BROKEN:2: not JSON"),
        (["FOUND", "--data", "EMPTY"], "no annotated objects in 1 images"),
        (["FOUND", "--data", "DATA", "--frobnicate"], "No such option: --frobnicate"),
    ],
)
def test_bad_input_ends_in_one_line(pets, found, tmp_path, capsys, arguments, message):
    write_jsonl(tmp_path / "STRANGE", {"three": [("cat", 0.5, BOX)]})
    (tmp_path / "BROKEN").write_text(found.read_text().splitlines()[0] + '\n{"id": "tw')
    (tmp_path / "LIST").write_text("one\nthree\n")
    (tmp_path / "BLANK").write_text("\n")
    (tmp_path / "PAIRS").write_text("1 cat\n")
    write_voc(tmp_path / "EMPTY", {"one": []})
    names = {"FOUND": str(found), "DATA": str(pets)}
    places = {name: str(tmp_path / name) for name in ("LIST", "PAIRS", "BLANK", "STRANGE", "BROKEN", "EMPTY")}
    given = [{**names, **places}.get(word, word.replace("DATA", str(pets))) for word in arguments]
    assert main([*given, "--json", str(tmp_path / "result.json")]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    assert message in printed.err
    assert printed.out == ""
    assert not (tmp_path / "result.json").exists()


def test_help_begins_with_commands_to_copy(capsys):
    assert main(["--help"]) == 0
    help_text = capsys.readouterr().out
    assert "python tools/evaluate.py runs/cars/detections.jsonl --data VOCdevkit/VOC2007 --split test\n" in help_text
    assert help_text.index("python tools") < help_text.index("Protocols")


def test_neither_torch_nor_a_gpu_is_needed():
    code = "import sys, tools.evaluate; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0
