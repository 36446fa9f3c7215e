"""MedMNIST's official arrays are checked before they are believed."""

import numpy as np
import pytest

from tests.data.readers.builders import medmnist_arrays, npz_of
from tests.refusal import assert_refused
from tinyconv.data.readers import read_medmnist


def read(tmp_path, arrays):
    (tmp_path / "med.npz").write_bytes(npz_of(arrays))
    return read_medmnist(tmp_path / "med.npz")


@pytest.mark.parametrize("inner", [(4, 5), (4, 5, 3), (4, 5, 6)])
def test_the_six_arrays_come_back(tmp_path, inner):
    arrays = medmnist_arrays(inner)
    got = read(tmp_path, {"extra": np.zeros(1), **arrays})
    assert sorted(got) == sorted(arrays)
    for key, array in arrays.items():
        np.testing.assert_array_equal(got[key], array, strict=True)


def test_several_labels_and_no_pictures_are_fine(tmp_path):
    arrays = {key: np.repeat(array, 14, 1) if key.endswith("labels") else array for key, array in medmnist_arrays().items()}
    arrays["val_images"], arrays["val_labels"] = arrays["val_images"][:0], arrays["val_labels"][:0]
    assert read(tmp_path, arrays)["val_labels"].shape == (0, 14)


@pytest.mark.parametrize(("key", "change", "match"), [
    ("val_labels", lambda a: None, "no MedMNIST file: it has no val_labels"),
    ("val_images", lambda a: a.astype("f4"), "val_images is float32"),
    ("test_images", lambda a: a[0], "test_images is uint8 \\(4, 4\\), expected"),
    ("test_images", lambda a: a[:, :3], "test_images is \\(1, 3, 4\\), but in train \\(3, 4, 4\\)"),
    ("train_images", lambda a: a[..., None, None], "expected uint8"),
    ("train_labels", lambda a: a.astype("f8"), "train_labels is float64"),
    ("train_labels", lambda a: a[:, 0], "train_labels is uint8 \\(3,\\)"),
    ("val_labels", lambda a: np.repeat(a, 2, 1), "val_labels is \\(2, 2\\), but in train \\(3, 1\\)"),
    ("test_labels", lambda a: np.repeat(a, 2, 0), "test has 1 images and 2 labels"),
    ("train_labels", lambda a: np.array("text"), "train_labels is <U4"),
])
def test_an_array_that_is_not_what_it_should_be_is_named(tmp_path, key, change, match):
    arrays = medmnist_arrays()
    arrays[key] = change(arrays[key])
    with assert_refused(match) as caught:
        read(tmp_path, {name: array for name, array in arrays.items() if array is not None})
    assert "med.npz" in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["adrenalmnist3d", "adrenalmnist3d_64"])
def test_the_official_volumes_are_read(pack, name):
    got = read_medmnist(pack(f"volumes/{name}.npz"))
    side = 64 if name.endswith("64") else 28
    shapes = [got[f"{split}_images"].shape for split in ("train", "val", "test")]
    assert shapes == [(n, side, side, side) for n in (1188, 98, 298)]
