"""The house stands: a file imports from lower floors or its own folder, never upward, never in a circle."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]

FLOORS = [
    {"errors"},
    {"kernels", "engine"},
    {"ops"},
    {"nn", "optim", "gradcheck"},
    {"models", "metric", "train"},
    {"style", "faces", "interpret"},
    {"viz", "interop"},
    {"tinyconv"},  # the front door, tinyconv/__init__.py
    {"experiments"},
    {"bench"},
    {"cli"},
    {"__main__"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
CELLAR = "data"  # stands beside the floors: it imports `errors` only, and every floor above `ops` may import it

# Third-party modules, and the rooms whose files may import them on top.
THIRD_PARTY = {
    "numpy": {*FLOOR, CELLAR},
    "numba": {"kernels"},
    "llvmlite": {"kernels"},
    "PIL": {CELLAR},
    "pooch": {CELLAR},
    "platformdirs": {CELLAR},  # which pooch needs too
    "tqdm": {"train", "style", "experiments", "bench", "cli"},
    "matplotlib": {"viz"},
    "cycler": {"viz"},  # of matplotlib
    "torch": {"bench"},
    "onnx": {"bench"},
    "onnxruntime": {"bench"},
    "mygrad": {"bench"},
}

# The only imports inside a function: (file, what it imports). Each keeps something slow or optional out of `import tinyconv`.
LATE = {
    ("kernels/dispatch.py", "numba"),
    ("kernels/dispatch.py", "tinyconv.kernels.direct"),
    ("kernels/dispatch.py", "tinyconv.kernels.winograd"),
    ("kernels/dispatch.py", "tinyconv.kernels.winograd_forms"),
    ("kernels/dispatch.py", "tinyconv.kernels.matmul"),
    ("kernels/dispatch.py", "importlib.import_module"),  # the compiled modules
    ("cli/main.py", "importlib.import_module"),  # only the verb that runs is imported,
    ("experiments/registry.py", "importlib.import_module"),  # and only the experiment
    ("bench/worker.py", "importlib.import_module"),  # one rival, each in a process of its own
    ("cli/bench.py", "tinyconv.bench.conv"),  # imports torch
    ("cli/bench.py", "tinyconv.viz.roofline"),  # imports matplotlib
    ("cli/faces/recognise.py", "tinyconv.viz.faces"),  # likewise
}


class Import(NamedTuple):
    """One imported name: `module` as written, `name` if it says `from module import name`."""

    line: int
    module: str
    name: str | None
    late: bool


def imports(source: str) -> Iterator[Import]:
    """Every import of a file, the relative and the dynamic ones too."""
    waiting: list[tuple[ast.AST, bool]] = [(ast.parse(source), False)]
    while waiting:
        node, late = waiting.pop(0)
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(node.lineno, alias.name, None, late)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield Import(node.lineno, "." * node.level + (node.module or ""), alias.name, late)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("importlib.import_module", "import_module", "__import__"):
            yield Import(node.lineno, "importlib.import_module", None, True)
        late = late or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        waiting += [(child, late) for child in ast.iter_child_nodes(node)]


def check_house(files: dict[str, str]) -> list[str]:
    """The broken rules of a package given as {path inside tinyconv: source}, one line each: file, line, rule."""
    modules = {_module(path): path for path in files}
    broken, edges = [], {}
    for path, source in files.items():
        edges[_module(path)] = set()
        for found in imports(source):
            target = _target(found, modules)
            rule = _broken_rule(path, found, target)
            if rule:
                broken.append(f"tinyconv/{path}:{found.line}: {rule}")
            elif target.split(".")[0] == "tinyconv":
                edges[_module(path)].add(target)
    return broken + [f"tinyconv/{modules[circle[0]]}:1: circle {' -> '.join(circle)}" for circle in _circles(edges)]


def _module(path: str) -> str:
    return ".".join(["tinyconv", *Path(path).with_suffix("").parts]).removesuffix(".__init__")


def _target(found: Import, modules: dict[str, str]) -> str:
    """The module that is really meant: `from tinyconv.kernels import im2col` imports tinyconv.kernels.im2col."""
    inner = f"{found.module}.{found.name}"
    return inner if inner in modules else found.module


def _room(module: str) -> str:
    """The floor's name: the part after `tinyconv`, or `tinyconv` for the front door itself."""
    return module.split(".")[1] if "." in module else module


