"""Linear layers of float32 tensors on the CPU by oneDNN, which comes with PyTorch, in place of its BLAS.

With AVX-512 on a processor of AMD, where the BLAS takes narrower vectors, the time of the forward pass is 0.66 to 0.97
of that by BLAS, and that of the gradient of the input 0.54 to 1.0. The gradient of the weights gains only where the
layer narrows, and sums over few samples.
"""

import functools
import math
from typing import Any

import torch
from torch.overrides import has_torch_function

from spikingjelly import packing
from spikingjelly.products import _choice

SMALLEST_WORK = 1 << 26  # multiplications; with fewer, the call takes longer than is gained


def linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor | None:
    """``x`` ``[*, C]`` times ``weight`` ``[O, C]``, or None where PyTorch's own is to run."""
    if math.prod(x.shape[:-1]) * weight.numel() < SMALLEST_WORK or has_torch_function((x, weight)):
        return None
    if not _choice.can_run(x, weight, bias) or not _may_be_asked() or not _pays_here() or not _computes_products():
        return None
    y: torch.Tensor = _Linear.apply(x.reshape(-1, x.shape[-1]), weight, bias)
    if weight.requires_grad and packing.worth_packing(weight.shape[0]):
        packing.pack_saved(y)
    return y.view(*x.shape[:-1], weight.shape[0])


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        return _product(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        of_x, of_weight, of_bias = ctx.needs_input_grad
        again = torch.is_grad_enabled()  # what is differentiated twice is PyTorch's own
        grads: list[torch.Tensor | None] = [None, None, grad.sum(0) if of_bias else None]
        if of_x:
            grads[0] = grad @ weight if again else _product(grad, weight.t())
        if of_weight:
            few = weight.shape[1] >= max(2 * weight.shape[0], x.shape[0])
            grads[1] = _product(grad.t(), x.t()) if few and not again else grad.t() @ x
        return tuple(grads)


def _product(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    y: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return y


def _may_be_asked() -> bool:
    """Whether oneDNN is switched on, and computes with all bits of float32."""
    return bool(torch.backends.mkldnn.enabled) and torch.get_float32_matmul_precision() == "highest"


@functools.cache
def _pays_here() -> bool:
    """Whether the processor is of a kind on which it was measured to pay."""
    return torch.backends.cpu.get_cpu_capability() == "AVX512"


@functools.cache
def _computes_products() -> bool:
    """Whether this PyTorch has the function, and it computes what is expected of it."""
    if not torch.backends.mkldnn.is_available():
        return False
    generator = torch.Generator().manual_seed(0)
    x, weight, bias = (torch.randn(shape, generator=generator) for shape in ((5, 3), (4, 3), (4,)))
    try:
        with torch.no_grad():
            found = [_product(x, weight, bias), _product(x.t(), x.t()), _product(x, weight.t().contiguous().t())]
    except (AttributeError, RuntimeError, TypeError):
        return False
    expected = [torch.addmm(bias, x, weight.t()), x.t() @ x, x @ weight.t()]
    return all(torch.allclose(y, wanted, 1e-5, 1e-5) for y, wanted in zip(found, expected, strict=True))
