"""An .npz file gives its arrays or one line of error, and never runs anything."""

import io
import pickle
import struct
import tracemalloc

import numpy as np
import pytest

import tinyconv as tc
from tests.data.readers.builders import npz_of, zip_of
from tests.refusal import assert_refused
from tinyconv.data.arrays import array_of_bytes, npy_header, read_npz


def test_arrays_come_back_by_name(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.arange(3), y=np.eye(2))
    got = read_npz(tmp_path / "a.npz")
    assert sorted(got) == ["x", "y"]
    np.testing.assert_array_equal(got["y"], np.eye(2))


def test_what_is_no_npz_file_is_said_in_one_line(tmp_path):
    np.savez_compressed(tmp_path / "whole.npz", x=np.random.default_rng(0).random(1000))
    whole = (tmp_path / "whole.npz").read_bytes()
    np.savez(tmp_path / "object.npz", x=np.array([{}], dtype=object))
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    contents = {"empty.npz": b"", "text.npz": b"hello", "cut.npz": whole[:-100], "pickle.npz": pickle.dumps([1]),
                "npy.npz": buffer.getvalue(), "flipped.npz": whole[:100] + bytes(b ^ 255 for b in whole[100:900]) + whole[900:]}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    for name in [*contents, "object.npz"]:
        with assert_refused("not a readable"):
            read_npz(tmp_path / name)
    with pytest.raises(tc.DataError, match="does not exist"):
        read_npz(tmp_path / "absent.npz")
    with pytest.raises(tc.DataError, match="is a folder"):
        read_npz(tmp_path)


def npy(descr, shape, content=b"", fortran=False, version=1):
    """An `.npy` file with the header `descr` and `shape` as texts."""
    header = f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(header)) + header + content


