"""Distances of pairs drawn for tests: one person is nearer on the average, and `ties` makes many of them equal."""

import numpy as np


def scores(seed, n=60, ties=False):
    rng = np.random.default_rng(seed)
    same = rng.random(n) < 0.4
    distances = rng.normal(np.where(same, 1.0, 2.0), 0.7)
    return (np.round(distances, 0) if ties else distances), same
