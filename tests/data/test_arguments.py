"""What makers refuse: one line that says what, got, expected, fix."""

import numpy as np
import pytest

from tinyconv.data.makers.arguments import generator, one_of, positive, real, whole
from tinyconv.errors import DataError


def test_good_arguments_come_back_as_plain_numbers():
    assert type(whole("m", "n", np.int64(3))) is int
    assert type(real("m", "x", np.float32(0))) is float
    assert positive("m", "x", 1) == 1.0
    assert one_of("m", "k", "a", ("a", "b")) == "a"
    rng = np.random.default_rng(0)
    assert generator("m", rng) is rng


@pytest.mark.parametrize("value", [0, -1, 2.0, True, "3", None, np.float64(2)])
def test_whole_refuses(value):
    with pytest.raises(DataError, match=r"^m: got n=.*, expected an integer of at least 1; change n\.$"):
        whole("m", "n", value)


@pytest.mark.parametrize("value", [-1e-9, np.nan, np.inf, "1", None, False, 1j])
def test_real_refuses(value):
    with pytest.raises(DataError, match=r"^m: got x=.*, expected a finite number of at least 0; change x\.$"):
        real("m", "x", value)


@pytest.mark.parametrize("value", [0, 0.0, -np.inf, np.nan, True])
def test_positive_refuses(value):
    with pytest.raises(DataError, match=r"^m: got x=.*, expected a finite number above 0; change x\.$"):
        positive("m", "x", value)


@pytest.mark.parametrize("rng", [0, None, np.random.PCG64(0), "seed"])
def test_generator_refuses_seeds(rng):
    with pytest.raises(DataError, match=r"numpy\.random\.default_rng\(seed\)"):
        generator("m", rng)


@pytest.mark.parametrize("value", ["c", "", None, 0, ("a",)])
def test_one_of_lists_the_names(value):
    with pytest.raises(DataError, match=r"expected one of a, b; change k\."):
        one_of("m", "k", value, ("a", "b"))
