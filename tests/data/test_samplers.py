"""Each sampler draws what its docstring says, as often as it says, and the same again from the same state."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyconv as tc
from tests.refusal import assert_refused
from tinyconv.data.samplers import class_balanced, episodes, p_by_k, pairs, shuffled

LABELS = np.repeat([7, -2, 30, 4, 11], [1, 3, 5, 8, 40])[np.random.default_rng(1).permutation(57)]


def fresh():
    return np.random.default_rng(3)


def critical(freedom):
    """What chi-square stays below in 9,999 of 10,000 cases (Wilson and Hilferty's cube-root approximation)."""
    return freedom * (1 - 2 / (9 * freedom) + 3.719 * math.sqrt(2 / (9 * freedom))) ** 3


def assert_equally_often(counts):
    counts = np.asarray(counts, float)
    expected = counts.mean()
    assert expected >= 20
    assert ((counts - expected) ** 2 / expected).sum() < critical(len(counts) - 1)


def test_the_critical_values_are_those_of_the_tables():
    assert critical(1) == pytest.approx(15.137, rel=0.08)  # the approximation is a little careful here
    assert critical(10) == pytest.approx(35.564, rel=0.02)
    assert critical(100) == pytest.approx(161.319, rel=0.01)


def test_the_test_of_frequencies_can_fail():
    with pytest.raises(AssertionError):
        assert_equally_often([1000, 1000, 1200])


@given(n=st.integers(1, 60), batch_size=st.integers(1, 70), seed=st.integers(0, 9))
def test_an_epoch_has_every_item_once(n, batch_size, seed):
    batches = list(shuffled(n, batch_size, np.random.default_rng(seed)))
    assert sorted(np.concatenate(batches)) == list(range(n))
    assert [len(b) for b in batches] == [batch_size] * (n // batch_size) + [n % batch_size] * bool(n % batch_size)
    assert {b.dtype for b in batches} == {np.dtype(np.int64)}


def test_drop_last_leaves_out_only_what_does_not_fill_a_batch():
    assert [len(b) for b in shuffled(11, 4, fresh(), drop_last=True)] == [4, 4]
    assert [len(b) for b in shuffled(12, 4, fresh(), drop_last=True)] == [4, 4, 4]


def test_every_item_is_first_of_an_epoch_equally_often():
    rng = fresh()
    firsts = [next(shuffled(5, 2, rng))[0] for _ in range(2000)]
    assert_equally_often(np.bincount(firsts))


def test_two_epochs_of_one_generator_differ():
    rng = fresh()
    assert not np.array_equal(np.concatenate(list(shuffled(50, 8, rng))), np.concatenate(list(shuffled(50, 8, rng))))


def test_balanced_batches_have_each_class_exactly_as_often():
    for batch in class_balanced(LABELS, 15, fresh(), batches=20):
        assert batch.dtype == np.int64
        assert np.array_equal(np.unique(LABELS[batch], return_counts=True)[1], [3] * 5)


def test_places_left_over_go_to_every_class_equally_often_and_to_no_class_twice():
    total = np.zeros(5)
    for batch in class_balanced(LABELS, 7, fresh(), batches=1000):
        counts = np.array([(LABELS[batch] == c).sum() for c in np.unique(LABELS)])
        assert sorted(counts) == [1, 1, 1, 2, 2]
        total += counts - 1
    assert_equally_often(total)


def test_balanced_batch_smaller_than_the_classes_has_different_classes():
    for batch in class_balanced(LABELS, 3, fresh(), batches=50):
        assert len(set(LABELS[batch])) == 3


def test_a_rare_class_is_repeated_evenly_and_a_common_one_not_at_all():
    for batch in class_balanced(LABELS, 40, fresh(), batches=30):
        of_three = np.unique(batch[LABELS[batch] == -2], return_counts=True)[1]  # 8 places, 3 items
        assert sorted(of_three) == [2, 3, 3]
        common = batch[LABELS[batch] == 11]
        assert len(set(common)) == len(common) == 8
    drawn = np.concatenate(list(class_balanced(LABELS, 5, fresh(), batches=4000)))
    assert_equally_often(np.unique(drawn[LABELS[drawn] == 11], return_counts=True)[1])


def test_a_balanced_batch_is_in_random_order():
    firsts = [LABELS[next(class_balanced(LABELS, 10, np.random.default_rng(s)))[0]] for s in range(300)]
    assert_equally_often(np.unique(firsts, return_counts=True)[1])


def test_p_by_k_has_k_different_images_of_each_of_p_people():
    for batch in p_by_k(LABELS, 3, 4, fresh(), batches=50):
        assert batch.shape == (12,)
        assert batch.dtype == np.int64
        assert len(set(batch)) == 12
        of = LABELS[batch].reshape(3, 4)
        assert (of == of[:, :1]).all()
        assert len(set(of[:, 0])) == 3


def test_p_by_k_draws_everyone_who_qualifies_and_each_of_their_images_equally_often():
    batches = np.stack(list(p_by_k(LABELS, 2, 3, fresh(), batches=3000)))
    assert set(LABELS[batches].ravel()) == {-2, 30, 4, 11}  # 7 has one image only
    assert_equally_often(np.unique(LABELS[batches[:, ::3]], return_counts=True)[1])
    assert_equally_often(np.unique(LABELS[batches[:, 0]], return_counts=True)[1])
    for person in (30, 4, 11):
        assert_equally_often(np.unique(batches[LABELS[batches] == person], return_counts=True)[1])


def test_p_by_k_says_how_many_people_qualify():
    with pytest.raises(tc.DataError, match=r"4 people x 5 images asked, but only 3 of 5 people have at least 5 images; ask"):
        p_by_k(LABELS, 4, 5, fresh())
    assert len(next(p_by_k(LABELS, 3, 5, fresh()))) == 15


def test_pairs_are_half_the_same_and_never_of_an_item_with_itself():
    for first, second, same in pairs(LABELS, 10, fresh(), batches=100):
        assert first.shape == second.shape == same.shape == (10,)
        assert (first.dtype, second.dtype, same.dtype) == (np.int64, np.int64, bool)
        assert same.sum() == 5
        assert (first != second).all()
        assert np.array_equal(LABELS[first] == LABELS[second], same)


def test_every_pair_comes_as_often_as_its_classes_allow():
    labels = np.array([5, 5, 5, 9, 9, 9, 1])
    first, second, same = (np.concatenate(part) for part in zip(*pairs(labels, 100, fresh(), batches=100), strict=True))
    alike = np.unique(np.stack([first[same], second[same]]), axis=1, return_counts=True)[1]
    assert len(alike) == 12  # each of the two classes with three items, in both orders
    assert_equally_often(alike)
    classes = np.unique(np.stack([labels[first[~same]], labels[second[~same]]]), axis=1, return_counts=True)[1]
    assert len(classes) == 6
    assert_equally_often(classes)
    assert_equally_often(np.bincount(first[~same & (labels[first] == 9)])[3:6])
    assert_equally_often(np.bincount(second[~same & (labels[second] == 5)])[:3])


def test_rare_classes_come_in_same_pairs_as_often_as_common_ones():
    first, _, same = (np.concatenate(part) for part in zip(*pairs(LABELS, 100, fresh(), batches=50), strict=True))
    classes, counts = np.unique(LABELS[first[same]], return_counts=True)
    assert list(classes) == [-2, 4, 11, 30]  # of sizes 3, 8, 40 and 5
    assert_equally_often(counts)


def test_same_and_different_pairs_are_mixed():
    heads = [next(pairs(LABELS, 4, np.random.default_rng(s)))[2][0] for s in range(200)]
    assert_equally_often(np.bincount(heads))


def test_an_episode_keeps_support_and_query_apart():
    for support, query, classes in episodes(LABELS, 3, 2, 3, fresh(), episodes=50):
        assert (support.shape, query.shape, classes.shape) == ((3, 2), (3, 3), (3,))
        assert (support.dtype, query.dtype, classes.dtype) == (np.int64, np.int64, LABELS.dtype)
        assert len(set(support.ravel()) | set(query.ravel())) == 15
        assert (LABELS[support] == classes[:, None]).all()
        assert (LABELS[query] == classes[:, None]).all()
        assert len(set(classes)) == 3


def test_episodes_draw_classes_and_items_equally_often():
    found = list(episodes(LABELS, 2, 1, 2, fresh(), episodes=3000))
    classes = np.stack([c for _, _, c in found])
    assert set(classes.ravel()) == {-2, 30, 4, 11}
    assert_equally_often(np.unique(classes[:, 0], return_counts=True)[1])
    supports = np.concatenate([s.ravel() for s, _, _ in found])
    assert_equally_often(np.unique(supports[LABELS[supports] == 4], return_counts=True)[1])


def test_episodes_say_how_many_classes_qualify():
    with pytest.raises(tc.DataError, match=r"20 ways with 1 shots and 4 queries asked, but only 3 of 5 classes have"):
        episodes(LABELS, 20, 1, 4, fresh())


SAMPLERS = {
    "shuffled": lambda rng: shuffled(57, 5, rng),
    "class_balanced": lambda rng: class_balanced(LABELS, 6, rng),
    "p_by_k": lambda rng: p_by_k(LABELS, 2, 3, rng),
    "pairs": lambda rng: pairs(LABELS, 6, rng),
    "episodes": lambda rng: episodes(LABELS, 2, 1, 2, rng),
}


def flat(batches):
    return [np.concatenate([np.ravel(part) for part in batch]) for batch in batches]


@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
def test_the_same_state_gives_the_same_batches_and_another_gives_others(sampler):
    one, two, other = (flat(itertools.islice(sampler(np.random.default_rng(s)), 8)) for s in (5, 5, 6))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "shuffled"])
