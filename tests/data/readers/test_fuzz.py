"""Whatever is done to a file, a reader gives what it documents or one line of error that names the file, in bounded memory."""

from __future__ import annotations

import functools
import io
import tracemalloc
import zipfile
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinyconv as tc
from tests.data.readers import builders
from tinyconv.data import readers
from tinyconv.data.arrays import read_npz
from tinyconv.data.images import read_image

MOST_MEMORY = 400 << 20  # bytes, at any moment, for files of a megabyte
TELLING = [
    b"\xff" * 8, b"\0" * 8, b"\x7f" + b"\xff" * 7, b"\xff\xff\xff\x7f", b"PK\1\2", b"PK\5\6", b"\x1f\x8b", b"\x93NUMPY", b"../",
    b"(", b".", b"t", b"R", b"b", b"Q", b"2\x86" * 40, b"\x85" * 3000, b"}h\0h\0s", b"cos\nsystem\n", b"\x8a\xff", b"9" * 5000,
    b"\n", b"-1", b"nan",
]


class Format(NamedTuple):
    """A reader, the parts of a whole file, how they are packed, and what a result must look like."""

    read: object
    parts: object
    pack: object
    check: object


def is_array(array, dtype, *inner):
    """Whether `array` is (N, *inner) of `dtype`; None is any size."""
    return (array.dtype == dtype and array.ndim == 1 + len(inner)
            and all(want in (None, size) for want, size in zip(inner, array.shape[1:], strict=True)))


def check_omniglot(got):
    assert list(got) == ["bits", "alphabet", "character"]
    assert is_array(got["bits"], np.uint8, 20, 105, 14)
    assert got["alphabet"].dtype.kind == got["character"].dtype.kind == "U"
    assert len(got["bits"]) == len(got["alphabet"]) == len(got["character"]) > 0


def check_runs(got):
    assert list(got) == ["train", "test", "answer"]
    assert is_array(got["train"], np.uint8, 20, 105, 14)
    assert got["test"].shape == got["train"].shape
    assert is_array(got["answer"], np.uint8, 20)
    assert len(got["answer"]) == len(got["train"])
    assert got["answer"].max() < 20


def check_orl(got):
    assert list(got) == ["faces"]
    assert got["faces"].shape == (40, 10, 112, 92)
    assert got["faces"].dtype == np.uint8


def check_lfw(got):
    assert is_array(got["images"], np.uint8, None, None, 3)
    assert is_array(got["numbers"], np.int64)
    assert got["names"].dtype.kind == "U"
    assert len(got["images"]) == len(got["numbers"]) == len(got["names"]) > 0


def check_pairs(got):
    count = len(got["same"])
    assert got["same"].dtype == bool
    assert got["same"].sum() * 2 == count > 0
    assert is_array(got["folds"], np.int64)
    assert is_array(got["numbers"], np.int64, 2)
    assert got["names"].shape == (count, 2) == got["numbers"].shape
    assert got["numbers"].min() > 0


def check_cifar(got):
    for split in ("train", "test"):
        assert is_array(got[f"{split}_images"], np.uint8, 32, 32, 3)
        assert is_array(got[f"{split}_labels"], np.int64)
        assert 0 <= got[f"{split}_labels"].min() <= got[f"{split}_labels"].max() <= 9


def check_medmnist(got):
    for split in ("train", "val", "test"):
        assert got[f"{split}_images"].dtype == np.uint8
        assert got[f"{split}_images"].ndim in (3, 4)
        assert len(got[f"{split}_images"]) == len(got[f"{split}_labels"])


def check_arrays(got):
    for name, array in got.items():
        assert isinstance(name, str)
        assert array.dtype.kind in "biufcSUmM"
        assert array.flags.c_contiguous
        array.tolist()  # no element that Python refuses


def check_picture(got):
    assert is_array(got, np.float32, None, 3)
    assert 0 <= got.min() <= got.max() <= 1


def arrays():
    return {"a": np.arange(6, dtype="f4").reshape(2, 3), "b": np.array(["x", "é"]), "c": np.array(True),
            "d": np.zeros((0, 2), "i8")}


def checkpoint(legacy):
    numbers = np.arange(24, dtype="<f4")
    tree = {"net": {"weight": builders.tensor("0", 24, 0, (4, 6), (6, 1), legacy=legacy), "epoch": 3},
            "turned": [builders.tensor("0", 24, 1, (5, 4), (1, 6), legacy=legacy)],
            "half": builders.tensor("1", 4, 0, (4,), (1,), "BFloat16Storage", legacy=legacy),
            "numpy": builders.pickled_array((2,), "f4", bytes(8))}
    if legacy:
        return builders.checkpoint_legacy(tree, {"0": (24, numbers.tobytes()), "1": (4, bytes(8))})
    return {"a/data.pkl": builders.assemble(tree), "a/data/0": numbers.tobytes(), "a/data/1": bytes(8), "a/byteorder": b"little"}


def members_of(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def stored(members):
    return builders.zip_of(members, zipfile.ZIP_STORED)


def alone(members):
    return next(iter(members.values()))


def encoded(kind):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 11, 3), dtype=np.uint8)
    return {"": builders.picture(pixels, kind)}


