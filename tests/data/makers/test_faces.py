"""Procedural faces: one person stays one person, pictures of one differ, and raw pixels do not tell who it is."""

import dataclasses

import numpy as np
import pytest

from tinyconv.data.makers.faces import View, identity, procedural_faces, render, view
from tinyconv.data.makers.people import HAIRCUTS
from tinyconv.errors import DataError


def generator(seed=0):
    return np.random.default_rng(seed)


def test_same_generator_same_faces():
    first, again = (procedural_faces(3, 2, 24, generator(5)) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert np.abs(first[0] - procedural_faces(3, 2, 24, generator(6))[0]).mean() > 0.05


def test_faces_are_rgb_in_range_person_after_person():
    faces, labels = procedural_faces(4, 3, 20, generator())
    assert faces.shape == (12, 20, 20, 3)
    assert faces.dtype == np.float32
    assert faces.flags.c_contiguous
    assert np.isfinite(faces).all()
    assert faces.min() >= 0
    assert faces.max() <= 1
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(labels, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3])


def test_one_person_in_one_view_is_one_picture():
    who, seen = identity(generator(1)), view(generator(2))
    np.testing.assert_array_equal(render(who, View(), 32), render(who, View(), 32))
    np.testing.assert_array_equal(render(who, seen, 32), render(dataclasses.replace(who), dataclasses.replace(seen), 32))


def test_all_people_differ_under_the_neutral_view():
    rng = generator(3)
    pictures = np.stack([render(identity(rng), View(), 32) for _ in range(12)])
    apart = np.abs(pictures[:, None] - pictures[None]).mean(axis=(2, 3, 4))
    assert apart[~np.eye(12, dtype=bool)].min() > 0.01


def test_neutral_view_shows_the_face_in_the_middle_on_its_background():
    bare = dataclasses.replace(identity(generator(4)), skin=(0.9, 0.1, 0.1), beard=0.0, glasses=0.0)
    picture = render(bare, View(), 64)
    red = (picture[..., 0] > 2 * picture[..., 1]) & (picture[..., 0] > 2 * picture[..., 2])
    rows, columns = np.nonzero(red)
    assert red.mean() > 0.1
    assert abs(columns.mean() - 31.5) < 2
    assert 24 < rows.mean() < 44
    assert not red[:, :8].any()


def test_neutral_face_without_parting_or_mole_is_its_own_mirror_image_but_for_the_light():
    cut = dataclasses.replace(identity(generator(7)).haircut, slant=0.0, part=0.0, curl=0.0, back=0.0, knot=0.0)
    who = dataclasses.replace(identity(generator(7)), haircut=cut, mole=(0.0, 0.0, 0.0), freckles=0.0, beard=0.0)
    front = View(light=(0.0, -0.4, 0.9), background=((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)))
    picture = render(who, front, 64)
    chin_to_eyes = picture[26:46]
    np.testing.assert_allclose(chin_to_eyes, chin_to_eyes[:, ::-1], atol=0.25)
    assert np.abs(chin_to_eyes - chin_to_eyes[:, ::-1]).mean() < 0.01


def test_turning_the_head_mirrors_with_the_sign_of_yaw():
    cut = dataclasses.replace(identity(generator(7)).haircut, name="bald", hairline=-1.3, back=0.0, knot=0.0, sides=-2.0)
    who = dataclasses.replace(identity(generator(7)), haircut=cut, mole=(0.0, 0.0, 0.0), freckles=0.0, beard=0.0)
    plain = {"light": (0.0, -0.4, 0.9), "background": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))}
    right, left = (render(who, View(yaw=angle, **plain), 48) for angle in (0.4, -0.4))
    assert np.abs(right - left[:, ::-1]).mean() < 0.004
    assert np.abs(right - left).mean() > 0.015


def test_light_from_the_left_brightens_the_left_cheek():
    who = dataclasses.replace(identity(generator(8)), beard=0.0)
    left, right = (render(who, View(light=(side, 0.0, 0.6)), 64).mean(axis=-1) for side in (-0.8, 0.8))
    cheek, other = (slice(34, 42), slice(20, 27)), (slice(34, 42), slice(37, 44))
    assert left[cheek].mean() > left[other].mean() + 0.05
    assert right[other].mean() > right[cheek].mean() + 0.05


@pytest.mark.parametrize("change", [
    {"smile": 1.0}, {"mouth_open": 1.0}, {"brow_raise": 1.0}, {"eyes_open": 0.0}, {"gaze": (1.0, 0.0)}, {"yaw": 0.3},
    {"pitch": 0.2}, {"roll": 0.2}, {"shift": (0.1, 0.0)}, {"zoom": 1.1}, {"collar": 0.3}, {"pattern": "checks"},
    {"scene": "lights"}, {"scene": "bars"}, {"scene": "hills"}, {"noise": 0.02},
])
def test_everything_in_a_view_shows(change):
    who = identity(generator(9))
    assert np.abs(render(who, View(), 48) - render(who, View(**change), 48)).max() > 0.02


def test_closed_eyes_hide_the_whites():
    who = dataclasses.replace(identity(generator(10)), skin=(0.8, 0.2, 0.2), glasses=0.0)
    opened, closed = (render(who, View(eyes_open=amount), 96)[38:58, 20:76] for amount in (1.0, 0.0))

    def white(picture):
        return (picture[..., 1] > 0.8 * picture[..., 0]).sum()

    assert white(opened) > white(closed) + 20


