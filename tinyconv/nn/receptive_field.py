"""What one output position sees of the image, layer by layer: the formula, from windows alone."""

from __future__ import annotations

from dataclasses import dataclass

from tinyconv.nn.module import Shape


@dataclass(frozen=True)
class ReceptiveField:
    """How many pixels along each axis reach one position, and how many pixels lie between neighbours.

    Padding is counted as image, so the field may be larger than the image.

    Attributes
    ----------
    size, stride : one int per spatial axis
    """

    size: Shape
    stride: Shape

    def through(self, extent: Shape, stride: Shape) -> ReceptiveField:
        """The field after a layer with windows of `extent`, moved by `stride`.

        size' = size + (extent - 1) * stride_before, stride' = stride * stride_before;
        extent = (kernel_size - 1) * dilation + 1. Where no spatial axes are left, the field stays as it is.

        Source: Araujo, Norris & Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks".

        >>> ReceptiveField((1,), (1,)).through((3,), (2,)).through((3,), (1,))
        ReceptiveField(size=(7,), stride=(2,))
        """
        if not extent:
            return self
        size = tuple(n + (k - 1) * s for n, k, s in zip(self.size, extent, self.stride, strict=True))
        return ReceptiveField(size, tuple(a * b for a, b in zip(self.stride, stride, strict=True)))


def largest(fields: list[ReceptiveField | None]) -> ReceptiveField | None:
    """The field where paths meet: along each axis the largest; None if a path has none, or another stride."""
    known = [field for field in fields if field is not None]
    if len(known) < len(fields) or len({field.stride for field in known}) != 1:
        return None
    return ReceptiveField(tuple(max(sizes) for sizes in zip(*(field.size for field in known), strict=True)), known[0].stride)
