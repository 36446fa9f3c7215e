"""Preparing: small originals in the official formats become packs with the names and dtypes that the rest of tinyconv reads."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tinyconv as tc
from tests.refusal import assert_refused
from tinyconv.data import packs
from tinyconv.data.converters import renaming
from tinyconv.data.converters.deep_compression import LAYERS, read_squeezenet1_0
from tinyconv.data.converters.ucr import read_ts, ucr_small
from tinyconv.data.converters.voxels import modelnet10
from tinyconv.data.prepare import CONVERTERS, prepare
from tinyconv.data.registry import lookup


def original(folder, name, place=0):
    """Where an original of the entry `name` is to lie."""
    path = folder / lookup(name).originals[place].path
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def write_omniglot(path, rng):
    drawings = rng.random((2, 20, 105, 105)) < 0.1
    with zipfile.ZipFile(path, "w") as archive:
        for character, drawn in enumerate(drawings, 1):
            for drawer, ink in enumerate(drawn, 1):
                content = io.BytesIO()
                Image.fromarray(~ink).save(content, "PNG")
                name = f"character{character:02}/{character:04}_{drawer:02}.png"
                archive.writestr(f"images_background/Greek/{name}", content.getvalue())
    return drawings


def test_omniglot_comes_back_bit_by_bit(tmp_path):
    drawings = write_omniglot(original(tmp_path, "omniglot-background"), np.random.default_rng(0))
    path = prepare(lookup("omniglot-background"), tmp_path)
    assert path == tmp_path / "omniglot/images_background_bits.npz"
    with np.load(path) as pack:
        np.testing.assert_array_equal(np.unpackbits(pack["bits"], axis=-1, count=105), drawings)
        assert pack["alphabet"].tolist() == ["Greek", "Greek"]
        assert pack["character"].tolist() == ["character01", "character02"]


def test_cifar10_planes_become_channels_last(tmp_path):
    rng = np.random.default_rng(0)
    batches = {name: rng.integers(0, 10, (2, 3073)).astype(np.uint8)
               for name in (*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin")}
    with tarfile.open(original(tmp_path, "cifar10"), "w:gz") as archive:
        for name, records in batches.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = records.nbytes
            archive.addfile(member, io.BytesIO(records.tobytes()))
    with np.load(prepare(lookup("cifar10"), tmp_path)) as pack:
        assert {name: (pack[name].dtype.str, pack[name].shape) for name in pack} == {
            "train_images": ("|u1", (10, 32, 32, 3)), "train_labels": ("<i8", (10,)),
            "test_images": ("|u1", (2, 32, 32, 3)), "test_labels": ("<i8", (2,))}
        first = batches["test_batch.bin"][0]
        assert pack["test_labels"][0] == first[0]
        assert pack["test_images"][0, 3, 5, 2] == first[1 + 2 * 1024 + 3 * 32 + 5]


def test_a_pack_is_made_once_and_a_fault_leaves_no_part_of_it(tmp_path):
    write_omniglot(original(tmp_path, "omniglot-background"), np.random.default_rng(0))
    path = prepare(lookup("omniglot-background"), tmp_path)
    made = path.read_bytes(), path.stat().st_mtime_ns
    assert prepare(lookup("omniglot-background"), tmp_path) == path
    assert (path.read_bytes(), path.stat().st_mtime_ns) == made
    original(tmp_path, "omniglot-evaluation").write_bytes(b"<html>not found</html>")
    with pytest.raises(tc.DataError):
        prepare(lookup("omniglot-evaluation"), tmp_path)
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "images_background.zip", "images_background_bits.npz", "images_evaluation.zip"]


def test_the_same_originals_give_the_same_bytes(tmp_path):
    packs_made = []
    for name in ("a", "b"):
        write_omniglot(original(tmp_path / name, "omniglot-background"), np.random.default_rng(0))
        packs_made.append(prepare(lookup("omniglot-background"), tmp_path / name).read_bytes())
    assert packs_made[0] == packs_made[1]


def test_an_absent_original_is_named(tmp_path):
    with pytest.raises(tc.DataError, match=r"orl: .*att_faces.zip does not exist; get it with `tinyconv data fetch orl`"):
        prepare(lookup("orl"), tmp_path)


@pytest.mark.parametrize("name", sorted(CONVERTERS))
def test_every_converter_refuses_a_web_page_and_an_empty_file(name, tmp_path):
    paths = [tmp_path / f"page{number}" for number in range(12 if name == "ucr_small" else 4)]
    count = {"mtcnn": 3, "vgg19_normalised": 4, "ucr_small": 12}.get(name, 1)
    for content in (b"<html>404</html>", b""):
        for path in paths:
            path.write_bytes(content)
        with assert_refused():
            CONVERTERS[name](paths[:count])


def test_voxels_and_labels_become_bytes_and_the_classes_get_names(tmp_path):
    voxels = np.random.default_rng(0).integers(0, 2, (3, 4, 5, 6)).astype(np.int32)
    np.savez(tmp_path / "m.npz", X_train=voxels, y_train=np.array([9, 0, 3]), X_test=voxels[:1], y_test=np.array([1]))
    pack = modelnet10(tmp_path / "m.npz")
    assert {name: array.dtype.str for name, array in pack.items()} == {
        "X_train": "|u1", "y_train": "|u1", "X_test": "|u1", "y_test": "|u1", "classes": "<U11"}
    np.testing.assert_array_equal(pack["X_train"], voxels)
    assert pack["classes"][pack["y_train"]].tolist() == ["toilet", "bathtub", "desk"]


@pytest.mark.parametrize(("change", "message"), [
    ({"X_test": None}, "does not hold X_test"),
    ({"y_train": np.array([1, 2])}, "does not hold X_train"),
    ({"y_train": np.array([0, 10, 0])}, "y_train is int64 with other values than 0 to 9"),
    ({"X_train": np.full((3, 2, 2, 2), 2)}, "X_train is int64 with other values than 0 to 1"),
    ({"X_train": np.full((3, 2, 2, 2), np.nan)}, "X_train is float64"),
    ({"X_train": np.zeros((0, 2, 2, 2), int), "y_train": np.zeros(0, int)}, "does not hold X_train"),
])
def test_voxels_that_are_none_are_refused(tmp_path, change, message):
    arrays = {"X_train": np.zeros((3, 2, 2, 2), int), "y_train": np.zeros(3, int), "X_test": np.zeros((1, 2, 2, 2), int),
              "y_test": np.zeros(1, int)} | change
    np.savez(tmp_path / "m.npz", **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(tc.DataError, match=message):
        modelnet10(tmp_path / "m.npz")


TRAIN = """# a remark
@problemName Two
@classLabel true up down

