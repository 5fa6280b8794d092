"""Linear layers by oneDNN give what PyTorch's own give, and run where they pay only."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch.overrides import BaseTorchFunctionMode

from spikingjelly import products
from spikingjelly.activation_based import functional, layer
from spikingjelly.packing import _saved
from spikingjelly.products import _onednn
from tests.versions import needs_torch

pytestmark = pytest.mark.skipif(not _onednn._computes_products(), reason="this PyTorch has no linear layer of oneDNN")

ROWS, FEATURES, OUTPUTS = 8, 96, 24


@pytest.fixture(autouse=True)
def pays(monkeypatch: pytest.MonkeyPatch) -> None:
    """On any processor, and however small the work is."""
    monkeypatch.setattr(_onednn, "_pays_here", lambda: True)
    monkeypatch.setattr(_onednn, "SMALLEST_WORK", ROWS * FEATURES * OUTPUTS)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The shapes of what oneDNN has computed."""
    ran: list[tuple[int, int]] = []
    original = _onednn._product

    def product(*arguments: Any) -> torch.Tensor:
        y = original(*arguments)
        ran.append(tuple(y.shape))
        return y

    monkeypatch.setattr(_onednn, "_product", product)
    return ran


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(len(shape) + shape[-1]), requires_grad=True)


def close(actual: Any, expected: Any) -> None:
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(ROWS,), (2, 4), (2, 2, 2)])
@pytest.mark.parametrize("outputs", [OUTPUTS, FEATURES], ids=["narrows", "keeps its width"])
@pytest.mark.parametrize("biased", [True, False])
def test_values_and_gradients(shape: tuple[int, ...], outputs: int, biased: bool, calls: list[Any]) -> None:
    inputs = [drawn(*shape, FEATURES), drawn(outputs, FEATURES), *([drawn(outputs)] if biased else [])]
    y = products.linear(*inputs, *([] if biased else [None]))  # type: ignore[call-arg]
    assert y is not None
    expected = F.linear(*inputs)
    grad = drawn(*expected.shape).detach()
    close(y, expected)
    close(torch.autograd.grad(y, inputs, grad), torch.autograd.grad(expected, inputs, grad))
    of_weight = [(outputs, FEATURES)] if outputs == OUTPUTS else []
    assert calls == [(ROWS, outputs), (ROWS, FEATURES), *of_weight]


def test_the_gradient_of_the_weights_over_many_rows_is_pytorchs(calls: list[Any]) -> None:
    weight = drawn(OUTPUTS, FEATURES)
    y = products.linear(drawn(FEATURES + 1, FEATURES).detach(), weight, None)
    assert y is not None
    torch.autograd.grad(y.sum(), weight)
    assert calls == [(FEATURES + 1, OUTPUTS)]


def test_an_input_with_gaps_and_frozen_weights(calls: list[Any]) -> None:
    x = drawn(FEATURES, ROWS).t()
    weight = drawn(OUTPUTS, FEATURES).detach()[:, :]
    y = products.linear(x, weight, None)
    assert y is not None
    close(y, F.linear(x, weight))
    close(torch.autograd.grad(y.sum(), x)[0], torch.autograd.grad(F.linear(x, weight).sum(), x)[0])
    assert calls == [(ROWS, OUTPUTS), (ROWS, FEATURES)]


def test_second_derivatives() -> None:
    found = []
    for enabled in (False, True):
        x, weight = drawn(ROWS, FEATURES), drawn(OUTPUTS, FEATURES)
        with functional.skip_zeros(enabled):
            net = layer.Linear(FEATURES, OUTPUTS, bias=False)
            net.weight = torch.nn.Parameter(weight.detach())
            grads = torch.autograd.grad(net(x).square().sum(), [x, net.weight], create_graph=True)
        total = sum(g.square().sum() for g in grads)
        assert isinstance(total, torch.Tensor)
        found.append(torch.autograd.grad(total, [x, net.weight]))
    torch.testing.assert_close(*found, rtol=1e-4, atol=1.0)  # of up to 1.5e6


def refused(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> bool:
    return products.linear(x, weight, bias) is None


def test_who_asks_for_pytorchs_own_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    x, weight = drawn(ROWS, FEATURES), drawn(OUTPUTS, FEATURES)
    assert not refused(x, weight)
    with functional.skip_zeros(False):
        assert refused(x, weight)
    torch.backends.mkldnn.set_flags(False)
    try:
        assert refused(x, weight)
    finally:
        torch.backends.mkldnn.set_flags(True)
    with torch.autocast("cpu", torch.bfloat16):
        assert refused(x, weight)
    with BaseTorchFunctionMode():
        assert refused(x, weight), "who watches PyTorch's functions sees one"
    assert torch.func.vmap(lambda row: torch.tensor(refused(row, weight)))(x.detach().view(1, ROWS, FEATURES)).all()
    monkeypatch.setattr(_onednn, "_pays_here", lambda: False)
    assert refused(x, weight)


def test_fewer_bits_of_float32() -> None:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        assert refused(drawn(ROWS, FEATURES), drawn(OUTPUTS, FEATURES))
    finally:
        torch.set_float32_matmul_precision(before)


def test_other_tensors_are_not_for_it() -> None:
    assert refused(drawn(ROWS - 1, FEATURES), drawn(OUTPUTS, FEATURES)), "too little work"
    assert refused(drawn(ROWS, FEATURES).double(), drawn(OUTPUTS, FEATURES).double())
    assert refused(drawn(ROWS, FEATURES), drawn(OUTPUTS, FEATURES + 1))
    assert refused(drawn(ROWS * FEATURES), drawn(OUTPUTS, ROWS * FEATURES))


def test_a_pytorch_without_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*arguments: Any) -> torch.Tensor:
        raise AttributeError("'_OpNamespace' 'mkldnn' object has no attribute '_linear_pointwise'")

    def other(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        return x @ weight.t() + 1.0

    for function in (absent, other):
        monkeypatch.setattr(_onednn, "_product", function)
        assert not _onednn._computes_products.__wrapped__()


@needs_torch("2.8", "Packing the inputs of layers")
def test_spikes_are_kept_in_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_saved, "SMALLEST", 1)
    monkeypatch.setattr(_saved, "FEWEST_PRODUCTS", 1)
    spikes = (torch.rand(512, FEATURES) < 0.4).float()
    net = layer.Linear(FEATURES, OUTPUTS, bias=False)
    y = net(spikes)
    assert y.grad_fn is not None
    (packed,) = torch.autograd.grad(y.sum(), net.weight, retain_graph=True)
    spikes.zero_()  # what is packed is a copy
    assert torch.equal(torch.autograd.grad(y.sum(), net.weight)[0], packed)
    assert packed.abs().sum() > 0
