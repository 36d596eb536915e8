import json

import numpy as np
import pytest

from detection.evaluation.analysis import PROTOCOLS
from detection.report.question import ask
from tests.detection.datasets.trees import coco, write, write_coco, write_det, write_voc

PHOTOS = {"1": [("cat", 3, 4, 22, 24)], "2": [("dog", 3, 4, 22, 24)]}
ROWS = "image,class,score,x1,y1,x2,y2\n1,cat,.9,2,3,22,24\n2,dog,.8,2,3,22,24\n"


def test_images_are_numbered_by_their_place_in_the_question(tmp_path):
    data = write_voc(tmp_path / "VOC2007", PHOTOS, {"test": PHOTOS})
    found = write(tmp_path / "found.csv", ROWS)
    question = ask(str(data), "test", write(tmp_path / "list.txt", "2\n"), None, found)
    assert (question.images, len(question.targets)) == ((1,), 1)
    placed = question.read(found)
    assert (placed.table.images.tolist(), placed.table.labels.tolist(), placed.images.tolist()) == ([0], [1], [True])
    assert question.measure("voc10", placed.table).mean_ap == pytest.approx(1)


def test_a_blacklist_numbers_the_photos_of_all_of_val(tmp_path):
    data = write_det(
        tmp_path / "det", "val", {f"val_{number}": [("n02691156", 3, 4, 22, 24)] for number in range(1, 5)}
    )
    write(data / "ImageSets/DET/val2.txt", "val_3 1\nval_4 2\n")
    blacklist = write(tmp_path / "blacklist.txt", "2 airplane\n4 airplane\n")
    question = ask(str(data), "val2", None, blacklist, tmp_path / "none")
    assert list(question.ids) == ["val_3", "val_4"]
    assert question.blacklist == {(1, question.names.label("airplane"))}


def test_the_blacklist_follows_the_images(tmp_path):
    data = write_det(tmp_path / "ILSVRC", "val", {f"val_{number}": [("n02691156", 3, 4, 22, 24)] for number in (1, 2)})
    blacklist = write(tmp_path / "blacklist.txt", "1 airplane\n2 n02691156\n")
    question = ask(str(data), None, write(tmp_path / "list.txt", "val_2\n"), blacklist, tmp_path / "none")
    assert question.blacklist == {(0, question.names.label("airplane"))}
    nothing = question.read(write(tmp_path / "found.csv", ROWS.partition("\n")[0] + "\n")).table
    assert np.isnan(question.measure("ilsvrc", nothing).mean_ap)
    assert question.measure("voc10", nothing).mean_ap == 0  # which has no blacklist


def test_every_data_set_has_its_protocols(tmp_path):
    voc = write_voc(tmp_path / "VOC2007", PHOTOS, {"test": PHOTOS})
    det = write_det(tmp_path / "ILSVRC", "val", {"val_1": [("n02691156", 3, 4, 22, 24)]})
    truth = write_coco(tmp_path / "instances.json", coco())
    usual = {path: ask(str(path), None, None, None, tmp_path / "none").usual_protocols for path in (voc, det, truth)}
    assert list(usual.values()) == ["voc07,voc10", "ilsvrc", "coco"]
    assert {name for names in usual.values() for name in names.split(",")} == set(PROTOCOLS)


def test_categories_that_are_texts_are_of_coco(tmp_path):
    annotation = {"id": 1, "image_id": 7, "category_id": "1", "bbox": [1, 2, 3, 4]}
    content = coco(categories=[{"id": "1", "name": "cat"}], annotations=[annotation])
    found = [{"image_id": 7, "category_id": "1", "bbox": [1, 2, 3, 4], "score": 0.5}]
    question = ask(str(write_coco(tmp_path / "instances.json", content)), None, None, None, tmp_path / "none")
    assert question.usual_protocols == "coco"
    assert len(question.read(write(tmp_path / "found.json", json.dumps(found))).table) == 1


def test_images_of_coco_are_in_the_order_of_their_numbers(tmp_path):
    question = ask(str(write_coco(tmp_path / "instances.json", coco())), None, None, None, tmp_path / "none")
    assert [question.dataset.ids[image] for image in question.images] == ["0", "3", "7"]


def test_without_objects_there_is_nothing_to_ask(tmp_path):
    data = write_voc(tmp_path / "VOC2007", {"1": []}, {"test": ["1"]})
    with pytest.raises(ValueError, match="no annotated objects in 1 images"):
        ask(str(data), "test", None, None, tmp_path / "none")
