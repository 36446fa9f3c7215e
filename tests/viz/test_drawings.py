"""Drawings: figures with captions, whatever the arrays, and nothing left behind in matplotlib's settings."""

from __future__ import annotations

import io

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from PIL import Image

from tinyconv import viz
from tinyconv.viz.graph import _places

DRAWINGS = {
    "strip": lambda: viz.strip([np.zeros((4, 6, 3)), np.arange(12.0).reshape(3, 4)], ["a", "b"], caption="A strip."),
    "strip without titles": lambda: viz.strip([np.full((1, 1, 3), 0.5)], caption="One grey pixel."),
    "heat maps": lambda: viz.heat_maps([np.eye(3), np.ones((2, 2))], ["a", "b"], caption="Two matrices."),
    "empty heat map": lambda: viz.heat_maps([np.zeros((2, 2))], caption="Nothing."),
    "curves": lambda: viz.curves({"a": ([0, 1], [1, 10]), "_b": ([0, 1], [2, 3])}, log=True, caption="Two curves."),
    "bars": lambda: viz.bars({"a": [1, 2], "b": [3, 4]}, ["x", "y"], caption="Four bars."),
    "embedding": lambda: viz.embedding([[[0, 0], [1, 2]], [[3, 1], [0, 0]]], np.zeros((2, 4, 4, 3)), [0, 11], ["a", "b"],
                                       caption="Two pictures in two planes."),
    "grey embedding": lambda: viz.embedding([np.zeros((1, 2))], np.eye(4)[None], [5], caption="One picture in grey."),
    "graph": lambda: viz.draw_graph(["x", "y"], [(0, 1), (0, 1)], ["in", "out"], ["+1", "+2"], caption="A square."),
}


@pytest.fixture(params=DRAWINGS)
def picture(request):
    return DRAWINGS[request.param]()


def test_drawing_is_a_figure_that_becomes_a_png(picture):
    assert isinstance(picture, Figure)
    image = Image.open(io.BytesIO(picture.png(dpi=50)))
    assert image.format == "PNG"
    assert np.asarray(image.convert("L")).std() > 0  # something is drawn


def test_notebook_sees_the_caption_below_and_the_picture_keeps_none(picture):
    plain = Image.open(io.BytesIO(picture.png(dpi=72)))
    with_caption = Image.open(io.BytesIO(picture._repr_png_()))
    assert with_caption.height > plain.height
    assert picture.texts == []
    assert Image.open(io.BytesIO(picture.png(dpi=72))).size == plain.size
    assert picture.caption in repr(picture)


def test_a_band_is_drawn_around_its_curve_in_its_colour_and_around_no_other():
    series = {"a": ([0, 1], [1, 2]), "b": ([0, 1], [3, 4])}
    (axes,) = viz.curves(series, bands={"b": ([2.5, 3.5], [3.5, 4.5])}).axes
    (band,) = axes.collections
    assert band.get_datalim(axes.transData).extents.tolist() == [0, 2.5, 1, 4.5]
    assert mpl.colors.to_rgb(band.get_facecolor()[0]) == mpl.colors.to_rgb(axes.lines[1].get_color())


def test_drawing_leaves_matplotlibs_settings_alone():
    before = dict(mpl.rcParams)
    DRAWINGS["curves"]().png()
    assert dict(mpl.rcParams) == before


def test_strip_shows_every_pixel_where_it_belongs():
    dark, bright = np.zeros((2, 2, 3)), np.full((2, 3, 3), 7.0)  # values outside [0, 1] are clipped
    figure = viz.strip([dark, bright])
    drawn = np.asarray(Image.open(io.BytesIO(figure.png(dpi=40))).convert("L")) / 255
    height, width = drawn.shape
    assert drawn[height // 2, width // 5] == 0
    assert drawn[height // 2, 4 * width // 5] == 1
    sizes = [axes.get_position().size * [width, height] for axes in figure.axes]
    np.testing.assert_allclose([w / h for w, h in sizes], [1.0, 1.5], rtol=0.05)


def test_strip_refuses_titles_that_do_not_fit():
    with pytest.raises(ValueError, match="zip"):
        viz.strip([np.zeros((2, 2)), np.zeros((2, 2))], ["one"])


def test_curve_has_a_short_line_for_each_tangent():
    figure = viz.curves({"_": ([0.0, 10.0], [0.0, 0.0])}, tangents=[(2.0, 1.0, 3.0), (5.0, -1.0, 0.0)])
    segments = [line.get_xydata() for line in figure.axes[0].lines if len(line.get_xdata()) == 2][1:]
    for (x, y, slope), ((x0, y0), (x1, y1)) in zip([(2.0, 1.0, 3.0), (5.0, -1.0, 0.0)], segments, strict=True):
        assert (y1 - y0) / (x1 - x0) == pytest.approx(slope)
        assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx((x, y))


def test_embedding_puts_each_picture_at_its_point():
    black, white = np.zeros((1, 8, 8, 3)), np.ones((1, 8, 8, 3))
    figure = viz.embedding([[[0.0, 0.0], [1.0, 0.0]]], np.concatenate([black, white]), [0, 1])
    drawn = np.asarray(Image.open(io.BytesIO(figure.png(dpi=100))).convert("L"))
    dark, bright = (np.argwhere(drawn == shade) for shade in (0, 255))
    assert dark[:, 1].mean() < drawn.shape[1] / 3
    assert len(bright)
    places = [artist.xy for artist in figure.axes[0].artists]
    assert [tuple(place) for place in places] == [(0.0, 0.0), (1.0, 0.0)]


def test_graph_puts_children_right_of_their_parents_and_no_box_on_another():
    edges = [(0, 2), (1, 2), (0, 3), (2, 4), (3, 4), (1, 5), (4, 5)]
    columns = viz.graph._columns(6, edges)
    assert all(columns[child] > columns[parent] for parent, child in edges)
    assert columns == [0, 0, 1, 1, 2, 3]
    places = _places(columns, edges)
    assert len({(x, round(y, 6)) for x, y in places}) == 6
    for i, (x0, y0) in enumerate(places):
        assert all(abs(y0 - y1) >= 1 for x1, y1 in places[i + 1 :] if x0 == x1)
    boxes = [patch for patch in viz.draw_graph(list("abcdef"), edges).axes[0].patches if isinstance(patch, FancyBboxPatch)]
    assert len(boxes) == 6
