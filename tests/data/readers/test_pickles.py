"""A pickle is read as data: what plain data needs is understood, and everything else ends the reading and runs nothing."""

import io
import pickle
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinyconv as tc
from tests.data.readers.builders import (
    Global,
    Named,
    Persistent,
    assemble,
    checkpoint_legacy,
    checkpoint_zip,
    npy_of,
    pickled_array,
    tensor,
    zip_of,
)
from tests.refusal import assert_refused
from tinyconv.data.readers import pickles, read_pickled_npy, read_torch_checkpoint
from tinyconv.data.readers.numpy_pickles import numpy_makers
from tinyconv.data.readers.pickles import Budget, load_pickle, plain_dict
from tinyconv.data.readers.torch_tensors import tensor_makers
from tinyconv.data.readers.trees import leaves

PLAIN = {"a": [1, -2, 1 << 70, 2.5, True, False, None], "b": ("x", "é\n", b"\0\xff"), "c": {3: {}, "": []}, "d": (), "e": (1,),
         "f": (1, 2), "g": ("same", "same")}


def load(content, makers=(), **options):
    return load_pickle(io.BytesIO(content), "file", len(content), dict(makers), **options)


def refused(content, match, **options):
    with assert_refused(match) as caught:
        load(content, **options)
    assert str(caught.value).startswith("file")


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_plain_data_comes_back_from_every_protocol(protocol):
    data = PLAIN if protocol >= 3 else {key: value for key, value in PLAIN.items() if key != "b"}  # bytes would name a function
    assert load(pickle.dumps(data, protocol)) == data


def test_python_2_texts_are_latin_1():
    assert load(b"U\x02\xe9h.") == "éh"


def test_a_file_is_left_right_behind_its_pickle():
    file = io.BytesIO(pickle.dumps(1, 2) + pickle.dumps("two", 2) + b"rest")
    assert [load_pickle(file, "file", 100, {}) for _ in range(2)] == [1, "two"]
    assert file.read() == b"rest"


def test_the_table_stands_for_names():
    assert load(assemble(Global("collections.OrderedDict", [["a", 1]])), {"collections.OrderedDict": plain_dict}) == {"a": 1}
    assert load(b"\x80\x04\x8c\x01a\x8c\x01b\x93.", {"a.b": None}) == pickles.Name("a.b")
    refused(assemble(Global("torch.FloatStorage", 1)), "calls torch.FloatStorage", makers={"torch.FloatStorage": None})


GADGETS = {
    "system": "cposix\nsystem\n(S'echo > canary'\ntR.",
    "os.system": "cos\nsystem\n(S'echo > canary'\ntR.",
    "eval": "c__builtin__\neval\n(S'open(\"canary\", \"w\")'\ntR.",
    "builtins.exec": "cbuiltins\nexec\n(S'open(\"canary\", \"w\")'\ntR.",
    "open": "cbuiltins\nopen\n(S'canary'\nS'w'\ntR.",
    "getattr": "cbuiltins\ngetattr\n(cos\npath\nS'x'\ntR.",
    "INST": "(S'echo > canary'\nios\nsystem\n.",
    "OBJ": "(cos\nsystem\nS'echo > canary'\no.",
    "pathlib": "cpathlib\nPath.touch\n(cpathlib\nPath\n(S'canary'\ntRtR.",
    "numpy runstring": "cnumpy.testing._private.utils\nrunstring\n(S'open(\"canary\", \"w\")'\n}tR.",
    "numpy fromfile": "cnumpy\nfromfile\n(S'canary'\ntR.",
    "numpy memmap": "cnumpy\nmemmap\n(S'canary'\nS'uint8'\nS'w+'\nI0\n(I9\nttR.",
    "torch load": "ctorch\nload\n(S'canary'\ntR.",
    "timeit": "ctimeit\ntimeit\n(S'open(\"canary\", \"w\")'\ntR.",
    "dotted": "cnumpy.core.multiarray\n_reconstruct.__globals__\n.",
}


