"""Sums that are looked up are those of the dense layers, for inputs of one bit or two."""

import math
from collections.abc import Iterator
from contextlib import nullcontext

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly import products
from spikingjelly.activation_based import functional, layer, neuron
from spikingjelly.fusion import build
from spikingjelly.products import _choice, _tables, _ways
from spikingjelly.products._ways import Ways

pytestmark = pytest.mark.skipif(
    build.compiler() is None or not _tables.can_run_here(), reason="needs a C++ compiler and a processor with AVX-512"
)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Which kernels have run."""
    ran: list[str] = []
    for name in ("forward", "gradient"):
        kernel = getattr(_tables, name)
        monkeypatch.setattr(_tables, name, lambda *a, _k=kernel, _n=name: (ran.append(_n), _k(*a))[1])
    return ran


def spikes(*shape: int, largest: int = 1, density: float = 0.3) -> torch.Tensor:
    return (torch.rand(shape) < density).float() * torch.randint(1, largest + 1, shape)


def dense_gradient(
    grad: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, stride: tuple[int, ...], padding: tuple[int, ...]
) -> torch.Tensor:
    wanted = [False, True, False]
    arguments = (grad, x, weight, None, stride, padding, (1, 1), False, (0, 0), 1, wanted)
    result: torch.Tensor = torch.ops.aten.convolution_backward(*arguments)[1]
    return result


def close(actual: torch.Tensor, exact: torch.Tensor) -> None:
    assert actual.shape == exact.shape
    assert float((actual - exact).norm()) <= 1e-6 * float(exact.norm())


@pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])
@pytest.mark.parametrize("largest", [1, 2, 3])
@pytest.mark.parametrize(("kernel", "stride", "padding"), [((3, 3), (1, 1), (1, 1)), ((1, 1), (1, 1), (0, 0)), ((1, 1), (2, 2), (0, 0)), ((3, 3), (2, 1), (0, 2)), ((5, 2), (3, 2), (2, 1))])  # fmt: skip
@pytest.mark.parametrize(("channels", "outputs"), [(3, 5), (32, 6), (33, 13), (70, 20)])
def test_kernels_equal_the_dense_convolution(
    channels: int, outputs: int, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int],
    largest: int, last: bool,
) -> None:  # fmt: skip
    x, weight, bias = spikes(3, channels, 9, 11, largest=largest), torch.randn(outputs, channels, *kernel), torch.randn(outputs)  # fmt: skip
    x = x.contiguous(memory_format=torch.channels_last) if last else x
    bits = _tables.read(x)
    assert bits is not None
    assert bits.planes == (1 if largest == 1 else 2)
    assert bits.density == pytest.approx(float((x != 0).float().mean()))
    for shift in (None, bias):
        y = _tables.forward(bits, x, weight, shift, stride, padding)
        assert y.stride() == F.conv2d(x, weight, shift, stride, padding).stride()
        close(y, F.conv2d(x.double(), weight.double(), None if shift is None else shift.double(), stride, padding))
    grad = torch.randn_like(y)
    exact = dense_gradient(grad.double(), x.double(), weight.double(), stride, padding)
    close(_tables.gradient(bits, x, weight, grad, stride, padding), exact)


@pytest.mark.parametrize("pixels", [1, 15, 64, 600, 1100])
def test_chunks_of_pixels(pixels: int) -> None:
    """The gradient adds up 512 pixels at a time; the last block, of 64, may have a few."""
    x, weight, grad = spikes(1, 7, 1, pixels, largest=3), torch.randn(40, 7, 1, 1), torch.randn(1, 40, 1, pixels)
    bits = _tables.read(x)
    assert bits is not None
    close(_tables.forward(bits, x, weight, None, (1, 1), (0, 0)), F.conv2d(x.double(), weight.double()))
    exact = dense_gradient(grad.double(), x.double(), weight.double(), (1, 1), (0, 0))
    close(_tables.gradient(bits, x, weight, grad, (1, 1), (0, 0)), exact)


def test_threads_make_no_difference() -> None:
    x, weight = spikes(4, 40, 16, 16, largest=2), torch.randn(32, 40, 3, 3)
    grad = torch.randn(4, 32, 16, 16)
    results = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            bits = _tables.read(x)
            assert bits is not None
            results.append(
                (bits.words, _tables.forward(bits, x, weight, None, (1, 1), (1, 1)), _tables.gradient(bits, x, weight, grad, (1, 1), (1, 1)))
            )  # fmt: skip
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


@pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])
@pytest.mark.parametrize("odd", [0.5, -1.0, 4.0, 1e10, math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [(0, 0, 0, 0), (1, 17, 2, 1), (2, 34, 4, 6)])
def test_one_other_entry_is_seen(odd: float, place: tuple[int, int, int, int], last: bool) -> None:
    x = spikes(3, 35, 5, 7, largest=3)
    x = x.contiguous(memory_format=torch.channels_last) if last else x
    x[place] = -0.0
    assert _tables.read(x) is not None
    x[place] = odd
    assert _tables.read(x) is None


def test_zeros_alone() -> None:
    x, weight = torch.zeros(2, 4, 8, 8), torch.randn(6, 4, 3, 3)
    bits = _tables.read(x)
    assert bits is not None
    assert bits[1:] == (1, 0.0)
    assert not _tables.forward(bits, x, weight, None, (1, 1), (1, 1)).any()


def test_a_zero_skips_what_is_infinite() -> None:
    x, weight, grad = torch.zeros(1, 4, 8, 8), torch.full((6, 4, 1, 1), math.inf), torch.full((1, 6, 8, 8), math.nan)
    bits = _tables.read(x)
    assert bits is not None
    assert not _tables.forward(bits, x, weight, None, (1, 1), (0, 0)).any()
    assert not _tables.gradient(bits, x, weight, grad, (1, 1), (0, 0)).any()


MODULES = {
    "Conv2d": (lambda: layer.Conv2d(64, 96, 3, padding=1), (4, 64, 24, 24)),
    "Conv2d with stride": (lambda: layer.Conv2d(64, 96, 3, stride=2, bias=False), (8, 64, 33, 33)),
    "Conv1d": (lambda: layer.Conv1d(256, 128, 1), (8, 256, 64)),
    "Linear": (lambda: layer.Linear(256, 128), (1024, 256)),
}


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("largest", [1, 2])
def test_layers_and_their_gradients(name: str, largest: int, calls: list[str]) -> None:
    make, shape = MODULES[name]
    net, x = make(), spikes(*shape, largest=largest).requires_grad_()
    y = net(x)
    grad = torch.randn_like(y)
    ours = (y, *torch.autograd.grad(y, (x, *net.parameters()), grad))
    if largest == 1:
        assert calls == ["forward", "gradient"]
    with functional.skip_zeros(False):
        y = net(x)
        dense = (y, *torch.autograd.grad(y, (x, *net.parameters()), grad))
    for actual, expected in zip(ours, dense, strict=True):
        torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-5 * float(expected.detach().abs().max()))


@pytest.mark.parametrize("entry", [0.25, 7.0])
def test_other_entries_run_as_before(entry: float, calls: list[str]) -> None:
    conv, x = layer.Conv2d(64, 64, 3, padding=1), spikes(4, 64, 24, 24)
    x[3, 63, 23, 23] = entry
    y = conv(x)
    y.sum().backward()
    assert calls == []
    torch.testing.assert_close(y, F.conv2d(x, conv.weight, conv.bias, 1, 1), rtol=1e-4, atol=1e-5)


def test_switch_and_processor(monkeypatch: pytest.MonkeyPatch, calls: list[str]) -> None:
    conv, x = layer.Conv2d(64, 64, 3, padding=1), spikes(4, 64, 24, 24)
    with functional.skip_zeros(False):
        assert torch.equal(conv(x), F.conv2d(x, conv.weight, conv.bias, 1, 1))
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    _tables.can_run_here.cache_clear()
    try:
        conv(x)
    finally:
        _tables.can_run_here.cache_clear()
    assert calls == []


def test_hooks_may_change_what_is_saved(calls: list[str]) -> None:
    """The input of the backward pass is what the hooks give, be it of bits or not."""
    conv, x = layer.Conv2d(64, 64, 3, padding=1, bias=False), spikes(4, 64, 24, 24)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t + 0.5 if t.shape == x.shape else t):
        y = conv(x)
    y.sum().backward()
    assert calls == ["forward"]
    expected = dense_gradient(torch.ones_like(y), x + 0.5, conv.weight, (1, 1), (1, 1))
    torch.testing.assert_close(conv.weight.grad, expected, rtol=1e-4, atol=1e-3)


def test_packed_spikes_and_sequences(calls: list[str]) -> None:
    net = nn.Sequential(neuron.IFNode(step_mode="m"), layer.Conv2d(64, 64, 3, padding=1, step_mode="m"))
    x = 2 * torch.rand(4, 2, 64, 16, 16)
    gradients = []
    for context in (nullcontext, functional.packed_spikes):
        functional.reset_net(net)
        net.zero_grad()
        with context():
            net(x).square().sum().backward()
        gradients.append(net[1].weight.grad.clone())
    assert calls == ["forward", "gradient"] * 2
    assert torch.equal(*gradients)


def test_second_derivatives(calls: list[str]) -> None:
    conv, x = layer.Conv2d(64, 64, 3, padding=1, bias=False), spikes(4, 64, 24, 24).requires_grad_()

    def penalty() -> torch.Tensor:
        (grad,) = torch.autograd.grad(conv(x).square().sum(), x, create_graph=True)
        return torch.autograd.grad(grad.square().sum(), conv.weight)[0]

    ours = penalty()
    assert calls == ["forward", "gradient"]  # the latter in the last pass, which is not differentiated again
    with functional.skip_zeros(False):
        torch.testing.assert_close(ours, penalty(), rtol=1e-4, atol=1e-4 * float(ours.detach().abs().max()))


def ways(shape: tuple[int, int, int, int], weight: tuple[int, int, int, int], planes: int, density: float) -> Ways:
    x, padding = torch.empty(shape), (weight[2] // 2, weight[3] // 2)
    return _ways.choose(x, torch.empty(weight, requires_grad=True), (1, 1), padding, False, density, planes)


def test_ways_of_a_layer() -> None:
    both = Ways(planes=1, planes_of_weight=1)
    assert ways((8, 128, 28, 28), (128, 128, 3, 3), 1, 0.15) == both
    assert ways((8, 128, 28, 28), (128, 128, 3, 3), 1, 0.9) == both
    assert ways((8, 128, 28, 28), (128, 128, 3, 3), 2, 0.9) == Ways(tile=2, tile_of_weight=4)
    assert ways((8, 384, 1, 256), (1536, 384, 1, 1), 2, 0.9) == Ways(planes=2, planes_of_weight=2)
    assert ways((8, 384, 1, 4), (1536, 384, 1, 1), 2, 0.9) == Ways(planes_of_weight=2)
    assert ways((8, 1536, 1, 64), (384, 1536, 1, 1), 1, 0.01) == Ways(sparse=True, planes_of_weight=1)
    assert ways((8, 128, 28, 28), (128, 128, 3, 3), 1, 0.02) == Ways(sparse=True, sparse_weight=True)
    with torch.no_grad():
        assert ways((8, 128, 28, 28), (128, 128, 3, 3), 1, 0.15) == Ways(planes=1)


def test_images_that_would_take_much_memory_run_as_before() -> None:
    weight = torch.empty(64, 64, 3, 3)
    assert _tables.can_take(torch.empty(8, 64, 56, 56), weight, (1, 1))
    assert not _tables.can_take(torch.empty(8, 64, 224, 224, device="meta"), weight, (1, 1))
    assert _tables.can_take(torch.empty(8, 64, 224, 224, device="meta"), weight, (4, 4))


def test_without_kernels_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tables, "problem", lambda: "no compiler")
    monkeypatch.setattr(_tables, "read", None)
    monkeypatch.setattr(_choice, "SMALLEST_WORK", 1)
    x, weight = spikes(4, 64, 24, 24), torch.randn(64, 64, 3, 3)
    y = products.convolution(x, weight, None, (1, 1), (1, 1))
    assert y is not None
    torch.testing.assert_close(y, F.conv2d(x, weight, None, 1, 1), rtol=1e-4, atol=1e-4)


def test_words_and_rows_that_are_not_full_count() -> None:
    assert _tables.excess(torch.empty(12, 64, 3, 3)) == 1
    assert _tables.excess(torch.empty(12, 16, 1, 1)) == 2
    assert _tables.excess(torch.empty(8, 64, 1, 1)) == 1.5
    assert ways((16, 64, 28, 28), (128, 64, 3, 3), 1, 0.9).planes == 1
    assert ways((16, 16, 28, 28), (128, 16, 3, 3), 1, 0.9).planes == 0


@pytest.mark.parametrize(("x", "planes"), [([0.0], 1), ([0.0, 1.0], 1), ([0.0, 2.0], 2), ([1.0, 3.0], 2), ([4.0], 0), ([0.5], 0)])  # fmt: skip
@pytest.mark.parametrize("gaps", [False, True])
def test_planes_at_a_glance(x: list[float], planes: int, gaps: bool) -> None:
    image = torch.tensor(x).repeat(4, 32, 40 // len(x), 20)
    assert _tables.planes_at_a_glance(image[..., 1:] if gaps else image) == planes


def test_a_rare_larger_entry_is_found_when_the_bits_are_read(calls: list[str]) -> None:
    x, weight = spikes(8, 384, 1, 256), torch.randn(1536, 384, 1, 1)
    for rare, expected in ((3.0, ["forward"]), (4.0, [])):
        x[3, 200, 0, 101] = rare  # between those that are looked at
        calls.clear()
        y = products.convolution(x, weight, None, (1, 1), (0, 0))
        assert calls == expected
        if y is not None:
            close(y, F.conv2d(x.double(), weight.double()))


def test_few_channels_are_left_to_pytorch(calls: list[str]) -> None:
    for channels, expected in ((31, []), (32, ["forward"])):
        calls.clear()
        products.convolution(spikes(8, channels, 28, 28), torch.randn(64, channels, 3, 3), None, (1, 1), (1, 1))
        assert calls == expected


def test_a_linear_layer_whose_gradients_alone_would_gain_is_pytorchs(calls: list[str]) -> None:
    weight = torch.randn(512, 512, requires_grad=True)
    x = spikes(300, 512, largest=3)
    image = x.view(1, 300, 1, 512).permute(0, 3, 1, 2)
    chosen = _ways.choose(image, weight[:, :, None, None], (1, 1), (0, 0), False, 0.3, 2)
    assert (chosen.planes, chosen.planes_of_weight) == (0, 2)
    layer.Linear(512, 512)(x).sum().backward()
    assert calls == []
