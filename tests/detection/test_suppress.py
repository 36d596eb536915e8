"""Suppression against a loop that a child could follow."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from detection.structures import Detections
from detection.suppress import Suppression


def suppress(boxes: torch.Tensor, scores: torch.Tensor, **settings) -> Detections:
    """With every score, unless told otherwise."""
    return Suppression(**{"floor": 0.0, **settings})(boxes, scores)


def overlap_of(one: list[float], other: list[float]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    both = max(width, 0.0) * max(height, 0.0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return both / (sum(areas) - both)


def brute_force(boxes: list, scores: list, overlap: float, per_image: int, floor: float) -> list[tuple]:
    """``boxes`` (R, K, 4), ``scores`` (R, K) as lists -> (label, score, box), the best first."""
    found = []
    for label in range(len(scores[0]) if scores else 0):
        kept: list[tuple] = []
        for row in sorted(range(len(scores)), key=lambda row: -scores[row][label]):
            box, score = boxes[row][label], scores[row][label]
            if score < floor or box[2] <= box[0] or box[3] <= box[1]:
                continue
            if all(overlap_of(box, other) <= overlap for _, _, other, _ in kept):
                kept.append((label, score, box, row))
        found += kept
    found.sort(key=lambda one: (-one[1], one[3], one[0]))
    return [(label, score, box) for label, score, box, _ in found[:per_image]]


def as_tuples(detections: Detections) -> list[tuple]:
    return list(zip(detections.labels.tolist(), detections.scores.tolist(), detections.boxes.tolist(), strict=True))


# whole pixels that overlap often, negative ones and boxes without area among them; scores that tie
boxes_of_all_kinds = st.tuples(*[st.integers(-3, 6)] * 2, *[st.integers(-1, 6)] * 2).map(
    lambda b: [float(b[0]), float(b[1]), float(b[0] + b[2]), float(b[1] + b[3])]
)
some_scores = st.sampled_from([0.0, 0.125, 0.25, 0.5, 0.75, 1.0])


@given(
    st.integers(1, 3).flatmap(
        lambda classes: st.lists(
            st.tuples(
                st.lists(boxes_of_all_kinds, min_size=classes, max_size=classes),
                st.lists(some_scores, min_size=classes, max_size=classes),
            ),
            min_size=1,
            max_size=12,
        )
    ),
    st.sampled_from([0.0, 0.25, 0.3, 0.5, 1.0]),
    st.sampled_from([1, 4, 100]),
    st.sampled_from([0.0, 0.25]),
)
def test_what_is_kept_is_what_the_loop_keeps(rows: list, overlap: float, per_image: int, floor: float) -> None:
    boxes, scores = [row[0] for row in rows], [row[1] for row in rows]
    found = suppress(torch.tensor(boxes), torch.tensor(scores), overlap=overlap, per_image=per_image, floor=floor)
    assert as_tuples(found) == brute_force(boxes, scores, overlap, per_image, floor)


def test_many_boxes_far_apart_are_kept_as_the_loop_keeps_them() -> None:
    """Large coordinates and many classes must not round: a shift by class in single precision would."""
    random = np.random.default_rng(0)
    corners = random.uniform(0, 8000, (60, 1, 2)) + random.uniform(0, 12, (60, 40, 2))
    boxes = np.concatenate([corners, corners + random.uniform(1, 12, (60, 40, 2))], axis=2).astype(np.float32)
    scores = random.permutation(2400).reshape(60, 40).astype(np.float32) / 2400
    found = suppress(torch.from_numpy(boxes), torch.from_numpy(scores), overlap=0.3, per_image=10_000)
    assert as_tuples(found) == brute_force(boxes.tolist(), scores.tolist(), 0.3, 10_000, 0.0)


def test_an_overlap_of_exactly_the_threshold_is_no_reason_to_go() -> None:
    """3/10 in single precision is 0.30000001."""
    boxes = torch.tensor([[0.0, 0, 10, 1], [0, 0, 3, 1]])
    assert len(suppress(boxes, torch.tensor([[0.9], [0.8]]), overlap=0.3)) == 2


@given(
    st.lists(st.tuples(boxes_of_all_kinds, some_scores), min_size=1, max_size=10),
    st.sampled_from([0.3, 0.5]),
    st.sampled_from([0.0, 0.25]),
)
def test_votes_of_the_overlapping_boxes_move_the_kept_ones(rows: list, voting: float, floor: float) -> None:
    boxes, scores = [row[0] for row in rows], [row[1] for row in rows]
    kept = suppress(torch.tensor(boxes), torch.tensor(scores)[:, None], floor=floor)
    found = suppress(torch.tensor(boxes), torch.tensor(scores)[:, None], floor=floor, voting=voting)
    assert (found.scores.tolist(), found.labels.tolist()) == (kept.scores.tolist(), kept.labels.tolist())
    voters = [
        (box, score)
        for box, score in zip(boxes, scores, strict=True)
        if score >= floor and box[2] > box[0] and box[3] > box[1]
    ]
    for before, after in zip(kept.boxes.tolist(), found.boxes.tolist(), strict=True):
        votes = [(box, score) for box, score in voters if overlap_of(before, box) >= voting]
        total = sum(score for _, score in votes)
        mean = [sum(score * box[side] for box, score in votes) / total if total else before[side] for side in range(4)]
        assert after == pytest.approx(mean, abs=1e-5)


def test_a_score_counts_by_the_votes_behind_it() -> None:
    """The first box of the first class stands alone, the second has another's vote."""
    boxes = torch.tensor([[0.0, 0, 10, 10], [20, 0, 30, 10], [20, 0, 31, 10]])
    scores = torch.tensor([[0.75, 0.0], [0.625, 0.5], [0.5, 0.0]])
    found = suppress(boxes, scores, voting=0.5, support=True, floor=0.1)
    assert found.labels.tolist() == [0, 0, 1]
    assert found.scores.tolist() == pytest.approx([0.625 * 1.125 / 2.125, 0.75 * 0.75 / 1.75, 0.5 * 0.5 / 1.5])
    assert found.boxes[1].tolist() == [0, 0, 10, 10]
    plain = suppress(boxes, scores, voting=0.5, floor=0.1)
    assert plain.scores.tolist() == [0.75, 0.625, 0.5]
    assert sorted(plain.boxes.tolist()) == sorted(found.boxes.tolist())