def test_size_changes_the_grain_only():
    who = identity(generator(11))
    small, large = render(who, View(), 32), render(who, View(), 64)
    np.testing.assert_allclose(small.mean(axis=(0, 1)), large.mean(axis=(0, 1)), atol=0.01)
    halved = large.reshape(32, 2, 32, 2, 3).mean(axis=(1, 3))
    assert np.abs(small - halved).mean() < 0.02


def test_clothes_and_background_are_drawn_anew_for_every_picture():
    rng = generator(12)
    views = [view(rng) for _ in range(20)]
    assert len({v.clothes for v in views}) == len({v.background for v in views}) == len({v.seed for v in views}) == 20


def test_strength_zero_is_frontal_and_even():
    seen = view(generator(13), strength=0.0)
    assert (seen.yaw, seen.pitch, seen.roll, seen.shift, seen.zoom, seen.noise) == (0, 0, 0, (0, 0), 1, 0)
    np.testing.assert_allclose(seen.light, (0, 0, 1))


def test_light_is_a_unit_vector():
    rng = generator(14)
    np.testing.assert_allclose([np.linalg.norm(view(rng).light) for _ in range(30)], 1, rtol=1e-12)


def test_haircuts_and_skins_are_many():
    rng = generator(15)
    people = [identity(rng) for _ in range(120)]
    assert len({who.haircut.name for who in people}) >= 11
    brightness = [sum(who.skin) / 3 for who in people]
    assert min(brightness) < 0.4
    assert max(brightness) > 0.7


def test_raw_pixels_are_a_poor_guide_to_who_it_is():
    """1-nearest neighbour among 20 people, one picture each in the gallery: chance is 5 %, and 60 % would be too easy."""
    right = []
    for seed in range(4):
        faces, _ = procedural_faces(20, 4, 32, generator(100 + seed))
        faces = faces.reshape(20, 4, -1)
        gallery, queries = faces[:, 0], faces[:, 1:]
        apart = np.linalg.norm(queries[:, :, None] - gallery[None, None], axis=-1)
        right.append((apart.argmin(axis=-1) == np.arange(20)[:, None]).mean())
    assert np.mean(right) < 0.4
    assert np.mean(right) > 0.05


def test_even_views_make_it_easier():
    def accuracy(strength):
        faces, _ = procedural_faces(10, 3, 24, generator(200), strength)
        faces = faces.reshape(10, 3, -1)
        apart = np.linalg.norm(faces[:, 1:, None] - faces[None, None, :, 0], axis=-1)
        return (apart.argmin(axis=-1) == np.arange(10)[:, None]).mean()

    assert accuracy(0.0) >= accuracy(1.0)


@pytest.mark.parametrize("arguments", [
    (0, 1, 32), (1, 0, 32), (1, 1, 7), (-2, 1, 32), (1.0, 1, 32), (1, True, 32), (1, 1, "32"), (1, 1, None),
])
def test_bad_counts_and_sizes_are_refused_in_one_line(arguments):
    with pytest.raises(DataError, match=r"^procedural_faces: \w+ is .*expected a whole number of at least \d+") as refused:
        procedural_faces(*arguments, generator())
    assert "\n" not in str(refused.value)


def test_a_seed_is_no_generator():
    with pytest.raises(DataError, match=r"expected a numpy\.random\.Generator"):
        procedural_faces(1, 1, 32, 0)
    with pytest.raises(DataError, match="strength"):
        procedural_faces(1, 1, 32, generator(), float("nan"))


def test_render_refuses_a_tiny_size():
    with pytest.raises(DataError, match="render: size is 4"):
        render(identity(generator()), View(), 4)


@pytest.mark.parametrize("change", [{"pattern": "tartan"}, {"scene": "beach"}, {"scene": None}])
def test_render_lists_patterns_and_scenes(change):
    with pytest.raises(DataError, match=r"^render: view\.(pattern|scene) is .*expected one of (plain|gradient), "):
        render(identity(generator()), View(**change), 16)


def test_people_and_views_need_a_generator():
    with pytest.raises(DataError, match=r"^identity: rng is 3"):
        identity(3)
    with pytest.raises(DataError, match=r"^view: rng is None"):
        view(None)
    with pytest.raises(DataError, match=r"^view: strength is -1"):
        view(generator(), -1)


def test_every_haircut_paints():
    who = identity(generator(16))
    pictures = [render(dataclasses.replace(who, haircut=cut), View(), 32) for cut in HAIRCUTS]
    for i, picture in enumerate(pictures):
        assert np.isfinite(picture).all()
        assert all(np.abs(picture - other).mean() > 0.002 for other in pictures[:i])


def test_extreme_views_stay_pictures():
    who = identity(generator(17))
    for extreme in (View(yaw=1.2, pitch=0.6, roll=1.0), View(zoom=3.0), View(zoom=0.2), View(shift=(3.0, 3.0)), View(zoom=20.0)):
        picture = render(who, extreme, 16)
        assert picture.shape == (16, 16, 3)
        assert np.isfinite(picture).all()
