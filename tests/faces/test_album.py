"""Albums: a folder for each person, in a folder, a zip or a tar; what is ambiguous is refused by name."""

import numpy as np
import pytest
from PIL import Image

from tests.data.readers.builders import picture, tar_of, zip_of
from tests.refusal import assert_refused
from tinyconv.data.images import read_image
from tinyconv.faces.album import is_picture, open_album


def pixels(value):
    return np.full((6, 5, 3), value, np.uint8)


def members():
    return {"top/bo/2.png": picture(pixels(20)), "top/bo/10.png": picture(pixels(30)),
            "top/ann/x.JPG": picture(pixels(40), "JPEG"), "top/notes.txt": b"x", "top/bo/.hidden.png": b"x",
            "__MACOSX/bo/2.png": b"x"}


def unpack(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("pack", [zip_of, tar_of, None], ids=["zip", "tgz", "folder"])
def test_people_are_the_folders_in_which_pictures_lie(tmp_path, pack):
    if pack is None:
        path = unpack(tmp_path / "people", members())
    else:
        path = tmp_path / "people"
        path.write_bytes(pack(members()))
    with open_album(path) as album:
        assert {person: [name.rpartition("/")[2] for name in names] for person, names in album.people.items()} == {
            "ann": ["x.JPG"], "bo": ["10.png", "2.png"]}
        assert album.names == ["top/ann/x.JPG", "top/bo/10.png", "top/bo/2.png"]
        got = album.read("top/bo/2.png")
    assert (got.dtype, got.shape) == (np.float32, (6, 5, 3))
    np.testing.assert_array_equal(got, np.float32(20) / np.float32(255))


def test_a_tar_is_read_in_its_own_order(tmp_path):
    (tmp_path / "people").write_bytes(tar_of(members()))
    with open_album(tmp_path / "people") as album:
        assert album.in_stored_order(set(album.names)) == ["top/bo/2.png", "top/bo/10.png", "top/ann/x.JPG"]


def test_a_file_of_a_folder_is_turned_as_the_camera_meant_it(tmp_path):
    (tmp_path / "ann").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    Image.fromarray(pixels(9)).save(tmp_path / "ann/1.jpg", exif=exif)
    with open_album(tmp_path) as album:
        got = album.read("ann/1.jpg")
    assert got.shape == (5, 6, 3)
    np.testing.assert_array_equal(got, read_image(tmp_path / "ann/1.jpg"))


@pytest.mark.parametrize(("files", "message"), [
    ({}, "holds no pictures, expected PERSON/PICTURE.jpg"),
    ({"ann/notes.txt": b"x"}, "holds no pictures"),
    ({"group.png": b"x"}, "group.png lies in no folder of a person"),
    ({"a/holiday/1.png": b"x", "b/holiday/1.png": b"x"}, "a/holiday and b/holiday are two folders of one name"),
])
def test_what_is_no_album_is_refused(tmp_path, files, message):
    (tmp_path / "people.zip").write_bytes(zip_of(files or {"readme": b"x"}))
    with assert_refused(message), open_album(tmp_path / "people.zip"):
        pass


def test_a_damaged_picture_is_named(tmp_path):
    (tmp_path / "people.zip").write_bytes(zip_of({"ann/1.png": picture(pixels(9))[:-30]}))
    with open_album(tmp_path / "people.zip") as album, assert_refused("people.zip: ann/1.png is not a whole PNG"):
        album.read("ann/1.png")


@pytest.mark.parametrize(("name", "expected"), [
    ("a.jpg", True), ("A/B.JPEG", True), ("a.png", True), ("a.txt", False), (".a.jpg", False), ("jpg", False),
    (".x/a.jpg", False),
])
def test_a_picture_is_known_by_its_ending(name, expected):
    assert is_picture(name) is expected
