"""Winograd's filtering gives what the dense convolutions give, but for rounding, and runs where it pays only."""

import copy
import threading

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from spikingjelly import _layer_kernels, products
from spikingjelly.activation_based import functional, layer
from spikingjelly.fusion import build
from spikingjelly.products import _choice, _ways, _winograd
from spikingjelly.products._ways import Ways

pytestmark = pytest.mark.skipif(build.compiler() is None, reason="needs a C++ compiler")

PASSES = ("convolution", "gradient_of_input", "gradient_of_weights")


@pytest.fixture(autouse=True)
def pays_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the processor."""
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which passes have run."""
    ran: list[str] = []
    for name in PASSES:
        function = getattr(_winograd, name)
        monkeypatch.setattr(_winograd, name, lambda *a, _f=function, _n=name: (ran.append(_n), _f(*a))[1])
    return ran


@pytest.fixture
def small_work_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_choice, "SMALLEST_WORK", 1)
    monkeypatch.setattr(_choice, "FEWEST_CHANNELS", 1)
    monkeypatch.setattr(_ways, "HIGHEST_SHARE_OF_WINOGRAD", float("inf"))


def error(actual: torch.Tensor, exact: torch.Tensor) -> float:
    """Relative to the norm."""
    return float((actual.double() - exact).norm() / exact.norm())


def in_double(
    x: torch.Tensor, weight: torch.Tensor, grad: torch.Tensor, padding: tuple[int, int]
) -> tuple[torch.Tensor, ...]:
    """The convolution, and its gradients at input and weights."""
    x, weight = (t.double().detach().requires_grad_() for t in (x, weight))
    y = F.conv2d(x, weight, None, 1, padding)
    return y.detach(), *torch.autograd.grad(y, [x, weight], grad.double())


def tensors(
    samples: int, channels: int, outputs: int, sides: tuple[int, int], padding: tuple[int, int], last: bool = False
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """An input, weights, and a gradient at the output."""
    form = torch.channels_last if last else torch.contiguous_format
    x = torch.randn(samples, channels, *sides).contiguous(memory_format=form)
    out = [side + 2 * pad - 2 for side, pad in zip(sides, padding, strict=True)]
    grad = torch.randn(samples, outputs, *out).contiguous(memory_format=form)
    return x, torch.randn(outputs, channels, 3, 3), grad


@pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])
@pytest.mark.parametrize("padding", [(0, 0), (1, 1), (2, 0), (0, 1)])
@pytest.mark.parametrize(("channels", "outputs"), [(3, 5), (16, 32), (17, 33), (50, 100)])
def test_passes_equal_the_dense_convolution(channels: int, outputs: int, padding: tuple[int, int], last: bool) -> None:
    x, weight, grad = tensors(3, channels, outputs, (9, 14), padding, last)
    y, of_x, of_weight = in_double(x, weight, grad, padding)
    bias = torch.randn(outputs)
    for tile in (2, 4):
        found = _winograd.convolution(x, weight, bias, padding, tile)
        assert found.stride() == F.conv2d(x, weight, bias, 1, padding).stride()
        assert error(found, y + bias.double()[:, None, None]) < 2e-6
        found = _winograd.gradient_of_input(grad, weight, padding, tile, last)
        assert found.stride() == x.stride()
        assert error(found, of_x) < 2e-6
    assert error(_winograd.gradient_of_weights(x, grad, padding), of_weight) < 2e-6


@given(st.data())
def test_any_size(data: st.DataObject) -> None:
    draw = data.draw
    padding = (draw(st.integers(0, 2)), draw(st.integers(0, 2)))
    sides = (draw(st.integers(3, 20)), draw(st.integers(3, 40)))
    x, weight, grad = tensors(*(draw(st.integers(1, n)) for n in (4, 40, 70)), sides, padding, draw(st.booleans()))
    y, of_x, of_weight = in_double(x, weight, grad, padding)
    tile = draw(st.sampled_from([2, 4]))
    assert error(_winograd.convolution(x, weight, None, padding, tile), y) < 1e-5
    assert error(_winograd.gradient_of_input(grad, weight, padding, tile, draw(st.booleans())), of_x) < 1e-5
    assert error(_winograd.gradient_of_weights(x, grad, padding), of_weight) < 1e-5


