"""The registry is complete: each entry says what it is, whose, from where, and how its pack comes about."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import pytest

from tests.refusal import assert_refused
from tinyconv.data.prepare import CONVERTERS
from tinyconv.data.registry import ENTRIES, KINDS, entries, lookup

DIGITS = {"sha256": 64, "md5": 32}
REGISTRIES = ("pypi", "pythonhosted", "npmjs", "conda", "debian")

everyone = pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)


def test_everything_the_course_needs_is_named_once():
    assert {"omniglot-background", "omniglot-evaluation", "omniglot-runs", "omniglot-small1", "orl", "lfw-view2", "lfw-people",
            "lfw-pairs", "cifar10", "cifar10-jpeg", "adrenalmnist3d", "modelnet10", "mitbih", "ucr-small", "wave",
            "starry-night"} <= {entry.name for entry in entries("data")}
    assert {entry.name for entry in entries("weights")} == {
        "squeezenet1_1", "squeezenet1_0", "mobilefacenet", "mtcnn", "vgg19-normalised"}
    assert len(entries("data")) + len(entries("weights")) == len(ENTRIES)
    paths = [entry.path for entry in ENTRIES.values()]
    assert len(set(paths)) == len(paths)


@everyone
def test_every_fact_is_given(entry):
    assert entry.kind in KINDS
    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]*", entry.name)
    for fact in (entry.title, entry.licence, entry.citation, entry.contents, entry.recipe):
        assert fact == fact.strip() != ""
        assert "\n" not in fact
    assert len(entry.title) <= 130


@everyone
def test_addresses_are_public_and_no_package_registry(entry):
    for url in (entry.home, *(original.url for original in entry.originals)):
        parts = urlsplit(url)
        assert parts.scheme in ("http", "https")
        assert "." in parts.netloc
        assert not any(name in parts.netloc for name in REGISTRIES)


@everyone
def test_checksums_and_sizes_are_well_formed(entry):
    for original in entry.originals:
        if original.checksum is not None:
            algorithm, _, digest = original.checksum.partition(":")
            assert re.fullmatch(rf"[0-9a-f]{{{DIGITS[algorithm]}}}", digest)
        assert original.size is None or original.size > 0
    assert entry.pack_size is None or entry.pack_size > 0
    assert entry.pack_sha256 is None or re.fullmatch(r"[0-9a-f]{64}", entry.pack_sha256)


@everyone
def test_paths_stay_inside_the_folder(entry):
    for path in (entry.path, *(original.path for original in entry.originals)):
        parts = PurePosixPath(path)
        assert not parts.is_absolute()
        assert ".." not in parts.parts
        assert parts.as_posix() == path
        assert len(parts.parts) >= 2


@everyone
def test_a_pack_is_prepared_or_an_original_or_put_there_by_hand(entry):
    originals = {original.path for original in entry.originals}
    if entry.by_hand:
        assert entry.converter is None
        assert entry.recipe != "none: the file as published"
        assert entry.pack_sha256
    elif entry.converter:
        assert entry.path not in originals
        assert entry.path.endswith(".npz")
        assert entry.parts == (entry.path,)
    else:
        assert entry.path in originals
        assert set(entry.parts) == originals


def test_every_converter_has_an_entry_and_every_entry_its_converter():
    assert {entry.converter for entry in ENTRIES.values()} - {None} == set(CONVERTERS)


def test_without_a_checksum_of_every_original_an_entry_is_unverified():
    assert lookup("adrenalmnist3d").verified
    assert lookup("cifar10").verified
    assert not lookup("orl").verified
    assert not lookup("mtcnn").verified
    assert not lookup("mitbih").verified  # nothing to fetch, nothing to verify


def test_size_is_what_is_fetched_where_known_else_the_packs():
    assert lookup("cifar10").size == 170052171
    assert lookup("mitdb-100").size == 138 + 1950000 + 4558
    assert lookup("orl").size == lookup("orl").pack_size
    assert lookup("orl").fetched_size is None
    assert lookup("lfw-deepfunneled").size is None


@pytest.mark.parametrize(("name", "kind", "message"), [
    ("omniglot-backgruond", "data", "data set 'omniglot-backgruond' is unknown; did you mean omniglot-background"),
    ("ORL", None, "pack 'ORL' is unknown; did you mean orl"),
    ("squeezenet11", "weights", "did you mean squeezenet1_1 or squeezenet1_0"),
    ("", "weights", "set of weights '' is unknown; expected one of squeezenet1_1, mobilefacenet"),
    ("x\ny" * 200, None, r"pack 'x\nyx\ny"),
    ("mtcnn", "data", "mtcnn is a set of weights, expected a data set; say `tinyconv weights`"),
    ("orl", "weights", "orl is a data set, expected a set of weights; say `tinyconv data`"),
])
def test_an_unknown_name_gets_close_ones(name, kind, message):
    with assert_refused() as caught:
        lookup(name, kind)
    assert message in str(caught.value)
