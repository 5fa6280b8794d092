"""Convolution and linear layer with their gradients, or None where the dense layer is to run."""

import math
from typing import Any

import torch
from torch.overrides import handle_torch_function, has_torch_function

from spikingjelly import packing
from spikingjelly._layer_kernels import Size, channels_last
from spikingjelly.products import _choice, _onednn, _sparse, _tables, _ways, _winograd
from spikingjelly.products._ways import Ways

SMALLEST_WORK_OF_LINEAR = 1 << 25  # multiplications; the dense linear layer takes less than a convolution of as many
_PIXELS_OF_A_SAMPLE = 1024  # of a linear layer: as many gradients as stay in the cache of a core


def convolution(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, stride: Size, padding: Size, exact: bool = False
) -> torch.Tensor | None:
    """The convolution of ``x`` ``[N, C, H, W]`` with ``weight`` ``[O, C, KH, KW]``, or None where it would not pay.

    Without H, and so with one kernel size, stride and padding, it is one over L.

    :param exact: whether only products of inputs and weights are summed, as is exact for small integers
    """
    if not _choice.is_plain(x):
        return None
    if x.dim() == 3 and len(stride) == 1:
        y = _convolution(x.unsqueeze(2), weight.unsqueeze(2), bias, (1, *stride), (0, *padding), exact)
        return None if y is None else y.squeeze(2)
    return _convolution(x, weight, bias, stride, padding, exact) if x.dim() == 4 and len(stride) == 2 else None


def _convolution(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    stride: Size,
    padding: Size,
    exact: bool = False,
    forward_too: bool = False,
) -> torch.Tensor | None:
    """``forward_too``: None as well where the gradients alone would gain."""
    pixels = x.shape[0] * x.shape[2] * x.shape[3] // (stride[0] * stride[1])
    if x.shape[1] != weight.shape[1] or x.shape[1] < _choice.FEWEST_CHANNELS:
        return None
    if pixels * weight.numel() < _choice.SMALLEST_WORK:
        return None
    if not _choice.can_run(x, weight, bias):
        return None
    density = _choice.density(x)
    planes = _tables.planes_at_a_glance(x) if _may_look_up(x, weight, stride) else 0
    ways = _ways.choose(x, weight, stride, padding, exact, density, planes)
    bits = _tables.read(x) if ways.planes else None
    if ways.planes and (bits is None or bits.planes != planes):  # not what they were at a glance
        ways = _ways.choose(x, weight, stride, padding, exact, density, 0 if bits is None else bits.planes)
    if forward_too and not (ways.sparse or ways.planes):
        return None
    if ways == Ways() or not _choice.kernels_run(_ways.problem(ways)):
        return None
    return product(x, weight, bias, stride, padding, ways, bits)


def _may_look_up(x: torch.Tensor, weight: torch.Tensor, stride: Size) -> bool:
    return _tables.can_run_here() and _tables.can_take(x, weight, stride) and _tables.problem() is None


def product(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    stride: Size,
    padding: Size,
    ways: Ways,
    bits: _tables.Bits | None = None,
) -> torch.Tensor:
    """A convolution that has been chosen; a :class:`torch.overrides.TorchFunctionMode` sees it as one of torch's."""
    if has_torch_function((x, weight)):
        return handle_torch_function(product, (x, weight), x, weight, bias, stride, padding, ways, bits)
    y: torch.Tensor = _Convolution.apply(x, weight, bias, stride, padding, ways, bits)
    if weight.requires_grad and packing.worth_packing(weight.shape[0], weight.shape[2:]):
        packing.pack_saved(y)
    return y


def linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor | None:
    """``x`` ``[*, C]`` times ``weight`` ``[O, C]``, or None where it would not pay."""
    if not _choice.is_plain(x) or x.dim() < 2 or x.shape[-1] != weight.shape[-1]:
        return None
    y = _linear_without_zeros(x, weight, bias)
    return _onednn.linear(x, weight, bias) if y is None else y


def _linear_without_zeros(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor | None:
    rows = math.prod(x.shape[:-1])
    work = rows * weight.numel()
    if work < SMALLEST_WORK_OF_LINEAR or not _choice.large_enough(work, rows, weight.shape[0]):
        return None
    if not x.is_contiguous():
        return None
    samples = _samples(rows)
    image = x.view(samples, rows // samples, 1, x.shape[-1]).permute(0, 3, 1, 2)
    y = _convolution(image, weight[:, :, None, None], bias, (1, 1), (0, 0), forward_too=True)
    return None if y is None else y.permute(0, 2, 3, 1).reshape(*x.shape[:-1], weight.shape[0])


def _samples(rows: int) -> int:
    """Into how many equal parts the rows are cut: the fewest that are small enough, if there are any."""
    fewest = -(-rows // _PIXELS_OF_A_SAMPLE)
    return next((n for n in range(fewest, 4 * fewest) if rows % n == 0), 1)


class _Convolution(torch.autograd.Function):
    """Keeps what the dense convolution keeps: its input, the first of what it saves, and its weights."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        stride: Size,
        padding: Size,
        ways: Ways,
        bits: _tables.Bits | None,
    ) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.options = stride, padding, ways, channels_last(x) or channels_last(weight)
        if ways.sparse:
            return _sparse.forward(x, weight, bias, stride, padding)
        if ways.planes and bits is not None:
            return _tables.forward(bits, x, weight, bias, stride, padding)
        if ways.tile:
            return _winograd.convolution(x, weight, bias, padding, ways.tile)
        return torch.conv2d(x, weight, bias, stride, padding)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[Any, ...]:
        x, weight = ctx.saved_tensors
        stride, padding, ways, last = ctx.options
        of_x, of_weight, of_bias = ctx.needs_input_grad[:3]
        if torch.is_grad_enabled():  # what is differentiated twice is PyTorch's own
            ways = Ways()
        bits = _tables.read(x) if of_weight and ways.planes_of_weight else None  # not kept: hooks may pack the input
        dense_x = of_x and not ways.tile_of_input
        dense_weight = of_weight and bits is None and not (ways.sparse_weight or ways.tile_of_weight)
        grads: list[torch.Tensor | None] = [None, None, None]
        if dense_x or dense_weight:
            grads = _dense(grad, x, weight, stride, padding, [dense_x, dense_weight, of_bias and dense_weight])
        if of_bias and not dense_weight:  # with the dense layer's, PyTorch would compute that of the weights as well
            grads[2] = grad.sum((0, 2, 3))
        if of_x and ways.tile_of_input:
            grads[0] = _winograd.gradient_of_input(grad, weight, padding, ways.tile_of_input, last)
        if of_weight and ways.sparse_weight:
            grads[1] = _sparse.gradient(x, weight, grad, stride, padding)
        elif bits is not None:
            grads[1] = _tables.gradient(bits, x, weight, grad, stride, padding)
        elif of_weight and ways.tile_of_weight:
            grads[1] = _winograd.gradient_of_weights(x, grad, padding)
        return (*grads, None, None, None, None)


def _dense(
    grad: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, stride: Size, padding: Size, wanted: list[bool]
) -> list[torch.Tensor | None]:
    bias_sizes = [weight.shape[0]]
    return list(
        torch.ops.aten.convolution_backward(
            grad, x, weight, bias_sizes, stride, padding, [1, 1], False, [0, 0], 1, wanted
        )
    )