def test_weights_and_inputs_in_several_chunks() -> None:
    x, weight, grad = tensors(3, 96, 200, (56, 56), (1, 1))
    y, of_x, of_weight = in_double(x, weight, grad, (1, 1))
    assert error(_winograd.convolution(x, weight, None, (1, 1), 4), y) < 5e-6
    assert error(_winograd.gradient_of_input(grad, weight, (1, 1), 4, False), of_x) < 5e-6
    assert error(_winograd.gradient_of_weights(x, grad, (1, 1)), of_weight) < 5e-6


@pytest.mark.parametrize("channels", [64, 256])
def test_rounding(channels: int) -> None:
    """Forward about that of the dense layer; gradients below 1e-5 of their norm."""
    x, weight, grad = tensors(4, channels, channels, (14, 14), (1, 1))
    y, of_x, of_weight = in_double(x, weight, grad, (1, 1))
    dense = error(F.conv2d(x, weight, None, 1, 1), y)
    assert error(_winograd.convolution(x, weight, None, (1, 1), 2), y) < 3 * dense
    assert error(_winograd.gradient_of_input(grad, weight, (1, 1), 4, False), of_x) < 3e-6
    assert error(_winograd.gradient_of_weights(x, grad, (1, 1)), of_weight) < 3e-6


def test_sums_over_many_tiles_stay_accurate() -> None:
    x, weight, grad = tensors(128, 2, 3, (64, 64), (1, 1))
    of_weight = in_double(x, weight, grad, (1, 1))[2]
    assert error(_winograd.gradient_of_weights(x, grad, (1, 1)), of_weight) < 3e-6


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    x, weight, grad = tensors(5, 40, 70, (12, 30), (1, 1))
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3, 5):
            torch.set_num_threads(threads)
            results.append(
                [
                    _winograd.convolution(x, weight, None, (1, 1), 2),
                    _winograd.gradient_of_input(grad, weight, (1, 1), 4, False),
                    _winograd.gradient_of_weights(x, grad, (1, 1)),
                ]
            )
    finally:
        torch.set_num_threads(before)
    for found in results[1:]:
        assert all(torch.equal(*pair) for pair in zip(found, results[0], strict=True))


def test_layers_may_run_in_several_threads() -> None:
    """Each has its own memory between the passes."""
    cases = [tensors(2, channels, 48, (20, 20), (1, 1)) for channels in (16, 32, 64, 96)]
    expected = [_winograd.convolution(x, weight, None, (1, 1), 4) for x, weight, _ in cases]
    found: dict[int, torch.Tensor] = {}

    def run(number: int) -> None:
        for _ in range(20):
            x, weight, _ = cases[number]
            found[number] = _winograd.convolution(x, weight, None, (1, 1), 4)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(cases))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(found[number], y) for number, y in enumerate(expected))


def test_what_is_not_finite_does_not_vanish() -> None:
    x, weight, grad = tensors(2, 16, 32, (9, 9), (1, 1))
    x[0, 3, 4, 4], grad[1, 5, 0, 0] = torch.inf, torch.nan
    y, of_x, of_weight = in_double(x, weight, grad, (1, 1))
    for found, dense in (
        (_winograd.convolution(x, weight, None, (1, 1), 2), y),
        (_winograd.gradient_of_input(grad, weight, (1, 1), 4, False), of_x),
        (_winograd.gradient_of_weights(x, grad, (1, 1)), of_weight),
    ):
        assert not found[~dense.isfinite()].isfinite().any()
        assert found.isfinite().any() == dense.isfinite().any()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("leaf", [True, False], ids=["gradient of x", "no gradient of x"])
@pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])
@pytest.mark.usefixtures("small_work_pays")
def test_a_layer_equals_its_dense_self(bias: bool, leaf: bool, last: bool, calls: list[str]) -> None:
    conv = layer.Conv2d(20, 40, 3, padding=1, bias=bias, step_mode="m")
    twin = copy.deepcopy(conv).double()
    x = torch.randn(2, 3, 20, 11, 13)
    if last:
        x = x.flatten(0, 1).contiguous(memory_format=torch.channels_last).unflatten(0, (2, 3))
    results = []
    for module, own in ((conv, x.clone()), (twin, x.double())):
        y = module(own.requires_grad_(leaf))
        y.backward(torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape))
        results.append([y.detach(), *[p.grad for p in module.parameters()], *([own.grad] if leaf else [])])
    assert sorted(calls) == sorted(set(PASSES) - (set() if leaf else {"gradient_of_input"}))
    for ours, dense in zip(*results, strict=True):
        assert error(ours, dense) < 2e-6


@pytest.mark.usefixtures("small_work_pays")
def test_pytorchs_own_order_on_demand(calls: list[str]) -> None:
    conv, x = layer.Conv2d(20, 40, 3, padding=1), torch.randn(3, 20, 11, 13)
    with functional.skip_zeros(False):
        y = conv(x)
    y.sum().backward()
    assert calls == []
    assert torch.equal(y, F.conv2d(x, conv.weight, conv.bias, 1, 1))


@pytest.mark.usefixtures("small_work_pays")
def test_weights_that_do_not_learn_have_no_gradient(calls: list[str]) -> None:
    conv = layer.Conv2d(20, 40, 3, padding=1, bias=False).requires_grad_(False)
    x = torch.randn(3, 20, 11, 13, requires_grad=True)
    conv(x).sum().backward()
    with torch.no_grad():
        conv(x)
    assert calls == ["convolution", "gradient_of_input", "convolution"]


@pytest.mark.usefixtures("small_work_pays")
def test_only_the_bias_learns(calls: list[str]) -> None:
    conv, x = layer.Conv2d(20, 40, 3, padding=1), torch.randn(3, 20, 11, 13)
    conv.weight.requires_grad_(False)
    conv(x).square().sum().backward()
    assert calls == ["convolution"]
    assert error(conv.bias.grad, 2 * F.conv2d(x, conv.weight, conv.bias, 1, 1).detach().double().sum((0, 2, 3))) < 1e-5


@pytest.mark.usefixtures("small_work_pays")
def test_second_derivatives_are_pytorchs_own(calls: list[str]) -> None:
    conv, x = layer.Conv2d(20, 40, 3, padding=1), torch.randn(2, 20, 9, 9, requires_grad=True)
    results = []
    for enabled in (True, False):
        with functional.skip_zeros(enabled):
            y = conv(x)
        grads = torch.autograd.grad(y.square().sum(), [x, conv.weight], create_graph=True)
        assert calls.count("gradient_of_input") == 0
        results.append(torch.autograd.grad(sum(g.square().sum() for g in grads), [x, conv.weight]))
        calls.clear()
    for ours, dense in zip(*results, strict=True):
        assert error(ours, dense.double()) < 1e-5


