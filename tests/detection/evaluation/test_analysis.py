import json

import numpy as np
import pytest

from detection.evaluation.analysis import Extras, analyse, judge_under
from detection.evaluation.coco import coco
from detection.evaluation.ilsvrc import ilsvrc
from detection.evaluation.judgement import judge
from detection.evaluation.voc import VOC10, voc07, voc10
from detection.structures import Target
from tests.detection.evaluation.random_case import objects_of, table
from tests.golden.cases import ilsvrc_case, voc_case


def test_all_parts_of_the_golden_detections():
    case = voc_case("voc")
    found = case.predictions
    others = [judge_under(name, found, case.targets, case.class_names) for name in ("voc07", "ilsvrc", "coco")]
    extras = Extras(
        sizes=np.full((len(case.targets), 2), 500.0),
        proposals={image: target.boxes for image, target in enumerate(case.targets)},
        others=others,
        rival=judge_under("voc10", found[found.scores > 0.1], case.targets, case.class_names),
        names=("above .1", "all"),
    )
    judgement = judge_under("voc10", found, case.targets, case.class_names)
    analysis = analyse(judgement, len(case.targets), extras, samples=100)
    summary = json.loads(json.dumps(analysis.summary(), allow_nan=False))
    assert summary["protocol"] == analysis.protocol == "voc10"
    assert summary["images"] == 500
    assert summary["errors"]["missed: no proposal"]["count"] == 0  # the proposals are the objects
    assert [one["second"] for one in summary["explanations"]] == ["voc07", "ilsvrc", "coco at .5"]
    assert summary["comparison"]["difference"]["value"] > 0
    assert all(len(curve["recall"]) <= 200 for curve in summary["curves"].values())
    assert len(summary["worst_images"]) == 12
    assert np.array(summary["confusion"]["counts"]).shape == (21, 21)


def test_protocols_by_name():
    case = ilsvrc_case("edge")
    given = (case.predictions, case.targets, case.class_names)
    for protocol in (voc07, voc10):
        assert judge_under(protocol.__name__, *given, case.blacklist).mean_ap == protocol(*given).mean_ap
    assert judge_under("ilsvrc", *given, case.blacklist).mean_ap == ilsvrc(*given, case.blacklist).mean_ap
    assert judge_under("coco", *given).mean_ap == pytest.approx(coco(*given).figures["AP50"], abs=1e-12)
    with pytest.raises(ValueError, match="no protocol 'voc'; there are voc07, voc10, ilsvrc, coco"):
        judge_under("voc", *given)


def test_crowds_are_those_of_the_targets():
    crowd = Target(np.array([[0, 0, 100, 100]]), np.zeros(1), crowd=np.ones(1, bool))
    inside = table((0, 0, 0.9, 0, 0, 10, 10))
    assert judge_under("coco", inside, [crowd], ["a"]).verdicts.tolist() == [-1]
    assert judge_under("voc10", inside, [crowd], ["a"]).verdicts.tolist() == [0]


def test_nothing_found_and_nothing_known():
    analysis = analyse(judge(VOC10, table(), objects_of((0, 0, 0, 0, 9, 9)), ["a"]), 1, samples=10)
    summary = json.loads(json.dumps(analysis.summary(), allow_nan=False))
    assert summary["intervals"]["mean_ap"] == {"value": 0, "low": 0, "high": 0}
    assert summary["errors"]["missed"] == {"count": 1, "gain": 1}
    assert (summary["comparison"], summary["explanations"]) == (None, [])
    assert summary["reliability"]["equal_width"]["error"] is None


def test_no_objects():
    analysis = analyse(judge(VOC10, table((0, 0, 0.5, 0, 0, 9, 9)), objects_of(), ["a"]), 1, samples=10)
    assert json.loads(json.dumps(analysis.summary(), allow_nan=False))["intervals"]["mean_ap"]["value"] is None
