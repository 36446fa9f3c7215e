"""The door: who chooses the kernel, what arrays may come in, and what is said when something cannot be done."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import tinyconv as tc
from tests.kernels.cases import CONTRACTIONS, arguments, arrays, assert_close, geometry
from tinyconv.errors import DtypeError, KernelError, ShapeError
from tinyconv.kernels import direct, dispatch, im2col, reference, winograd
from tinyconv.kernels.geometry import conv_geometry

ROOT = Path(__file__).resolve().parents[2]
LARGE_DEPTHWISE = conv_geometry((4, 64, 64, 32), (3, 3, 1, 32), groups=32)


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process of its own."""
    return subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=300,
                          env={**os.environ, "PYTHONPATH": str(ROOT), **environment}, check=False)


@pytest.fixture
def called(monkeypatch):
    """The names of the kernels that are called, in order."""
    names = []
    for name, module in (("reference", reference), ("im2col", im2col), ("direct", direct), ("winograd", winograd)):
        for contraction in CONTRACTIONS:
            original = getattr(module, contraction)

            def spy(*args, name=name, original=original, **options):
                names.append(name)
                return original(*args, **options)

            monkeypatch.setattr(module, contraction, spy)
    return names


X, WEIGHT = np.ones((1, 4, 5, 2), np.float32), np.ones((2, 3, 2, 3), np.float32)


@pytest.mark.parametrize("kernel", ["reference", "im2col", "direct"])
def test_argument_chooses_the_kernel_for_all_orders_of_derivatives(kernel, called):
    x, weight = tc.tensor(X, requires_grad=True), tc.tensor(WEIGHT, requires_grad=True)
    y = tc.conv2d(x, weight, kernel=kernel)
    first = tc.grad((y * y * y).sum(), [x, weight], create_graph=True)
    tc.grad((first[0] * first[0]).sum() + (first[1] * first[1]).sum(), [x, weight])
    assert set(called) == {kernel}
    assert len(called) >= 7


def test_use_kernel_chooses_within_its_block_and_the_argument_is_stronger(called):
    with tc.use_kernel("reference"):
        tc.conv2d(X, WEIGHT)
        with tc.use_kernel("direct"):
            tc.conv2d(X, WEIGHT)
        tc.conv2d(X, WEIGHT)
        tc.conv2d(X, WEIGHT, kernel="im2col")
    tc.conv2d(X, WEIGHT)
    assert called == ["reference", "direct", "reference", "im2col", "im2col"]


def test_gradients_use_the_kernel_that_was_chosen_at_the_forward(called):
    weight = tc.tensor(WEIGHT, requires_grad=True)
    with tc.use_kernel("reference"):
        loss = tc.conv2d(X, weight).sum()
    loss.backward()
    assert called == ["reference", "reference"]


def test_use_kernel_ends_with_its_block_even_after_an_error(called):
    with pytest.raises(ZeroDivisionError), tc.use_kernel("reference"):
        1 / 0  # noqa: B018
    tc.conv2d(X, WEIGHT)
    assert called == ["im2col"]


@pytest.mark.parametrize("choose", [
    lambda: tc.conv2d(X, WEIGHT, kernel="fft"),
    lambda: tc.use_kernel("fft").__enter__(),
    lambda: tc.explain("conv2d", X, WEIGHT, kernel="fft"),
])
def test_unknown_kernel_is_an_error_that_names_the_known_ones(choose):
    with pytest.raises(KernelError, match=r"'fft' is unknown, expected one of reference, im2col, direct, winograd, winograd_f2"):
        choose()


