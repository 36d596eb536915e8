"""Which photos a run works on, and what they are called."""

import os
from collections import Counter
from pathlib import Path

import pytest

from detection.images import IMAGE_SUFFIXES
from detection.inference.find import find_photos, photos_of
from detection.inference.folder import open_run
from detection.inference.left_out import LeftOut
from tests.detection.inference.stub import lock_folders


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def ids(*paths: Path, leave_out: Path | None = None) -> list[str]:
    return [photo.id for photo in find_photos(paths, leave_out=leave_out).photos]


def drawings_of_a_run(folder: Path) -> Path:
    with open_run(folder, {}) as run:
        touch(run.drawings, "a.jpg")
        return run.drawings


def test_a_folder_is_searched_with_its_subfolders_in_order(tmp_path: Path) -> None:
    touch(tmp_path, "b.jpg", "sub/deep/c.PNG", "a.jpeg", "sub/a.webp", "notes.txt", "noext", "sub/x.xml")
    found = find_photos([tmp_path])
    assert [photo.id for photo in found.photos] == ["a.jpeg", "b.jpg", "sub/a.webp", "sub/deep/c.PNG"]
    assert all(photo.path == tmp_path / photo.id for photo in found.photos)
    assert found.root == str(tmp_path)
    assert found.unreadable == ()


def test_every_suffix_that_can_be_decoded_counts_in_small_and_in_capital_letters(tmp_path: Path) -> None:
    touch(tmp_path, *(f"small{suffix}" for suffix in IMAGE_SUFFIXES), *(f"LARGE{s.upper()}" for s in IMAGE_SUFFIXES))
    assert len(ids(tmp_path)) == 2 * len(IMAGE_SUFFIXES)


def test_a_file_that_is_named_counts_whatever_its_suffix(tmp_path: Path) -> None:
    touch(tmp_path, "photo", ".hidden.jpg")
    assert ids(tmp_path / "photo", tmp_path / ".hidden.jpg") == [".hidden.jpg", "photo"]


def test_hidden_files_and_folders_do_not_count(tmp_path: Path) -> None:
    """A Mac leaves ``._a.jpg`` beside ``a.jpg``: its suffix lies."""
    touch(tmp_path, "a.jpg", "._a.jpg", ".thumbnails/a.jpg")
    assert ids(tmp_path) == ["a.jpg"]


def test_ids_of_several_paths_begin_at_the_folder_that_holds_them_all(tmp_path: Path) -> None:
    touch(tmp_path, "one/a.jpg", "two/a.jpg", "two/sub/b.jpg", "three.jpg")
    found = find_photos([tmp_path / "one", tmp_path / "two", tmp_path / "three.jpg"])
    assert [photo.id for photo in found.photos] == ["one/a.jpg", "three.jpg", "two/a.jpg", "two/sub/b.jpg"]
    assert found.root == str(tmp_path)


def test_the_same_file_counts_once(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "sub/b.jpg")
    assert ids(tmp_path, tmp_path / "a.jpg", tmp_path / "sub", tmp_path / "sub" / ".." / "a.jpg") == [
        "a.jpg",
        "sub/b.jpg",
    ]


def test_a_relative_path_gives_the_same_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "photos/a.jpg")
    monkeypatch.chdir(tmp_path)
    assert ids(Path("photos")) == ids(tmp_path / "photos") == ids(Path("photos/../photos")) == ["a.jpg"]
    assert ids(Path()) == ["photos/a.jpg"]


def test_a_parent_folder_is_that_of_where_a_link_leads(tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere/a.jpg", "elsewhere/sub/b.jpg", "photos/c.jpg")
    (tmp_path / "photos" / "link").symlink_to(tmp_path / "elsewhere" / "sub", target_is_directory=True)
    found = find_photos([tmp_path / "photos" / "link" / ".." / "a.jpg"])
    assert [photo.path for photo in found.photos] == [tmp_path / "elsewhere" / "a.jpg"]


def test_data_sets_are_told_apart_by_where_they_are_not_by_what_is_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "one/co/a.jpg", "two/co/a.jpg")
    (tmp_path / "mine.txt").write_text("a.jpg\n")
    roots = []
    for place in ("one", "two"):
        monkeypatch.chdir(tmp_path / place)
        found = photos_of("co")
        assert [photo.path for photo in found.photos] == [tmp_path / place / "co" / "a.jpg"]
        assert (
            found.root == photos_of(f"folder:{tmp_path / place / 'co'}").root == photos_of("../" + place + "/co").root
        )
        roots.append(found.root)
    assert roots == [f"folder:{tmp_path / place / 'co'}" for place in ("one", "two")]
    assert photos_of("co:../mine.txt").root == f"{roots[1]}:{tmp_path / 'mine.txt'}"


