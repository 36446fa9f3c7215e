"""Pictures of every kind come in as RGB in [0, 1], or are refused by name."""

import io
import os
import stat
import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import tinyconv as tc
from tests.refusal import assert_refused
from tinyconv.data.gif import read_gif
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


TURNED = {  # EXIF's orientation: what is shown
    1: PIXELS, 2: PIXELS[:, ::-1], 3: PIXELS[::-1, ::-1], 4: PIXELS[::-1],
    5: PIXELS.swapaxes(0, 1), 6: np.rot90(PIXELS, -1), 7: PIXELS[::-1, ::-1].swapaxes(0, 1), 8: np.rot90(PIXELS)}


@pytest.mark.parametrize("orientation", [*TURNED, 0, 9])
@pytest.mark.parametrize("name", ["picture.png", "picture.tif", "picture.webp"])
def test_exif_orientation_turns_the_picture(tmp_path, orientation, name):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path, Image.fromarray(PIXELS), name, exif=exif, **({"lossless": True} if name.endswith("webp") else {}))
    np.testing.assert_array_equal((read_image(path) * 255).round(), TURNED.get(orientation, PIXELS))


def test_a_camera_held_on_its_side_gives_an_upright_jpeg(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    scene = np.zeros((32, 48, 3), np.uint8)
    scene[:, :16] = 255  # white to the left in the file is white on top as shown
    got = read_image(save(tmp_path, Image.fromarray(scene), "photo.jpg", exif=exif, quality=95))
    assert got.shape == (48, 32, 3)
    assert got[:15].mean() > 0.95
    assert got[17:].mean() < 0.05


def test_longer_side_is_of_the_picture_as_shown(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 8
    assert read_image(save(tmp_path, Image.fromarray(PIXELS), exif=exif), 14).shape == (14, 10, 3)


def test_transparency_lies_over_white(tmp_path):
    rgba = np.dstack([PIXELS, np.zeros((5, 7), np.uint8)])
    assert (read_image(save(tmp_path, Image.fromarray(rgba))) == 1).all()


def test_palette_with_a_transparent_colour_lies_over_white(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    got = read_image(save(tmp_path, image, transparency=1))
    np.testing.assert_array_equal((got * 255).round(), [[[10, 20, 30], [255, 255, 255]]])


def test_transparency_is_blended_with_white(tmp_path):
    half = np.full((2, 2), 128, np.uint8)
    rgba = np.dstack([np.full((2, 2, 3), [255, 0, 100], np.uint8), half])
    np.testing.assert_allclose(read_image(save(tmp_path, Image.fromarray(rgba)))[0, 0], [1, 127 / 255, 177 / 255], atol=2 / 255)
    grey = Image.merge("LA", [Image.new("L", (2, 2), 0), Image.fromarray(half)])
    np.testing.assert_allclose(read_image(save(tmp_path, grey))[0, 0], 127 / 255, atol=2 / 255)


def test_a_transparent_colour_of_a_grey_or_rgb_picture_lies_over_white(tmp_path):
    grey = Image.fromarray(np.array([[10, 20]], np.uint8))
    np.testing.assert_array_equal((read_image(save(tmp_path, grey, transparency=10))[0, :, 0] * 255).round(), [255, 20])
    rgb = Image.fromarray(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8))
    got = read_image(save(tmp_path, rgb, transparency=(4, 5, 6)))
    np.testing.assert_array_equal((got * 255).round(), [[[1, 2, 3], [255, 255, 255]]])


@pytest.mark.parametrize("name", ["grey.png", "grey.tif"])
def test_sixteen_bit_grey_keeps_its_range(tmp_path, name):
    image = Image.fromarray(np.array([[0, 128, 129, 32896, 65535]], np.uint16))
    got = read_image(save(tmp_path, image, name))
    np.testing.assert_array_equal((got[0, :, 0] * 255).round(3), [0, 0, 1, 128, 255])


def png(width, height, depth, kind, rows):
    """A PNG made by hand: Pillow writes no 16-bit colour."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_sixteen_bit_colour_png_keeps_its_range(tmp_path):
    values = np.array([[0, 128 * 257, 65535], [65535, 64 * 257, 0]], ">u2")
    (tmp_path / "rgb.png").write_bytes(png(2, 1, 16, 2, [values.tobytes()]))
    np.testing.assert_array_equal((read_image(tmp_path / "rgb.png")[0] * 255).round(), values // 257)
    with_alpha = np.concatenate([values, np.array([[65535], [0]], ">u2")], axis=1)
    (tmp_path / "rgba.png").write_bytes(png(2, 1, 16, 6, [with_alpha.tobytes()]))
    np.testing.assert_array_equal((read_image(tmp_path / "rgba.png")[0] * 255).round(), [values[0] // 257, [255] * 3])
    grey = np.array([[65535, 65535], [100 * 257, 0]], ">u2")
    (tmp_path / "la.png").write_bytes(png(2, 1, 16, 4, [grey.tobytes()]))
    assert (read_image(tmp_path / "la.png") == 1).all()


def tiff(bits, photometric, data):
    """An uncompressed TIFF of one row of two RGB pixels, made by hand."""
    tags = [(256, 3, 1, 2), (257, 3, 1, 1), (258, 3, 3, 122), (259, 3, 1, 1), (262, 3, 1, photometric), (273, 4, 1, 128),
            (277, 3, 1, 3), (278, 3, 1, 1), (279, 4, 1, len(data))]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    return (b"II*\0" + struct.pack("<I", 8) + directory).ljust(122, b"\0") + struct.pack("<3H", bits, bits, bits) + data


def test_sixteen_bit_colour_tiff_keeps_its_range(tmp_path):
    values = np.array([[0, 128 * 257, 65535], [65535, 64 * 257, 0]], "<u2")
    (tmp_path / "rgb.tif").write_bytes(tiff(16, 2, values.tobytes()))
    np.testing.assert_array_equal((read_image(tmp_path / "rgb.tif")[0] * 255).round(), values // 257)


def test_inverted_cmyk_jpeg_as_adobe_writes_it_comes_out_right(tmp_path):
    path = save(tmp_path, Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "red.jpg", quality=95)
    raw = path.read_bytes()
    assert b"Adobe" in raw  # the marker that says: 0 is full ink
    np.testing.assert_allclose(read_image(path)[8, 8], [1, 0, 0], atol=0.03)


def test_ycbcr_and_grey_jpeg_become_rgb(tmp_path):
    green = Image.new("RGB", (16, 16), (20, 200, 40)).convert("YCbCr")
    np.testing.assert_allclose(read_image(save(tmp_path, green, "a.jpg"))[8, 8] * 255, [20, 200, 40], atol=6)
    np.testing.assert_allclose(read_image(save(tmp_path, Image.new("L", (16, 16), 77), "b.jpg")) * 255, 77, atol=2)


@pytest.mark.parametrize("name", ["moving.gif", "moving.png", "moving.webp", "pages.tif"])
def test_of_a_file_of_many_pictures_the_first_is_read(tmp_path, name):
    pictures = [Image.new("RGB", (6, 4), colour) for colour in ("blue", "red", "white")]
    path = save(tmp_path, pictures[0], name, save_all=True, append_images=pictures[1:],
                **({"lossless": True} if name.endswith("webp") else {}))
    np.testing.assert_array_equal(read_image(path), np.broadcast_to([0, 0, 1], (4, 6, 3)))


def test_a_grey_palette_with_partial_transparency_is_blended(tmp_path):
    image = Image.new("P", (3, 1))
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 0, 255])
    for x in range(3):
        image.putpixel((x, 0), x)
    got = read_image(save(tmp_path, image, transparency=bytes([255, 0, 128])))
    np.testing.assert_allclose(got[0], [[0, 0, 0], [1, 1, 1], [127 / 255, 127 / 255, 1]], atol=2 / 255)


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
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    faults = {"empty.png": "not a picture", "text.jpg": "not a picture", "cut.png": "damaged or cut short",
              "flipped.png": "damaged", "absent.png": "does not exist", ".": "is a folder",
              "loop.png": r"loop.png cannot be read \(Too many levels of symbolic links\)\."}
    for name, message in faults.items():
        with assert_refused(message):
            read_image(tmp_path / name)


@pytest.mark.parametrize(("name", "start"), [
    ("HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"), ("HEIC", b"\0\0\0\x18ftypmif1"), ("PDF", b"%PDF-1.7\n"),
    ("EPS", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n"),
    ("SVG", b'<svg xmlns="http://www.w3.org/2000/svg"/>'), ("SVG", b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- drawn -->\n<svg />'),
])
def test_files_that_pass_for_pictures_are_refused_by_name(tmp_path, name, start):
    (tmp_path / "picture").write_bytes(start)
    with pytest.raises(tc.DataError, match=f"picture is an? {name} file, which is not read; convert it to PNG or JPEG first"):
        read_image(tmp_path / "picture")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX's")
@pytest.mark.parametrize("read", [read_image, read_gif])
def test_a_pipe_is_refused_before_it_is_opened(tmp_path, read):
    os.mkfifo(tmp_path / "pipe.gif")
    with pytest.raises(tc.DataError, match=r"pipe\.gif is not a regular file, expected a picture file"):
        read(tmp_path / "pipe.gif")


def test_a_longer_side_that_is_no_length_is_refused(tmp_path):
    path = save(tmp_path, Image.fromarray(PIXELS))
    for side in (0, -3, 2.5, True):
        with pytest.raises(tc.DataError, match=f"longer_side is {side}, expected a whole number of at least 1"):
            read_image(path, side)


def test_a_picture_is_not_enlarged_beyond_the_limit_on_pixels(tmp_path):
    with pytest.raises(tc.DataError, match=r"which would make 1000000 x 714286 pixels of .*; ask for fewer"):
        read_image(save(tmp_path, Image.fromarray(PIXELS)), 10**6)


def encoded(name, **options):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, name, exif=exif, **options)
    return buffer.getvalue()


ENCODED = [encoded("PNG"), encoded("JPEG"), encoded("TIFF"), encoded("GIF"), encoded("BMP"), encoded("WEBP"), encoded("PPM")]


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    return tmp_path_factory.mktemp("damaged") / "picture"


@given(source=st.sampled_from(ENCODED), places=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=5),
       cut=st.integers(0, 400))
def test_a_damaged_picture_is_read_or_refused_with_a_documented_error(damaged, source, places, cut):
    data = bytearray(source)
    for place, value in places:
        data[place % len(data)] = value
    damaged.write_bytes(data[: len(data) - max(cut - 200, 0) % len(data)])
    got = read_unless_refused(damaged)
    assert got.shape[2] == 3
    assert ((got >= 0) & (got <= 1)).all()


def read_unless_refused(path):
    try:
        return read_image(path)
    except tc.DataError:
        return np.zeros((0, 0, 3))


def test_odd_metadata_is_no_remark_of_ours(tmp_path):
    data = encoded("JPEG")
    start = data.index(b"Exif")
    (tmp_path / "odd.jpg").write_bytes(data[: start + 20] + b"\xff" * 20 + data[start + 40 :])
    with warnings.catch_warnings(record=True) as remarks:
        warnings.simplefilter("always")
        assert read_image(tmp_path / "odd.jpg").size == PIXELS.size
    assert remarks == []


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
