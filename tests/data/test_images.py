"""Pictures of every kind come in as RGB in [0, 1], or are refused by name."""

import os
import stat

import numpy as np
import pytest
from PIL import Image

import tinyconv as tc
from tinyconv.data.images import check_output, read_image, sample_photograph, write_image

rng = np.random.default_rng(0)
PIXELS = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)


def save(tmp_path, image, name="picture.png", **options):
    image.save(tmp_path / name, **options)
    return tmp_path / name


def test_png_comes_back_exactly(tmp_path):
    write_image(tmp_path / "a.png", PIXELS / np.float32(255))
    got = read_image(tmp_path / "a.png")
    assert got.dtype == np.float32
    np.testing.assert_array_equal((got * 255).round(), PIXELS)


def test_exif_orientation_turns_the_picture(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side: turn by 90 degrees clockwise
    path = save(tmp_path, Image.fromarray(PIXELS), exif=exif)
    np.testing.assert_array_equal((read_image(path) * 255).round(), np.rot90(PIXELS, -1))


def test_transparency_lies_over_white(tmp_path):
    rgba = np.dstack([PIXELS, np.zeros((5, 7), np.uint8)])
    assert (read_image(save(tmp_path, Image.fromarray(rgba))) == 1).all()


def test_palette_with_a_transparent_colour_lies_over_white(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    got = read_image(save(tmp_path, image, transparency=1))
    np.testing.assert_array_equal((got * 255).round(), [[[10, 20, 30], [255, 255, 255]]])


def test_sixteen_bit_grey_keeps_its_range(tmp_path):
    image = Image.fromarray(np.array([[0, 32896, 65535]], np.uint16))
    got = read_image(save(tmp_path, image))
    np.testing.assert_allclose(got[0, :, 0], [0, 128 / 255, 1], atol=1e-6)


def test_grey_bilevel_and_cmyk_become_rgb(tmp_path):
    assert read_image(save(tmp_path, Image.fromarray(PIXELS[..., 0]))).shape == (5, 7, 3)
    assert read_image(save(tmp_path, Image.new("1", (4, 3), 1))).min() == 1
    cmyk = read_image(save(tmp_path, Image.new("CMYK", (4, 3), (0, 255, 255, 0)), "red.tif"))
    np.testing.assert_array_equal(cmyk[0, 0], [1, 0, 0])


@pytest.mark.parametrize("array", [np.full((3, 4), np.nan, np.float32), np.full((3, 4), 70000, np.int32)], ids=["float", "int32"])
def test_pixels_without_a_fixed_range_are_refused_by_name(tmp_path, array):
    path = save(tmp_path, Image.fromarray(array), "scientific.tif")
    with pytest.raises(tc.DataError, match=r"mode [FI], which have no fixed range"):
        read_image(path)


def test_longer_side_is_what_was_asked_for(tmp_path):
    path = save(tmp_path, Image.fromarray(PIXELS))
    assert read_image(path, 14).shape == (10, 14, 3)
    assert read_image(path, 3).shape == (2, 3, 3)
    thin = save(tmp_path, Image.new("RGB", (1000, 2)), "thin.png")
    assert read_image(thin, 50).shape == (1, 50, 3)


def test_what_is_no_picture_is_said_in_one_line(tmp_path):
    whole = save(tmp_path, Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)), "whole.png").read_bytes()
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "flipped.png").write_bytes(whole[:60] + bytes(b ^ 255 for b in whole[60:400]) + whole[400:])
    faults = {"empty.png": "not a picture", "text.jpg": "not a picture", "cut.png": "damaged or cut short",
              "flipped.png": "damaged", "absent.png": "does not exist", ".": "is a folder"}
    for name, message in faults.items():
        with pytest.raises(tc.DataError, match=message) as caught:
            read_image(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch):
    path = save(tmp_path, Image.new("RGB", (300, 300)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50_000)
    with pytest.raises(tc.DataError, match="shrink it first"):
        read_image(path)


def test_writing_refuses_what_it_cannot_do_and_leaves_nothing(tmp_path):
    good = np.zeros((4, 4, 3), np.float32)
    (tmp_path / "file").touch()
    cases = [(tmp_path, good, "is a folder"), (tmp_path / "a.xyz", good, "ending"),
             (tmp_path / "no" / "a.png", good, "does not exist"),
             (tmp_path / "file" / "a.png", good, "does not exist"), (tmp_path / "nan.png", good * np.nan, "NaN"),
             (tmp_path / "four.png", np.zeros((4, 4, 4), np.float32), r"\(4, 4, 4\)")]
    for path, picture, message in cases:
        with pytest.raises(tc.DataError, match=message):
            write_image(path, picture)
    assert os.listdir(tmp_path) == ["file"]


def test_a_write_that_fails_keeps_the_old_picture(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    write_image(path, np.ones((4, 4, 3), np.float32))
    before = path.read_bytes()

    def full_disk(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full_disk)
    with pytest.raises(tc.DataError, match="No space left"):
        write_image(path, np.zeros((4, 4, 3), np.float32))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.png"]


def test_a_written_picture_has_the_permissions_of_any_new_file(tmp_path):
    write_image(tmp_path / "a.png", np.ones((4, 4, 3), np.float32))
    (tmp_path / "plain").touch()
    assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_check_output_writes_nothing(tmp_path):
    check_output(tmp_path / "a.png")
    assert os.listdir(tmp_path) == []


def test_sample_photograph_is_a_portrait_in_range():
    photograph = sample_photograph(64)
    assert photograph.shape[0] == 64 > photograph.shape[1]
    assert photograph.std() > 0.1
    assert 0 <= photograph.min() <= photograph.max() <= 1
