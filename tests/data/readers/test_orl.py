"""ORL's 400 photographs by person and number, from a zip, a tar or a folder of PGM files."""

import numpy as np
import pytest

import tinyconv as tc
from tests.data.readers.builders import orl_members, pgm, tar_of, zip_of
from tests.refusal import assert_refused
from tinyconv.data.readers import read_orl

MEMBERS = orl_members()
GRAYS = np.add.outer(6 * np.arange(40), np.arange(1, 11))
PATTERN = np.random.default_rng(0).integers(0, 256, (112, 92), dtype=np.uint8)


def read(path, members):
    path.write_bytes(zip_of(members))
    return read_orl(path)["faces"]


def refused(path, photograph, match):
    path.write_bytes(zip_of({**MEMBERS, "s7/3.pgm": photograph}))
    with assert_refused(match) as caught:
        read_orl(path)
    assert f"{path}: s7/3.pgm" in str(caught.value)


@pytest.mark.parametrize("pack", [zip_of, tar_of], ids=["zip", "tar.gz"])
@pytest.mark.parametrize("top", ["", "att_faces/orl_faces/"])
def test_each_photograph_stands_at_its_person_and_number(tmp_path, pack, top):
    (tmp_path / "orl").write_bytes(pack({f"{top}README": b"terms", **orl_members(top), "__MACOSX/s1/1.pgm": b"x"}))
    faces = read_orl(tmp_path / "orl")["faces"]
    assert faces.dtype == np.uint8
    assert faces.shape == (40, 10, 112, 92)
    np.testing.assert_array_equal(faces, np.broadcast_to(GRAYS[..., None, None], faces.shape))


def test_a_folder_of_people_is_read(tmp_path):
    for name, content in MEMBERS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    np.testing.assert_array_equal(read_orl(tmp_path)["faces"][..., 5, 5], GRAYS)


@pytest.mark.parametrize("photograph", [
    pgm(PATTERN), pgm(PATTERN, "P2"), pgm(PATTERN, comment="# by hand\n"), pgm(PATTERN, "P2", "# by\n# hand\n"),
    b"P5 92 112 255\n" + PATTERN.tobytes(), b"P5\t92\n112\r255 " + PATTERN.tobytes(),
    b"P5# a\r92# b\n#c\r\n112\n255# d\n" + PATTERN.tobytes(),
], ids=["binary", "ASCII", "comment", "comments", "one line", "other blanks", "comments everywhere"])
def test_pgm_is_read_in_each_of_its_forms(tmp_path, photograph):
    np.testing.assert_array_equal(read(tmp_path / "orl.zip", {**MEMBERS, "s7/3.pgm": photograph})[6, 2], PATTERN)


def test_names_in_capitals_as_old_disks_write_them_are_understood(tmp_path):
    members = {name.upper(): content for name, content in MEMBERS.items()}
    np.testing.assert_array_equal(read(tmp_path / "orl.zip", members)[..., 5, 5], GRAYS)


def test_a_photograph_of_another_kind_is_refused_by_name(tmp_path):
    path, binary = tmp_path / "orl.zip", pgm(PATTERN)
    refused(path, pgm(PATTERN.T), "is 92x112 with values up to 255, expected 112x92 up to 255")
    refused(path, b"P5 92 112 65535\n" + bytes(2 * PATTERN.size), "values up to 65535")
    refused(path, b"P5 92 112 127\n" + bytes(PATTERN.size), "values up to 127")
    refused(path, b"P5 999999999 999999999 255\n", "999999999x999999999")
    refused(path, b"P6 92 112 255\n" + bytes(3 * PATTERN.size), "is not a PGM")
    refused(path, b"P5 92 112", "is not a PGM")
    refused(path, b"P5 -92 112 255\n", "is not a PGM")
    refused(path, b"P5 " + b"9" * 5000 + b" 112 255\n", "is not a PGM")
    refused(path, b"", "is not a PGM")
    refused(path, binary[:-1], "10,303 values, expected 10,304")
    refused(path, binary + b"\n", "10,305 values, expected 10,304")
    refused(path, binary.replace(b"255\n", b"255\r\n", 1), "10,305 values")  # line ends were converted: bytes are wrong
    refused(path, pgm(PATTERN, "P2").rpartition(b" ")[0], "10,303 values")
    refused(path, pgm(PATTERN, "P2").replace(b" 7", b" 777", 1), "no number from 0 to 255")
    refused(path, pgm(PATTERN, "P2").replace(b" 7", b" -7", 1), "no number from 0 to 255")


def test_photographs_that_are_absent_or_too_many_are_named(tmp_path):
    path = tmp_path / "orl.zip"
    for members, match in [
        ({}, "400 of the 400 photographs are absent, the first is s1/1.pgm"),
        ({name: c for name, c in MEMBERS.items() if name != "s40/10.pgm"}, "1 of the 400 .*s40/10.pgm"),
        ({**MEMBERS, "s41/1.pgm": MEMBERS["s1/1.pgm"]}, "s41/1.pgm is no photograph of ORL"),
        ({**MEMBERS, "s1/0.pgm": MEMBERS["s1/1.pgm"]}, "s1/0.pgm is no photograph of ORL"),
        ({**MEMBERS, "again/s1/1.pgm": MEMBERS["s1/1.pgm"]}, "are the same photograph"),
    ]:
        with pytest.raises(tc.DataError, match=match):
            read(path, members)


@pytest.mark.slow
def test_the_pack_written_as_pgm_comes_back(tmp_path, pack):
    faces = np.load(pack("faces_orl/orl_faces.npz"))["faces"]
    members = {f"s{s + 1}/{n + 1}.pgm": pgm(faces[s, n]) for s in range(40) for n in range(10)}
    np.testing.assert_array_equal(read(tmp_path / "orl.zip", members), faces)
