"""Products that skip zeros give what the dense layers give, and run where they pay only."""

import copy
import logging
from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from spikingjelly import _layer_kernels, products
from spikingjelly.activation_based import functional, layer, neuron
from spikingjelly.fusion import build
from spikingjelly.products import _choice, _convolution, _source_sparse, _sparse, _tables, _ways

pytestmark = pytest.mark.skipif(build.compiler() is None, reason="needs a C++ compiler")


@pytest.fixture
def small_work_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SMALLEST_WORK", "SMALLEST_PLANE", "SMALLEST_PLANE_OF_GRADIENT", "FEWEST_OUTPUTS", "FEWEST_CHANNELS"):
        monkeypatch.setattr(_choice, name, 1)
    monkeypatch.setattr(_convolution, "SMALLEST_WORK_OF_LINEAR", 1)
    monkeypatch.setattr(_ways, "HIGHEST_SHARE_OF_SPARSE", float("inf"))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Which kernels have run."""
    ran: list[str] = []
    for name in ("forward", "gradient"):
        kernel = getattr(_sparse, name)
        monkeypatch.setattr(_sparse, name, lambda *a, _k=kernel, _n=name: (ran.append(_n), _k(*a))[1])
    return ran


def sparse(*shape: int, density: float = 0.1, binary: bool = False) -> torch.Tensor:
    mask = (torch.rand(shape) < density).float()
    return mask if binary else mask * torch.randn(shape)


def close(actual: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-5 * float(expected.abs().max() + 1e-3))


@pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])
@pytest.mark.parametrize(("kernel", "padding"), [((3, 3), (1, 1)), ((1, 1), (0, 0)), ((5, 5), (2, 1)), ((1, 3), (0, 2)), ((3, 1), (0, 0)), ((7, 2), (3, 1))])  # fmt: skip
@pytest.mark.parametrize(("channels", "outputs"), [(3, 5), (17, 16), (8, 33), (20, 130), (4, 200)])
def test_kernels_equal_the_dense_convolution(
    kernel: tuple[int, int], padding: tuple[int, int], channels: int, outputs: int, last: bool
) -> None:
    x = sparse(3, channels, 9, 20, density=0.3)
    x = x.contiguous(memory_format=torch.channels_last) if last else x
    weight, bias = torch.randn(outputs, channels, *kernel), torch.randn(outputs)
    for stride in ((1, 1), (2, 3)):
        expected = F.conv2d(x, weight, bias, stride, padding)
        y = _sparse.forward(x, weight, bias, stride, padding)
        assert y.stride() == expected.stride()
        close(y, expected)
        if not _sparse.can_take_gradient(weight, stride, padding):
            assert stride != (1, 1) or kernel not in _source_sparse.SIZES
            continue
        for grad in (torch.randn_like(expected), torch.randn(expected.shape)):
            w = weight.clone().requires_grad_()
            (expected_gradient,) = torch.autograd.grad(F.conv2d(x, w, None, stride, padding), w, grad)
            close(_sparse.gradient(x, weight, grad, stride, padding), expected_gradient)


def test_weights_in_another_memory_format() -> None:
    x = sparse(3, 24, 9, 20)
    weight = torch.randn(40, 24, 3, 3).contiguous(memory_format=torch.channels_last)
    expected = F.conv2d(x, weight, None, 1, 1)
    y = _sparse.forward(x, weight, None, (1, 1), (1, 1))
    assert y.stride() == expected.stride()
    close(y, expected)


@given(st.data())
def test_any_size(data: st.DataObject) -> None:
    draw = data.draw
    B, C, O = (draw(st.integers(1, n)) for n in (4, 40, 70))  # noqa: E741
    KH, KW = draw(st.sampled_from(sorted(_source_sparse.SIZES)))
    padding = (draw(st.integers(0, KH - 1)), draw(st.integers(0, KW - 1)))
    H, W = draw(st.integers(KH, 12)), draw(st.integers(KW, 40))
    x = sparse(B, C, H, W, density=draw(st.sampled_from([0.0, 0.05, 1.0])))
    weight = torch.randn(O, C, KH, KW, requires_grad=True)
    expected = F.conv2d(x, weight, None, 1, padding)
    close(_sparse.forward(x, weight.detach(), None, (1, 1), padding), expected.detach())
    grad = torch.randn_like(expected)
    close(_sparse.gradient(x, weight.detach(), grad, (1, 1), padding), torch.autograd.grad(expected, weight, grad)[0])


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    x, weight = sparse(5, 40, 12, 12), torch.randn(70, 40, 3, 3)
    grad = torch.randn(5, 70, 12, 12)
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3, 5):
            torch.set_num_threads(threads)
            y = _sparse.forward(x, weight, None, (1, 1), (1, 1))
            results.append((y, _sparse.gradient(x, weight, grad, (1, 1), (1, 1))))
    finally:
        torch.set_num_threads(before)
    for y, gradient in results[1:]:
        assert torch.equal(y, results[0][0])
        assert torch.equal(gradient, results[0][1])


def test_nan_and_infinity_of_the_input_come_through() -> None:
    x = torch.zeros(1, 16, 4, 4)
    x[0, 3, 1, 1], x[0, 5, 3, 3] = torch.nan, torch.inf
    weight = torch.rand(16, 16, 3, 3) + 0.1
    expected = F.conv2d(x, weight, None, 1, 1)
    torch.testing.assert_close(_sparse.forward(x, weight, None, (1, 1), (1, 1)), expected, equal_nan=True)


LAYERS = {
    "Conv2d": (lambda: layer.Conv2d(6, 20, 3, padding=1, step_mode="m"), (4, 2, 6, 9, 9)),
    "Conv2d with a stride": (lambda: layer.Conv2d(6, 20, 3, stride=2, padding=1, step_mode="m"), (4, 2, 6, 9, 9)),
    "Conv2d of pixels, no bias": (lambda: layer.Conv2d(6, 20, 1, bias=False, step_mode="m"), (4, 2, 6, 9, 9)),
    "Conv1d": (lambda: layer.Conv1d(6, 20, 3, padding=2, step_mode="m"), (4, 2, 6, 9)),
    "Conv1d of pixels": (lambda: layer.Conv1d(6, 20, 1, step_mode="m"), (4, 2, 6, 9)),
    "Linear": (lambda: layer.Linear(12, 20, step_mode="m"), (4, 3, 12)),
    "Linear over more dimensions": (lambda: layer.Linear(12, 20, bias=False, step_mode="m"), (4, 3, 5, 12)),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("leaf", [True, False], ids=["gradient of x", "no gradient of x"])
@pytest.mark.usefixtures("small_work_pays")
def test_layers_equal_their_dense_selves(name: str, leaf: bool, calls: list[str]) -> None:
    make, shape = LAYERS[name]
    net = make()
    twin = copy.deepcopy(net)
    x = sparse(*shape)
    grads = []
    for module, enabled in ((net, True), (twin, False)):
        own = x.clone().requires_grad_(leaf)
        with functional.skip_zeros(enabled):
            y = module(own)
        assert bool(calls) == enabled
        calls.clear()
        y.backward(torch.linspace(-1, 1, y.numel()).view_as(y))
        grads.append([y.detach(), *[p.grad for p in module.parameters()], *([own.grad] if leaf else [])])
        assert calls == (["gradient"] if enabled and "stride" not in name else [])
        calls.clear()
    for ours, dense in zip(*grads, strict=True):
        close(ours, dense)


@pytest.mark.usefixtures("small_work_pays")
def test_more_ones_run_dense(calls: list[str]) -> None:
    conv = layer.Conv2d(8, 16, 3, padding=1)
    conv(sparse(4, 8, 16, 16, density=0.5)).sum().backward()
    assert calls == []
    x = sparse(4, 8, 16, 16, density=0.25)
    y = conv(x)
    assert torch.equal(y, F.conv2d(x, conv.weight, conv.bias, 1, 1))  # dense forward
    y.sum().backward()
    assert calls == ["gradient"]


def test_small_layers_run_dense(calls: list[str]) -> None:
    layer.Conv2d(8, 16, 3, padding=1)(sparse(4, 8, 16, 16)).sum().backward()
    layer.Linear(40, 16)(sparse(64, 40)).sum().backward()
    assert calls == []


@pytest.mark.parametrize(("threshold", "expected"), [(2.5, ["forward"]), (0.2, [])])
def test_a_large_layer_takes_the_way_of_its_firing_rate(
    threshold: float, expected: list[str], calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_tables, "can_run_here", lambda: False)
    conv = layer.Conv2d(32, 64, 3, padding=1, bias=False, step_mode="m")
    net = nn.Sequential(neuron.IFNode(v_threshold=threshold, step_mode="m"), conv)
    with torch.no_grad():
        net(torch.rand(4, 2, 32, 24, 24))
    assert calls == expected


DENSE_ONLY = {
    "groups": lambda: layer.Conv2d(8, 16, 3, groups=2),
    "dilation": lambda: layer.Conv2d(8, 16, 3, dilation=2),
    "circular padding": lambda: layer.Conv2d(8, 16, 3, padding=1, padding_mode="circular"),
    "padding by name": lambda: layer.Conv2d(8, 16, 3, padding="same"),
    "double precision": lambda: layer.Conv2d(8, 16, 3).double(),
    "three dimensions": lambda: layer.Conv3d(8, 16, 1),
}


@pytest.mark.parametrize("name", DENSE_ONLY)
@pytest.mark.usefixtures("small_work_pays")
def test_what_the_kernels_do_not_know_runs_dense(name: str, calls: list[str]) -> None:
    net = DENSE_ONLY[name]()
    x = sparse(2, 8, 9, 9).to(net.weight.dtype)
    net(x.unsqueeze(2) if name == "three dimensions" else x)
    assert calls == []


@pytest.mark.usefixtures("small_work_pays")
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # PyTorch's own, on its first jvp
def test_transforms_and_modes_run_dense(calls: list[str]) -> None:
    conv, x = layer.Conv2d(8, 16, 3), sparse(2, 8, 9, 9)
    torch.func.vmap(conv)(x.unsqueeze(1))
    torch.func.jvp(conv, (x,), (x,))
    with torch.autocast("cpu", torch.bfloat16):
        assert conv(x).dtype == torch.bfloat16
    with FlopCounterMode(display=False) as counter:
        conv(x)
    assert counter.get_total_flops() == 2 * 2 * 16 * 7 * 7 * 8 * 9
    assert torch.fx.symbolic_trace(nn.Sequential(conv))(x).shape == (2, 16, 7, 7)
    conv.to("meta")(x.to("meta"))
    assert calls == []


@pytest.mark.usefixtures("small_work_pays")
def test_second_derivatives_are_right(calls: list[str]) -> None:
    conv, x = layer.Conv2d(8, 16, 3, padding=1), sparse(2, 8, 9, 9).requires_grad_()
    results = []
    for enabled in (True, False):
        with functional.skip_zeros(enabled):
            y = conv(x)
        grads = torch.autograd.grad(y.square().sum(), [x, conv.weight], create_graph=True)
        results.append(torch.autograd.grad(sum(g.square().sum() for g in grads), [x, conv.weight]))
    assert "forward" in calls
    for ours, dense in zip(*results, strict=True):
        close(ours, dense)


@pytest.mark.usefixtures("small_work_pays")
def test_checkpoints_and_packed_spikes_see_the_saved_input(calls: list[str]) -> None:
    conv, x = layer.Conv2d(8, 16, 3, padding=1), sparse(8, 8, 18, 18, binary=True)
    grads = []
    for context in (functional.skip_zeros(True), functional.packed_spikes()):
        with context:
            y = conv(x)
        grads.append(torch.autograd.grad(y.square().sum(), conv.weight)[0])
    y = torch.utils.checkpoint.checkpoint(conv, x, use_reentrant=False)
    grads.append(torch.autograd.grad(y.square().sum(), conv.weight)[0])
    assert calls.count("gradient") == 3
    assert torch.equal(grads[0], grads[1])
    assert torch.equal(grads[0], grads[2])


@pytest.mark.usefixtures("small_work_pays")
def test_a_changed_input_is_noticed_before_the_backward_pass() -> None:
    conv, x = layer.Conv2d(8, 16, 3), sparse(2, 8, 9, 9)
    y = conv(x)
    x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@pytest.mark.usefixtures("small_work_pays")
def test_without_a_compiler_the_dense_layer_runs_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(build, "compiler", lambda: None)
    monkeypatch.setattr(_layer_kernels, "_told", set())
    _layer_kernels.problem.cache_clear()
    conv, x = layer.Conv2d(8, 16, 3), sparse(2, 8, 9, 9)
    try:
        with caplog.at_level(logging.INFO):
            for _ in range(2):
                assert torch.equal(conv(x), F.conv2d(x, conv.weight, conv.bias))
    finally:
        _layer_kernels.problem.cache_clear()
    assert [record.message for record in caplog.records] == [
        "convolutions and linear layers are PyTorch's own: no C++ compiler was found ($CXX, g++, c++ or clang++)"
    ]


@pytest.mark.usefixtures("small_work_pays")
def test_dense_inputs_do_not_ask_for_the_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(_sparse, "problem", lambda: asked.append("built"))
    conv = layer.Conv2d(8, 16, 3, padding=1)
    conv(torch.rand(4, 8, 16, 16))
    assert asked == []
    conv(sparse(4, 8, 16, 16))
    assert asked == ["built"]


@pytest.mark.parametrize("density", [0.0, 0.02, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("last", [False, True])
def test_density_is_estimated(density: float, last: bool) -> None:
    x = sparse(8, 64, 28, 28, density=density)
    x = x.contiguous(memory_format=torch.channels_last) if last else x
    assert _choice.density(x) == pytest.approx(density, abs=0.03)


def test_density_sees_a_pattern_in_columns_or_channels() -> None:
    columns, channels = torch.zeros(8, 64, 32, 32), torch.zeros(8, 64, 32, 32)
    columns[..., 0] = 1
    channels[:, :32] = 1
    assert _choice.density(columns) == pytest.approx(1 / 32, abs=0.02)
    assert _choice.density(channels) == pytest.approx(0.5, abs=0.05)
    assert _choice.density(columns[..., :3]) == 1.0  # gaps


def test_empty_and_odd_inputs() -> None:
    assert products.linear(torch.zeros(0, 4), torch.rand(3, 4), None) is None
    assert products.convolution(torch.zeros(2, 3, 4, 4), torch.rand(3, 5, 1, 1), None, (1, 1), (0, 0)) is None