def test_a_restored_generator_goes_on_in_a_new_sampler(name):
    rng = fresh()
    running = SAMPLERS[name](rng)
    next(running)
    state = rng.bit_generator.state
    expected = flat(itertools.islice(running, 3))
    restored = np.random.default_rng(0)
    restored.bit_generator.state = state
    np.testing.assert_array_equal(flat(itertools.islice(SAMPLERS[name](restored), 3)), expected)


@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
def test_nothing_is_drawn_before_it_is_asked_for(sampler):
    rng = fresh()
    sampler(rng)
    assert rng.bit_generator.state == fresh().bit_generator.state


@pytest.mark.parametrize("count", [0, 1, 4])
def test_as_many_batches_come_as_were_asked_for(count):
    assert len(list(class_balanced(LABELS, 6, fresh(), count))) == count
    assert len(list(p_by_k(LABELS, 2, 3, fresh(), count))) == count
    assert len(list(pairs(LABELS, 6, fresh(), count))) == count
    assert len(list(episodes(LABELS, 2, 1, 2, fresh(), count))) == count


def test_labels_may_be_of_any_integer_type_and_layout():
    strided = np.repeat(LABELS.astype(np.int8), 2)[::2]
    for labels in (LABELS.tolist(), strided, LABELS.astype(np.int16), (LABELS + 2).astype(np.uint64)):
        np.testing.assert_array_equal(next(p_by_k(labels, 2, 3, fresh())), next(p_by_k(LABELS, 2, 3, fresh())))


