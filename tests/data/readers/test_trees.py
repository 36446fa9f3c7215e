"""Nested dictionaries and lists become flat names; what cannot be named apart is refused."""

import pytest

import tinyconv as tc
from tinyconv.data.readers.trees import collect, leaves


def test_names_are_joined_by_dots_and_must_differ():
    tree = {"a": {"b": 1, 2: [3, (4,)]}, "c": {}, "": 5}
    assert dict(leaves(tree, "file")) == {"a.b": 1, "a.2.0": 3, "a.2.1.0": 4, "": 5}
    with pytest.raises(tc.DataError, match=r"two arrays named a\.b"):
        collect({"a": {"b": 1}, "a.b": 2}, "file", lambda name, value: value)
    for key in ("k" * 1001, 1 << 70, 2.5, b"x"):
        with pytest.raises(tc.DataError, match="a key that is neither") as caught:
            collect({key: 1}, "file", lambda name, value: value)
        assert len(str(caught.value)) < 200
    with pytest.raises(tc.DataError, match="longer than 1000"):
        collect({"k" * 600: {"k" * 600: 1}}, "file", lambda name, value: value)
