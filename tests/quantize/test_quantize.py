"""Quantisers: values from Python's arithmetic, gradients as if nothing had been rounded."""

import math

import pytest
import torch

from spikingjelly.activation_based import quantize

VALUES = [-2.5, -1.5, -0.5, -0.3, 0.0, 0.2, 0.5, 0.7, 1.0, 1.5, 2.5]  # Python's round takes half to even as well

QUANTISERS = {
    "round": (quantize.round, (), round),
    "ceil": (quantize.ceil, (), math.ceil),
    "floor": (quantize.floor, (), math.floor),
    "step_quantize": (quantize.step_quantize, (0.4,), lambda x: round(x / 0.4) * 0.4),
    "k_bit_quantize, 1 bit": (quantize.k_bit_quantize, (1,), round),
    "k_bit_quantize, 3 bits": (quantize.k_bit_quantize, (3,), lambda x: round(x * 7) / 7),
}


@pytest.mark.parametrize("name", QUANTISERS)
def test_values_and_straight_gradients(name: str) -> None:
    function, args, truth = QUANTISERS[name]
    x = torch.tensor(VALUES, dtype=torch.float64, requires_grad=True)
    y = function(x, *args)
    assert y.tolist() == pytest.approx([float(truth(value)) for value in VALUES])
    weight = torch.randn(len(VALUES), dtype=torch.float64)
    (y * weight).sum().backward()
    assert torch.equal(x.grad, weight)
    assert x.detach().tolist() == VALUES
    autograd_function = getattr(quantize, f"{name.split(',')[0]}_atgf")
    assert torch.equal(autograd_function.apply(x, *args), y)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
@pytest.mark.parametrize("name", QUANTISERS)
def test_dtypes_stay(name: str, dtype: torch.dtype) -> None:
    function, args, _ = QUANTISERS[name]
    assert function(torch.rand(2, 3).to(dtype), *args).dtype == dtype


def test_k_bits_are_two_to_the_k_levels() -> None:
    levels = quantize.k_bit_quantize(torch.linspace(0, 1, 1000, dtype=torch.float64), 3).unique()
    torch.testing.assert_close(levels, torch.arange(8, dtype=torch.float64) / 7)


def test_clamp_has_no_gradient_outside() -> None:
    x = torch.tensor([-1.0, -0.5, 0.2, 1.5, 1.6], dtype=torch.float64, requires_grad=True)
    y = quantize.clamp(x, -0.5, 1.5)
    assert y.tolist() == [-0.5, -0.5, 0.2, 1.5, 1.5]
    weight = torch.tensor([2.0, 3.0, 4.0, 5.0, 6.0], dtype=torch.float64)
    (y * weight).sum().backward()
    assert x.grad.tolist() == [0.0, 3.0, 4.0, 5.0, 0.0]
    assert torch.equal(quantize.clamp_atgf.apply(x, -0.5, 1.5), y)


def test_affine_k_bit_quantize() -> None:
    x = torch.tensor(VALUES, dtype=torch.float64, requires_grad=True)
    w = torch.rand(len(VALUES), dtype=torch.float64, requires_grad=True)
    b = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    y = quantize.affine_k_bit_quantize(x, 2, w, b)
    rounded = torch.tensor([round(value * 3) / 3 for value in VALUES], dtype=torch.float64)
    torch.testing.assert_close(y, w * rounded + 0.3)
    y.sum().backward()
    torch.testing.assert_close(x.grad, w.detach())
    torch.testing.assert_close(w.grad, rounded)
    assert b.grad.item() == len(VALUES)


def test_clamp_by_linear() -> None:
    x = torch.tensor(VALUES, dtype=torch.float64, requires_grad=True)
    y = quantize.clamp_by_linear(x, 0.5)
    assert y.tolist() == pytest.approx([(value + 2.5) / 5.5 for value in VALUES])
    assert torch.autograd.gradcheck(quantize.clamp_by_linear, torch.randn(6, dtype=torch.float64, requires_grad=True))
    assert quantize.clamp_by_linear(torch.ones(3)).tolist() == [0.0, 0.0, 0.0]
    assert quantize.clamp_by_linear(x).max().item() == pytest.approx(5 / 5.00001, abs=1e-12)


def test_function_transforms_work() -> None:
    x = torch.rand(4, 3, dtype=torch.float64) * 4
    slopes = torch.func.vmap(torch.func.grad(lambda row: quantize.step_quantize(row, 0.5).sum()))(x)
    assert torch.equal(slopes, torch.ones_like(x))
    inside = torch.func.vmap(torch.func.grad(lambda row: quantize.clamp(row, 1.0, 2.0).sum()))(x)
    assert torch.equal(inside, ((x >= 1) & (x <= 2)).double())


def test_bad_arguments_are_told() -> None:
    x = torch.rand(3)
    with pytest.raises(ValueError, match="clamp: min_value must not exceed max_value, but 2 > 1"):
        quantize.clamp(x, 2, 1)
    with pytest.raises(ValueError, match="step_quantize: step must be greater than 0, but 0.0"):
        quantize.step_quantize(x, 0.0)
    with pytest.raises(ValueError, match="k_bit_quantize: k must be at least 1, but 0"):
        quantize.k_bit_quantize(x, 0)
    with pytest.raises(TypeError, match="k_bit_quantize: k must be an int, but 2.0"):
        quantize.affine_k_bit_quantize(x, 2.0, x, x)


def test_the_published_halves_of_the_quantisers() -> None:
    x, grad_output = torch.tensor([-0.3, 0.2, 0.64, 1.2]), torch.tensor([1.0, 2.0, 3.0, 4.0])
    assert torch.equal(quantize.step_quantize_forward(x, 0.5), quantize.step_quantize(x, 0.5))
    assert torch.equal(quantize.k_bit_quantize_forward(x, 3), quantize.k_bit_quantize(x, 3))
    assert quantize.clamp_backward(grad_output, x, 0.2, 1.0).tolist() == [0.0, 2.0, 3.0, 0.0]
