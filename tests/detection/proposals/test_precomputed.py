"""Boxes of a file, and their way into a store."""

import numpy as np
import pytest

from detection.proposals.precomputed import BoxesFileError, PrecomputedBoxes, import_boxes, read_boxes
from detection.proposals.store import Failure, ProposalStore

BOXES = np.array([[0, 0, 16, 12], [1.5, 2, 9, 8], [3, 3, 4, 4]])
scipy_io = pytest.importorskip("scipy.io", reason="needs SciPy")


def write_npz(path, ids=("a", "b"), counts=(2, 1), boxes=BOXES, **scores):
    np.savez(path, ids=np.array(ids), counts=np.array(counts), boxes=np.array(boxes), **scores)
    return path


def write_mat(path, images):
    """As R-CNN's: a column of names, a row of arrays."""
    cells = {"images": np.empty((len(images), 1), object), "boxes": np.empty((1, len(images)), object)}
    for row, (name, boxes) in enumerate(images.items()):
        cells["images"][row, 0], cells["boxes"][0, row] = name, np.array(boxes, float)
    scipy_io.savemat(path, cells)
    return path


def test_an_npz_file_is_read_in_its_order(tmp_path):
    found = read_boxes(write_npz(tmp_path / "boxes.npz"))
    assert {id: one.boxes.tolist() for id, one in found.items()} == {"a": BOXES[:2].tolist(), "b": BOXES[2:].tolist()}
    assert found["a"].scores.tolist() == [0, 0]


def test_scores_put_the_best_first(tmp_path):
    found = read_boxes(write_npz(tmp_path / "boxes.npz", scores=np.array([-2, 0.5, 1])))
    assert found["a"].boxes.tolist() == BOXES[[1, 0]].tolist()
    assert found["a"].scores.tolist() == [0.5, -2]


def test_an_image_may_have_no_boxes(tmp_path):
    found = read_boxes(write_npz(tmp_path / "boxes.npz", ids=("a", "none", "b"), counts=(2, 0, 1)))
    assert found["none"].boxes.shape == (0, 4)
    assert len(read_boxes(write_mat(tmp_path / "boxes.mat", {"none": np.zeros((0, 4))}))["none"]) == 0


def test_a_mat_file_is_turned_and_counted_from_0(tmp_path):
    one_based = [[1, 1, 12, 16], [3, 2, 8, 9]]  # ymin, xmin, ymax, xmax
    found = read_boxes(write_mat(tmp_path / "voc.mat", {"000005": one_based, "000007": one_based[:1]}))
    assert found["000005"].boxes.tolist() == [[0, 0, 16, 12], [1, 2, 9, 8]]
    assert found["000007"].boxes.tolist() == [[0, 0, 16, 12]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param(
            {"boxes": [*BOXES[:1], [5, 5, 4, 6], BOXES[2]]}, "'a', row 1: .* is inverted or empty", id="invert"
        ),
        pytest.param({"boxes": [*BOXES[:2], [5, 5, 5, 6]]}, "'b', row 0: .* is inverted or empty", id="empty"),
        pytest.param({"boxes": [[0, np.nan, 1, 1], *BOXES[1:]]}, "'a', row 0: .* not a finite", id="nan"),
        pytest.param({"scores": np.array([1, np.inf, 0])}, "'a', row 1: .* a score that is not a finite", id="score"),
        pytest.param({"counts": (2, 2)}, r"add up to 4 boxes, but boxes are \(3, 4\)", id="counts"),
        pytest.param({"counts": (4, -1)}, "a count of boxes for each of 2 ids", id="negative count"),
        pytest.param({"counts": (3,)}, "a count of boxes for each of 2 ids", id="too few counts"),
        pytest.param({"ids": ("a", "a")}, "'a' occurs twice", id="twice"),
        pytest.param({"boxes": BOXES[:, :3]}, r"'a': expected boxes \(R, 4\)", id="three numbers"),
        pytest.param({"boxes": BOXES.astype(str)}, r"'a': expected boxes \(R, 4\) of numbers", id="text"),
        pytest.param({"scores": np.array([1, 2])}, r"expected 3 scores, one a box, got \(2,\)", id="too few scores"),
        pytest.param({"ids": np.array(["a", None])}, "not an .npz file of plain arrays", id="pickled"),
    ],
)
def test_a_fault_is_told_with_file_image_and_row(tmp_path, changes, message):
    with pytest.raises(BoxesFileError, match=rf"boxes\.npz.*{message}"):
        read_boxes(write_npz(tmp_path / "boxes.npz", **changes))


def test_a_fault_of_a_mat_file_is_told_too(tmp_path):
    file = write_mat(tmp_path / "voc.mat", {"000005": [[1, 1, 12, 16], [3, 9, 8, 2]]})
    with pytest.raises(
        BoxesFileError, match=r"voc\.mat: image '000005', row 1: \[8\.0, 2\.0, 2\.0, 8\.0\] is inverted"
    ):
        read_boxes(file)
    with pytest.raises(BoxesFileError, match=r"image '1': expected boxes \(R, 4\), got \(1, 3\)"):
        read_boxes(write_mat(tmp_path / "voc.mat", {"1": [[1, 2, 3]]}))


