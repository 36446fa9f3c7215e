"""PyTorch's checkpoints come back as the arrays they were, and a damaged or hostile one is one line."""

import numpy as np
import pytest

import tinyconv as tc
from tests.data.readers.builders import (
    Global,
    Named,
    Persistent,
    assemble,
    checkpoint_legacy,
    checkpoint_zip,
    pickled_array,
    tar_of,
    tensor,
    zip_of,
)
from tests.refusal import assert_refused
from tinyconv.data.readers import read_torch_checkpoint

NUMBERS = np.arange(24, dtype="<f4")


def read(tmp_path, content):
    (tmp_path / "w.pt").write_bytes(content)
    return read_torch_checkpoint(tmp_path / "w.pt")


def refused(tmp_path, content, match):
    with assert_refused(match) as caught:
        read(tmp_path, content)
    assert "w.pt" in str(caught.value)


def both(describe, storages):
    """The same checkpoint in both formats: `describe(legacy)` is its tree, `storages` {key: array}."""
    return [checkpoint_zip(describe(False), {key: array.tobytes() for key, array in storages.items()}),
            checkpoint_legacy(describe(True), {key: (array.size, array.tobytes()) for key, array in storages.items()})]


def views(legacy):
    def view(offset, size, stride):
        return tensor("0", 24, offset, size, stride, legacy=legacy)

    return {"whole": view(0, (4, 6), (6, 1)), "turned": view(0, (6, 4), (1, 6)), "steps": view(6, (3, 3), (6, 2)),
            "scalar": view(15, (), ()), "empty": view(0, (0, 3), (3, 1)), "repeated": view(2, (3, 2), (0, 1)),
            "one": view(23, (1,), (99,))}


@pytest.mark.parametrize("number", [0, 1], ids=["zip", "legacy"])
def test_views_of_a_shared_storage_come_back_as_arrays_of_their_own(tmp_path, number):
    got = read(tmp_path, both(views, {"0": NUMBERS})[number])
    table = NUMBERS.reshape(4, 6)
    expected = {"whole": table, "turned": table.T, "steps": table[1:, :6:2], "scalar": table[2, 3],
                "empty": np.zeros((0, 3), "f4"), "repeated": np.array([[2, 3]] * 3, "f4"), "one": np.array([23], "f4")}
    assert list(got) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(got[name], array, strict=True)
        assert got[name].flags.c_contiguous
        assert got[name].flags.writeable
    got["whole"][:] = -1
    assert got["turned"][1, 0] == 1


KINDS = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8", "IntStorage": "<i4",
         "ShortStorage": "<i2", "CharStorage": "|i1", "ByteStorage": "|u1", "ComplexFloatStorage": "<c8"}


@pytest.mark.parametrize("number", [0, 1], ids=["zip", "legacy"])
def test_every_type_of_number_keeps_its_type(tmp_path, number):
    storages = {kind: np.array([0, 1, 77]).astype(dtype) for kind, dtype in KINDS.items()}
    got = read(tmp_path, both(lambda legacy: {kind: tensor(kind, 3, 0, (3,), (1,), kind, legacy=legacy) for kind in KINDS},
                              storages)[number])
    for kind, array in storages.items():
        np.testing.assert_array_equal(got[kind], array, strict=True)


def test_bfloat16_becomes_float32_and_bytes_become_booleans(tmp_path):
    upper = np.array([1.5, -2.0, np.inf], "<f4").view("<u4") >> 16
    got = read(tmp_path, checkpoint_zip(
        {"b": tensor("0", 3, 0, (3,), (1,), "BFloat16Storage"), "t": tensor("1", 3, 0, (3,), (1,), "BoolStorage")},
        {"0": upper.astype("<u2").tobytes(), "1": b"\0\1\7"}))
    np.testing.assert_array_equal(got["b"], np.array([1.5, -2, np.inf], "f4"), strict=True)
    np.testing.assert_array_equal(got["t"], np.array([False, True, True]), strict=True)