@pytest.mark.parametrize("kernel", ["winograd", "winograd_f2"])
@pytest.mark.parametrize(("x", "weight", "options"), [
    (X, np.ones((1, 3, 2, 3), np.float32), {}),
    (np.ones((1, 9, 9, 2), np.float32), np.ones((3, 3, 2, 3), np.float32), {"stride": 2}),
    (np.ones((1, 9, 9, 2), np.float32), np.ones((3, 3, 2, 3), np.float32), {"dilation": (1, 2)}),
    (np.ones((1, 9, 9, 2), np.float32), np.ones((3, 3, 1, 4), np.float32), {"groups": 2}),
    (np.ones((1, 9, 9, 2)), np.ones((3, 3, 2, 3)), {}),
])
def test_winograd_asked_for_where_it_cannot_be_is_an_error_not_another_kernel(kernel, x, weight, options):
    message = rf"kernel '{kernel}': it (is for kernels of two|rounds too much).*kernel='direct' takes any"
    with pytest.raises(KernelError, match=message):
        tc.conv2d(x, weight, kernel=kernel, **options)


def test_table_is_a_pure_function_of_geometry_and_dtype(called):
    assert dispatch.choose(LARGE_DEPTHWISE, np.float32) == "direct"
    assert dispatch.choose(LARGE_DEPTHWISE, "float64") == "direct"
    assert dispatch.choose(LARGE_DEPTHWISE, np.float16) == "im2col"
    assert dispatch.choose(conv_geometry((1, 9, 9, 4), (3, 3, 1, 4), groups=4), np.float32) == "im2col"
    large = conv_geometry((8, 64, 64, 32), (3, 3, 32, 32))
    assert dispatch.choose(large, np.float32) == "winograd"
    assert dispatch.choose(large, np.float64) == "direct"
    assert dispatch.choose(conv_geometry((8, 64, 64, 32), (3, 3, 32, 32), stride=2), np.float32) == "direct"
    assert dispatch.choose(conv_geometry((8, 64, 64, 3), (3, 3, 3, 32)), np.float32) == "direct"
    assert dispatch.choose(conv_geometry((8, 64, 32), (5, 32, 32)), np.float32) == "direct"
    assert dispatch.choose(conv_geometry((8, 64, 32), (15, 32, 32)), np.float32) == "winograd"
    assert dispatch.choose(conv_geometry((8, 20, 20, 64), (7, 7, 64, 64)), np.float32) == "winograd"
    assert dispatch.choose(conv_geometry((8, 20, 20, 64), (4, 4, 64, 64)), np.float32) == "direct"
    assert dispatch.choose(conv_geometry((4, 9, 9, 9, 16), (3, 3, 3, 16, 32)), np.float32) == "winograd"
    with tc.use_kernel("reference"):
        assert dispatch.choose(LARGE_DEPTHWISE, np.float32) == "direct"
    assert called == []


def test_gradient_checks_never_run_on_winograd(called):
    x, weight = np.ones((1, 20, 20, 16)), np.ones((3, 3, 16, 16))
    tc.gradcheck.gradcheck(lambda x, w: tc.conv2d(x, w, padding=1), x, weight)
    assert "winograd" not in called
    assert called


def test_first_lesson_never_imports_numba():
    done = run("""
        import sys
        import numpy as np
        import tinyconv as tc
        x, w = tc.tensor(np.ones((1, 28, 28, 3)), requires_grad=True), tc.tensor(np.ones((3, 3, 3, 8)), requires_grad=True)
        tc.conv2d(x, w).sum().backward()
        tc.conv2d(x, np.ones((3, 3, 1, 3)), groups=3)
        print(sorted({name.split(".")[0] for name in sys.modules} & {"numba", "llvmlite"}))
    """)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


WITHOUT_NUMBA = """
    import sys, warnings
    sys.modules["numba"] = None
    import numpy as np
    import tinyconv as tc
    x, w = np.ones((4, 64, 64, 32), np.float32), np.ones((3, 3, 1, 32), np.float32)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        y = [tc.conv2d(x, w, groups=32), tc.conv2d(x, w, groups=32)]
        print(y[0].data.sum() == 9 * y[1].size, len(heard), heard[0].category.__name__, heard[0].message)
    tc.explain(tc.conv2d, x, w, groups=32)
    for operation in (tc.conv2d, lambda *args, **options: tc.explain("conv2d", *args, **options)):
        try:
            operation(x, w, groups=32, kernel="direct")
        except tc.KernelError as error:
            print(error)
"""