def _broken_rule(path: str, found: Import, target: str) -> str | None:
    room, top = _room(_module(path)), target.split(".")[0]
    if room not in FLOOR and room != CELLAR:
        return f"{room} has no floor; DESIGN names the rooms"
    if found.module.startswith("."):
        return "relative import; write the module's full name"
    if found.name == "*":
        return f"import * from {target}; name what is used"
    if found.late and (path, target) not in LATE:
        return f"late import of {target}, which is not in the list LATE"
    if top in ("lessons", "tests"):
        return f"tinyconv must not import {top}"
    if top == "tinyconv":
        return _climbs(room, _room(target))
    if top not in sys.stdlib_module_names and top not in THIRD_PARTY:
        return f"{top} is not one of the packages that tinyconv needs"
    if room not in THIRD_PARTY.get(top, {room}):
        return f"{top} may be imported by {', '.join(sorted(THIRD_PARTY[top]))} only, not by {room}"
    return None


def _climbs(room: str, target: str) -> str | None:
    if room == target:
        return None
    if target not in FLOOR and target != CELLAR:
        return f"there is no room {target}"
    if CELLAR in (room, target):
        fine = target == "errors" if room == CELLAR else FLOOR[room] > FLOOR["ops"]
    else:
        fine = FLOOR[target] < FLOOR[room]
    return None if fine else f"{room} must not import {target}: imports go downward only"


def _circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """One circle for each module that reaches itself, as the shortest walk; each circle once."""
    found = {}
    for start in sorted(edges):
        walks, seen = [[start]], set()
        while walks:
            walk = walks.pop(0)
            for target in sorted(edges.get(walk[-1], ())):
                if target == start:
                    found.setdefault(frozenset(walk), [*walk, start])
                    walks = []
                    break
                if target not in seen:
                    seen.add(target)
                    walks.append([*walk, target])
    return list(found.values())


def test_tinyconv_imports_downward_only_and_never_in_a_circle():
    package = ROOT / "tinyconv"
    files = {path.relative_to(package).as_posix(): path.read_text(encoding="utf-8") for path in sorted(package.rglob("*.py"))}
    assert len(files) > 30
    broken = check_house(files)
    assert not broken, "\n".join(broken)


def test_every_late_import_of_the_list_exists():
    for path, target in LATE:
        file = ROOT / "tinyconv" / path
        found = [f"{i.module}.{i.name}" if i.name else i.module for i in imports(file.read_text(encoding="utf-8")) if i.late]
        assert any(name == target or name.startswith(f"{target}.") for name in found), f"{path} no longer imports {target} late"