OTHERS = {
    "stride": lambda: layer.Conv2d(16, 32, 3, stride=2),
    "other taps": lambda: layer.Conv2d(16, 32, 5),
    "wide padding": lambda: layer.Conv2d(16, 32, 3, padding=3),
    "groups": lambda: layer.Conv2d(16, 32, 3, groups=2),
    "dilation": lambda: layer.Conv2d(16, 32, 3, dilation=2),
    "circular padding": lambda: layer.Conv2d(16, 32, 3, padding=1, padding_mode="circular"),
    "double precision": lambda: layer.Conv2d(16, 32, 3).double(),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.usefixtures("small_work_pays")
def test_other_convolutions_run_dense(name: str, calls: list[str]) -> None:
    conv = OTHERS[name]()
    x = torch.randn(2, 16, 12, 12, dtype=conv.weight.dtype, requires_grad=True)
    conv(x).sum().backward()
    assert calls == []


@pytest.mark.usefixtures("small_work_pays")
@pytest.mark.filterwarnings("ignore:`torch.jit.\\w+` is deprecated")  # PyTorch's own, on its first jvp
def test_transforms_and_modes_run_dense(calls: list[str]) -> None:
    conv, x = layer.Conv2d(16, 32, 3), torch.randn(2, 16, 9, 9)
    torch.func.vmap(conv)(x.unsqueeze(1))
    torch.func.jvp(conv, (x,), (x,))
    with torch.autocast("cpu", torch.bfloat16):
        assert conv(x).dtype == torch.bfloat16
    assert torch.fx.symbolic_trace(nn.Sequential(conv))(x).shape == (2, 32, 7, 7)
    assert "aten::_convolution" in str(torch.jit.trace(conv, x, check_trace=False).inlined_graph)
    conv.to("meta")(x.to("meta"))
    assert calls == []


def ways(shape: tuple[int, int, int, int], outputs: int, density: float, **options: bool) -> Ways:
    x = (torch.rand(shape) < density).float().requires_grad_(options.get("of_input", True))
    weight = torch.zeros(outputs, shape[1], 3, 3, requires_grad=True)
    return _ways.choose(x, weight, (1, 1), (1, 1), options.get("exact", False), density)


def test_ways_of_a_layer() -> None:
    dense = Ways(tile=2, tile_of_input=4, tile_of_weight=4)
    assert ways((8, 128, 28, 28), 128, 1.0) == dense
    assert ways((8, 128, 28, 28), 128, 0.25) == dense
    assert ways((8, 128, 28, 28), 128, 0.12) == Ways(sparse=True, tile_of_input=4, sparse_weight=True)
    assert ways((8, 512, 7, 7), 512, 0.12) == Ways(sparse=True, tile_of_input=4, tile_of_weight=4)
    assert ways((8, 128, 28, 28), 128, 0.17) == dense._replace(tile_of_weight=0, sparse_weight=True)
    assert ways((8, 128, 28, 28), 128, 1.0, of_input=False) == dense._replace(tile_of_input=0)
    with torch.no_grad():
        assert ways((8, 128, 28, 28), 128, 1.0) == Ways(tile=2)


@pytest.mark.parametrize(("kind", "expected"), [("DEFAULT", 0), ("AVX2", 2)])
def test_processors_without_wide_vectors_run_dense(kind: str, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: kind)
    _winograd.pays_here.cache_clear()
    try:
        assert ways((8, 128, 28, 28), 128, 1.0).tile == expected
    finally:
        _winograd.pays_here.cache_clear()


def test_few_or_small_planes_run_dense() -> None:
    """Where tiles reach over the edges, and where there are more weights than pixels."""
    assert ways((4, 512, 2, 2), 512, 1.0) == Ways()
    assert ways((16, 512, 2, 2), 512, 1.0) == Ways(tile=2, tile_of_input=2)
    assert ways((64, 512, 1, 1), 512, 1.0) == Ways()
    assert ways((256, 64, 2, 2), 64, 1.0).tile_of_input == 2
    assert ways((0, 64, 8, 8), 64, 1.0) == Ways()


def test_exact_sums_are_of_products_alone() -> None:
    assert ways((8, 128, 28, 28), 128, 1.0, exact=True) == Ways()
    assert ways((8, 128, 28, 28), 128, 0.02, exact=True) == Ways(sparse=True, sparse_weight=True)
    x, weight = torch.randint(5, (2, 32, 56, 56)).float(), torch.randint(-128, 128, (64, 32, 3, 3)).float()
    assert products.convolution(x, weight, None, (1, 1), (1, 1), exact=True) is None
    assert products.convolution(x, weight, None, (1, 1), (1, 1)) is not None


def test_a_kernel_larger_than_the_padded_image_is_pytorchs_to_refuse() -> None:
    conv, x = layer.Conv2d(256, 256, 3), torch.randn(64, 256, 2, 8)
    with pytest.raises(RuntimeError, match="Kernel size can't be greater than actual input size"):
        conv(x)


@pytest.mark.usefixtures("small_work_pays")
def test_without_a_compiler_the_dense_layer_runs(monkeypatch: pytest.MonkeyPatch, calls: list[str]) -> None:
    monkeypatch.setattr(build, "compiler", lambda: None)
    _layer_kernels.problem.cache_clear()
    conv, x = layer.Conv2d(20, 40, 3, padding=1), torch.randn(3, 20, 11, 13, requires_grad=True)
    try:
        y = conv(x)
        assert torch.equal(y, F.conv2d(x, conv.weight, conv.bias, 1, 1))
        y.sum().backward()
    finally:
        _layer_kernels.problem.cache_clear()
    assert calls == []
