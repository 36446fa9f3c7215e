"""CIFAR-10's binary batches, whatever their length, become images channels last and labels."""

import numpy as np
import pytest

from tests.data.readers.builders import cifar_members, tar_of, zip_of
from tests.refusal import assert_refused
from tinyconv.data.readers import read_cifar10

MEMBERS, RECORDS = cifar_members()


def refused(path, members, match):
    path.write_bytes(tar_of(members))
    with assert_refused(match) as caught:
        read_cifar10(path)
    assert path.name in str(caught.value)


def check(got):
    assert [*got] == ["train_images", "train_labels", "test_images", "test_labels"]
    for split, records in (("train", RECORDS[:5].reshape(-1, 3073)), ("test", RECORDS[5])):
        images, labels = got[f"{split}_images"], got[f"{split}_labels"]
        assert (images.dtype, labels.dtype) == (np.uint8, np.int64)
        np.testing.assert_array_equal(labels, records[:, 0])
        assert images.shape == (len(records), 32, 32, 3)
        for row, column, channel in [(0, 0, 0), (0, 1, 0), (1, 0, 0), (31, 30, 1), (5, 7, 2)]:
            np.testing.assert_array_equal(images[:, row, column, channel], records[:, 1 + 1024 * channel + 32 * row + column])


@pytest.mark.parametrize("pack", [tar_of, zip_of, lambda members: tar_of(members, packed=False)], ids=["tar.gz", "zip", "tar"])
def test_planes_become_channels_last(tmp_path, pack):
    (tmp_path / "cifar").write_bytes(pack(dict(reversed([*MEMBERS.items(), ("cifar-10-batches-bin/readme.html", b"x")]))))
    check(read_cifar10(tmp_path / "cifar"))


def test_the_unpacked_folder_is_read(tmp_path):
    for name, content in MEMBERS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    check(read_cifar10(tmp_path))
    check(read_cifar10(tmp_path / "cifar-10-batches-bin"))


def test_batches_may_differ_in_length(tmp_path):
    (tmp_path / "cifar").write_bytes(tar_of({**MEMBERS, "cifar-10-batches-bin/data_batch_2.bin": RECORDS[1, :1].tobytes()}))
    assert len(read_cifar10(tmp_path / "cifar")["train_labels"]) == 9


def test_what_is_not_cifar_is_one_line(tmp_path):
    path, batch = tmp_path / "cifar.tar.gz", "cifar-10-batches-bin/data_batch_3.bin"
    refused(path, {}, "holds no data_batch_1.bin, expected data_batch_1.bin to data_batch_5.bin and test_batch.bin")
    refused(path, {name: c for name, c in MEMBERS.items() if name != batch}, "holds no data_batch_3.bin")
    refused(path, {"cifar-10-batches-py/data_batch_1": b"x"}, "Python version, expected the binary one")
    refused(path, {**MEMBERS, f"again/{batch}": MEMBERS[batch]}, "data_batch_3.bin twice")
    for content in (b"", b"\0", MEMBERS[batch][:-1], MEMBERS[batch] + b"\0"):
        refused(path, {**MEMBERS, batch: content}, f"data_batch_3.bin has {len(content):,} bytes, expected a whole number")
    wrong = RECORDS[2].copy()
    wrong[1, 0] = 10
    refused(path, {**MEMBERS, batch: wrong.tobytes()}, "has the label 10 in record 1, expected 0 to 9")