@pytest.mark.parametrize("gadget", GADGETS.values(), ids=GADGETS)
def test_nothing_that_a_pickle_asks_for_is_executed(tmp_path, monkeypatch, gadget):
    monkeypatch.chdir(tmp_path)
    program = gadget.encode()
    inner = program[:-1]
    files = {
        "bare.npy": npy_of(0)[: -len(assemble(0))] + program,
        "nested.npy": npy_of(0)[: -len(assemble(0))] + b"(lp0\n" + inner + b"a.",
        "zip.pt": zip_of({"archive/data.pkl": program}),
        "legacy.pt": checkpoint_legacy(0, {}).replace(assemble(0), b"\x80\x02" + program, 1),
        "first.pt": b"\x80\x02" + program,
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        reader = read_pickled_npy if name.endswith("npy") else read_torch_checkpoint
        with assert_refused("not executed"):
            reader(tmp_path / name)
    refused(program, "not executed")
    assert not (tmp_path / "canary").exists()


def test_the_gadgets_of_the_test_are_alive(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pickle.loads(GADGETS["open"].encode()).close()
    assert (tmp_path / "canary").exists()


def test_objects_that_reduce_to_a_call_are_refused(tmp_path):
    class Attack:
        def __reduce__(self):
            return exec, (f"open({str(tmp_path / 'canary')!r}, 'w')",)

    np.save(tmp_path / "a.npy", {"w": Attack()}, allow_pickle=True)
    np.save(tmp_path / "b.npy", np.array([[Attack()]], object), allow_pickle=True)
    for name in ("a.npy", "b.npy"):
        with pytest.raises(tc.DataError, match=r"names (builtins|__builtin__)\.exec"):
            read_pickled_npy(tmp_path / name)
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("dotted", ["numpy.core.multiarray._reconstruct", "numpy.dtype", "_codecs.encode"])
def test_a_harmless_name_with_hostile_arguments_is_one_line(tmp_path, dotted):
    for arguments in [(), (1,), (Named("numpy.dtype"), (0,), b"b"), ("rot13", "rot13"), ("f4", 1, 2, 3, 4), ([],), (None, None)]:
        (tmp_path / "a.npy").write_bytes(npy_of([Global(dotted, *arguments, state=(1, 2, 3))]))
        with assert_refused(r"a\.npy"):
            read_pickled_npy(tmp_path / "a.npy")


def test_state_for_what_takes_none_is_refused():
    for victim in ("[", "(", "]", "N", "U\x01a"):
        refused(victim.encode() + b"}b.", "damaged")
    refused(assemble(Named("a.b"))[:-1] + b"}b.", "a state for a Name", makers={"a.b": None})


@pytest.mark.parametrize("program", [
    b"", b"\x80\x02", b".", b"(.", b"N0.", b"NN.", b"t.", b"a.", b"]s.", b"}(Nu.", b"R.", b"b.", b"h\x01.", b"]]e.", b"}](s.",
    b"cos\n", b"I1", b"Ix\n.", b"F.\n.", b"S\n.", b"S'\\z'\n", b"\x93.", b"N\x93.",
])
def test_a_program_that_makes_no_sense_is_one_line(program):
    refused(program, "damaged|names")


@pytest.mark.parametrize("program", [
    b"\x8e" + b"\xff" * 7 + b"\x0f", b"\x8d" + b"\xff" * 8, b"B\xff\xff\xff\x7f", b"T\xff\xff\xff\x7f",
    b"\x8b\xff\xff\xff\x7f", b"X\xff\xff\xff\xff", b"C\xff",
])
def test_a_promised_length_is_not_allocated(program):
    refused(program + b"rest.", "promises|damaged")


def test_a_huge_number_in_the_memo_allocates_nothing():
    assert load(b"Nr\xff\xff\xff\xff.") is None


def test_sets_classes_and_extensions_are_not_needed():
    for data in ({1}, frozenset([1]), bytearray(b"1")):
        refused(pickle.dumps(data, 5), "does not need|names")
    refused(b"\x82\x01.", "EXT1")
    refused(b"\x97.", "NEXT_BUFFER")
    refused(assemble(Named("a.b"))[:-1] + b")\x81.", "NEWOBJ", makers={"a.b": None})
    refused(b"NQ.", "refers to something outside")


def test_keys_that_could_not_be_hashed_are_refused():
    refused(b"})Ns.", "tuple as a key")
    refused(b"}]Ns.", "list as a key")
    refused(b"}(" + b")" + b"\x85" * 200_000 + b"Nu.", "tuple as a key")
    refused(assemble(Global("d", [[(), 1]])).replace(b"c\nd", b"ca\nd"), "tuple as a key", makers={"a.d": plain_dict})


def test_depth_without_end_is_one_line():
    deep = load(b")" + b"\x85" * 300_000 + b".")
    with pytest.raises(tc.DataError, match="more than 32 deep"):
        list(leaves(deep, "file"))
    itself = load(b"}q\x00U\x01ah\x00s.")
    assert itself["a"] is itself
    with pytest.raises(tc.DataError, match="more than 32 deep"):
        list(leaves(itself, "file"))
    assert sys.getrecursionlimit() < 300_000


def test_a_billion_laughs_are_one_line():
    laughs = load(b"]" + b"2\x86" * 30 + b".")  # thirty times: a pair of twice what is there
    with pytest.raises(tc.DataError, match="more than 200,000 values"):
        list(leaves(laughs, "file"))


def test_too_many_instructions_are_refused(monkeypatch):
    monkeypatch.setattr(pickles, "MOST_INSTRUCTIONS", 1000)
    refused(b"]" * 2000 + b".", "more than 1,000 instructions")


def test_one_array_named_a_million_times_is_refused(tmp_path):
    values = bytes(1 << 20)
    array = assemble(pickled_array((1 << 20,), "u1", values, "|"))[2:-1]
    text = b"B" + len(values).to_bytes(4, "little") + values
    again = array.replace(text, b"h\x07")
    tree = b"(" + array.replace(text, text + b"q\x07") + again * 600 + b"l"
    outer = assemble(pickled_array((), "O8", ["HERE"], "|")).replace(assemble("HERE")[2:-1], tree)
    (tmp_path / "a.npy").write_bytes(npy_of(0)[: -len(assemble(0))] + outer)
    with pytest.raises(tc.DataError, match="more than four times its size"):
        read_pickled_npy(tmp_path / "a.npy")


NAMES = st.sampled_from(sorted({**numpy_makers(Budget("file", 0)), **tensor_makers()}))
SIZES = st.lists(st.sampled_from([0, 1, 2, 1 << 50]), max_size=3)
PLAIN_LEAVES = st.sampled_from([
    0, 1, 3, -1, 24, 1 << 40, 1 << 70, True, None, 2.5, float("nan"), "", "f4", "O8", "<", "|", "U1", "0", "latin1", b"f4",
    b"\xff" * 8, bytes(8), (), (2,), (0, 3), Persistent("storage", Named("torch.FloatStorage"), "0", "cpu", 2),
])
TREES = st.recursive(PLAIN_LEAVES | NAMES.map(Named), lambda inner: st.one_of(
    st.lists(inner, max_size=4),
    st.lists(inner, max_size=6).map(tuple),
    st.dictionaries(st.sampled_from(["a", "b", 3]), inner, max_size=3),
    st.builds(lambda name, arguments, state: Global(name, *arguments, state=state), NAMES, st.lists(inner, max_size=7), inner),
    st.builds(pickled_array, inner, st.sampled_from(["f4", "u1", "U1", "O8"]), inner),
    st.builds(lambda offset, size, stride: tensor("0", 2, offset, size, stride), st.sampled_from([0, 1, 2, -1]), SIZES, SIZES),
), max_leaves=12)


@settings(max_examples=150)
@given(tree=TREES)
def test_harmless_names_in_any_order_give_arrays_or_one_line(tmp_path_factory, tree):
    path = tmp_path_factory.getbasetemp() / "any.order"
    storage = {"0": bytes(8)}
    for read, content in [(read_pickled_npy, npy_of(pickled_array((), "O8", [tree], "|"))),
                          (read_torch_checkpoint, checkpoint_zip(tree, storage)),
                          (read_torch_checkpoint, checkpoint_legacy(tree, {"0": (2, bytes(8))}))]:
        path.write_bytes(content)
        try:
            got, fault = read(path), "any.order"
        except tc.DataError as error:
            got, fault = {}, str(error)
        assert all(isinstance(array, np.ndarray) and array.dtype != object for array in got.values())
        assert "any.order" in fault
        assert "\n" not in fault
