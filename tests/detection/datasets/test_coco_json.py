"""What an instances file says, as records."""

from pathlib import Path

from detection.datasets.coco import open_coco
from tests.contracts import assert_is_dataset
from tests.detection.datasets.trees import coco, write_coco, write_photo


def test_photos_of_an_export_made_on_windows(tmp_path: Path) -> None:
    images = [{"id": 7, "file_name": "images\\sub\\b.jpg"}, {"id": 0, "file_name": "images/a.jpg"}]
    objects = [{"id": 1, "image_id": 7, "category_id": 17, "bbox": [1, 2, 3, 4]}]
    file = write_coco(tmp_path / "truth.json", coco(images=images, annotations=objects))
    for name in ("images/sub/b.jpg", "images/a.jpg"):
        write_photo(tmp_path / name)
    dataset = open_coco(file)
    assert_is_dataset(dataset)
    assert dataset.path(0) == tmp_path / "images/sub/b.jpg"
