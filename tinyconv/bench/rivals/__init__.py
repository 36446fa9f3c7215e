"""Who is compared: each rival has a file that builds the step of a workload; when it runs, it is a process of its own."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tinyconv.bench.workload import Workload
from tinyconv.data.quoting import one_line, suggestion
from tinyconv.errors import DataError


@dataclass(frozen=True)
class Rival:
    """Somebody who can do the step of a workload.

    Attributes
    ----------
    name : what the table calls it
    module : the file in this folder whose `build` makes the step
    packages : what must be installed, the one that gives the version first
    options : for `build`
    """

    name: str
    module: str
    packages: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    def takes_part(self, workload: Workload) -> bool:
        """Whether `workload` differs for this rival: PyTorch has a second memory layout for pictures and volumes only."""
        return not self.options.get("channels_last") or len(workload.shape) in (4, 5)


OURS = Rival("tinyconv", "ours", ("tinyconv",))

# By the name on the command line; PyTorch has two memory layouts and is judged by its better one.
RIVALS: dict[str, tuple[Rival, ...]] = {
    "torch": (Rival("torch", "pytorch", ("torch",)),
              Rival("torch, channels last", "pytorch", ("torch",), {"channels_last": True})),
    "onnxruntime": (Rival("onnxruntime", "onnx_runtime", ("onnxruntime", "onnx")),),
    "mygrad": (Rival("mygrad", "my_grad", ("mygrad",)),),
}
EVERYBODY = {rival.name: rival for rival in (OURS, *(rival for several in RIVALS.values() for rival in several))}


def chosen(names: Iterable[str] | None) -> tuple[list[Rival], list[str]]:
    """The rivals of the `names`, and a line about each that is not installed; None means whoever is installed.

    Raises
    ------
    DataError
        A name that is no rival's, or one that was asked for and is not installed.
    """
    found: list[Rival] = []
    absent: list[str] = []
    for name in RIVALS if names is None else names:
        if name not in RIVALS:
            raise DataError(f"rival {one_line(name)!r} is unknown; {suggestion(name, RIVALS)}")
        missing = [package for package in RIVALS[name][0].packages if importlib.util.find_spec(package) is None]
        if missing:
            absent.append(f"{name} is left out: {' and '.join(missing)} not installed; pip install 'tinyconv[bench]'.")
        else:
            found += RIVALS[name]
    if names is not None and absent:
        raise DataError(" ".join(absent))
    return found, absent