@data
1,2,3:4,5,6:up
1.5,?:-2,7e-1:down
"""


def test_series_of_unequal_length_are_padded_with_nan(tmp_path):
    (tmp_path / "Two_TRAIN.ts").write_text(TRAIN)
    (tmp_path / "Two_TEST.ts").write_text("@classLabel true up down\n@data\n1,2,3,4:5,6,7,8:down\n")
    pack = ucr_small([tmp_path / "Two_TRAIN.ts", tmp_path / "Two_TEST.ts"])
    nan = np.nan
    np.testing.assert_array_equal(pack["Two_X_train"], np.array(
        [[[1, 2, 3, nan], [4, 5, 6, nan]], [[1.5, nan, nan, nan], [-2, 0.7, nan, nan]]], np.float32))
    np.testing.assert_array_equal(pack["Two_X_test"], [[[1, 2, 3, 4], [5, 6, 7, 8]]])
    assert pack["Two_X_test"].dtype == np.float32
    assert (pack["Two_y_train"].tolist(), pack["Two_y_train"].dtype) == ([0, 1], np.uint8)
    assert pack["Two_y_test"].tolist() == [1]
    assert pack["Two_classes"].tolist() == ["up", "down"]


@pytest.mark.parametrize(("text", "message"), [
    ("@classLabel true up\n@data\n1,2:sideways\n", r"line 3 is no series of a class it names \('sideways' is not in list\)"),
    ("@classLabel true up\n@data\n1,x:up\n", "line 3 is no series .*'x'"),
    ("@classLabel true up\n@data\nup\n", "line 3 has 0 channels"),
    ("@classLabel true up\n@data\n1:2:up\n1:up\n", "line 4 has 1 channels, expected 2"),
    ("@classLabel true up\n@data\n", "holds no series"),
    ("@data\n1,2\n", "is no series of a class it names"),
])
def test_lines_that_are_no_series_are_named(tmp_path, text, message):
    (tmp_path / "x.ts").write_text(text)
    with pytest.raises(tc.DataError, match=message):
        read_ts(tmp_path / "x.ts")


def test_splits_of_different_sets_are_refused(tmp_path):
    (tmp_path / "Two_TRAIN.ts").write_text(TRAIN)
    (tmp_path / "Two_TEST.ts").write_text("@classLabel true down up\n@data\n1:2:up\n")
    with pytest.raises(tc.DataError, match="other classes or channels"):
        ucr_small([tmp_path / "Two_TRAIN.ts", tmp_path / "Two_TEST.ts"])


def compress(weights, rng):
    """Deep Compression's file of sparse layers whose gaps all fit four bits."""
    counts, parts = [], []
    for name, shape in LAYERS.items():
        flat = weights[f"{name}.weight"].reshape(-1)
        places = np.arange(0, flat.size, 16)  # gap 15 but for the first, where it is 0
        codes = rng.integers(1, 256, places.size).astype(np.uint8)
        values = np.concatenate([[0], rng.standard_normal(255)]).astype("<f4")
        flat[places] = values[codes]
        gaps = np.diff(places, prepend=-1) - 1
        gaps = np.append(gaps, 0) if gaps.size % 2 else gaps
        counts.append(places.size)
        parts += [values.tobytes(), weights[f"{name}.bias"].tobytes(), codes.tobytes(),
                  (gaps[::2] | gaps[1::2] << 4).astype(np.uint8).tobytes()]
        assert flat.base is not None
        assert shape == weights[f"{name}.weight"].shape
    return np.array(counts, "<u4").tobytes() + b"".join(parts)


