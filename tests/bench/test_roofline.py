"""The roofline: which contractions a step has, how intense they are, and a drawing of them."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tinyconv.bench import roofline
from tinyconv.bench.catalogue import WORKLOADS
from tinyconv.kernels.geometry import conv_geometry
from tinyconv.viz.roofline import roofline as drawing


def test_intensity_counts_every_number_once():
    geometry = conv_geometry((1, 4, 4, 2), (3, 3, 2, 5))
    flops, numbers = 2 * (2 * 2 * 5) * 18, 32 + 90 + 20
    assert roofline.intensity(geometry) == pytest.approx(flops / (4 * numbers))


def test_training_needs_all_contractions_but_the_gradient_of_the_first_input():
    found = roofline.contractions(WORKLOADS["signal-5"])
    names = [(geometry.in_channels, contraction) for geometry, contraction in found]
    assert names == [(1, "conv"), (1, "weight_adjoint"), *((c, name) for c in (32, 64) for name in roofline.TITLES)]
    assert {geometry.batch for geometry, _ in found} == {64}


def test_painting_needs_no_gradient_of_weights_and_inference_none_at_all():
    painted = roofline.contractions(replace(WORKLOADS["style-256"], shape=(1, 32, 32, 3)))
    assert [(geometry.in_channels, contraction) for geometry, contraction in painted[:2]] == [(3, "conv"), (3, "input_adjoint")]
    assert {contraction for _, contraction in painted} == {"conv", "input_adjoint"}
    assert {contraction for _, contraction in roofline.contractions(WORKLOADS["mobilefacenet-1"])} == {"conv"}


def test_each_contraction_is_measured_once():
    found = roofline.contractions(WORKLOADS["mobilefacenet-64"])
    assert len(found) == len(set(found)) < 50


def test_points_are_sorted_into_series_by_contraction():
    titles = ["forward", "to the weight", "forward"]
    points = [{"contraction": title, "intensity": i, "rate": 10.0 * i} for i, title in enumerate(titles)]
    assert roofline.series({"points": points}) == {"forward": ([0, 2], [0.0, 20.0]), "to the weight": ([1], [10.0])}


def test_roof_is_positive_and_a_call_computes_the_contraction():
    assert roofline.bandwidth(1) > 0
    geometry = conv_geometry((2, 5, 6, 3), (3, 2, 3, 4))
    shapes = [roofline._call(geometry, name, frozen=True)().shape for name in roofline.TITLES]
    assert shapes == [geometry.y_shape, geometry.x_shape, geometry.weight_shape]


def test_drawing_has_a_roof_that_bends_where_memory_and_processor_meet():
    figure = drawing({"forward": ([0.5, 40.0], [3.0, 90.0])}, peak=100.0, bandwidth=20.0, caption="Two points.")
    roof = figure.axes[0].lines[0].get_xydata()
    np.testing.assert_allclose(roof[1], [5.0, 100.0])
    np.testing.assert_allclose(roof[0, 1] / roof[0, 0], 20.0)
    assert roof[2, 1] == 100.0
    assert roof[0, 0] < 0.5
    assert np.asarray(Image.open(io.BytesIO(figure.png(dpi=50))).convert("L")).std() > 0
