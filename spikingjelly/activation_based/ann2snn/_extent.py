"""The pixels at the end of an image that no window of the first layers reaches."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Windows:
    """What a layer reads along each dimension: windows of ``sizes`` pixels, ``strides`` apart, without padding."""

    sizes: tuple[int, ...]
    strides: tuple[int, ...]

    def count(self, extent: tuple[int, ...]) -> tuple[int, ...]:
        """How many windows fit."""
        return tuple((n - k) // s + 1 for n, k, s in zip(extent, self.sizes, self.strides, strict=True))

    def read(self, count: tuple[int, ...]) -> tuple[int, ...]:
        """How many pixels so many windows read."""
        return tuple((n - 1) * s + k for n, k, s in zip(count, self.sizes, self.strides, strict=True))


def read_by(layers: tuple[Windows, ...], extent: tuple[int, ...]) -> tuple[int, ...]:
    """The first pixels of an image of ``extent`` from which ``layers``, one after another, make all of their output."""
    count = extent
    for layer in layers:
        count = layer.count(count)
    if min(count) < 1:
        return extent  # too small an image; the layer that can't take it says so
    for layer in reversed(layers):
        count = layer.read(count)
    return count


def crop(x: torch.Tensor, layers: tuple[Windows, ...]) -> torch.Tensor:
    """``x`` ``[*, pixels]`` without what ``layers`` don't read."""
    dimensions = len(layers[0].sizes)
    if x.dim() < dimensions:
        return x  # the layer says what it expects
    for dimension, size in enumerate(read_by(layers, tuple(x.shape[-dimensions:])), start=-dimensions):
        x = x.narrow(dimension, 0, size)
    return x
