"""LFW's photographs with names and numbers, and its lists of pairs, where each malformed line is named."""

import io

import numpy as np
import pytest
from PIL import Image

import tinyconv as tc
from tests.data.readers.builders import PAIRS, lfw_members, picture, tar_of, zip_of
from tests.refusal import assert_refused
from tinyconv.data.readers import lfw, read_lfw, read_lfw_pairs


def refused(path, members, match):
    path.write_bytes(zip_of(members))
    with assert_refused(match) as caught:
        read_lfw(path)
    assert path.name in str(caught.value)


@pytest.mark.parametrize("pack", [zip_of, tar_of], ids=["zip", "tgz"])
def test_photographs_are_sorted_by_name_and_number(tmp_path, pack):
    members = lfw_members((("Bo", 1), ("Ann_Lee", 2)))
    (tmp_path / "lfw").write_bytes(pack({"lfw/README.txt": b"x", "lfw/Bo/Ann_Lee_0001.jpg": b"x", **members}))
    got = read_lfw(tmp_path / "lfw")
    assert got["names"].tolist() == ["Ann_Lee", "Ann_Lee", "Bo"]
    assert got["numbers"].tolist() == [1, 2, 1]
    assert got["numbers"].dtype == np.int64
    assert got["images"].dtype == np.uint8
    assert got["images"].shape == (3, 6, 5, 3)
    np.testing.assert_allclose(got["images"][:, 0, 0, 0].astype(int), [60, 80, 20], atol=3)


def test_an_ending_in_capitals_is_understood(tmp_path):
    (tmp_path / "lfw").write_bytes(zip_of({name.replace(".jpg", ".JPG"): content for name, content in lfw_members().items()}))
    assert read_lfw(tmp_path / "lfw")["names"].tolist() == ["Ann_Lee", "Ann_Lee", "Bo"]


def test_a_gray_photograph_becomes_rgb_like_the_others(tmp_path):
    members = {**lfw_members(), "lfw/Bo/Bo_0002.jpg": picture(np.full((6, 5), 99, np.uint8), "JPEG")}
    (tmp_path / "lfw").write_bytes(zip_of(members))
    np.testing.assert_allclose(read_lfw(tmp_path / "lfw")["images"][-1].astype(int), 99, atol=2)


def test_a_folder_is_read(tmp_path):
    for name, content in lfw_members().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert read_lfw(tmp_path)["names"].tolist() == ["Ann_Lee", "Ann_Lee", "Bo"]


def test_what_is_not_lfw_is_one_line(tmp_path, monkeypatch):
    members, path = lfw_members(), tmp_path / "lfw.zip"
    odd = {**members, "lfw/Bo/Bo_0002.jpg": picture(np.zeros((5, 6, 3), np.uint8), "JPEG")}
    refused(path, {}, "holds no photographs")
    refused(path, odd, "Bo_0002.jpg has 6x5 pixels, expected 5x6")
    refused(path, {**members, "lfw/Bo/Bo_0001.jpg": b"x"}, "Bo_0001.jpg is not a whole JPEG")
    refused(path, {**members, "lfw/Bo/Bo_0001.jpg": members["lfw/Bo/Bo_0001.jpg"][:-200]}, "is not a whole JPEG")
    refused(path, {**members, "lfw/Bo/Bo_0001.jpg": picture(np.zeros((6, 5, 3), np.uint8))}, "is not a whole JPEG")
    refused(path, {**members, "x/Bo/Bo_0001.jpg": members["lfw/Bo/Bo_0001.jpg"]}, "are the same photograph")
    monkeypatch.setattr(lfw, "MOST_BYTES", 200)
    refused(path, members, "too many for all 3 photographs")


def test_a_photograph_of_too_many_pixels_is_refused_before_it_is_unpacked(tmp_path):
    buffer = io.BytesIO()
    Image.new("L", (60_000, 300)).save(buffer, "JPEG")
    refused(tmp_path / "lfw.zip", {"Bo/Bo_0001.jpg": buffer.getvalue()}, "60000x300 pixels, at most 16,777,216")


