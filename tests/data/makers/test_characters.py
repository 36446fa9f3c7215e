"""Invented letters: one letter by several hands is more alike than two letters are, and nothing is written over the edge."""

import numpy as np
import pytest

from tinyconv.data.makers.characters import alphabets
from tinyconv.errors import DataError


def test_axes_are_alphabet_character_drawer_and_picture():
    letters = alphabets(2, 3, 4, 20, np.random.default_rng(0))
    assert letters.shape == (2, 3, 4, 20, 20)
    assert letters.dtype == np.float32
    assert letters.min() >= 0
    assert letters.max() == 1


def test_same_generator_same_letters():
    first, again = (alphabets(1, 2, 2, 28, np.random.default_rng(1)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - alphabets(1, 2, 2, 28, np.random.default_rng(2))).mean() > 0.02


def test_every_letter_is_thin_ink_on_paper_and_stays_inside():
    letters = alphabets(4, 6, 3, 32, np.random.default_rng(2)).reshape(-1, 32, 32)
    ink = letters.mean(axis=(1, 2))
    assert ink.min() > 0.02
    assert ink.max() < 0.45
    assert letters[:, [0, -1]].max() < 0.9
    assert letters[:, :, [0, -1]].max() < 0.9


def test_hands_differ_on_one_letter():
    letters = alphabets(1, 1, 6, 28, np.random.default_rng(3))[0, 0]
    apart = np.abs(letters[:, None] - letters[None]).mean(axis=(2, 3))
    assert apart[~np.eye(6, dtype=bool)].min() > 0.005


def test_one_letter_by_two_hands_is_nearer_than_two_letters_on_average():
    letters = alphabets(3, 8, 4, 28, np.random.default_rng(4)).reshape(24, 4, -1)
    letters = letters / np.linalg.norm(letters, axis=-1, keepdims=True)
    alike = np.einsum("aik,bjk->abij", letters, letters).mean(axis=(2, 3))
    same = np.mean([letters[i, 0] @ letters[i, 1] for i in range(24)])
    assert same > alike[~np.eye(24, dtype=bool)].mean() + 0.1


def test_small_pictures_keep_a_visible_line():
    letters = alphabets(1, 4, 2, 8, np.random.default_rng(5))
    assert (letters.max(axis=(-1, -2)) > 0.5).all()


@pytest.mark.parametrize("arguments", [(0, 1, 1, 28), (1, 0, 1, 28), (1, 1, 0, 28), (1, 1, 1, 7), (1, 1, 1.5, 28)])
def test_bad_counts_are_refused(arguments):
    with pytest.raises(DataError, match=r"^alphabets: \w+ is "):
        alphabets(*arguments, np.random.default_rng(0))


def test_a_seed_is_no_generator():
    with pytest.raises(DataError, match=r"^alphabets: rng is .* a numpy\.random\.Generator"):
        alphabets(1, 1, 1, 28, 3)