FORMATS = {
    "omniglot zip": Format(readers.read_omniglot, lambda: builders.omniglot_members()[0], builders.zip_of, check_omniglot),
    "omniglot runs": Format(readers.read_omniglot_runs, lambda: builders.runs_members()[0], stored, check_runs),
    "orl tar.gz": Format(readers.read_orl, builders.orl_members, builders.tar_of, check_orl),
    "orl zip": Format(readers.read_orl, builders.orl_members, builders.zip_of, check_orl),
    "lfw zip": Format(readers.read_lfw, builders.lfw_members, stored, check_lfw),
    "lfw tar": Format(readers.read_lfw, builders.lfw_members, functools.partial(builders.tar_of, packed=False), check_lfw),
    "lfw pairs": Format(readers.read_lfw_pairs, lambda: {"": builders.PAIRS.encode()}, alone, check_pairs),
    "cifar tar.gz": Format(readers.read_cifar10, lambda: builders.cifar_members(1)[0], builders.tar_of, check_cifar),
    "cifar tar": Format(readers.read_cifar10, lambda: builders.cifar_members(1)[0],
                        functools.partial(builders.tar_of, packed=False), check_cifar),
    "medmnist": Format(readers.read_medmnist, lambda: members_of(builders.npz_of(builders.medmnist_arrays())), stored,
                       check_medmnist),
    "npz": Format(read_npz, lambda: members_of(builders.npz_of(arrays())), builders.zip_of, check_arrays),
    "pickled npy": Format(readers.read_pickled_npy, lambda: {"": builders.weights_npy()}, alone, check_arrays),
    "checkpoint zip": Format(readers.read_torch_checkpoint, lambda: checkpoint(False), stored, check_arrays),
    "checkpoint legacy": Format(readers.read_torch_checkpoint, lambda: {"": checkpoint(True)}, alone, check_arrays),
    **{kind: Format(read_image, functools.partial(encoded, kind), alone, check_picture)
       for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")},
}
SLOW_TO_READ = {"orl tar.gz", "orl zip"}


@functools.cache
def parts_of(name):
    return FORMATS[name].parts()


@st.composite
def damages(draw):
    """Steps of damage: (what, where and how far as fractions of the content, bytes)."""
    what = st.sampled_from(["cut", "flip", "insert", "replace", "delete", "swap", "repeat"])
    noise = st.one_of(st.sampled_from(TELLING), st.binary(min_size=1, max_size=9))
    step = st.tuples(what, st.floats(0, 1), st.floats(0, 1), noise)
    return draw(st.lists(step, min_size=1, max_size=4))


def damaged(content, steps):
    """`content` after each step."""
    for what, where, far, noise in steps:
        start = int(where * len(content))
        end = min(start + 1 + int(far**4 * len(content)), len(content))
        front, middle, back = content[:start], content[start:end], content[end:]
        content = {"cut": front, "flip": front + bytes(b ^ noise[0] for b in middle[:1]) + middle[1:] + back,
                   "insert": front + noise + middle + back, "replace": front + noise + content[start + len(noise) :],
                   "delete": front + back, "swap": back + middle + front, "repeat": front + middle + middle + back}[what]
    return content


def check_outcome(name, content, folder):
    """Read `content` and judge what comes out; every other exception, and every warning, fails the test by itself."""
    read, check, path = FORMATS[name].read, FORMATS[name].check, folder / "file.bin"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        got, fault = read(path), None
    except tc.DataError as error:
        got, fault = None, str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    if fault is None:
        check(got)
    else:
        assert "\n" not in fault
        assert path.name in fault
        assert len(fault) < 800 + len(str(path))
    assert peak < MOST_MEMORY or read is read_image


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


def fuzz_the_file(name, folder, examples):
    whole = FORMATS[name].pack(parts_of(name))

    @settings(max_examples=examples)
    @given(steps=damages())
    def run(steps):
        check_outcome(name, damaged(whole, steps), folder)

    run()


def fuzz_a_member(name, folder, examples):
    @settings(max_examples=examples)
    @given(steps=damages(), which=st.floats(0, 1, exclude_max=True))
    def run(steps, which):
        parts = dict(parts_of(name))
        key = [*parts][int(which * len(parts))]
        parts[key] = damaged(parts[key], steps)
        check_outcome(name, FORMATS[name].pack(parts), folder)

    run()


@pytest.mark.parametrize("name", FORMATS)
def test_a_whole_file_satisfies_its_reader(name, folder):
    (folder / "file.bin").write_bytes(FORMATS[name].pack(parts_of(name)))
    FORMATS[name].check(FORMATS[name].read(folder / "file.bin"))


@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_file_is_read_or_refused(name, folder):
    fuzz_the_file(name, folder, 4 if name in SLOW_TO_READ else 20)


@pytest.mark.parametrize("name", [name for name in FORMATS if FORMATS[name].pack is not alone])
def test_a_damaged_member_in_a_whole_archive_is_read_or_refused(name, folder):
    fuzz_a_member(name, folder, 4 if name in SLOW_TO_READ else 20)


@pytest.mark.parametrize("name", FORMATS)
def test_bytes_of_any_kind_are_read_or_refused(name, folder):
    @settings(max_examples=10)
    @given(content=st.one_of(st.binary(max_size=600), st.lists(st.sampled_from(TELLING), max_size=30).map(b"".join)))
    def run(content):
        check_outcome(name, content, folder)

    run()


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_file_is_read_or_refused_hundreds_of_times(name, folder):
    fuzz_the_file(name, folder, 30 if name in SLOW_TO_READ else 500)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FORMATS if FORMATS[name].pack is not alone])
def test_a_damaged_member_is_read_or_refused_hundreds_of_times(name, folder):
    fuzz_a_member(name, folder, 30 if name in SLOW_TO_READ else 500)