def test_links_are_followed_and_circles_end(tmp_path: Path) -> None:
    touch(tmp_path, "photos/z/a.jpg", "elsewhere/b.jpg")
    photos = tmp_path / "photos"
    (photos / "circle").symlink_to(photos, target_is_directory=True)
    (photos / "z" / "up").symlink_to(photos, target_is_directory=True)
    (photos / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (photos / "again.jpg").symlink_to(photos / "z" / "a.jpg")
    assert ids(photos) == ["linked/b.jpg", "z/a.jpg"]
    assert ids(photos / "circle") == ["linked/b.jpg", "z/a.jpg"]


def test_links_do_not_rename_what_they_lead_to(tmp_path: Path) -> None:
    touch(tmp_path, "some/real/a.jpg")
    before = ids(tmp_path)
    (tmp_path / "a folder").symlink_to(tmp_path / "some" / "real", target_is_directory=True)
    (tmp_path / "a file.jpg").symlink_to(tmp_path / "some" / "real" / "a.jpg")
    assert ids(tmp_path) == before == ["some/real/a.jpg"]


def test_a_broken_link_is_found_so_that_it_is_reported(tmp_path: Path) -> None:
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    assert ids(tmp_path) == ["gone.jpg"]


def test_the_folder_of_the_results_is_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "runs/x/annotated/a.jpg")
    assert ids(tmp_path, leave_out=tmp_path / "runs" / "x") == ["a.jpg"]
    assert ids(tmp_path / "a.jpg", leave_out=tmp_path / "not there yet") == ["a.jpg"]
    with pytest.raises(ValueError, match="the photos' own folder cannot be the one that the results go to"):
        find_photos([tmp_path], leave_out=tmp_path / "runs" / "..")


def test_drawings_inside_a_data_set_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "photos/a.jpg", "photos/annotated notes/b.jpg", "photos/mine/annotated/c.jpg")
    drawings = drawings_of_a_run(tmp_path / "photos" / "out")
    found = photos_of(f"folder:{tmp_path / 'photos'}")
    assert [photo.id for photo in found.photos] == ["a.jpg", "annotated notes/b.jpg", "mine/annotated/c.jpg"]
    assert str(found.left_out) == f"drawings of an earlier run left out: {drawings}"
    assert len(photos_of(f"folder:{drawings}").photos) == 1


def test_drawings_of_other_runs_are_left_out_unless_they_are_asked_for(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "annotated/b.jpg", "theirs/annotated/c.jpg")
    (tmp_path / "theirs" / "run.json").write_text("{}")
    drawings = drawings_of_a_run(tmp_path / "runs" / "x")
    found = find_photos([tmp_path], leave_out=tmp_path / "runs" / "y")
    assert [photo.id for photo in found.photos] == ["a.jpg", "annotated/b.jpg", "theirs/annotated/c.jpg"]
    assert str(found.left_out) == f"drawings of an earlier run left out: {drawings}"
    assert ids(drawings) == ["a.jpg"]
    with pytest.raises(ValueError, match=r"no image there .*; drawings of an earlier run left out: .*annotated$"):
        find_photos([tmp_path / "runs" / "x"])


def test_a_folder_that_cannot_be_listed_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a.jpg", "locked/b.jpg")
    lock_folders(monkeypatch)
    found = find_photos([tmp_path])
    assert [photo.id for photo in found.photos] == ["a.jpg"]
    (failure,) = found.unreadable
    assert (failure.path, failure.reason) == (tmp_path / "locked", "cannot list this folder: Permission denied")


def test_names_of_any_kind_are_kept(tmp_path: Path) -> None:
    names = ["with blank.jpg", "größe 犬.jpg", "<img src=x>.jpg", "two\nlines.jpg", os.fsdecode(b"st\xffray.jpg")]
    touch(tmp_path, *names)
    assert sorted(ids(tmp_path)) == sorted(names)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere: no such file or folder"):
        find_photos([tmp_path, tmp_path / "nowhere"])
    touch(tmp_path, "notes.txt")
    with pytest.raises(ValueError, match=r"no image there \(looked for \.bmp, \.gif, \.jfif, \.jpe, \.jpeg, \.jpg"):
        find_photos([tmp_path])


def test_what_may_have_been_meant_is_counted(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b.HEIC", "sub/c.mp4", "notes.txt", "a.xml", "data.json", "noext", ".hidden.heic")
    touch(tmp_path, "runs/x/annotated/d.mov")
    (tmp_path / "again").symlink_to(tmp_path / "sub", target_is_directory=True)
    found = find_photos([tmp_path], leave_out=tmp_path / "runs" / "x")
    assert found.left_out.files == {".heic": 1, ".mp4": 1}
    assert str(found.left_out) == (
        "2 files left out (.heic 1, .mp4 1); convert .heic to JPEG first, with pillow-heif or ImageMagick"
    )
    assert str(LeftOut(Counter({".mp4": 1}))) == "1 file left out (.mp4 1)"
    assert str(find_photos([tmp_path / "a.jpg"]).left_out) == ""


def test_a_folder_of_nothing_but_telephone_photos_says_what_to_do(tmp_path: Path) -> None:
    touch(tmp_path, "a.heic", "b.avif")
    with pytest.raises(ValueError, match=r"no image there .*; 2 files left out .*convert \.heic and \.avif to JPEG"):
        find_photos([tmp_path])
