"""Forward and backward of a LIF layer over time: backend='auto' against the eager loop, over T and the layer's size."""

import statistics
import time

import torch

from spikingjelly.activation_based import functional, neuron, surrogate

LENGTHS, SIZES, ROUNDS = (4, 8, 32, 100), (64, 1 << 10, 1 << 12, 1 << 13, 1 << 14, 1 << 16), 9


def forward_backward(node: neuron.LIFNode, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    functional.reset_net(node)
    x = x.clone().requires_grad_()
    spikes = node(x)
    return spikes, torch.autograd.grad(spikes.square().sum(), x)[0]


def ratio(T: int, size: int) -> float:
    """How many times faster 'auto' is than the eager loop, after a look at the numerics."""
    x = torch.rand(T, size) * 2
    nodes = [
        neuron.LIFNode(surrogate_function=surrogate.ATan(), step_mode="m", backend=backend)
        for backend in ("torch", "auto")
    ]
    (spikes, grad), (fast_spikes, fast_grad) = (forward_backward(node, x) for node in nodes)
    assert torch.equal(spikes, fast_spikes)
    torch.testing.assert_close(grad, fast_grad)
    ratios = []
    for _ in range(ROUNDS):
        times = []
        for node in nodes:
            began = time.perf_counter()
            forward_backward(node, x)
            times.append(time.perf_counter() - began)
        ratios.append(times[0] / times[1])
    return statistics.median(ratios)


def run() -> None:
    """Print the table of ratios."""
    torch.manual_seed(0)
    print(f"LIF forward and backward, eager loop / backend='auto', median of {ROUNDS}:")
    print("  T \\ neurons" + "".join(f"{size:>9}" for size in SIZES))
    for T in LENGTHS:
        print(f"  {T:11}" + "".join(f"{ratio(T, size):9.2f}" for size in SIZES))