def test_without_numba_everything_runs_on_im2col_and_says_so_once_but_an_explicit_choice_is_an_error():
    done = run(WITHOUT_NUMBA)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert re.match(r"True 1 RuntimeWarning .*numba cannot be imported.*im2col", lines[0])
    assert "  kernel im2col, chosen by the table" in lines
    assert any(line.startswith("  not direct: numba cannot be imported") for line in lines)
    assert sum(line.startswith("kernel 'direct': numba cannot be imported") for line in lines) == 2


def test_with_the_compiler_switched_off_everything_runs_on_im2col_too():
    done = run("""
        import warnings
        import numpy as np
        import tinyconv as tc
        x, w = np.ones((4, 64, 64, 32), np.float32), np.ones((3, 3, 32, 32), np.float32)
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            t = tc.tensor(x, requires_grad=True)
            tc.relu(tc.conv2d(t, w)).sum().backward()
        print(t.grad.sum() == 9 * 32 * 4 * 62 * 62 * 32, [str(warning.message) for warning in heard])
    """, NUMBA_DISABLE_JIT="1")
    assert done.returncode == 0, done.stderr
    assert re.match(r"True \[.tinyconv: Numba's compiler is switched off .*uses the kernel 'im2col'", done.stdout)
    assert done.stdout.count("tinyconv:") == 1


@pytest.mark.parametrize("contraction", CONTRACTIONS)
def test_direct_refuses_a_dtype_it_is_not_compiled_for_and_im2col_takes_it(contraction):
    made = geometry("2d, depthwise")
    given = arguments(contraction, made, np.float16)
    with pytest.raises(KernelError, match="got float16 arrays, expected float32 or float64"):
        getattr(dispatch, contraction)(*given, dispatch.Plan(made, "direct"))
    result = getattr(dispatch, contraction)(*given, dispatch.Plan(made))
    assert result.dtype == np.float16
    expected = getattr(reference, contraction)(*(a.astype(np.float64) for a in given), made)
    np.testing.assert_allclose(result, expected, atol=0.05)


@pytest.mark.parametrize("contraction", CONTRACTIONS)
def test_door_refuses_wrong_shapes_and_mixed_or_integer_dtypes(contraction):
    made = geometry("2d, unequal")
    first, second = arguments(contraction, made, np.float64)
    call, plan = getattr(dispatch, contraction), dispatch.Plan(made, "direct")
    with pytest.raises(ShapeError, match=r"has shape .* expected"):
        call(first[:, 1:], second, plan)
    with pytest.raises(ShapeError, match=r"has shape .* expected"):
        call(first, second[..., :-1], plan)
    with pytest.raises(DtypeError, match=r"float64 and .*float32, expected one float dtype"):
        call(first, second.astype(np.float32), plan)
    with pytest.raises(DtypeError, match="int64"):
        call(first.astype(np.int64), second.astype(np.int64), plan)


def read_only(array):
    array.flags.writeable = False
    return array


def misaligned(array):
    raw = np.zeros(array.nbytes + 1, np.uint8)
    copy = raw[1:].view(array.dtype).reshape(array.shape)
    copy[...] = array
    assert not copy.flags.aligned
    return copy


VIEWS = {
    "read-only": read_only,
    "Fortran order": np.asfortranarray,
    "every second": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "backwards": lambda a: a[:, ::-1].copy()[:, ::-1],
    "misaligned": misaligned,
}


@pytest.mark.parametrize("kernel", ["im2col", "direct"])
@pytest.mark.parametrize("contraction", CONTRACTIONS)
def test_layout_of_the_inputs_does_not_matter(contraction, kernel):
    made = geometry("2d, groups and steps")
    first, second = arguments(contraction, made, np.float64)
    call, plan = getattr(dispatch, contraction), dispatch.Plan(made, kernel)
    expected = call(first, second, plan)
    for a, b in itertools.product(VIEWS.values(), repeat=2):
        assert_close(call(a(first.copy()), b(second.copy()), plan), expected, 1e-12)


