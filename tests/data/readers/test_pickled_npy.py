"""Weights pickled inside an `.npy` file come back as named arrays, from Python 2 and 3 and NumPy 1 and 2."""

import numpy as np
import pytest

import tinyconv as tc
from tests.data.readers.builders import Global, Named, npy_of, pickled_array, weights_npy
from tests.refusal import assert_refused
from tinyconv.data.readers import read_pickled_npy


def read(tmp_path, content):
    (tmp_path / "w.npy").write_bytes(content)
    return read_pickled_npy(tmp_path / "w.npy")


def refused(tmp_path, content, match):
    with assert_refused(match) as caught:
        read(tmp_path, content)
    assert "w.npy" in str(caught.value)


def saved(tmp_path, value):
    np.save(tmp_path / "saved.npy", value, allow_pickle=True)
    return (tmp_path / "saved.npy").read_bytes()


def inside(tree):
    """`tree` as the only object of a pickled array."""
    return npy_of(pickled_array((), "O8", [tree], "|"))


def test_layers_become_dotted_names(tmp_path):
    got = read(tmp_path, weights_npy())
    assert list(got) == ["conv1.weights", "conv1.biases"]
    np.testing.assert_array_equal(got["conv1.weights"], np.arange(6, dtype="f4").reshape(2, 3), strict=True)
    np.testing.assert_array_equal(got["conv1.biases"], np.arange(2.0), strict=True)


def test_what_numpy_saves_here_is_read(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {"a": rng.random((2, 3, 4)).astype("f4"), "b": np.asfortranarray(rng.random((3, 2))), "c": np.arange(4, dtype=">i2"),
              "d": np.array([True, False]), "e": np.zeros((0, 3)), "f": np.array(5, "u1"), "g": rng.random(5)[::2],
              "h": np.array(["é", "xyz"]), "i": np.array([1 + 2j], "c8"), "j": np.float32(2.5)}
    got = read(tmp_path, saved(tmp_path, {"layer": arrays, "epoch": 3, "names": ["x"], "none": None}))
    assert list(got) == [f"layer.{key}" for key in arrays]
    for key, array in arrays.items():
        array = np.asarray(array)
        np.testing.assert_array_equal(got[f"layer.{key}"], array.astype(array.dtype.newbyteorder("=")), strict=True)


def test_an_array_of_arrays_is_counted_from_0(tmp_path):
    ragged = np.empty(2, object)
    ragged[:] = [np.arange(3), np.arange(2)]
    assert {name: len(array) for name, array in read(tmp_path, saved(tmp_path, ragged)).items()} == {"0": 3, "1": 2}


def test_texts_of_python_2_are_the_bytes(tmp_path):
    values = np.array([1.5, -2e9], "<f4")  # pickled as text of Latin-1
    array = pickled_array((2,), b"f4", values.tobytes().decode("latin-1"))
    np.testing.assert_array_equal(read(tmp_path, inside({"w": array}))["w"], values, strict=True)
    coded = Global("_codecs.encode", values.tobytes().decode("latin-1"), "latin1")
    for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
        got = read(tmp_path, inside({"w": pickled_array((2,), "f4", coded, module=module)}))
        np.testing.assert_array_equal(got["w"], values, strict=True)


def test_column_order_and_byte_order_are_undone(tmp_path):
    table = np.arange(6, dtype=">i4").reshape(2, 3)
    array = pickled_array((2, 3), "i4", table.tobytes("F"), ">", fortran=True)
    np.testing.assert_array_equal(read(tmp_path, inside([array]))["0"], table.astype("i4"), strict=True)


HOSTILE = {
    "too few bytes": (pickled_array((3,), "f4", bytes(8)), "12 bytes, but 8 are there"),
    "too many bytes": (pickled_array((1,), "f4", bytes(8)), "4 bytes, but 8 are there"),
    "promise": (pickled_array((1 << 39,), "f4", bytes(8)), "but 8 are there"),
    "overflow": (pickled_array((1 << 62, 4), "f4", b""), "impossible shape"),
    "huge": (pickled_array((1 << 20_000,), "f4", b""), "impossible shape"),
    "wide and empty": (pickled_array((0, 1 << 40, 1 << 40), "f4", b""), "but 0 are there"),
    "negative": (pickled_array((-1,), "f4", b""), "impossible shape"),
    "no integer": (pickled_array((2.0,), "f4", bytes(8)), "impossible shape"),
    "no tuple": (pickled_array(2, "f4", bytes(8)), "damaged"),
    "objects": (pickled_array((1,), "O8", [1], "|"), "holds objects, which are not read"),
    "objects as bytes": (pickled_array((1,), "O8", bytes(8), "|"), "damaged"),
    "record": (pickled_array((1,), "V8", bytes(8), "|"), "holds .*V8, expected numbers"),
    "unknown dtype": (pickled_array((1,), "f3", bytes(3)), "unknown dtype"),
    "long dtype": (pickled_array((1,), "U999999999", bytes(3)), "but 3 are there|unknown dtype"),
    "dtype program": (pickled_array((1,), "f4,O", bytes(12)), "expected numbers"),
    "no characters": (pickled_array((1,), "U1", b"\xff\xff\xff\xff"), "no characters"),
    "beyond latin-1": (pickled_array((1,), "u1", "\u0100"), "damaged"),
    "never filled": (Global("numpy.core.multiarray._reconstruct", Named("numpy.ndarray"), (0,), b"b"), "never got its values"),
    "matrix": (Global("numpy.core.multiarray._reconstruct", Named("numpy.matrix"), (0,), b"b"), "names numpy.matrix"),
    "scalar": (Global("numpy.core.multiarray.scalar", 1, b"x"), "damaged"),
}


@pytest.mark.parametrize(("tree", "match"), HOSTILE.values(), ids=HOSTILE)
def test_an_impossible_array_is_one_line(tmp_path, tree, match):
    refused(tmp_path, inside({"w": tree}), match)


def test_what_is_no_pickled_array_is_one_line(tmp_path):
    refused(tmp_path, saved(tmp_path, np.arange(3)), "holds plain <i8 of shape \\(3,\\), expected a pickled dictionary")
    refused(tmp_path, npy_of([1]), "does not hold the 1 objects")
    refused(tmp_path, npy_of(pickled_array((), "O8", [1, 2], "|")), "does not hold the 1 objects")
    refused(tmp_path, npy_of(pickled_array((), "f4", bytes(4))), "does not hold the 1 objects")
    refused(tmp_path, npy_of(pickled_array((2,), "O8", [1, 2], "|"), shape=(3,)), "does not hold the 3 objects")
    for content in (b"", b"text", b"\x93NUMPY", b"\x93NUMPY\x09\x00\x00\x00"):
        refused(tmp_path, content, "is no array in NumPy's .npy format|header")
    whole = weights_npy()
    for length in range(0, len(whole) - 1, 5):
        refused(tmp_path, whole[:length], "cut short|no array|header|promises")
    with pytest.raises(tc.DataError, match="is a folder"):
        read_pickled_npy(tmp_path)