def test_a_conjugate_or_a_negative_that_pytorch_has_put_off_is_carried_out(tmp_path):
    numbers = np.array([1 + 2j, 3 - 4j], "<c8")
    storage = Persistent("storage", Named("torch.ComplexFloatStorage"), "0", "cpu", 2)

    def lazy(**flags):
        return Global("torch._utils._rebuild_tensor_v2", storage, 0, (2,), (1,), False, {}, flags)

    got = read(tmp_path, checkpoint_zip({"plain": lazy(), "conj": lazy(conj=True), "neg": lazy(neg=True),
                                         "both": lazy(conj=True, neg=True)}, {"0": numbers.tobytes()}))
    for name, array in {"plain": numbers, "conj": numbers.conj(), "neg": -numbers, "both": -numbers.conj()}.items():
        np.testing.assert_array_equal(got[name], array, strict=True)
    refused(tmp_path, checkpoint_zip([lazy(other=True)], {"0": numbers.tobytes()}), "other metadata")


def test_a_negative_boolean_is_refused(tmp_path):
    storage = Persistent("storage", Named("torch.BoolStorage"), "0", "cpu", 2)
    tree = [Global("torch._utils._rebuild_tensor_v2", storage, 0, (2,), (1,), False, {}, {"neg": True})]
    refused(tmp_path, checkpoint_zip(tree, {"0": b"\0\1"}), "other metadata")


def test_newer_types_are_described_in_bytes(tmp_path):
    storage = Persistent("storage", Named("torch.storage.UntypedStorage"), "0", "cpu", 6)
    v3 = Global("torch._utils._rebuild_tensor_v3", storage, 1, (2,), (1,), False, {}, Named("torch.uint16"))
    got = read(tmp_path, checkpoint_zip([v3], {"0": np.array([1, 2, 65535], "<u2").tobytes()}))
    np.testing.assert_array_equal(got["0"], np.array([2, 65535], "u2"), strict=True)


def test_containers_become_dotted_names_and_only_arrays_stay(tmp_path):
    one = tensor("0", 1, 0, (1,), (1,))
    tree = {"state_dict": Global("collections.OrderedDict", state={"_metadata": {"": {"version": 1}}}),
            "epoch": 3, "name": "net", "none": None,
            "net": {"layer": {"weight": Global("torch._utils._rebuild_parameter", one, True, {}), "bias": one}},
            "list": [one, (one, 2.5)], "size": Global("torch.Size", (1, 2)), "where": Global("torch.device", "cpu"),
            "type": Named("torch.float32"), 7: pickled_array((2,), "i4", b"\1\0\0\0\2\0\0\0")}
    got = read(tmp_path, checkpoint_zip(tree, {"0": NUMBERS[3:4].tobytes()}, top="any name"))
    assert list(got) == ["net.layer.weight", "net.layer.bias", "list.0", "list.1.0", "7"]
    np.testing.assert_array_equal(got["net.layer.weight"], np.array([3], "f4"), strict=True)
    np.testing.assert_array_equal(got["7"], np.array([1, 2], "i4"), strict=True)
    assert list(read(tmp_path, checkpoint_zip(one, {"0": NUMBERS[:1].tobytes()}))) == ["tensor"]
    assert list(read(tmp_path, checkpoint_zip({"": one, "tensor": one}, {"0": NUMBERS[:1].tobytes()}))) == ["", "tensor"]
    assert read(tmp_path, checkpoint_zip({}, {})) == {}


def test_storages_that_were_views_of_others_are_understood(tmp_path):
    storage = Persistent("storage", Named("torch.FloatStorage"), "9", "cpu", 24, ("8", 6, 12))
    old = Global("torch._utils._rebuild_tensor", storage, 1, (2,), (1,))
    got = read(tmp_path, checkpoint_legacy(old, {"9": (24, NUMBERS.tobytes())}))
    np.testing.assert_array_equal(got["tensor"], np.array([7, 8], "f4"), strict=True)