BROKEN = {
    "upward": ({"ops/conv.py": "from tinyconv.nn.layers import Conv2d", "nn/layers.py": ""}, "ops must not import nn"),
    "same floor, other room": ({"engine.py": "import tinyconv.kernels.dispatch", "kernels/dispatch.py": ""},
                               "engine must not import kernels"),
    "from the package, a module": ({"nn/a.py": "from tinyconv.optim import adam", "optim/adam.py": ""},
                                   "nn must not import optim"),
    "up to the front door": ({"engine.py": "import tinyconv as tc", "__init__.py": ""}, "engine must not import tinyconv"),
    "data imports the engine": ({"data/images.py": "from tinyconv.engine import tensor", "engine.py": ""},
                                "data must not import engine"),
    "ops read data": ({"ops/conv.py": "from tinyconv.data import images", "data/images.py": ""}, "ops must not import data"),
    "a circle in one folder": ({"nn/a.py": "from tinyconv.nn.b import x", "nn/b.py": "from tinyconv.nn import a"},
                               "circle tinyconv.nn.a -> tinyconv.nn.b -> tinyconv.nn.a"),
    "a circle through the package": ({"nn/__init__.py": "from tinyconv.nn.a import A", "nn/a.py": "from tinyconv.nn import B"},
                                     "circle tinyconv.nn -> tinyconv.nn.a -> tinyconv.nn"),
    "a file that imports itself": ({"errors.py": "import tinyconv.errors"}, "circle"),
    "late, not on the list": ({"nn/a.py": "def f():\n    import math"}, "late import of math"),
    "late in a lambda": ({"nn/a.py": "f = lambda: __import__('json')"}, "late import of importlib.import_module"),
    "late in a class's method": ({"nn/a.py": "class A:\n    def f(self):\n        from tinyconv import errors", "errors.py": ""},
                                 "late import of tinyconv.errors"),
    "guarded, still upward": ({"ops/a.py": "try:\n    import tinyconv.viz.a\nexcept ImportError:\n    pass", "viz/a.py": ""},
                              "ops must not import viz"),
    "numba in ops": ({"ops/conv.py": "from numba import njit"}, "numba may be imported by kernels only, not by ops"),
    "Pillow in style": ({"style/transfer.py": "from PIL import Image"}, "PIL may be imported by data only"),
    "matplotlib in cli": ({"cli/stylize.py": "import matplotlib.pyplot as plt"}, "matplotlib may be imported by viz only"),
    "torch in a kernel": ({"kernels/a.py": "import torch"}, "torch may be imported by bench only"),
    "a package nobody named": ({"nn/a.py": "import scipy.signal"}, "scipy is not one of the packages"),
    "a lesson": ({"viz/a.py": "from lessons import s00"}, "tinyconv must not import lessons"),
    "a test": ({"bench/a.py": "import tests.conftest"}, "tinyconv must not import tests"),
    "relative": ({"nn/a.py": "from . import b", "nn/b.py": ""}, "relative import"),
    "everything": ({"nn/a.py": "from tinyconv.engine import *", "engine.py": ""}, "import * from tinyconv.engine"),
    "a room without a floor": ({"utils/a.py": "import math"}, "utils has no floor"),
    "a room that is not there": ({"nn/a.py": "import tinyconv.attic"}, "there is no room attic"),
}


@pytest.mark.parametrize(("files", "rule"), BROKEN.values(), ids=BROKEN)
def test_broken_rule_is_found_with_file_line_and_rule(files, rule):
    broken = check_house(files)
    assert len(broken) == 1
    assert rule in broken[0]
    assert broken[0].split(":")[0].removeprefix("tinyconv/") in files
    assert broken[0].split(":")[1].isdigit()


def test_line_of_the_broken_rule_is_named():
    assert check_house({"ops/a.py": '"""Doc."""\n\nimport numpy\nimport torch\n'})[0].startswith("tinyconv/ops/a.py:4: ")


def test_house_that_keeps_the_rules_passes():
    assert check_house({
        "__init__.py": "from tinyconv.ops.conv import conv2d",
        "errors.py": "import os.path",
        "kernels/dispatch.py": "from tinyconv.errors import KernelError\ndef f():\n    from tinyconv.kernels import direct",
        "kernels/direct.py": "import numba\nimport numpy as np",
        "ops/conv.py": "from tinyconv.kernels import dispatch",
        "data/images.py": "from PIL import Image\nfrom tinyconv.errors import DataError",
        "models/vgg.py": "from tinyconv.data import images\nfrom tinyconv.ops.conv import conv2d",
        "cli/main.py": "import importlib\ndef f(verb):\n    return importlib.import_module(verb)",
        "cli/stylize.py": "from tinyconv import __version__\nfrom tinyconv.cli.main import f",
    }) == []
