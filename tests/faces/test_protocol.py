"""LFW's protocol on photographs: each is encoded once, the face in the middle counts, and what is absent is named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.data.readers.builders import picture, tar_of, zip_of
from tests.faces.invented import encoder
from tests.refusal import assert_refused
from tinyconv.faces.album import open_album
from tinyconv.faces.encoder import load_encoder
from tinyconv.faces.photographs import Face, faces_in
from tinyconv.faces.protocol import (
    encode_photographs,
    find_photographs,
    judge,
    nearest_to_middle,
    pair_distances,
    read_protocol,
)
from tinyconv.metric.evaluation import k_fold_accuracy

PAIRS = "2\t1\nBo\t1\t2\nBo\t2\tAnn_Lee\t7\nAnn_Lee\t7\t8\nAnn_Lee\t8\tBo\t1\n"


@pytest.fixture
def protocol(tmp_path):
    (tmp_path / "pairs.txt").write_text(PAIRS)
    return read_protocol(tmp_path / "pairs.txt")


def photographs():
    """{name in an archive: PNG}, more than the pairs name, in no order."""
    names = ("Bo/Bo_0002.png", "x/Cy/Cy_0001.png", "Ann_Lee/Ann_Lee_0008.png", "Bo/Bo_0001.png", "Ann_Lee/Ann_Lee_0007.png",
             "Bo/other.png")
    return {name: picture(np.random.default_rng(seed).integers(0, 256, (20, 16, 3), dtype=np.uint8))
            for seed, name in enumerate(names)}


def test_each_photograph_is_named_once(protocol):
    assert protocol.photographs == (("Ann_Lee", 7), ("Ann_Lee", 8), ("Bo", 1), ("Bo", 2))
    assert protocol.pairs.tolist() == [[2, 3], [3, 0], [0, 1], [1, 2]]
    assert protocol.same.tolist() == [True, False, True, False]
    assert protocol.folds.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("pack", [zip_of, tar_of])
def test_photographs_are_encoded_in_the_protocols_order_whatever_the_archives_is(tmp_path, protocol, pack):
    (tmp_path / "lfw").write_bytes(pack(photographs()))
    made, done = encoder(), []
    with open_album(tmp_path / "lfw") as album:
        assert list(find_photographs(album, protocol).values()) == [3, 1, 2, 0]  # as stored
        points, unseen = encode_photographs(album, protocol, made, lambda seen: faces_in(seen, made), done.append)
        single = [made.encode(album.read(f"{name}/{name}_{number:04}.png")[None])[0] for name, number in protocol.photographs]
    np.testing.assert_allclose(points, single, atol=1e-6)
    assert (unseen, sum(done)) == ([], 4)
    distances = pair_distances(points, protocol)
    np.testing.assert_allclose(distances[0], np.square(points[2] - points[3]).sum(), rtol=1e-5)


def test_where_no_face_is_found_the_middle_is_encoded_and_named(tmp_path, protocol):
    (tmp_path / "lfw").write_bytes(zip_of(photographs()))
    made = encoder()
    with open_album(tmp_path / "lfw") as album:
        points, unseen = encode_photographs(album, protocol, made, lambda seen: [])
        middle = album.read("Bo/Bo_0001.png")[5:15, 4:12]
    assert unseen == ["Bo/Bo_0002.png", "Ann_Lee/Ann_Lee_0008.png", "Bo/Bo_0001.png", "Ann_Lee/Ann_Lee_0007.png"]
    np.testing.assert_allclose(points[2], made.encode(faces_in(middle, made)[0].crop[None])[0], atol=1e-6)


def test_absent_photographs_are_counted_and_named(tmp_path, protocol):
    files = {name: content for name, content in photographs().items() if "Bo_" not in name}
    (tmp_path / "lfw").write_bytes(zip_of(files))
    match = r"lfw: 2 of the 4 photographs .*: Bo/Bo_0001.jpg, Bo/Bo_0002.jpg\."
    with open_album(tmp_path / "lfw") as album, assert_refused(match):
        find_photographs(album, protocol)


def test_a_photograph_that_is_there_twice_is_named(tmp_path, protocol):
    files = photographs()
    (tmp_path / "lfw").write_bytes(zip_of({**files, "Bo/Bo_0001.jpg": files["Bo/Bo_0001.png"]}))
    with open_album(tmp_path / "lfw") as album, assert_refused("Bo_0001.png and .*Bo_0001.jpg are the same photograph"):
        find_photographs(album, protocol)


def test_of_several_faces_the_one_in_the_middle_counts():
    faces = [Face(np.zeros((1, 1, 3)), box, None, 1.0) for box in ((0, 0, 10, 10), (40, 40, 60, 62), (80, 0, 100, 90))]
    assert nearest_to_middle(faces, np.zeros((100, 100, 3))) is faces[1]
    assert nearest_to_middle([], np.zeros((100, 100, 3))) is None


def test_figures_are_those_of_the_lab(protocol):
    distances = np.array([0.5, 1.5, 0.6, 1.4])
    figures = judge(distances, protocol)
    folds = k_fold_accuracy(distances, protocol.same, protocol.folds)
    assert (figures.accuracy, figures.standard_error) == (folds.mean, folds.standard_error) == (1, 0)
    assert (figures.area, figures.equal_error_rate, figures.validation_rate) == (1, 0, 1)


def test_one_fold_cannot_be_judged(protocol):
    with assert_refused("at least two folds"):
        judge(np.array([0.5, 1.5, 0.6, 1.4]), replace(protocol, folds=np.zeros(4, np.int64)))


@pytest.mark.slow
def test_a_part_of_view_2_is_told_apart(pack, tmp_path):
    """The first 40 same and 40 different pairs of two folds: all but a few are right."""
    listed = pack("faces_lfw/pairs.txt").read_text().split("\n")
    pack("weights/mobilefacenet_casia_112x96.npz")
    folds = [listed[1 + 600 * fold + 300 * kind :][:40] for fold in range(2) for kind in range(2)]
    (tmp_path / "pairs.txt").write_text("\n".join(["2\t40", *(line for fold in folds for line in fold)]))
    protocol, mobilefacenet = read_protocol(tmp_path / "pairs.txt"), load_encoder("mobilefacenet")
    with open_album(pack("faces_lfw/lfw_view2_aligned112_jpg.zip")) as album:
        points, unseen = encode_photographs(album, protocol, mobilefacenet, lambda seen: faces_in(seen, mobilefacenet))
    figures = judge(pair_distances(points, protocol), protocol)
    assert unseen == []
    assert figures.accuracy >= 0.96  # 98.8 % over all ten folds
