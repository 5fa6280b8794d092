"""The surrogate function whose slope changed after clock_driven; numbers recorded on 0.0.0.0.14."""

import copy
import pickle

import pytest
import torch

from spikingjelly.activation_based import surrogate as today
from spikingjelly.clock_driven import neuron, surrogate

X = torch.linspace(-2, 2, 9)
SLOPES = {
    (1.0, 0.01): [0.01, 0.01, 0.01, 1.0, 1.0, 1.0, 0.01, 0.01, 0.01],
    (0.5, 0.1): [0.1, 0.1, 0.1, 0.1, 2.0, 0.1, 0.1, 0.1, 0.1],
}


@pytest.mark.parametrize(("w", "c"), SLOPES)
def test_the_slope_inside_is_twice_that_of_the_primitive(w: float, c: float) -> None:
    for function in (surrogate.PiecewiseLeakyReLU(w, c), lambda x: surrogate.piecewise_leaky_relu.apply(x, w, c)):
        x = X.clone().requires_grad_()
        y = function(x)
        assert y.tolist() == (X >= 0).tolist()
        (slope,) = torch.autograd.grad(y.sum(), x)
        assert slope.tolist() == pytest.approx(SLOPES[w, c])
    grads = surrogate.piecewise_leaky_relu_backward(torch.full((9,), 2.0), X, w, c)
    assert grads[0].tolist() == pytest.approx([2 * value for value in SLOPES[w, c]])
    smooth = surrogate.PiecewiseLeakyReLU(w, c, False)
    x = X.clone().requires_grad_()
    torch.testing.assert_close(smooth(x), today.PiecewiseLeakyReLU(w, c, False)(X))
    assert torch.autograd.grad(smooth(x).sum(), x)[0][4].item() == pytest.approx(0.5 / w)


def test_in_the_kernel_and_in_copies() -> None:
    nodes = [
        neuron.MultiStepLIFNode(surrogate_function=surrogate.PiecewiseLeakyReLU(), backend=backend)
        for backend in ("torch", "cupy")
    ]
    nodes += [copy.deepcopy(nodes[0]), pickle.loads(pickle.dumps(nodes[1]))]
    for node in nodes:
        x = X.clone().requires_grad_()
        (slope,) = torch.autograd.grad(node(2 * x.expand(5, 9)).sum(), x)
        recorded = [0.0820, 0.0817, 0.0813, 0.0810, 0.0806, 5.5120, 3.5625, 3.1602, 0.0496]
        assert slope.tolist() == pytest.approx(recorded, abs=1e-4)
        assert type(node.surrogate_function) is surrogate.PiecewiseLeakyReLU