@pytest.mark.parametrize("kernel", ["im2col", "direct"])
@pytest.mark.parametrize("contraction", CONTRACTIONS)
def test_broadcast_array_of_stride_zero_counts_as_what_it_shows(contraction, kernel):
    made = geometry("2d, groups")
    first, second = arguments(contraction, made, np.float64)
    call, plan = getattr(dispatch, contraction), dispatch.Plan(made, kernel)
    flat, shown = np.broadcast_to(np.float64(2.5), first.shape), np.full(first.shape, 2.5)
    assert_close(call(flat, second, plan), call(shown, second, plan), 1e-12)


def test_explain_prints_and_returns_the_decision_and_why_not_the_others(capsys):
    text = tc.explain(tc.conv2d, (4, 66, 66, 32), (3, 3, 1, 32), stride=(1, 2), groups=32)
    assert capsys.readouterr().out == text + "\n"
    lines = text.splitlines()
    assert lines[0] == "conv2d: x (4, 66, 66, 32) float32, weight (3, 3, 1, 32)"
    assert lines[1] == "  stride (1, 2), padding ((0, 0), (0, 0)), dilation (1, 1), groups 32"
    assert lines[2] == "  output (4, 64, 32, 32), 4.72 MFLOP for each of forward, input gradient and weight gradient"
    assert lines[3] == "  kernel direct, chosen by the table"
    losers = ["  not reference", "  not im2col", "  not winograd", "  not winograd_f2"]
    assert [line.split(":")[0] for line in lines[4:]] == losers


def test_explain_takes_tensors_arrays_shapes_and_names_of_operations():
    x, weight = np.ones((1, 7, 5, 4), np.float64), np.ones((3, 2, 6, 4), np.float64)
    by_arrays = tc.explain(tc.conv_transpose2d, x, weight, stride=2, padding="same")
    assert by_arrays == tc.explain("conv_transpose2d", tc.tensor(x), tc.tensor(weight), stride=2, padding="same", bias=None)
    assert "output (1, 14, 10, 6)" in by_arrays
    assert "float64" in by_arrays
    assert tc.conv_transpose2d(x, weight, stride=2, padding="same").shape == (1, 14, 10, 6)
    assert "output (1, 4, 4)" in tc.explain("conv1d", (1, 9, 2), (3, 2, 4), dilation=2, stride=2, padding=(1, 1))


def test_explain_names_who_chose(capsys):
    with tc.use_kernel("direct"):
        assert "kernel direct, chosen by use_kernel" in tc.explain("conv1d", (1, 9, 2), (3, 2, 4))
        text = tc.explain("conv1d", (1, 9, 2), (3, 2, 4), kernel="reference")
    assert "kernel reference, chosen by the argument" in text
    assert "not im2col: the table would take it, but the argument decided" in text
    assert re.search(r"not direct: Numba would compile first, and .* MFLOP is below 0.5", text)
    assert capsys.readouterr().out.count("\n") == 16


@pytest.mark.parametrize(("wrong", "error", "message"), [
    (lambda: tc.explain(tc.relu, (1, 9, 2), (3, 2, 4)), KernelError, "got 'relu', expected conv1d"),
    (lambda: tc.explain("conv2d", (1, 9, 2), (3, 2, 4)), ShapeError, "conv2d: got weight"),
    (lambda: tc.explain("conv1d", (1, 9, 3), (3, 2, 4)), ShapeError, "x has 3 channels"),
    (lambda: tc.explain("conv1d", np.ones((1, 9, 2), np.float16), (3, 2, 4), kernel="direct"), KernelError, "float16"),
])
def test_explain_refuses_what_the_operation_would_refuse(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()


def test_direct_writes_every_element_of_its_results():
    made = geometry("2d, most padding outside")
    x, weight, y = arrays(made, np.float64)
    junk = [np.full(1000, np.nan) for _ in range(50)]  # what a result would show if it were not written
    del junk
    for contraction in CONTRACTIONS:
        given = {"conv": (x, weight), "input_adjoint": (y, weight), "weight_adjoint": (x, y)}[contraction]
        assert np.isfinite(getattr(direct, contraction)(*given, made)).all()