def test_what_is_no_file_of_boxes_is_refused(tmp_path):
    for name, message in (
        ("boxes.npz", "not an .npz"),
        ("boxes.mat", "not a MATLAB"),
        ("boxes.csv", r"\.mat or \.npz"),
    ):
        (tmp_path / name).write_bytes(b"\0\1junk" * 40)
        with pytest.raises(BoxesFileError, match=rf"{name}.*{message}"):
            read_boxes(tmp_path / name)
    for whole in (write_npz(tmp_path / "cut.npz"), write_mat(tmp_path / "cut.mat", {"a": BOXES[:, [1, 0, 3, 2]] + 1})):
        content = whole.read_bytes()
        for end in range(0, len(content) - 8, 97):
            whole.write_bytes(content[:end])
            with pytest.raises(BoxesFileError, match="damaged"):
                read_boxes(whole)
    np.savez(tmp_path / "other.npz", ids=["a"], boxes=BOXES)
    with pytest.raises(BoxesFileError, match="no 'counts'; expected ids, counts, boxes"):
        read_boxes(tmp_path / "other.npz")
    scipy_io.savemat(tmp_path / "other.mat", {"boxes": BOXES})
    with pytest.raises(BoxesFileError, match="no 'images'; expected images, boxes"):
        read_boxes(tmp_path / "other.mat")
    with pytest.raises(FileNotFoundError, match=r"missing\.npz"):
        read_boxes(tmp_path / "missing.npz")


def imported(store_folder, file, photos, **others):
    store = ProposalStore(store_folder, PrecomputedBoxes("them"))
    import_boxes(file, [(photo.stem, photo) for photo in photos], store, **others)
    return store


def test_imported_boxes_are_found_under_any_name(tmp_path, photos):
    file = write_npz(tmp_path / "boxes.npz", ids=("0", "1"), scores=np.array([3, 2, 1.0]))
    told = []
    imported(tmp_path / "store", file, photos[:2], report=lambda *progress: told.append(progress))
    copy = tmp_path / "another name.png"
    copy.write_bytes(photos[1].read_bytes())
    store = ProposalStore(tmp_path / "store", PrecomputedBoxes("them"))
    first, second = store.fill([photos[0], copy])
    assert (first.boxes.tolist(), first.scores.tolist()) == (BOXES[:2].tolist(), [3, 2])
    assert second.boxes.tolist() == BOXES[2:].tolist()
    assert told == [("importing boxes", 1, 2), ("importing boxes", 2, 2)]


def test_photos_that_the_file_does_not_know_have_no_proposals(tmp_path, photos):
    (tmp_path / "bad.png").write_bytes(b"no photo")
    file = write_npz(tmp_path / "boxes.npz", ids=("0", "bad"))
    known, unknown, bad, missing = photos[0], photos[1], tmp_path / "bad.png", tmp_path / "missing.png"
    store = imported(tmp_path / "store", file, [known, unknown, bad, missing])
    found = list(store.each([known, unknown, bad, missing]))
    assert len(found[0]) == 2
    assert [type(one) for one in found[1:]] == [Failure] * 3
    assert found[1].reason.startswith(f"{unknown}: no precomputed boxes of origin 'them' were imported")
    assert "tools/propose.py --method file" in found[1].reason


def test_a_file_that_knows_no_photo_is_refused(tmp_path, photos):
    with pytest.raises(BoxesFileError, match=r"boxes\.npz: no boxes of any of the 8 photos, such as '0'; of 'a', 'b'"):
        imported(tmp_path / "store", write_npz(tmp_path / "boxes.npz"), photos)


@pytest.mark.parametrize("box", [[0, 0, 17.5, 5], [-1.5, 0, 5, 5], [2, 2, 5, 14], [16, 2, 16.5, 4]])
def test_a_box_outside_its_photo_is_refused(tmp_path, photos, box):
    file = write_npz(tmp_path / "boxes.npz", ids=("0",), counts=(2,), boxes=[BOXES[0], box])
    with pytest.raises(BoxesFileError, match=r"boxes\.npz: image '0', row 1: .* outside its photo of 16 x 12 pixels"):
        imported(tmp_path / "store", file, photos[:1])


def test_a_box_that_rounding_put_outside_is_cut(tmp_path, photos):
    file = write_npz(tmp_path / "boxes.npz", ids=("0",), counts=(1,), boxes=[[-0.5, 0, 16.8, 12]])
    assert imported(tmp_path / "store", file, photos[:1]).proposals(photos[0]).boxes.tolist() == [[0, 0, 16, 12]]


def test_other_boxes_of_the_same_origin_are_refused(tmp_path, photos):
    file = write_npz(tmp_path / "boxes.npz", ids=("0", "1"))
    imported(tmp_path / "store", file, photos[:2])
    imported(tmp_path / "store", file, photos[:2])
    with pytest.raises(ValueError, match=r"0\.png: .* has other boxes of this photo; choose another store or origin"):
        imported(tmp_path / "store", write_npz(tmp_path / "b.npz", ids=("1", "0")), photos[:2])


def test_origins_have_settings_of_their_own():
    assert PrecomputedBoxes("one").settings != PrecomputedBoxes("other").settings
    assert PrecomputedBoxes().settings == {"method": "precomputed", "version": 1, "origin": None}
