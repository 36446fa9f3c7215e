"""All workloads by name, in the order they are run."""

from __future__ import annotations

from collections.abc import Iterable

from tinyconv.bench import cifar, koch, mlp, mobilefacenet, omniglot, signals, style, volume
from tinyconv.bench.workload import Workload
from tinyconv.data.quoting import one_line, suggestion
from tinyconv.errors import DataError

FAMILIES = (style, cifar, omniglot, koch, mobilefacenet, signals, volume, mlp)
WORKLOADS: dict[str, Workload] = {workload.name: workload for family in FAMILIES for workload in family.WORKLOADS}


def chosen(names: Iterable[str]) -> list[Workload]:
    """The workloads called `names`, all of them if there are none.

    Raises
    ------
    DataError
        A name that is no workload's.
    """
    names = list(dict.fromkeys(names)) or list(WORKLOADS)
    for name in names:
        if name not in WORKLOADS:
            raise DataError(f"workload {one_line(name)!r} is unknown; {suggestion(name, WORKLOADS)}")
    return [WORKLOADS[name] for name in names]
