"""An .npz file gives its arrays or one line of error, and never runs anything."""

import io
import pickle

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.data.arrays import read_npz


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
        with pytest.raises(tc.DataError, match="not a readable") as caught:
            read_npz(tmp_path / name)
        assert "\n" not in str(caught.value)
    with pytest.raises(tc.DataError, match="does not exist"):
        read_npz(tmp_path / "absent.npz")
    with pytest.raises(tc.DataError, match="is a folder"):
        read_npz(tmp_path)
