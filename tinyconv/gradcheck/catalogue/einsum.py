"""The cases of sums of products: every kind of label."""

from __future__ import annotations

from tinyconv.gradcheck.case import Case
from tinyconv.gradcheck.catalogue.makers import case
from tinyconv.gradcheck.inputs import normal
from tinyconv.ops.einsum import einsum

KEEPS: dict[str, tuple[str, ...]] = {}  # it is made of products, sums and transposes


def _of(equation: str, *shapes: tuple[int, ...]) -> Case:
    names = "abc"[: len(shapes)]
    return case("einsum", lambda *xs: einsum(equation, *xs), equation, " ".join(names),
                **{name: normal(*shape) for name, shape in zip(names, shapes, strict=True)})


CASES: list[Case] = [
    _of("ij,jk->ki", (2, 3), (3, 4)),
    _of("ij,jk", (2, 3), (3, 4)),
    _of("bhwc,bhwd->bdc", (2, 3, 2, 4), (2, 3, 2, 5)),
    _of("...ij,...jk->...ik", (5, 1, 2, 3), (4, 3, 2)),
    _of("i...,i->...i", (3, 2, 4), (3,)),
    _of("ij,ij->i", (2, 3), (2, 3)),
    _of("i,j->ji", (2,), (3,)),
    _of("ijk,l->lj", (2, 3, 4), (5,)),
    _of("ik,kj->ij", (2, 1), (3, 4)),
    _of("ijk->kj", (2, 3, 4)),
    _of("ij->", (2, 3)),
    _of("iji->ij", (3, 2, 3)),
    _of("iij,jk->k", (3, 3, 2), (2, 4)),
    _of("ij,jk,kl->li", (2, 3), (3, 4), (4, 5)),
    _of("ij,ik,i->kj", (3, 2), (3, 4), (3,)),
]
