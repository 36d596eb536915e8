import numpy as np
import pytest

from detection.bench.evaluation import (
    Size,
    bench_evaluation,
    measure_coco,
    measure_ilsvrc,
    measure_pycocotools,
    measure_voc10,
    measured_apart,
    write_coco,
    write_ilsvrc,
)

SMALL = Size(images=20, objects=60, detections=600, classes=5)


def test_both_ways_to_measure_coco_agree(tmp_path):
    files = write_coco(SMALL, tmp_path / "coco")
    assert measure_coco(files) == pytest.approx(measure_pycocotools(files), rel=0, abs=1e-12)
    assert 0 < measure_coco(files) < 1


def test_the_protocols_measure_the_same_text(tmp_path):
    files = write_ilsvrc(SMALL, tmp_path / "det")
    assert 0 < measure_voc10(files) < measure_ilsvrc(files) < 1  # which is lenient with small objects


def test_a_run_has_a_process_of_its_own(tmp_path):
    files = write_coco(SMALL, tmp_path / "coco")
    ours = np.ones(1 << 26)  # 512 MB, which are not the other process's
    measured = measured_apart(measure_coco, files)
    assert measured.mean_ap == measure_coco(files)
    assert measured.spent.wall > 0
    assert 10 < measured.peak_megabytes < ours.nbytes >> 20


@pytest.mark.slow
def test_the_races_are_run_and_named():
    protocols, coco = bench_evaluation(size=SMALL, coco_size=SMALL)
    assert [timing.name for timing in protocols.timings] == ["ilsvrc", "voc10"]
    assert [timing.name for timing in coco.timings] == ["ours", "pycocotools"]
    assert coco.timings[0].facts["mean AP"] == coco.timings[1].facts["mean AP"]
    assert "600 detections, 20 images" in protocols.title
