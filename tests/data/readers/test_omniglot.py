"""Omniglot's zips become packed bits by character and drawer, and the one-shot trials with their answers."""

import numpy as np
import pytest
from PIL import Image

from tests.data.readers.builders import omniglot_members, picture, runs_members, tar_of, zip_of
from tests.refusal import assert_refused
from tinyconv.data.readers import read_omniglot, read_omniglot_runs

CHARACTERS = (("Tibetan", "character02"), ("Angelic", "character10"), ("Angelic", "character01"))


def refused(path, members, match, read=read_omniglot):
    path.write_bytes(zip_of(members))
    with assert_refused(match) as caught:
        read(path)
    assert path.name in str(caught.value)


def test_drawings_are_sorted_and_ink_is_one(tmp_path):
    members, papers = omniglot_members(CHARACTERS)
    extras = {"images_background/.DS_Store": b"x", "__MACOSX/images_background/Angelic/character01/0003_01.png": b"x"}
    for pack in (zip_of, tar_of):
        (tmp_path / "set.zip").write_bytes(pack({**members, **extras}))
        got = read_omniglot(tmp_path / "set.zip")
        assert got["alphabet"].tolist() == ["Angelic", "Angelic", "Tibetan"]
        assert got["character"].tolist() == ["character01", "character10", "character02"]
        assert got["bits"].dtype == np.uint8
        assert got["bits"].shape == (3, 20, 105, 14)
        ink = np.unpackbits(got["bits"], axis=-1, count=105).astype(bool)
        np.testing.assert_array_equal(ink, ~papers[::-1])


def test_an_ending_in_capitals_is_understood(tmp_path):
    members, _ = omniglot_members(CHARACTERS)
    (tmp_path / "set.zip").write_bytes(zip_of({name.replace(".png", ".PNG"): content for name, content in members.items()}))
    assert read_omniglot(tmp_path / "set.zip")["bits"].shape == (3, 20, 105, 14)


def test_what_is_not_omniglot_is_one_line(tmp_path):
    members, _ = omniglot_members()
    path, first = tmp_path / "set.zip", next(iter(members))
    refused(path, {}, "holds no drawings")
    refused(path, {"a.txt": b""}, "holds no drawings")
    refused(path, {name: members[name] for name in [*members][1:]}, "1 drawings are absent, the first is Angelic character01 01")
    refused(path, {**members, first.replace("_01", "_21"): members[first]}, "one drawing more than expected")
    refused(path, {**members, f"other/{first.partition('/')[2]}": members[first]}, "are the same drawing")
    refused(path, {**members, first: b"no picture"}, "0001_01.png is not a whole PNG")
    refused(path, {**members, first: members[first][:-30]}, "is not a whole PNG")
    refused(path, {**members, first: picture(np.zeros((105, 104), bool))}, "104x105 pixels, expected 105x105")
    refused(path, {**members, first: picture(np.zeros((105, 105), np.uint8))}, "mode L, expected 1")
    refused(path, {**members, first: picture(np.zeros((105, 105), bool), "BMP")}, "is not a whole PNG")
    refused(path, {**members, first: bytes((1 << 20) + 1)}, "at most 1,048,576")


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    members, _ = omniglot_members()
    bomb = {**members, next(iter(members)): picture(np.zeros((900, 900), bool))}
    refused(tmp_path / "set.zip", bomb, "900x900 pixels, expected 105x105")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20_000)  # Pillow's own limit, at twice of which it stops first
    refused(tmp_path / "set.zip", bomb, "unpacks to more pixels")


def test_trials_come_with_their_answers(tmp_path):
    members, answers = runs_members(2)
    (tmp_path / "all_runs.zip").write_bytes(zip_of(members))
    got = read_omniglot_runs(tmp_path / "all_runs.zip")
    assert {key: (array.shape, array.dtype) for key, array in got.items()} == {
        "train": ((2, 20, 105, 14), np.uint8), "test": ((2, 20, 105, 14), np.uint8), "answer": ((2, 20), np.uint8)}
    np.testing.assert_array_equal(got["answer"], answers)
    assert not np.array_equal(got["train"][0], got["train"][1])
    assert not np.array_equal(got["train"][0], got["test"][0])


def test_trials_that_are_not_whole_are_one_line(tmp_path):
    members, _ = runs_members()
    path, labels = tmp_path / "all_runs.zip", "run01/class_labels.txt"
    lines = members[labels].decode().splitlines(keepends=True)

    def with_labels(content):
        return {**members, labels: content.encode()}

    def refused_runs(members, match):
        refused(path, members, match, read_omniglot_runs)

    refused_runs({}, "holds no runs")
    refused_runs({name: c for name, c in members.items() if name != "run01/test/item20.png"}, "the first is run01 test/item 20")
    refused_runs({name: c for name, c in members.items() if name != labels}, "holds no run01/class_labels.txt")
    refused_runs({**members, "run01/test/item21.png": members["run01/test/item20.png"]}, "one drawing more")
    refused_runs(with_labels("".join(lines[:-1])), "does not answer item 20")
    refused_runs(with_labels("".join([*lines, lines[0]])), "line 21 .*each item once")
    refused_runs(with_labels("".join(lines).replace("class07", "class21")), "expected 'run01/test/item")
    refused_runs(with_labels("".join(lines).replace("run01/training", "run02/training")), "line 1 of")
    refused_runs(with_labels("\0\n" * 3), "line 1 of")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["images_background", "images_evaluation"])
def test_the_official_sets_are_the_packs_bit_for_bit(pack, name):
    got, expected = read_omniglot(pack(f"omniglot/{name}.zip")), np.load(pack(f"omniglot/{name}_bits.npz"))
    assert list(got) == expected.files
    for key in expected.files:
        np.testing.assert_array_equal(got[key], expected[key], strict=True)


@pytest.mark.slow
def test_the_official_trials_are_the_pack_bit_for_bit(pack):
    got, expected = read_omniglot_runs(pack("omniglot/all_runs.zip")), np.load(pack("omniglot/all_runs_bits.npz"))
    assert sorted(got) == sorted(expected.files)
    for key in expected.files:
        np.testing.assert_array_equal(got[key], expected[key], strict=True)