IMPOSSIBLE = {
    "behind the end": (tensor("0", 24, 20, (5,), (1,)), "needs number 24 of storage 0, which has 24"),
    "far stride": (tensor("0", 24, 0, (2, 2), (1, 23)), "needs number 24"),
    "promised": (tensor("0", 24, 0, (1 << 60,), (0,)), "impossible offset, size or stride"),
    "product": (tensor("0", 24, 0, (1 << 30, 1 << 30), (0, 0)), "impossible size"),
    "repeated": (tensor("0", 24, 0, (1 << 29,), (0,)), "more than four times its size"),
    "empty, wide": (tensor("0", 24, 0, (0, 1 << 40, 1 << 40), (1, 1, 1)), "impossible size"),
    "negative": (tensor("0", 24, 5, (2,), (-1,)), "impossible offset, size or stride"),
    "negative offset": (tensor("0", 24, -1, (2,), (1,)), "impossible offset, size or stride"),
    "huge": (tensor("0", 24, 1 << 20_000, (2,), (1,)), "impossible offset, size or stride"),
    "boolean": (tensor("0", 24, 0, (True,), (1,)), "impossible offset, size or stride"),
    "unequal": (tensor("0", 24, 0, (2, 3), (1,)), "impossible offset, size or stride"),
    "axes": (tensor("0", 24, 0, (1,) * 33, (1,) * 33), "impossible offset, size or stride"),
    "count": (tensor("0", 25, 0, (2,), (1,)), "96 bytes, but its tensors say 100|24 numbers, but its tensors say 25"),
    "absent": (tensor("1", 24, 0, (2,), (1,)), "holds no .*1|lists a storage that no tensor uses"),
    "outside": (tensor("../data.pkl", 24, 0, (2,), (1,)), "holds no|lists a storage that no tensor uses"),
    "two types": ([tensor("0", 24, 0, (2,), (1,)), tensor("0", 24, 0, (2,), (1,), "IntStorage")], "storage 0 in two ways"),
    "no storage": (Global("torch._utils._rebuild_tensor_v2", 1, 0, (2,), (1,), False, {}), "damaged"),
    "sparse": (Global("torch._utils._rebuild_sparse_tensor", 1), "names torch._utils._rebuild_sparse_tensor"),
    "module": (Persistent("module", Named("torch.FloatStorage"), "f.py", "source"), "damaged"),
    "type called": (Global("torch.FloatStorage", 5), "calls torch.FloatStorage"),
    "class": (Named("torch.nn.modules.linear.Linear"), "names torch.nn.modules.linear.Linear.*state_dict, instead"),
    "code": (Global("os.system", "true"), "names os.system.*not executed"),
}