def test_shared_and_pruned_weights_are_decoded(tmp_path):
    rng = np.random.default_rng(0)
    weights = {f"{name}.weight": np.zeros(shape, np.float32) for name, shape in LAYERS.items()}
    weights |= {f"{name}.bias": rng.standard_normal(shape[0]).astype("<f4") for name, shape in LAYERS.items()}
    content = compress(weights, rng)
    path = tmp_path / "w.net"
    path.write_bytes(content)
    decoded = read_squeezenet1_0(path)
    assert set(decoded) == set(weights)
    for name, array in decoded.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, weights[name])
    for damaged, message in ((content[:-1], "cut short"), (content + b"?", "1 bytes too many"), (b"\xff" * 200, "cut short"),
                             (b"\xff" * 104 + content[104:], "cut short")):
        path.write_bytes(damaged)
        with pytest.raises(tc.DataError, match=message):
            read_squeezenet1_0(path)


def test_a_weight_outside_its_layer_is_refused(tmp_path):
    counts = [2000, *[0] * (len(LAYERS) - 1)]  # conv1 has 14,112 places: 2,000 gaps of 15 reach beyond
    sizes = [1024 + 4 * shape[0] for shape in LAYERS.values()]
    content = np.array(counts, "<u4").tobytes() + bytes(sizes[0] + 2000) + b"\xff" * 1000 + bytes(sum(sizes[1:]))
    (tmp_path / "w.net").write_bytes(content)
    with pytest.raises(tc.DataError, match="conv1 has a weight at place 31,999 of 14,112"):
        read_squeezenet1_0(tmp_path / "w.net")


@pytest.fixture
def checkpoints(monkeypatch):
    """{path: what the reader of checkpoints finds in it}: the reader has its own tests."""
    found: dict[Path, dict] = {}
    monkeypatch.setattr(renaming, "read_torch_checkpoint", lambda path: dict(found[path]))
    return found


def test_squeezenets_weights_are_rounded_to_float16_and_its_biases_are_not(checkpoints):
    path = Path("w.pth")
    weight = np.random.default_rng(0).standard_normal((4, 3, 3, 2)).astype(np.float32)
    checkpoints[path] = {"features.0.weight": weight, "features.0.bias": np.float32([0.1, 0.2])}
    pack = renaming.squeezenet1_1(path)
    np.testing.assert_array_equal(pack["features.0.weight"], weight.astype(np.float16))
    assert (pack["features.0.weight"].dtype, pack["features.0.bias"].dtype) == (np.float16, np.float32)
    checkpoints[path]["file"] = weight
    with pytest.raises(tc.DataError, match=r"expected torchvision's SqueezeNet 1.1"):
        renaming.squeezenet1_1(path)


def test_mobilefacenet_is_the_net_without_counters(checkpoints):
    path = Path("068.ckpt")
    checkpoints[path] = {"net_state_dict.conv1.conv.weight": np.ones((2, 3, 3, 3), np.float32), "iters": np.array(3),
                         "net_state_dict.conv1.bn.num_batches_tracked": np.array(5)}
    assert list(renaming.mobilefacenet(path)) == ["conv1.conv.weight"]
    weight = np.ones(1)
    for wrong in ({"conv1.conv.weight": weight}, {"net_state_dict.conv1.conv.weight": weight, "net_state_dict.file": weight}):
        checkpoints[path] = wrong
        with pytest.raises(tc.DataError, match="no net_state_dict"):
            renaming.mobilefacenet(path)


