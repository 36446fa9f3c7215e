"""The smallest whole file of each foreign format, made by hand: members by name, then packed."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import tarfile
import zipfile

import numpy as np
from PIL import Image

from tinyconv.data.readers.torch_checkpoint import MAGIC, PROTOCOL


def zip_of(members, method=zipfile.ZIP_DEFLATED):
    """A zip archive as bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return buffer.getvalue()


def tar_of(members, packed=True, format=tarfile.PAX_FORMAT):
    """A tar archive, gzipped or plain, as bytes; a member may be a `TarInfo` without content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as archive:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
            else:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), mtime=0) if packed else buffer.getvalue()


def picture(pixels, format="PNG"):
    """`pixels` encoded by Pillow."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format)
    return buffer.getvalue()


def drawing(seed):
    """A random Omniglot drawing, True where the paper is, and its PNG."""
    paper = np.random.default_rng(seed).random((105, 105)) < 0.9
    return paper, picture(paper)


def omniglot_members(characters=(("Angelic", "character01"),)):
    """20 drawings of each character, as (members, paper (N, 20, 105, 105))."""
    members, papers = {}, []
    for number, (alphabet, character) in enumerate(characters):
        for drawer in range(20):
            paper, content = drawing(100 * number + drawer)
            members[f"images_background/{alphabet}/{character}/{number + 1:04}_{drawer + 1:02}.png"] = content
            papers.append(paper)
    return members, np.array(papers).reshape(len(characters), 20, 105, 105)


def runs_members(runs=1):
    """Whole one-shot trials, as (members, answers (R, 20))."""
    members, answers = {}, np.array([np.random.default_rng(r).permutation(20) for r in range(runs)])
    for r in range(runs):
        run = f"run{r + 1:02}"
        for n in range(20):
            members[f"{run}/training/class{n + 1:02}.png"] = drawing(1000 * r + n)[1]
            members[f"{run}/test/item{n + 1:02}.png"] = drawing(1000 * r + 500 + n)[1]
        members[f"{run}/class_labels.txt"] = "".join(
            f"{run}/test/item{n + 1:02}.png {run}/training/class{a + 1:02}.png\n" for n, a in enumerate(answers[r])).encode()
    return members, answers


def pgm(pixels, mark="P5", comment=""):
    """A PGM picture of 8 bits, binary or in ASCII."""
    height, width = pixels.shape
    raster = pixels.tobytes() if mark == "P5" else "\n".join(" ".join(map(str, row)) for row in pixels).encode()
    return f"{mark}\n{comment}{width} {height}\n255\n".encode() + raster


def orl_members(top=""):
    """All 400 photographs, each one gray: person and number say which."""
    grays = {(s, n): np.full((112, 92), 6 * (s - 1) + n, np.uint8) for s in range(1, 41) for n in range(1, 11)}
    return {f"{top}s{s}/{n}.pgm": pgm(gray) for (s, n), gray in grays.items()}


def lfw_members(people=(("Ann_Lee", 2), ("Bo", 1)), size=(6, 5)):
    """JPEG photographs of `size` (rows, columns), one colour each."""
    return {f"lfw/{name}/{name}_{n:04}.jpg": picture(np.full((*size, 3), 20 * n + 40 * p, np.uint8), "JPEG")
            for p, (name, count) in enumerate(people) for n in range(1, count + 1)}


PAIRS = "2\t1\nAnn_Lee\t1\t2\nAnn_Lee\t1\tBo\t1\nCy_Re\t3\t4\nBo\t2\tAnn_Lee\t1\n"