FAULTS = {
    "a seed for a generator": (lambda: shuffled(5, 2, 0), r"shuffled: rng is 0, expected a numpy.random.Generator, such as"),
    "no items": (lambda: shuffled(0, 2, fresh()), r"shuffled: n is 0, expected a whole number of at least 1"),
    "a fraction": (lambda: shuffled(5, 2.5, fresh()), r"batch_size is 2.5, expected a whole number"),
    "a truth value": (lambda: shuffled(5, True, fresh()), r"batch_size is True, expected a whole number"),
    "nothing left": (lambda: shuffled(5, 6, fresh(), drop_last=True), r"5 items and batch_size 6 leaves no batch"),
    "float labels": (lambda: p_by_k(LABELS * 1.0, 2, 3, fresh()), r"labels are float64 \(57,\), expected integers \(n,\)"),
    "one-hot labels": (lambda: pairs(np.eye(3, dtype=int), 2, fresh()), r"labels are int64 \(3, 3\)"),
    "ragged labels": (lambda: p_by_k([[1, 2], [3]], 1, 1, fresh()), r"p_by_k: got a list that is no array"),
    "no labels": (lambda: class_balanced([], 2, fresh()), r"labels are float64 \(0,\)"),
    "names": (lambda: class_balanced(["a", "b"], 2, fresh()), r"expected integers \(n,\)"),
    "negative batches": (lambda: p_by_k(LABELS, 2, 3, fresh(), -1), r"batches is -1, expected a whole number of at least 0"),
    "no people": (lambda: p_by_k(LABELS, 0, 3, fresh()), r"people is 0"),
    "odd pairs": (lambda: pairs(LABELS, 7, fresh()), r"batch_size is 7, expected an even number"),
    "one class": (lambda: pairs([4, 4, 4], 2, fresh()), r"3 items in 1 classes, of which 1 have"),
    "single items": (lambda: pairs([1, 2, 3], 2, fresh()), r"3 items in 3 classes, of which 0 have"),
    "no queries": (lambda: episodes(LABELS, 2, 1, 0, fresh()), r"queries is 0"),
    "a legacy generator": (lambda: episodes(LABELS, 2, 1, 1, np.random.RandomState(0)), r"rng is RandomState"),
}


@pytest.mark.parametrize(("call", "message"), FAULTS.values(), ids=FAULTS)
def test_a_wrong_argument_is_one_line_at_the_call(call, message):
    with assert_refused(message):
        call()
