"""Max pooling is PyTorch's to the last bit, and keeps less for its gradient."""

import logging
from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from spikingjelly import _layer_kernels, pooling
from spikingjelly.activation_based import layer
from spikingjelly.fusion import build
from spikingjelly.pooling import _kernels, _max_pool

pytestmark = pytest.mark.skipif(build.compiler() is None, reason="needs a C++ compiler")

WINDOWS = [
    pooling.Window((3, 3), (2, 2), (1, 1), (1, 1), False),
    pooling.Window((2, 2), (2, 2), (0, 0), (1, 1), True),
    pooling.Window((2, 2), (2, 2), (0, 0), (1, 1), False),
    pooling.Window((3, 2), (2, 1), (1, 0), (1, 2), False),
    pooling.Window((5, 3), (3, 4), (2, 1), (2, 1), True),
    pooling.Window((2, 4), (3, 5), (1, 2), (1, 1), True),
]


@pytest.fixture(autouse=True)
def small_work_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_max_pool, "SMALLEST_WORK", 1)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Which kernels have run."""
    ran: list[str] = []
    for name in ("forward", "backward"):
        kernel = getattr(_kernels, name)
        monkeypatch.setattr(_kernels, name, lambda *a, _k=kernel, _n=name, **kw: (ran.append(_n), _k(*a, **kw))[1])
    return ran


def inputs(kind: str, last: bool, *shape: int) -> torch.Tensor:
    x = (torch.rand(shape) < 0.2).float() if kind == "spikes" else torch.randn(shape)
    if kind == "holes":
        x[torch.rand(shape) < 0.1] = float("nan")
        x[torch.rand(shape) < 0.4] = -float("inf")
    return x.contiguous(memory_format=torch.channels_last) if last else x


def same(actual: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=0, equal_nan=True)
    assert actual.stride() == expected.stride()


@pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])
@pytest.mark.parametrize("kind", ["spikes", "numbers", "holes"])
@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_values_and_gradients_are_those_of_pytorch(window: pooling.Window, kind: str, last: bool) -> None:
    for shape in ((2, 3, 17, 19), (3, 70, 6, 40), (1, 1, 5, 5)):
        data = inputs(kind, last, *shape)
        leaves = [data.clone().requires_grad_() for _ in range(3)]
        expected = F.max_pool2d(leaves[0], *window)
        by_kernel = pooling.max_pool2d(leaves[1], window)
        by_indices = _max_pool._ByIndices.apply(leaves[2], window)
        without_gradient = pooling.max_pool2d(data, window)
        assert by_kernel is not None
        assert without_gradient is not None
        assert without_gradient.grad_fn is None
        grad = torch.randn_like(expected)
        for y in (expected, by_kernel, by_indices):
            same(y, expected)
            y.backward(grad)
        same(without_gradient, expected)
        for leaf in leaves[1:]:
            assert leaf.grad is not None
            assert leaves[0].grad is not None
            same(leaf.grad, leaves[0].grad)


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_it_can_be_differentiated_twice(window: pooling.Window) -> None:
    x = torch.randn(2, 3, 17, 19, requires_grad=True)
    seconds = []
    for pool in (F.max_pool2d, lambda x, *w: pooling.max_pool2d(x, pooling.Window(*w))):
        y = pool(x, *window)
        (first,) = torch.autograd.grad(y.pow(3).sum(), x, create_graph=True)
        (second,) = torch.autograd.grad(first.pow(2).sum(), x)
        seconds.append(second)
    torch.testing.assert_close(seconds[1], seconds[0])
    assert seconds[0].abs().sum() > 0


def kept_bytes(net: torch.nn.Module, x: torch.Tensor) -> int:
    kept: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: (kept.append(t.nbytes), t)[1], lambda t: t):
        net(x)
    return sum(kept)


def test_the_layer_keeps_a_byte_for_each_output(calls: list[str]) -> None:
    x = torch.rand(4, 2, 3, 16, 16, requires_grad=True)
    outputs = 4 * 2 * 3 * 8 * 8
    net = layer.MaxPool2d(2, step_mode="m")
    assert kept_bytes(net, x) == outputs
    assert calls == ["forward"]
    assert kept_bytes(torch.nn.MaxPool2d(2), x.flatten(0, 1)) == 4 * x.numel() + 8 * outputs
    net(x).sum().backward()
    assert calls == ["forward", "forward", "backward"]


def test_few_bytes_for_the_indices_of_large_planes() -> None:
    for side, size in ((8, 2), (200, 4)):
        x = torch.rand(1, 1, side, side, requires_grad=True)
        kept: list[torch.Tensor] = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t: (kept.append(t), t)[1], lambda t: t):  # noqa: B023
            y = _max_pool._ByIndices.apply(x, WINDOWS[0])
        y.sum().backward()
        assert [t.itemsize for t in kept] == [size]
        assert x.grad is not None
        same(x.grad, torch.autograd.grad(F.max_pool2d(x, *WINDOWS[0]).sum(), x)[0])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda x: x.double(), "float64"),
        (lambda x: x[0], "no batch"),
        (lambda x: x[..., ::2], "gaps in memory"),
        (lambda x: x[:0], "no samples"),
        (lambda x: x.long(), "integers"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_what_the_kernel_does_not_take_is_pytorchs(change, reason: str, calls: list[str]) -> None:  # type: ignore[no-untyped-def]
    x = change(torch.rand(2, 3, 8, 8) * 10)
    same(layer.MaxPool2d(2)(x), F.max_pool2d(x, 2))
    assert calls == [], reason


def test_small_work_is_pytorchs(calls: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert layer.MaxPool2d(2)(torch.rand(1, 1, 4, 4)).shape == (1, 1, 2, 2)
    assert calls == []


def test_indices_are_pytorchs(calls: list[str]) -> None:
    _, indices = layer.MaxPool2d(2, return_indices=True)(torch.rand(1, 1, 4, 4))
    assert indices.dtype == torch.int64
    assert calls == []


def test_wrong_arguments_are_explained_by_pytorch() -> None:
    with pytest.raises(RuntimeError, match="pad should be"):
        layer.MaxPool2d(2, padding=2)(torch.rand(1, 1, 4, 4))
    with pytest.raises(RuntimeError, match="[Oo]utput size is too small"):
        layer.MaxPool2d(9)(torch.rand(1, 1, 4, 4))


def test_transforms_and_modes_see_pytorchs_operator(calls: list[str]) -> None:
    x = torch.rand(3, 1, 2, 8, 8)
    net = layer.MaxPool2d(2)
    same(torch.func.vmap(net)(x), torch.stack([F.max_pool2d(one, 2) for one in x]))
    same(torch.func.grad(lambda x: net(x).sum())(x[0]), torch.func.grad(lambda x: F.max_pool2d(x, 2).sum())(x[0]))
    with FlopCounterMode(display=False):
        net(x[0])
    assert calls == []


def test_modes_of_functions_see_one_call() -> None:
    seen: list[str] = []

    class See(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            seen.append(getattr(function, "__name__", ""))
            return function(*args, **(kwargs or {}))

    x = torch.rand(1, 2, 8, 8)
    with See():
        y = layer.MaxPool2d(2)(x)
    same(y, F.max_pool2d(x, 2))
    assert "pooled" in seen


def test_without_a_compiler_there_is_one_message(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, calls: list[str]
) -> None:
    monkeypatch.setattr(_kernels, "problem", lambda: "no C++ compiler was found for this test")
    monkeypatch.setattr(_layer_kernels, "_told", set())
    caplog.set_level(logging.INFO, "spikingjelly")
    x = torch.rand(1, 2, 8, 8)
    for _ in range(2):
        same(layer.MaxPool2d(2)(x), F.max_pool2d(x, 2))
    assert calls == []
    assert [record.getMessage() for record in caplog.records] == [
        "max pooling is PyTorch's own: no C++ compiler was found for this test"
    ]


def test_compiled_networks_take_pytorchs_operator() -> None:
    net = layer.MaxPool2d(2)
    x = torch.rand(2, 2, 8, 8)
    same(torch.compile(net, fullgraph=True, backend="aot_eager")(x), F.max_pool2d(x, 2))


def test_any_number_of_threads_gives_the_same_bits() -> None:
    x = torch.randn(3, 5, 20, 20)
    threads = torch.get_num_threads()
    results = []
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            leaf = x.clone().requires_grad_()
            y = pooling.max_pool2d(leaf, WINDOWS[0])
            assert y is not None
            y.backward(torch.ones_like(y) / 3)
            results.append((y.detach(), leaf.grad))
    finally:
        torch.set_num_threads(threads)
    for one, three in zip(*results, strict=True):
        assert one is not None
        assert three is not None
        same(three, one)