def pairs(tmp_path, text):
    (tmp_path / "pairs.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_lfw_pairs(tmp_path / "pairs.txt")


def test_pairs_come_with_fold_and_truth(tmp_path):
    for text in (PAIRS, PAIRS.replace("\n", "\r\n"), PAIRS.rstrip()):
        got = pairs(tmp_path, text)
        assert got["folds"].tolist() == [0, 0, 1, 1]
        assert got["same"].tolist() == [True, False, True, False]
        assert got["names"].tolist() == [["Ann_Lee", "Ann_Lee"], ["Ann_Lee", "Bo"], ["Cy_Re", "Cy_Re"], ["Bo", "Ann_Lee"]]
        assert got["numbers"].tolist() == [[1, 2], [1, 1], [3, 4], [2, 1]]
        assert (got["folds"].dtype, got["same"].dtype, got["numbers"].dtype) == (np.int64, np.bool_, np.int64)


def test_a_list_without_folds_is_one_fold(tmp_path):
    got = pairs(tmp_path, "2\nA\t1\t2\nB\t1\t2\nA\t1\tB\t2\nB\t1\tC\t1\n")
    assert got["folds"].tolist() == [0] * 4
    assert got["same"].tolist() == [True, True, False, False]


@pytest.mark.parametrize(("old", "new", "line"), [
    ("2\t1", "", 1), ("2\t1", "2\t1\t1", 1), ("2\t1", "0\t1", 1), ("2\t1", "two\t1", 1), ("2\t1", "2\t-1", 1),
    ("2\t1", "2\t99999999", 1),
    ("Ann_Lee\t1\t2", "Ann_Lee\t1", 2), ("Ann_Lee\t1\t2", "Ann_Lee 1 2", 2), ("Ann_Lee\t1\t2", "Ann_Lee\t1\tBo\t2", 2),
    ("Ann_Lee\t1\t2", "Ann_Lee\t1\t1", 2), ("Ann_Lee\t1\tBo\t1", "Ann_Lee\t1\tAnn_Lee\t2", 3),
    ("Ann_Lee\t1\tBo\t1", "Ann_Lee\t1\t2", 3), ("Ann_Lee\t1\tBo\t1", "Ann_Lee\t1\tBo\tx", 3),
    ("Cy_Re\t3\t4", "Cy_Re\t0\t4", 4), ("Cy_Re\t3\t4", "Cy_Re\t-3\t4", 4), ("Cy_Re\t3\t4", "\t3\t4", 4), ("Cy_Re\t3\t4", "", 4),
    ("Cy_Re\t3\t4", "Cy_Re\t3\t99999", 4), ("Bo\t2\tAnn_Lee\t1", "Bo\t2\tAnn_Lee\t1\t9", 5),
])
def test_a_malformed_line_is_named_by_its_number(tmp_path, old, new, line):
    with assert_refused(rf"pairs.txt: line {line} is '.*', expected"):
        pairs(tmp_path, PAIRS.replace(old, new, 1))


def test_counts_must_fit_the_first_line(tmp_path):
    for text in (PAIRS + "A\t1\t2\n", PAIRS.rpartition("Bo")[0], "3\t1" + PAIRS[3:], "9999999\t9999999\n"):
        with pytest.raises(tc.DataError, match=r"lines follow line 1, expected"):
            pairs(tmp_path, text)


def test_what_is_no_list_is_one_line(tmp_path, monkeypatch):
    for text, match in [(b"", "line 1 is ''"), (b"\xff\xfe1", "byte 0 is no UTF-8"), (b"\0\0\n\0", "line 1 is")]:
        with assert_refused(match):
            pairs(tmp_path, text)
    monkeypatch.setattr(lfw, "LARGEST_LIST", 20)
    with pytest.raises(tc.DataError, match="more than 20 bytes"):
        pairs(tmp_path, PAIRS)
    with pytest.raises(tc.DataError, match="is a folder"):
        read_lfw_pairs(tmp_path)
    with pytest.raises(tc.DataError, match="does not exist"):
        read_lfw_pairs(tmp_path / "absent.txt")


@pytest.mark.slow
def test_the_official_lists_are_whole(pack):
    for name, folds, count in [("pairs", 10, 6000), ("pairsDevTrain", 1, 2200), ("pairsDevTest", 1, 1000)]:
        got = read_lfw_pairs(pack(f"faces_lfw/{name}.txt"))
        assert len(got["same"]) == count == 2 * got["same"].sum()
        assert np.bincount(got["folds"]).tolist() == [count // folds] * folds


@pytest.mark.slow
def test_the_aligned_photographs_of_every_official_pair_are_there(pack):
    got, listed = read_lfw(pack("faces_lfw/lfw_view2_aligned112_jpg.zip")), read_lfw_pairs(pack("faces_lfw/pairs.txt"))
    assert got["images"].shape == (7701, 112, 112, 3)
    there = set(zip(got["names"].tolist(), got["numbers"].tolist(), strict=True))
    assert there == set(zip(listed["names"].ravel().tolist(), listed["numbers"].ravel().tolist(), strict=True))
