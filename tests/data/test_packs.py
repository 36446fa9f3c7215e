"""Packs are found in the folder that TINYCONV_DATA names, then in the cache; of an absent one, a line says how to get it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

import tinyconv as tc
from tests.data.readers.builders import picture, zip_of
from tests.refusal import assert_refused
from tinyconv.data import packs
from tinyconv.data.cifar10 import load_cifar10
from tinyconv.data.registry import ENTRIES, lookup


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """(the folder that TINYCONV_DATA names, the cache folder), both empty."""
    named, cache = tmp_path / "named", tmp_path / "cache"
    for folder in (named, cache):
        folder.mkdir()
    monkeypatch.setenv("TINYCONV_DATA", str(named))
    monkeypatch.setattr(packs, "cache_folder", lambda: cache)
    return named, cache


def put(folder, name, **arrays):
    path = folder / lookup(name).path
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)
    return path


def test_cache_folder_is_the_users_and_says_tinyconv(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert "tinyconv" in packs.cache_folder().name.lower()
    assert not packs.cache_folder().exists()


def test_the_named_folder_comes_before_the_cache(folders):
    named, cache = folders
    second = put(cache, "orl", faces=np.zeros(2))
    assert packs.find("orl") == second
    first = put(named, "orl", faces=np.ones(3))
    assert packs.find("orl") == first
    np.testing.assert_array_equal(packs.load("orl")["faces"], [1, 1, 1])


def test_without_the_variable_only_the_cache_is_looked_into(folders, monkeypatch):
    named, cache = folders
    put(named, "orl", faces=np.zeros(2))
    for empty in (None, ""):
        monkeypatch.delenv("TINYCONV_DATA") if empty is None else monkeypatch.setenv("TINYCONV_DATA", empty)
        with pytest.raises(tc.DataError, match="TINYCONV_DATA is not set") as caught:
            packs.find("orl")
        assert f"orl: {cache / 'faces_orl' / 'orl_faces.npz'} does not exist" in str(caught.value)


def test_an_absent_pack_says_where_it_was_looked_for_and_how_to_get_it(folders):
    named, cache = folders
    with pytest.raises(tc.DataError) as caught:
        packs.load("mobilefacenet")
    assert str(caught.value) == (
        f"mobilefacenet: {named / lookup('mobilefacenet').path} does not exist, and neither does "
        f"{cache / lookup('mobilefacenet').path}; get it with `tinyconv weights fetch mobilefacenet`.")


def test_a_pack_that_no_program_makes_says_what_it_holds_and_where_from(folders):
    with pytest.raises(tc.DataError, match=r"no program makes it, put it there by hand: beats int16 .* https://physionet.org/.*low-pass"):
        packs.find("mitbih")


def test_a_folder_under_the_packs_name_is_no_pack(folders):
    (folders[0] / lookup("orl").path).mkdir(parents=True)
    with pytest.raises(tc.DataError, match="does not exist"):
        packs.find("orl")


def test_a_record_is_there_only_with_all_its_files(folders):
    named, cache = folders
    for folder, kinds in ((named, ("hea", "dat")), (cache, ("hea", "dat", "atr"))):
        (folder / "ecg/mitdb_raw").mkdir(parents=True)
        for kind in kinds:
            (folder / f"ecg/mitdb_raw/100.{kind}").touch()
    assert packs.find("mitdb-100") == cache / "ecg/mitdb_raw/100.hea"


def test_a_damaged_pack_and_one_without_arrays_are_refused(folders):
    named, _ = folders
    put(named, "orl", faces=np.zeros(2)).write_bytes(b"PK damaged")
    with pytest.raises(tc.DataError, match=r"orl_faces.npz is not a readable .npz file"):
        packs.load("orl")
    (named / "style").mkdir()
    (named / "style/wave.jpg").touch()
    with pytest.raises(tc.DataError, match=r"wave.jpg is no .npz pack, expected arrays; open the file itself"):
        packs.load("wave")


def test_cifar10_is_read_from_the_official_pack_where_the_jpegs_are_absent(folders):
    arrays = {
        "train_images": np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8), "train_labels": np.arange(4),
        "test_images": np.zeros((2, 32, 32, 3), np.uint8), "test_labels": np.array([9, 0]),
    }
    with pytest.raises(tc.DataError, match="tinyconv data fetch cifar10`"):
        load_cifar10()
    put(folders[1], "cifar10", **arrays)
    for name, array in load_cifar10()._asdict().items():
        np.testing.assert_array_equal(array, arrays[name])
    put(folders[1], "cifar10", train_images=arrays["train_images"])
    with pytest.raises(tc.DataError, match="holds no train_labels, test_images, test_labels; remove it"):
        load_cifar10()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, entry in ENTRIES.items() if entry.pack_sha256])
def test_every_pack_of_the_named_folder_is_the_one_the_registry_describes(name):
    entry = ENTRIES[name]
    folder = os.environ.get("TINYCONV_DATA")
    if not folder or not Path(folder, entry.path).exists():
        pytest.skip(f"data pack {entry.path} is absent: TINYCONV_DATA={folder}")
    assert packs.find(name) == Path(folder, entry.path)
    recorded = [(entry.path, entry.pack_size, entry.pack_sha256)]
    if not entry.converter:  # all that is fetched is there as published
        recorded += [(o.path, o.size, o.checksum.removeprefix("sha256:")) for o in entry.originals]
    for path, size, sha256 in recorded:
        content = Path(folder, path).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (size, sha256), path
    if entry.path.endswith(".npz"):
        assert all(isinstance(array, np.ndarray) for array in packs.load(name).values())


def test_the_jpegs_of_cifar10_are_sorted_by_class_and_number(folders):
    gray = {"train/cat/0001.jpg": 200, "train/cat/0000.jpg": 100, "train/airplane/0000.jpg": 50, "test/truck/0000.jpg": 0}
    members = {name: picture(np.full((32, 32, 3), value, np.uint8), "JPEG") for name, value in gray.items()}
    path = folders[0] / lookup("cifar10-jpeg").path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(zip_of({**members, "README.txt": b"x"}))
    data = load_cifar10()
    assert data.train_images[:, 0, 0, 0].tolist() == [50, 100, 200]
    assert data.train_labels.tolist() == [0, 3, 3]
    assert (data.test_images.shape, data.test_labels.tolist()) == ((1, 32, 32, 3), [9])
    path.write_bytes(zip_of({**members, "train/cat/0000.jpg": b"no picture"}))
    with assert_refused(r"train/cat/0000.jpg is not a whole JPEG picture"):
        load_cifar10()
    path.write_bytes(zip_of({"train/cat/0000.jpg": members["train/cat/0000.jpg"]}))
    with assert_refused(r"holds no photographs in test/airplane and its like"):
        load_cifar10()
