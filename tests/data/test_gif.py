"""Frames go into a GIF and come back as many, as long and as coloured as they were; damage is named in one line."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageSequence

import tinyconv as tc
from tests.refusal import assert_refused
from tinyconv.data.gif import read_gif, write_gif

CLIP = np.random.default_rng(0).integers(0, 256, (4, 9, 13, 3)).astype(np.float32) / np.float32(255)


@pytest.fixture
def whole(tmp_path):
    write_gif(tmp_path / "whole.gif", CLIP)
    return (tmp_path / "whole.gif").read_bytes()


def test_frames_of_few_colours_come_back_exactly_with_their_times(tmp_path):
    write_gif(tmp_path / "a.gif", CLIP, [0.1, 0.25, 1, 0.03])
    frames, seconds = read_gif(tmp_path / "a.gif")
    assert frames.dtype == np.float32
    np.testing.assert_array_equal(frames, CLIP)
    np.testing.assert_allclose(seconds, [0.1, 0.25, 1, 0.03])


def test_any_number_of_colours_up_to_256_is_exact(tmp_path):
    pool = np.random.default_rng(2).choice(1 << 24, 256, replace=False)
    codes = np.stack([np.resize(pool[:colours], (17, 19)) for colours in (1, 2, 3, 4, 5, 16, 17, 255, 256)])
    frames = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=-1) / 255.0
    write_gif(tmp_path / "a.gif", frames)
    np.testing.assert_array_equal((read_gif(tmp_path / "a.gif")[0] * 255).round(), (frames * 255).round())


def test_more_colours_are_chosen_close_to_the_frame(tmp_path):
    y, x = np.mgrid[:64, :64] / 63
    frame = np.stack([x, y, (x + y) / 2], axis=-1)
    write_gif(tmp_path / "a.gif", [frame, frame[::-1]])
    error = np.abs(read_gif(tmp_path / "a.gif")[0] - np.stack([frame, frame[::-1]]))
    assert 0 < error.mean() < 0.03
    assert error.max() < 0.2


def test_equal_frames_stay_as_many_as_they_were(tmp_path):
    write_gif(tmp_path / "a.gif", [CLIP[0]] * 5, 0.2)
    frames, seconds = read_gif(tmp_path / "a.gif")
    np.testing.assert_array_equal(frames, np.stack([CLIP[0]] * 5))
    np.testing.assert_allclose(seconds, [0.2] * 5)


def test_times_are_rounded_to_hundredths(tmp_path):
    write_gif(tmp_path / "a.gif", CLIP, (1 / 30, 0.016, 0.01, 655.35))
    np.testing.assert_allclose(read_gif(tmp_path / "a.gif")[1], [0.03, 0.02, 0.01, 655.35])


def test_loop_is_for_ever_or_not_at_all(tmp_path):
    for loop in (True, False):
        write_gif(tmp_path / "a.gif", CLIP, loop=loop)
        with Image.open(tmp_path / "a.gif") as image:
            assert image.info.get("loop") == (0 if loop else None)


def test_another_reader_sees_the_same_frames(tmp_path):
    write_gif(tmp_path / "a.gif", CLIP, 0.5)
    with Image.open(tmp_path / "a.gif") as image:
        assert image.n_frames == 4
        shown = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(image)]
    np.testing.assert_array_equal(np.stack(shown), (CLIP * 255).round())


def test_one_frame_a_generator_of_frames_and_one_pixel_are_fine(tmp_path):
    for frames in (CLIP[:1], (frame for frame in CLIP[:1].astype(np.float64)), CLIP[:1, :1, :1]):
        write_gif(tmp_path / "a.gif", frames)
        assert len(read_gif(tmp_path / "a.gif")[0]) == 1
    np.testing.assert_array_equal(read_gif(tmp_path / "a.gif")[0], CLIP[:1, :1, :1])


def test_values_outside_are_clipped(tmp_path):
    write_gif(tmp_path / "a.gif", [np.array([[[-1, 0.2, 7]]])])
    np.testing.assert_allclose(read_gif(tmp_path / "a.gif")[0][0, 0, 0], [0, 0.2, 1])


def pillow_gif(path, disposal):
    """Red with a hole, then a blue pixel on transparency, then a green one, as Pillow writes them."""
    frames = [Image.new("RGBA", (4, 3), colour) for colour in ((255, 0, 0, 255), (0, 0, 0, 0), (0, 0, 0, 0))]
    frames[0].putpixel((0, 0), (0, 0, 0, 0))
    frames[1].putpixel((1, 1), (0, 0, 255, 255))
    frames[2].putpixel((2, 2), (0, 255, 0, 255))
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=[50, 70, 90], disposal=disposal, loop=0)


def test_frames_are_read_as_they_are_shown_with_transparency_over_white(tmp_path):
    pillow_gif(tmp_path / "cleared.gif", 2)
    cleared, seconds = read_gif(tmp_path / "cleared.gif")
    np.testing.assert_allclose(seconds, [0.05, 0.07, 0.09])
    assert (cleared[0, 0, 0] == 1).all()
    assert (cleared[0, 1:] == [1, 0, 0]).all()
    expected = np.ones((3, 4, 3))
    expected[1, 1] = [0, 0, 1]
    np.testing.assert_array_equal(cleared[1], expected)
    expected[1, 1], expected[2, 2] = 1, [0, 1, 0]
    np.testing.assert_array_equal(cleared[2], expected)


def spliced(descriptors, disposal):
    """A GIF of 2 x 1 pixels in black, white and clear: single pixels put one after the other, by hand."""
    table = bytes([0, 0, 0, 255, 255, 255, 9, 9, 9, 9, 9, 9])
    data = b"GIF89a" + bytes([2, 0, 1, 0, 0x81, 0, 0]) + table
    for x, index in descriptors:
        pixel = bytes([2, 2, 0x04 | index << 3 | 5 << 6 & 0xFF, 5 >> 2, 0])  # codes of three bits: 4 clears, the index, 5 ends
        data += bytes([0x21, 0xF9, 4, disposal << 2 | 1, 7, 0, 2, 0]) + b"," + bytes([x, 0, 0, 0, 1, 0, 1, 0, 0]) + pixel
    return data + b";"


def test_a_frame_may_cover_a_part_and_show_the_one_before_through(tmp_path):
    (tmp_path / "a.gif").write_bytes(spliced([(0, 0), (1, 0), (0, 1)], disposal=1))
    frames, seconds = read_gif(tmp_path / "a.gif")
    np.testing.assert_allclose(seconds, 0.07)
    np.testing.assert_array_equal(frames[1:, 0, :, 0], [[0, 0], [1, 0]])


def test_a_frame_may_be_taken_back(tmp_path):
    (tmp_path / "a.gif").write_bytes(spliced([(0, 0), (0, 1), (1, 0)], disposal=3))
    frames = read_gif(tmp_path / "a.gif")[0]
    np.testing.assert_array_equal(frames[:, 0, 0, 0], [0, 1, 1])  # nothing of the first frame is left under the third


def test_a_gif_cut_anywhere_is_refused_in_one_line(tmp_path, whole):
    for length in {*range(6, len(whole), 97), len(whole) - 1}:
        (tmp_path / "cut.gif").write_bytes(whole[:length])
        with assert_refused("damaged or cut short"):
            read_gif(tmp_path / "cut.gif")


def test_what_is_no_gif_is_said_in_one_line(tmp_path, whole):
    Image.new("RGB", (3, 3)).save(tmp_path / "picture.png")
    (tmp_path / "renamed.gif").write_bytes((tmp_path / "picture.png").read_bytes())
    (tmp_path / "empty.gif").touch()
    (tmp_path / "text.gif").write_text("GIF as text\n" * 9)
    (tmp_path / "noframe.gif").write_bytes(whole[:13] + b";")
    (tmp_path / "outside.gif").write_bytes(whole[:6] + bytes([2, 0, 2, 0]) + whole[10:])
    (tmp_path / "garbage.gif").write_bytes(whole[:13] + b"\x99" + whole[14:])
    faults = {"renamed.gif": "not a GIF", "empty.gif": r"not a GIF \(0 bytes\)", "text.gif": "not a GIF",
              "absent.gif": "does not exist", ".": "is a folder", "noframe.gif": "without a frame",
              "outside.gif": "does not fit into the picture of 2 x 2", "garbage.gif": "byte 13 begins no block"}
    for name, message in faults.items():
        with assert_refused(message):
            read_gif(tmp_path / name)


def test_many_frames_are_a_decompression_bomb_too(tmp_path, monkeypatch):
    write_gif(tmp_path / "a.gif", CLIP)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 9 * 13 * 4)
    assert len(read_gif(tmp_path / "a.gif")[0]) == 4
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 9 * 13 * 4 - 1)
    with pytest.raises(tc.DataError, match=r"more than 467 pixels in all frames; shrink or shorten"):
        read_gif(tmp_path / "a.gif")


def read_unless_refused(path):
    try:
        return read_gif(path)
    except tc.DataError:
        return np.zeros((0, 1, 1, 3)), np.zeros(0)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzzed") / "a.gif"
    write_gif(path, CLIP[:2])
    return path, path.read_bytes()


@given(places=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=6), cut=st.integers(0, 5000))
def test_a_damaged_gif_is_read_or_refused_with_a_documented_error(fuzzed, places, cut):
    path, data = fuzzed[0], bytearray(fuzzed[1])
    for place, value in places:
        data[place % len(data)] = value
    path.write_bytes(data[: len(data) - cut % 40])
    frames, seconds = read_unless_refused(path)
    assert len(frames) == len(seconds)
    assert ((frames >= 0) & (frames <= 1)).all()


def test_writing_refuses_what_it_cannot_do_and_leaves_nothing(tmp_path):
    cases = [(tmp_path, CLIP, {}, "is a folder"), (tmp_path / "a.png", CLIP, {}, "expected .gif"),
             (tmp_path / "no" / "a.gif", CLIP, {}, "does not exist"),
             (tmp_path / "a.gif", [], {}, "there are no frames"), (tmp_path / "a.gif", 3, {}, "frames are int, expected"),
             (tmp_path / "a.gif", CLIP[..., :1], {}, r"frame 0: got .*\(9, 13, 1\)"),
             (tmp_path / "a.gif", [CLIP[0], CLIP[1] * np.nan], {}, "frame 1: 351 of 351 values are NaN"),
             (tmp_path / "a.gif", [CLIP[0], CLIP[1][:5]], {}, r"frame 1 is \(5, 13, 3\), frame 0 is \(9, 13, 3\)"),
             (tmp_path / "a.gif", (CLIP * 255).astype(np.uint8), {}, "frame 0: got uint8"),
             (tmp_path / "a.gif", np.zeros((1, 1, 65536, 3), np.float32), {}, "at most 65535"),
             (tmp_path / "a.gif", CLIP, {"seconds_per_frame": [1, 2]}, "2 times for 4 frames"),
             (tmp_path / "a.gif", CLIP, {"seconds_per_frame": 0}, "seconds_per_frame is 0, expected 0.01 to 655.35"),
             (tmp_path / "a.gif", CLIP, {"seconds_per_frame": 700}, "seconds_per_frame is 700"),
             (tmp_path / "a.gif", CLIP, {"seconds_per_frame": -1}, "seconds_per_frame is -1"),
             (tmp_path / "a.gif", CLIP, {"seconds_per_frame": float("nan")}, "seconds_per_frame is nan")]
    for path, frames, options, message in cases:
        with assert_refused(message):
            write_gif(path, frames, **options)
    assert os.listdir(tmp_path) == []