@pytest.mark.parametrize("array", [
    np.arange(6, dtype="f4").reshape(1, 2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.zeros((0, 3), "i8"),
    np.array(5, "u1"), np.arange(4, dtype=">i2"),
    np.array([True, False]), np.array([1 + 2j], "c8"), np.array(["é", "xyz"]), np.array([b"ab", b"c"]),
    np.array(["2020-01-01"], "M8[D]"), np.arange(3, dtype="f2"), np.arange(9)[::3],
], ids=lambda array: f"{array.dtype.str} {array.shape}")
def test_arrays_keep_values_shape_and_type_in_the_byte_order_of_the_machine(tmp_path, array):
    np.savez(tmp_path / "a.npz", a=array)
    got = read_npz(tmp_path / "a.npz")["a"]
    np.testing.assert_array_equal(got, array.astype(array.dtype.newbyteorder("=")), strict=True)
    assert got.flags.c_contiguous
    assert got.flags.writeable
    assert got.dtype.isnative


def test_headers_of_other_writers_are_understood(tmp_path):
    content = np.arange(6, dtype="<i4").tobytes()
    for header in ("{'shape': (2L, 3L), 'fortran_order': False, 'descr': '<i4'}",
                   "{'descr':'<i4','fortran_order':False,'shape':(2,3)}\n"):
        whole = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + content
        (tmp_path / "a.npz").write_bytes(zip_of({"a.npy": whole}))
        np.testing.assert_array_equal(read_npz(tmp_path / "a.npz")["a"], [[0, 1, 2], [3, 4, 5]])
    for version in (2, 3):
        (tmp_path / "a.npz").write_bytes(zip_of({"a.npy": npy("'<i4'", "(6,)", content, version=version)}))
        np.testing.assert_array_equal(read_npz(tmp_path / "a.npz")["a"], np.arange(6))


LYING = {
    "promise": (npy("'<f8'", "(1152921504606846976,)"), "at most 1,099,511,627,776 along an axis"),
    "terabytes": (npy("'<f8'", "(1099511627776,)", bytes(8)), "8,796,093,022,208 bytes, but 8 are there"),
    "overflow": (npy("'<f8'", "(4294967296, 4294967296)"), "but 0 are there"),
    "empty and wide": (npy("'<f8'", "(0, 1099511627776, 1099511627776)"), "but 0 are there"),
    "axes": (npy("'<f8'", f"({'1, ' * 33})", bytes(8)), "impossible shape, expected at most 32 axes"),
    "short": (npy("'<f8'", "(2,)", bytes(15)), "16 bytes, but 15 are there"),
    "long": (npy("'<f8'", "(2,)", bytes(17)), "16 bytes, but 17 are there"),
    "negative": (npy("'<f8'", "(-1,)"), "has the header"),
    "no tuple": (npy("'<f8'", "2", bytes(16)), "has the header"),
    "program": (npy("'<f8'", "__import__('os').getcwd()"), "has the header"),
    "records": (npy("[('a', '<f8')]", "(1,)", bytes(8)), "an array of records"),
    "objects": (npy("'|O'", "(1,)", b"N."), "pickled objects, which are never executed"),
    "unknown": (npy("'<f3'", "(1,)", bytes(3)), "unknown dtype"),
    "void": (npy("'|V3'", "(1,)", bytes(3)), "holds |V3, expected numbers"),
    "no bytes each": (npy("'<U0'", "(1000000000,)"), "but 0 are there"),
    "no characters": (npy("'<U1'", "(1,)", b"\xff" * 4), "no characters"),
    "twice": (npy("'<f8', 'descr': '<f4'", "(1,)", bytes(8)), "has the header"),
    "version": (npy("'<f8'", "(1,)", bytes(8), version=4), "version 1 to 3"),
    "header": (b"\x93NUMPY\x02\x00" + b"\xff" * 4 + b"{", "header of 4,294,967,295 bytes"),
    "text": (b"hello", "is no array"),
    "nothing": (b"", "is no array"),
}


@pytest.mark.parametrize(("content", "match"), LYING.values(), ids=LYING)
def test_an_array_that_lies_is_refused_before_anything_is_allocated(tmp_path, content, match):
    (tmp_path / "a.npz").write_bytes(zip_of({"x.npy": content}))
    tracemalloc.start()
    with assert_refused(r"is not a readable \.npz file \(x\.npy") as caught:
        read_npz(tmp_path / "a.npz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert match.replace("|", "") in str(caught.value).replace("|", "")
    assert str(caught.value).count("a.npz") == 1
    assert peak < 4 << 20


def test_many_zeros_in_a_small_file_are_no_bomb(tmp_path):
    (tmp_path / "a.npz").write_bytes(npz_of({"mask": np.zeros((300, 64, 64, 8), np.uint8)}))
    assert (tmp_path / "a.npz").stat().st_size < 20_000
    assert read_npz(tmp_path / "a.npz")["mask"].shape == (300, 64, 64, 8)


def test_two_arrays_of_one_name_are_refused(tmp_path):
    (tmp_path / "a.npz").write_bytes(zip_of({"x": npy("'<f8'", "()", bytes(8)), "x.npy": npy("'<f8'", "()", bytes(8))}))
    with pytest.raises(tc.DataError, match="two arrays of one name"):
        read_npz(tmp_path / "a.npz")


def test_bytes_become_an_array_of_their_own():
    content = bytes(range(6))
    array = array_of_bytes(content, "|u1", (2, 3), True, "x")
    np.testing.assert_array_equal(array, [[0, 2, 4], [1, 3, 5]])
    array[:] = 9
    assert content == bytes(range(6))
    np.testing.assert_array_equal(array_of_bytes(b"\0\7", "?", (2,), False, "x"), [False, True], strict=True)


def test_a_header_gives_its_three_entries_and_its_length():
    whole = npy("'<f4'", "(2, 3)", bytes(24), fortran=True)
    assert npy_header(whole, "x") == ("<f4", (2, 3), True, len(whole) - 24)
