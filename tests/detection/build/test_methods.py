import pytest

from detection.build.methods import METHODS, ladder_configs, method_config
from detection.config import ProposalsConfig


def test_what_is_not_given_is_the_config_s_default():
    assert method_config("selective-search", {"mode": None, "multibox": None}) == ProposalsConfig()
    assert method_config("opencv", {}).mode == "opencv-fast"


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_an_engine(method):
    assert method_config(method, {}).engine == METHODS[method].engine


@pytest.mark.parametrize(
    ("method", "options", "words"),
    [
        ("edge-boxes", {}, ["--method edge-boxes", *METHODS]),
        ("grid", {"superpixel_scale": 2.0}, ["--superpixel-scale 2:", "grid", "selective-search, package, opencv"]),
        ("package", {"mode": "single"}, ["--mode single:", "selective-search"]),
        ("file", {"multibox": 200}, ["--multibox 200:", "multibox"]),
        ("selective-search", {"mode": "fast"}, ["--mode fast:", "'rcnn-fast'"]),
        ("selective-search", {"superpixel_scale": -1.0}, ["--superpixel-scale -1:", "greater than 0"]),
        ("selective-search", {"multibox": 0}, ["--multibox 0:", "1"]),
    ],
)
def test_what_does_not_go_together_is_refused(method, options, words):
    with pytest.raises(ValueError, match="--") as error:
        method_config(method, options)
    assert all(word in str(error.value) for word in words), str(error.value)


def test_the_ladder_has_the_paper_s_steps():
    plain, doubled, both, thinned = ladder_configs("selective-search", {}).values()
    assert (plain.superpixel_scale, plain.multibox) == (1, None)
    assert (doubled.superpixel_scale, doubled.multibox) == (2, None)
    assert (both.superpixel_scale, both.multibox, both.union_overlap) == (2, 200, None)
    assert thinned == both.model_copy(update={"union_overlap": 0.9})


def test_the_ladder_s_last_step_can_be_another_or_none():
    *_, last = ladder_configs("selective-search", {"multibox": 50, "mode": "single"}).values()
    assert (last.multibox, last.mode) == (50, "single")
    assert list(ladder_configs("selective-search", {"multibox": 0})) == ["x1", "x2"]


def test_a_ladder_needs_superpixels_and_sets_them():
    with pytest.raises(ValueError, match="--ladder"):
        ladder_configs("selective-search", {"superpixel_scale": 2.0})
    with pytest.raises(ValueError, match="--method grid"):
        ladder_configs("grid", {})
