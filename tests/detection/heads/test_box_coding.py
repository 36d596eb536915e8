import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from detection.heads.box_coding import decode_boxes, encode_boxes

corners = st.floats(-500, 500, width=32)
sides = st.floats(1, 400, width=32)
growth = st.floats(0.3, 3.5)


def test_offsets_by_hand() -> None:
    """A region of 10 x 20 and an object twice as wide, half as high, 5 to the right and 2 up of its centre."""
    region, box = torch.tensor([[0.0, 0, 10, 20]]), torch.tensor([[0.0, 3, 20, 13]])
    offsets = encode_boxes(box, region)
    assert offsets[0].tolist() == pytest.approx([5 / 10 / 0.1, -2 / 20 / 0.1, math.log(2) / 0.2, math.log(0.5) / 0.2])


@given(corners, corners, sides, sides, st.floats(-1, 1), st.floats(-1, 1), growth, growth)
def test_decoding_undoes_encoding(
    x: float, y: float, w: float, h: float, dx: float, dy: float, wider: float, higher: float
) -> None:
    region = torch.tensor([[x, y, x + w, y + h]])
    left, top = x + dx * w, y + dy * h
    box = torch.tensor([[left, top, left + wider * w, top + higher * h]])
    decoded = decode_boxes(encode_boxes(box, region)[:, None], region)[0, 0]
    assert decoded.tolist() == pytest.approx(box[0].tolist(), abs=1e-2, rel=1e-4)


def test_no_offset_is_the_region_in_every_class() -> None:
    regions = torch.tensor([[1.0, 2, 30, 40], [5, 6, 7, 8]])
    decoded = decode_boxes(torch.zeros(2, 3, 4), regions)
    assert decoded.shape == (2, 3, 4)
    assert torch.allclose(decoded, regions[:, None].expand(2, 3, 4))


def test_a_wild_offset_grows_a_box_fourfold_at_most() -> None:
    decoded = decode_boxes(torch.tensor([[[0, 0, 1e6, -1e6]]]), torch.tensor([[0.0, 0, 8, 8]]))
    assert decoded[0, 0].tolist() == pytest.approx([-12, 3, 20, 5])


def test_nothing_is_coded_as_nothing() -> None:
    assert encode_boxes(torch.zeros(0, 4), torch.zeros(0, 4)).shape == (0, 4)
    assert decode_boxes(torch.zeros(0, 2, 4), torch.zeros(0, 4)).shape == (0, 2, 4)