def test_mtcnns_three_dictionaries_become_one(tmp_path):
    paths = [tmp_path / f"det{n}.npy" for n in (1, 2, 3)]
    for number, path in enumerate(paths):
        layers = {"conv1": {"weights": np.full((1, 1, 1, 1), number, np.float32), "biases": np.zeros(1, np.float32)},
                  "PReLU1": {"alpha": np.ones(1, np.float64)}}
        np.save(path, layers, allow_pickle=True)
    pack = renaming.mtcnn(paths)
    assert set(pack) == {f"{net}.{name}" for net in ("pnet", "rnet", "onet")
                         for name in ("conv1.weights", "conv1.biases", "PReLU1.alpha")}
    assert {array.dtype for array in pack.values()} == {np.dtype(np.float32)}
    assert pack["onet.conv1.weights"].item() == 2
    np.save(paths[1], {"conv2": {"weights": np.zeros(1)}}, allow_pickle=True)
    with pytest.raises(tc.DataError, match=r"det2.npy has no layer conv1, expected MTCNN's rnet"):
        renaming.mtcnn(paths)


def test_vggs_numbers_become_names_in_the_order_of_the_numbers(checkpoints):
    numbers = {"enc": (0, 2, 5, 9, 12, 16), "dec1": (1,), "dec2": (1, 5, 8), "dec3": (1, 5, 8, 12, 15)}
    paths = [Path(name) for name in numbers]
    for path, layers in zip(paths, numbers.values(), strict=True):
        checkpoints[path] = {f"{n}.{kind}": np.array([n]) for n in reversed(layers) for kind in ("weight", "bias")}
    pack = renaming.vgg19_normalised(paths)
    assert len(pack) == 30
    expected = {"pre.weight": 0, "conv1_2.weight": 5, "conv3_1.bias": 16, "dec1.conv1_1.weight": 1, "dec2.conv2_1.weight": 1,
                "dec3.conv3_1.weight": 1, "dec3.conv1_1.bias": 15}
    assert {name: pack[name].item() for name in expected} == expected
    for wrong in ({"1.weight": np.ones(1)}, {"x.weight": np.ones(1), "x.bias": np.ones(1)}, {}):
        checkpoints[paths[1]] = wrong
        with pytest.raises(tc.DataError, match=r"dec1 holds . layers, expected 1 numbered ones"):
            renaming.vgg19_normalised(paths)


@pytest.mark.oracle
@pytest.mark.parametrize("in_a_zip", [True, False])
def test_what_pytorch_saved_becomes_a_pack(tmp_path, in_a_zip):
    torch = pytest.importorskip("torch")

    def save(path, state):
        torch.save(state, path, _use_new_zipfile_serialization=in_a_zip)
        return path

    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, (3, 2)), torch.nn.BatchNorm2d(4))
    weight = net[0].weight.detach().numpy()
    features = {"features.0.weight": net[0].weight, "features.0.bias": net[0].bias}
    pack = renaming.squeezenet1_1(save(tmp_path / "s.pth", features))
    np.testing.assert_array_equal(pack["features.0.weight"], weight.astype(np.float16))
    layer = torch.nn.ModuleDict({"conv1": torch.nn.ModuleDict({"conv": net[0], "bn": net[1]})})
    face = renaming.mobilefacenet(save(tmp_path / "068.ckpt", {"iters": 3, "net_state_dict": layer.state_dict()}))
    assert set(face) == {f"conv1.{name}" for name in ("conv.weight", "conv.bias", "bn.weight", "bn.bias", "bn.running_mean",
                                                      "bn.running_var")}
    np.testing.assert_array_equal(face["conv1.conv.weight"], weight)
    paths = []
    for prefix, names in renaming.VGG_LAYERS:
        layers = [torch.nn.Conv2d(2, 2, 1) for _ in names]
        vgg = torch.nn.Sequential(*[part for conv in layers for part in (conv, torch.nn.ReLU())])
        paths.append(save(tmp_path / f"{prefix}pth", vgg.state_dict()))
    vgg_pack = renaming.vgg19_normalised(paths)
    np.testing.assert_array_equal(vgg_pack["dec3.conv1_1.bias"], layers[-1].bias.detach().numpy())
    assert len(vgg_pack) == 30


@pytest.mark.slow
@pytest.mark.parametrize(("name", "source"), [
    ("squeezenet1_0", "weights/squeezenet1_0_compressed.net"), ("omniglot-runs", "omniglot/all_runs.zip"),
    ("omniglot-evaluation", "omniglot/images_evaluation.zip"), ("modelnet10", "volumes/modelnet10_vox30.npz"),
])
def test_a_real_original_gives_the_arrays_of_the_recorded_pack(name, source, pack):
    made = CONVERTERS[lookup(name).converter]([pack(source)])
    recorded = packs.load(name) if pack(lookup(name).path) else {}
    assert set(made) == set(recorded)
    for key, array in made.items():
        assert array.dtype == recorded[key].dtype
        np.testing.assert_array_equal(array, recorded[key])
