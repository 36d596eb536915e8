"""The official devkits' numbers, to 1e-9."""

import numpy as np
import pytest

from detection.evaluation.ilsvrc import ilsvrc
from detection.evaluation.result import ClassResult
from detection.evaluation.voc import voc07, voc10
from detection.structures import Detections
from tests.golden.cases import ilsvrc_case, voc_case

EXACT = {"rtol": 0, "atol": 1e-9}


def assert_curve(result: ClassResult, golden: dict) -> None:
    np.testing.assert_allclose(result.recall, np.array(golden["recall"], float), **EXACT)
    np.testing.assert_allclose(result.precision, np.array(golden["precision"], float), **EXACT)


@pytest.mark.parametrize("name", ["voc", "voc_synthetic"])
@pytest.mark.parametrize(("protocol", "key"), [(voc07, "11point"), (voc10, "area")], ids=["voc07", "voc10"])
def test_voc_equals_the_devkit(name, protocol, key):
    case = voc_case(name)
    evaluation = protocol(case.predictions, case.targets, case.class_names)
    for class_name, golden in case.golden["classes"].items():
        result = evaluation.classes[class_name]
        assert (result.positives, result.detections) == (golden["n_ground_truth"], golden["n_detections"])
        if result.positives:
            assert result.ap == pytest.approx(golden[f"ap_{key}"], rel=0, abs=1e-9), class_name
            if "curve" in golden:
                assert_curve(result, golden["curve"])
        else:
            assert np.isnan(result.ap)
    assert evaluation.mean_ap == pytest.approx(case.golden[f"mean_ap_{key}_classes_with_ground_truth"], abs=1e-9)
    assert evaluation.classes_in_mean == case.golden["num_classes_with_ground_truth"] == 18


def test_yolov2_on_five_classes():
    case = voc_case("voc")
    five = ["bus", "car", "cat", "person", "train"]
    assert voc07(case.predictions, case.targets, case.class_names).only(five).mean_ap == pytest.approx(0.7944, abs=5e-5)
    assert voc10(case.predictions, case.targets, case.class_names).only(five).mean_ap == pytest.approx(0.8261, abs=5e-5)


@pytest.mark.parametrize("name", ["ties", "ties_noblacklist", "subset", "edge"])
def test_ilsvrc_equals_the_devkit(name):
    case = ilsvrc_case(name)
    evaluation = ilsvrc(case.predictions, case.targets, case.class_names, case.blacklist)
    results = list(evaluation.classes.values())
    for label, golden in enumerate(case.golden["ap"]):
        result = results[label]
        assert result.detections == case.golden["n_predictions"][label]
        assert result.positives == case.golden["n_ground_truth"][label]
        if result.positives:
            assert result.ap == pytest.approx(golden, rel=0, abs=1e-9)
        else:
            assert np.isnan(result.ap)
        if str(label + 1) in case.golden["curves"]:
            assert_curve(result, case.golden["curves"][str(label + 1)])
    assert all(np.isnan(result.ap) for result in results[len(case.golden["ap"]) :])
    if case.golden["mean_ap"] is not None:
        assert evaluation.mean_ap == pytest.approx(case.golden["mean_ap"], abs=1e-9)
        assert evaluation.median_ap == pytest.approx(case.golden["median_ap"], abs=1e-9)


def test_a_detector_in_memory_scores_as_its_table():
    """One ``Detections`` an image, float32, images in order: the way of a caller who has no file."""
    case = ilsvrc_case(
        "ties"
    )  # equal scores go by image here, so that the table's order across images is of no account
    table = case.predictions
    each = []
    for image in range(len(case.targets)):
        rows = np.flatnonzero(table.images == image)
        each.append(Detections(table.boxes[rows], table.scores[rows], table.labels[rows]))
    evaluation = ilsvrc(each, case.targets, case.class_names, case.blacklist)
    np.testing.assert_allclose([r.ap for r in evaluation.classes.values()], case.golden["ap"], **EXACT)
