import numpy as np
import pytest

from detection.proposals.selective_search.distinct import first_of_each


@pytest.mark.parametrize(
    "codes",
    [
        pytest.param([], id="none"),
        pytest.param([0], id="one"),
        pytest.param([7] * 5000, id="all the same"),
        pytest.param(list(range(5000)), id="all different, so that the table grows"),
        pytest.param([code << 32 for code in range(3000)] * 2, id="high bits"),
        pytest.param([2**64 - 2, 2**64 - 3, 2**64 - 2], id="the largest"),
        pytest.param(np.random.default_rng(0).integers(0, 900, 4000).tolist(), id="mixed"),
    ],
)
def test_the_first_of_each_is_found(codes):
    found = first_of_each(np.array(codes, np.uint64)).tolist()
    assert found == [codes.index(code) for code in dict.fromkeys(codes)]