def test_without_voting_there_is_no_support() -> None:
    boxes, scores = torch.tensor([[0.0, 0, 10, 10]]), torch.tensor([[0.75]])
    assert suppress(boxes, scores, support=True).scores.tolist() == [0.75]


def test_a_box_that_lies_in_a_better_one_of_its_class_loses_what_is_covered() -> None:
    whole, part, apart = [0.0, 0, 40, 10], [0.0, 0, 10, 10], [35.0, 0, 55, 10]
    boxes = torch.tensor([part, whole, apart])
    scores = torch.tensor([[0.5, 0.75], [0.75, 0.0], [0.25, 0.0]])
    found = suppress(boxes, scores, cover_penalty=0.8, floor=0.1)
    assert as_tuples(found) == [
        (1, 0.75, part),  # of another class
        (0, 0.75, whole),
        (0, pytest.approx(0.25 * (1 - 0.8 * 0.25)), apart),
        (0, pytest.approx(0.5 * (1 - 0.8)), part),
    ]
    assert suppress(boxes, scores, floor=0.1).scores.tolist() == [0.75, 0.75, 0.5, 0.25]


def test_the_larger_box_is_covered_by_the_smaller_where_that_is_better() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [0.0, 0, 50, 10]])
    found = suppress(boxes, torch.tensor([[0.75], [0.5]]), cover_penalty=1.0)
    assert found.scores.tolist() == pytest.approx([0.75, 0.5 * 0.8])


def test_only_boxes_of_the_same_class_vote() -> None:
    boxes = torch.tensor([[[0.0, 0, 10, 10], [0, 0, 10, 10]], [[0, 0, 12, 10], [0, 0, 12, 10]]])
    found = suppress(boxes, torch.tensor([[0.75, 0.5], [0.25, 0.0]]), voting=0.5)
    assert as_tuples(found) == [(0, 0.75, [0, 0, 10.5, 10]), (1, 0.5, [0, 0, 10, 10])]


def test_one_box_for_all_classes_may_be_found_as_each() -> None:
    found = suppress(torch.tensor([[0.0, 0, 4, 4]]), torch.tensor([[0.2, 0.7]]))
    assert as_tuples(found) == [(1, pytest.approx(0.7), [0, 0, 4, 4]), (0, pytest.approx(0.2), [0, 0, 4, 4])]


@pytest.mark.parametrize("shape", [(0, 4), (0, 3, 4)], ids=["shared", "by class"])
def test_no_regions_give_no_detections(shape: tuple[int, ...]) -> None:
    found = suppress(torch.zeros(shape), torch.zeros(0, 3), voting=0.5, support=True, cover_penalty=0.5)
    assert found.boxes.shape == (0, 4)