@pytest.mark.parametrize("number", [0, 1], ids=["zip", "legacy"])
@pytest.mark.parametrize(("tree", "match"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_an_impossible_tensor_is_one_line(tmp_path, tree, match, number):
    refused(tmp_path, both(lambda legacy: tree, {"0": NUMBERS})[number], match)


def test_other_files_are_refused_by_name(tmp_path):
    tree = {"a": tensor("0", 24, 0, (2,), (1,))}
    refused(tmp_path, tar_of({"storages": b"", "tensors": b"", "pickle": b"", "sys_info": b""}, packed=False), "before 0.1.10")
    refused(tmp_path, zip_of({"a/data.pkl": b"N.", "a/constants.pkl": b"N."}), "TorchScript")
    refused(tmp_path, zip_of({"a/x": b"", "data.pkl": b"N."}), "holds 0 data.pkl")
    refused(tmp_path, zip_of({"a/data.pkl": b"N.", "b/data.pkl": b"N."}), "holds 2 data.pkl")
    refused(tmp_path, checkpoint_zip(tree, {"0": NUMBERS.tobytes()}, byteorder=b"big"), "little-endian")
    refused(tmp_path, checkpoint_legacy({}, {}, little_endian=False), "little-endian")
    refused(tmp_path, checkpoint_legacy({}, {}, magic=1), "not a PyTorch checkpoint")
    refused(tmp_path, checkpoint_legacy({}, {}, protocol=1002), "unknown version")
    refused(tmp_path, assemble([1]), "not a PyTorch checkpoint")
    for content in (b"", b"text", b"\x89HDF"):
        refused(tmp_path, content, "not a PyTorch checkpoint")
    with pytest.raises(tc.DataError, match="is a folder"):
        read_torch_checkpoint(tmp_path)
    with pytest.raises(tc.DataError, match="does not exist"):
        read_torch_checkpoint(tmp_path / "absent.pt")


def test_every_truncation_is_one_line(tmp_path):
    for whole in both(views, {"0": NUMBERS}):
        for length in range(0, len(whole) - 1, 13):
            refused(tmp_path, whole[:length], "cut short|damaged|not a PyTorch checkpoint|not a whole zip|is a pickle")


def test_lying_storages_of_the_old_format_are_one_line(tmp_path):
    tree = tensor("0", 24, 0, (2,), (1,), legacy=True)
    for count in (-1, 25, 1 << 60):
        refused(tmp_path, checkpoint_legacy(tree, {"0": (count, NUMBERS.tobytes())}), "numbers, but its tensors say 24")
    huge = tensor("0", 1 << 39, 0, (2,), (1,), legacy=True)
    refused(tmp_path, checkpoint_legacy(huge, {"0": (1 << 39, NUMBERS.tobytes())}), "ends behind the end of the file")
    refused(tmp_path, checkpoint_zip(tensor("0", 1 << 39, 0, (2,), (1,)), {"0": NUMBERS.tobytes()}), "its tensors say")


def trees(torch):
    """What people save, as one tree."""
    generator = torch.Generator().manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.rand(2, 3, 5, 5, generator=generator)).sum().backward()
    optimizer.step()
    base = torch.arange(24.0).reshape(4, 6)
    kinds = [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64, torch.int32, torch.int16, torch.int8,
             torch.uint8, torch.bool, torch.complex64, torch.uint16, torch.uint32]
    return {"state_dict": net.state_dict(), "optimizer": optimizer.state_dict(),
            "epoch": 3, "best": 0.5, "note": "x", "none": None,
            "views": [base, base.t(), base[1:, ::2], base[2, 3], base.expand(2, 4, 6)], "empty": torch.zeros(0, 3),
            "kinds": {str(kind): torch.arange(5).to(kind) for kind in kinds},
            "parameter": torch.nn.Parameter(torch.ones(2)),
            "last": torch.rand(2, 3, 4, 5, generator=generator).to(memory_format=torch.channels_last),
            "conjugate": torch.complex(base, base).conj(), "negative": torch.complex(base, base).conj().imag,
            "size": torch.Size([1, 2]),
            "numpy": np.arange(6.0).reshape(2, 3), "scalar": np.float64(3)}


def flat(torch, tree, name=""):
    """(dotted name, array) of each array in `tree`."""
    if isinstance(tree, (dict, list, tuple)):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from flat(torch, value, f"{name}.{key}" if name else str(key))
    elif isinstance(tree, torch.Tensor):
        plain = tree.detach().resolve_conj().resolve_neg()
        yield name, (plain.float() if tree.dtype == torch.bfloat16 else plain).numpy()
    elif isinstance(tree, (np.ndarray, np.generic)):
        yield name, np.asarray(tree)


@pytest.mark.oracle
@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("as_zip", [True, False], ids=["zip", "legacy"])
def test_what_pytorch_writes_is_read_as_pytorch_reads_it(tmp_path, as_zip, protocol):
    torch = pytest.importorskip("torch")
    tree = trees(torch)
    torch.save(tree, tmp_path / "w.pt", _use_new_zipfile_serialization=as_zip, pickle_protocol=protocol)
    got, expected = read_torch_checkpoint(tmp_path / "w.pt"), dict(flat(torch, tree))
    assert len(expected) > 35
    assert list(got) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(got[name], array, strict=True)


@pytest.mark.oracle
@pytest.mark.parametrize("as_zip", [True, False], ids=["zip", "legacy"])
def test_a_whole_module_of_pytorch_is_refused(tmp_path, as_zip):
    torch = pytest.importorskip("torch")
    torch.save(torch.nn.Linear(2, 3), tmp_path / "w.pt", _use_new_zipfile_serialization=as_zip)
    with pytest.raises(tc.DataError, match=r"names torch\.nn\.modules\.linear\.Linear"):
        read_torch_checkpoint(tmp_path / "w.pt")
