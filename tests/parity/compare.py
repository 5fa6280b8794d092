"""One module, twice: the eager loop and a fused kernel, all outputs and all gradients side by side."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import nn

from spikingjelly.fusion import call, operator

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-6}


@contextmanager
def poisoned() -> Iterator[None]:
    """What a kernel does not write is NaN."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("empty", "empty_sequence"):
            original = getattr(call.Layout, name)
            patch.setattr(call.Layout, name, lambda *args, original=original: original(*args).fill_(float("nan")))
        yield


@contextmanager
def counted(target: str = "cpp") -> Iterator[list[tuple[int, ...]]]:
    """The shapes of the sequences that a target ran."""
    shapes: list[tuple[int, ...]] = []
    original = operator.TARGETS[target].forward

    def counting(text: str, numbers: object, x: object, states: object, uniforms: object, y: torch.Tensor, *rest):
        shapes.append(tuple(y.shape))
        return original(text, numbers, x, states, uniforms, y, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operator.TARGETS[target], "forward", counting)
        yield shapes


def everything(node: nn.Module, x: torch.Tensor, initial: dict[str, torch.Tensor] | None = None) -> list[torch.Tensor]:
    """Output, states, potentials over time, and the gradients of a random functional of all of them at everything."""
    leaves = [x, *node.parameters()]
    for name, value in (initial or {}).items():
        setattr(node, name, value)
        leaves.append(value)
    y = node(x)
    memories = [value for _, value in sorted(node.named_memories()) if isinstance(value, torch.Tensor)]
    outputs = [y, *memories]
    generator = torch.Generator().manual_seed(3)
    weights = [torch.randn(output.shape, generator=generator, dtype=torch.float64).to(output) for output in outputs]
    total = sum((o * w).sum() for o, w in zip(outputs, weights, strict=True))
    grads = torch.autograd.grad(total, leaves, allow_unused=True)
    return [*outputs, *[torch.zeros_like(leaf) if g is None else g for leaf, g in zip(leaves, grads, strict=True)]]


def assert_same(
    make: Callable[[str], nn.Module], x: torch.Tensor, backend: str = "cpp", **initial: torch.Tensor
) -> None:
    """The node of the backend gives the spikes of the eager loop, and its gradients up to rounding."""
    results = []
    for name in ("torch", backend):
        torch.manual_seed(0)
        leaves = {key: value.clone().requires_grad_() for key, value in initial.items()}
        with poisoned():
            results.append(everything(make(name).to(x.dtype), x.clone().requires_grad_(), leaves))
    expected, actual = results
    assert torch.equal(expected[0], actual[0]) or not set(expected[0].unique().tolist()) <= {0.0, 1.0}
    for one, other in zip(expected, actual, strict=True):
        assert other.shape == one.shape
        assert other.dtype == one.dtype
        scale = one.abs().max().clamp(min=1.0)
        torch.testing.assert_close(other / scale, one / scale, rtol=0.0, atol=TOLERANCE[x.dtype])