def cifar_members(records=2):
    """Six batches of `records` random records, as (members, records (6, N, 3073))."""
    content = np.random.default_rng(0).integers(0, 256, (6, records, 3073), dtype=np.uint8)
    content[..., 0] %= 10
    names = [*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"]
    return {f"cifar-10-batches-bin/{name}": batch.tobytes() for name, batch in zip(names, content, strict=True)}, content


def npz_of(arrays):
    """An `.npz` file as bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def medmnist_arrays(inner=(4, 4)):
    """Three, two and one pictures with a label each."""
    rng, arrays = np.random.default_rng(0), {}
    for split, count in (("train", 3), ("val", 2), ("test", 1)):
        arrays[f"{split}_images"] = rng.integers(0, 256, (count, *inner), dtype=np.uint8)
        arrays[f"{split}_labels"] = rng.integers(0, 2, (count, 1), dtype=np.uint8)
    return arrays


class Global:
    """Pickled, it is the name `dotted` called with `arguments` and filled with `state`: what an attacker would write."""

    def __init__(self, dotted, *arguments, state=None):
        self.dotted, self.arguments, self.state = dotted, arguments, state


class Named:
    """Pickled, it is the name `dotted` itself."""

    def __init__(self, dotted):
        self.dotted = dotted


class Persistent:
    """Pickled, it is a persistent id."""

    def __init__(self, *identity):
        self.identity = identity


def assemble(value):
    """A pickle of protocol 2, as bytes, that no class of this machine takes part in."""
    return b"\x80\x02" + _assemble(value) + b"."


def _assemble(value):
    if isinstance(value, Named):
        module, _, attribute = value.dotted.rpartition(".")
        return f"c{module}\n{attribute}\n".encode()
    if isinstance(value, Global):
        made = _assemble(Named(value.dotted)) + _assemble(value.arguments) + b"R"
        return made if value.state is None else made + _assemble(value.state) + b"b"
    if isinstance(value, Persistent):
        return _assemble(value.identity) + b"Q"
    if isinstance(value, dict):
        return b"}(" + b"".join(_assemble(part) for item in value.items() for part in item) + b"u"
    if isinstance(value, list):
        return b"](" + b"".join(map(_assemble, value)) + b"e"
    if isinstance(value, tuple):
        return b"(" + b"".join(map(_assemble, value)) + b"t"
    return pickle.dumps(value, 3)[2:-1]


def tensor(key, count, offset, size, stride, kind="FloatStorage", rebuild="_rebuild_tensor_v2", legacy=False):
    """A tensor as PyTorch pickles it."""
    storage = Persistent("storage", Named(f"torch.{kind}"), key, "cpu", count, *([None] if legacy else []))
    hooks = Global("collections.OrderedDict")
    return Global(f"torch._utils.{rebuild}", storage, offset, tuple(size), tuple(stride), False, hooks)


def checkpoint_zip(tree, storages, top="archive", byteorder=b"little"):
    """A checkpoint of PyTorch's zip format as bytes; `storages` is {key: bytes}."""
    members = {f"{top}/data.pkl": assemble(tree), f"{top}/byteorder": byteorder,
               **{f"{top}/data/{key}": content for key, content in storages.items()}, f"{top}/version": b"3\n"}
    return zip_of(members, zipfile.ZIP_STORED)


def checkpoint_legacy(tree, storages, magic=MAGIC, protocol=PROTOCOL, little_endian=True):
    """A checkpoint of the format before; `storages` is {key: (count, bytes)}."""
    front = [magic, protocol, {"protocol_version": protocol, "little_endian": little_endian}, tree, list(storages)]
    return b"".join(map(assemble, front)) + b"".join(struct.pack("<q", n) + content for n, content in storages.values())


def pickled_array(shape, code, content, order="<", module="numpy.core.multiarray", fortran=False):
    """An array as NumPy pickles it."""
    dtype = Global("numpy.dtype", code, 0, 1, state=(3, order, None, None, None, -1, -1, 0))
    return Global(f"{module}._reconstruct", Named("numpy.ndarray"), (0,), b"b", state=(1, shape, dtype, fortran, content))


def npy_of(tree, shape=(), descr="|O"):
    """An `.npy` file of dtype object around the pickle of one array of objects."""
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + assemble(tree)


def weights_npy():
    """{"conv1": {"weights": (2, 3), "biases": (2,)}} as somebody's `numpy.save` would write it."""
    weights, biases = np.arange(6, dtype="<f4").reshape(2, 3), np.arange(2, dtype="<f8")
    layers = {"conv1": {"weights": pickled_array((2, 3), "f4", weights.tobytes()),
                        "biases": pickled_array((2,), "f8", biases.tobytes())}}
    return npy_of(pickled_array((), "O8", [layers], "|"))
