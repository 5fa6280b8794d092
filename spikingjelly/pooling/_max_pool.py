"""Max pooling and its gradient, by the kernel, by PyTorch's own operator, or not here at all."""

from typing import Any

import torch
from torch.overrides import handle_torch_function, has_torch_function

from spikingjelly import _layer_kernels
from spikingjelly._layer_kernels import channels_last
from spikingjelly.pooling import _kernels
from spikingjelly.pooling._kernels import Window

# Outputs of the layer; for fewer, the call takes as long as the work.
SMALLEST_WORK = 1 << 15
_MOST_TAPS = 256  # a position has one byte


def max_pool2d(x: torch.Tensor, window: Window) -> torch.Tensor | None:
    """The largest entry of ``x`` ``[N, C, H, W]`` under each window, or None where PyTorch's layer is to run.

    float32 tensors on the CPU are pooled by a kernel that is built at the first call, others on a GPU by PyTorch's
    operator, with indices of 2 or 4 bytes kept in place of 8, and no input.
    """
    if not _is_plain(x) or not _fits(x, window):
        return None
    if x.device.type == "cpu" and (x.dtype != torch.float32 or not _kernels_run()):
        return None
    return pooled(x, window)


def pooled(x: torch.Tensor, window: Window) -> torch.Tensor:
    """What has been chosen; a :class:`torch.overrides.TorchFunctionMode` sees it as one of torch's functions."""
    if has_torch_function((x,)):
        result: torch.Tensor = handle_torch_function(pooled, (x,), x, window)
        return result
    on_cpu = x.device.type == "cpu"
    if on_cpu and not (x.requires_grad and torch.is_grad_enabled()):
        return _kernels.forward(x.detach(), window, with_positions=False)[0]
    function = _ByKernel if on_cpu else _ByIndices
    y: torch.Tensor = function.apply(x, window)  # type: ignore[no-untyped-call]
    return y


def _is_plain(x: torch.Tensor) -> bool:
    return type(x) in (torch.Tensor, torch.nn.Parameter) and _layer_kernels.may_take_over() and not x.is_neg()


def _fits(x: torch.Tensor, window: Window) -> bool:
    """Whether the arguments are right (PyTorch explains what is wrong with others) and the work is large enough."""
    if x.dim() != 4 or not x.is_floating_point() or x.device.type not in ("cpu", "cuda"):
        return False
    kernel, stride, padding, dilation, _ = window
    if min(*kernel, *stride, *dilation) < 1 or any(not 0 <= 2 * p <= k for p, k in zip(padding, kernel, strict=True)):
        return False
    if not (x.is_contiguous() or x.is_contiguous(memory_format=torch.channels_last)):
        return False
    height, width = window.sides(x)
    return min(height, width) > 0 and kernel[0] * kernel[1] <= _MOST_TAPS and _outputs(x, window) >= SMALLEST_WORK


def _outputs(x: torch.Tensor, window: Window) -> int:
    height, width = window.sides(x)
    return x.shape[0] * x.shape[1] * height * width


def _kernels_run() -> bool:
    return _layer_kernels.kernels_run(_kernels.problem(), "max pooling is PyTorch's own")


class _ByKernel(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, window: Window) -> torch.Tensor:
        y, positions = _kernels.forward(x, window, with_positions=True)
        ctx.window, ctx.shape = window, x.shape
        ctx.save_for_backward(positions)
        return y

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None]:
        (positions,) = ctx.saved_tensors
        if not torch.is_grad_enabled():
            return _kernels.backward(grad, positions, ctx.shape, ctx.window), None
        indices = _indices(positions, ctx.shape, ctx.window)  # what is differentiated twice is PyTorch's own
        return _backward(grad, indices, ctx.shape, ctx.window, channels_last(positions)), None


class _ByIndices(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, window: Window) -> torch.Tensor:
        y, indices = torch.ops.aten.max_pool2d_with_indices(x, *window)
        ctx.window, ctx.shape, ctx.last = window, x.shape, channels_last(x)
        few = x.shape[2] * x.shape[3] <= torch.iinfo(torch.int16).max
        ctx.save_for_backward(indices.to(torch.int16 if few else torch.int32))
        return y

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None]:
        (indices,) = ctx.saved_tensors
        return _backward(grad, indices.long(), ctx.shape, ctx.window, ctx.last), None


def _indices(positions: torch.Tensor, shape: torch.Size, window: Window) -> torch.Tensor:
    """Where in the planes of the input the largest entries lie, as PyTorch counts them."""
    (_, kernel_w), stride, padding, dilation, _ = window
    inside = positions.long()
    rows, columns = inside // kernel_w * dilation[0], inside % kernel_w * dilation[1]
    first_row, first_column = (torch.arange(positions.shape[2 + d]) * stride[d] - padding[d] for d in (0, 1))
    return (rows + first_row[:, None]) * shape[3] + columns + first_column


def _backward(grad: torch.Tensor, indices: torch.Tensor, shape: torch.Size, window: Window, last: bool) -> torch.Tensor:
    order = torch.channels_last if last else torch.contiguous_format
    # The operator asks its second argument for the shape and the order in memory only.
    like = torch.empty(shape, dtype=grad.dtype, device=grad.device, memory_format=order)
    of_x: torch.Tensor = torch.ops.aten.max_pool2d_with_indices_backward(grad, like, *window, indices)
    return of_x
