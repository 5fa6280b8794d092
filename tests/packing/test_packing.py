"""What is packed comes back to the last bit, and layers keep their spikes packed with the gradients unchanged."""

import copy
import gc
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from spikingjelly import _layer_kernels, packing
from spikingjelly.activation_based import functional, layer, memopt
from spikingjelly.fusion import build
from spikingjelly.packing import _packed, _saved
from tests.versions import needs_torch

packs = needs_torch("2.8", "Packing the inputs of layers")

pytestmark = pytest.mark.skipif(build.compiler() is None, reason="needs a C++ compiler")


@pytest.fixture(autouse=True)
def small_tensors_are_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_saved, "SMALLEST", 1)
    monkeypatch.setattr(_saved, "FEWEST_PRODUCTS", 1)


@pytest.fixture
def packed_bits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The bits of an element of what is packed."""
    seen: list[int] = []

    def pack(x: torch.Tensor) -> packing.Packed | None:
        packed = _packed.pack(x)
        seen.extend([] if packed is None else [8 * packed.values.nbytes // (-(-packed.values.n // 64) * 64)])
        return packed

    monkeypatch.setattr(_saved, "pack", pack)
    return seen


def same(x: torch.Tensor, y: torch.Tensor) -> bool:
    return x.stride() == y.stride() and torch.equal(x.view(torch.int32), y.view(torch.int32))


@given(
    st.integers(1, 20000), st.sampled_from([(0, 1, 1), (0, 15, 4), (0, 16, 8), (-1, 1, 8), (-128, 127, 8), (0, 255, 8)])
)
def test_values_come_back_in_few_bits(n: int, case: tuple[int, int, int]) -> None:
    low, high, bits = case
    x = torch.randint(low, high + 1, (n,)).float()
    x[0], x[-1] = low, high
    packed = packing.pack(x)
    assert packed is not None
    assert same(packed.unpack(), x)
    if n > 1:
        assert packed.values.nbytes == -(-n // 64) * 64 * bits // 8


@pytest.mark.parametrize("value", [0.5, -0.0, float("nan"), float("inf"), -float("inf"), 256.0, -129.0, 3e9, 1e-40])
@pytest.mark.parametrize("place", [0, 5, 63, 9999, 16383, 16384, 19998])
def test_other_values_are_left_alone(value: float, place: int) -> None:
    x = (torch.rand(20000) < 0.2).float()
    x[place] = value
    assert packing.pack(x) is None
    x += 2  # and among larger ones
    x[place] = value
    assert packing.pack(x) is None


@pytest.mark.parametrize("n", [1, 2, 3, 7, 15, 16, 17, 63, 64, 65])
@pytest.mark.parametrize("value", [0.5, -0.0, float("nan"), float("inf"), 256.0])
def test_other_values_among_few(value: float, n: int) -> None:
    """Compilers treat the last elements, which fill no vector, otherwise than the rest."""
    for place in range(n):
        x = torch.arange(n).remainder(3).float()
        x[place] = value
        assert packing.pack(x) is None


@pytest.mark.parametrize("rare", [(7, 4), (100, 8), (-1, 8), (200, 8)])
def test_a_rare_larger_value_takes_more_bits(rare: tuple[int, int]) -> None:
    value, bits = rare
    x = (torch.rand(20000) < 0.2).float()
    x[10001] = value  # not in the sample
    packed = packing.pack(x)
    assert packed is not None
    assert packed.values.nbytes == -(-20000 // 64) * 64 * bits // 8
    assert torch.equal(packed.unpack(), x)


def test_values_of_no_one_kind_are_left_alone() -> None:
    x = (torch.rand(20000) < 0.2).float()
    x[10001], x[12001] = -1, 200
    assert packing.pack(x) is None


VIEWS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "whole": lambda x: x,
    "transposed": lambda x: x.transpose(1, 3),
    "part": lambda x: x[1:],
    "more dimensions": lambda x: x.unsqueeze(2),
    "channels last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "expanded": lambda x: x[:1].expand(4, -1, -1, -1),
}
GAPS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "columns": lambda x: x[..., 1:],
    "every other": lambda x: x[:, ::2],
    "windows that overlap": lambda x: x.as_strided((3, 3), (1, 1)),
    "empty": lambda x: x[:0],
}


@pytest.mark.parametrize("name", VIEWS)
def test_any_order_in_memory(name: str) -> None:
    x = VIEWS[name]((torch.rand(3, 4, 5, 6) < 0.3).float())
    packed = packing.pack(x)
    assert packed is not None
    assert same(packed.unpack(), x)


@pytest.mark.parametrize("name", GAPS)
def test_gaps_in_memory_are_left_alone(name: str) -> None:
    assert packing.pack(GAPS[name](torch.ones(3, 4, 5, 6))) is None


def test_any_number_of_threads() -> None:
    x = (torch.rand(100_003) < 0.3).float()
    before = torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            packed = packing.pack(x)
            assert packed is not None
            assert torch.equal(packed.unpack(), x)
    finally:
        torch.set_num_threads(before)


LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "Conv2d": (lambda: layer.Conv2d(4, 6, 3, step_mode="m"), (4, 2, 4, 9, 9)),
    "Conv2d in groups": (lambda: layer.Conv2d(4, 6, 3, groups=2, stride=2, step_mode="m"), (4, 2, 4, 9, 9)),
    "Conv1d": (lambda: layer.Conv1d(4, 6, 1, bias=False, step_mode="m"), (4, 2, 4, 9)),
    "Conv3d": (lambda: layer.Conv3d(4, 6, 2, step_mode="m"), (4, 2, 4, 3, 4, 5)),
    "Linear": (lambda: layer.Linear(12, 5, step_mode="m"), (4, 2, 12)),
    "Linear without bias": (lambda: layer.Linear(12, 5, bias=False, step_mode="m"), (4, 2, 12)),
    "large Conv2d": (lambda: layer.Conv2d(32, 64, 3, padding=1, step_mode="m"), (4, 2, 32, 24, 24)),
    "large Linear": (lambda: layer.Linear(256, 64, step_mode="m"), (4, 256, 256)),
}


@packs
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(("rate", "most", "bits"), [(0.1, 1, 1), (0.9, 1, 1), (0.6, 5, 4), (0.6, 20, 8)])
def test_gradients_of_layers_are_those_without_packing(
    name: str, rate: float, most: int, bits: int, packed_bits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    make, shape = LAYERS[name]
    net, x = make(), ((torch.rand(shape) < rate) * torch.randint(1, most + 1, shape)).float()
    x.view(-1)[0] = most
    results = []
    for smallest in (1, 1 << 40):
        monkeypatch.setattr(_saved, "SMALLEST", smallest)
        own = x.clone().requires_grad_()
        y = net(own * 1)
        results.append([y, *torch.autograd.grad(y.cos().sum(), [own, *net.parameters()])])
    assert packed_bits == [bits]
    for ours, plain in zip(*results, strict=True):
        assert torch.equal(ours, plain)


@packs
def test_products_of_an_attention(packed_bits: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    attention = layer.SpikingSelfAttention(16, 2)
    x = torch.randint(3, (2, 2, 16, 12)).float()
    results = []
    for smallest in (1, 1 << 40):
        monkeypatch.setattr(_saved, "SMALLEST", smallest)
        functional.reset_net(attention)
        attention.zero_grad()
        y = copy.deepcopy(attention)(x)
        results.append(torch.autograd.grad(attention(x).square().sum() + 0 * y.sum(), list(attention.parameters())))
    assert packed_bits.count(1) >= 2 * 4  # of each run: q, k, v and the input of the last layer
    for ours, plain in zip(*results, strict=True):
        assert torch.equal(ours, plain)


@packs
@pytest.mark.parametrize("name", ["Conv2d", "Conv1d", "Linear", "large Conv2d"])
def test_second_derivatives(name: str, packed_bits: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    make, shape = LAYERS[name]
    net, x = make(), (torch.rand(shape) < 0.1).float().requires_grad_()
    results = []
    for smallest in (1, 1 << 40):
        monkeypatch.setattr(_saved, "SMALLEST", smallest)
        grads = torch.autograd.grad(net(x).cos().sum(), [x, net.weight], create_graph=True)
        results.append(torch.autograd.grad(sum(g.square().sum() for g in grads), [x, net.weight]))
    assert packed_bits
    for ours, plain in zip(*results, strict=True):
        assert torch.equal(ours, plain)
        assert ours.abs().sum() > 0


@packs
@pytest.mark.parametrize("name", LAYERS)
def test_the_input_itself_is_free(name: str) -> None:
    make, shape = LAYERS[name]
    x = (torch.rand(shape) < 0.1).float()
    pieces = [x.clone()]
    memory = torch.multiprocessing.reductions.StorageWeakRef(pieces[0].untyped_storage())
    y = make()(pieces.pop())
    gc.collect()
    assert memory.expired()
    y.sum().backward()


def test_the_graph_may_be_used_again() -> None:
    conv, x = layer.Conv2d(4, 6, 3), (torch.rand(2, 4, 9, 9) < 0.2).float()
    loss = conv(x).square().sum()
    first, again = (torch.autograd.grad(loss, conv.weight, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, again)


@packs
def test_a_change_in_place_leaves_the_gradient_right() -> None:
    conv, x = layer.Conv2d(4, 6, 3), (torch.rand(2, 4, 9, 9) < 0.2).float()
    (expected,) = torch.autograd.grad(conv(x).square().sum(), conv.weight)
    loss = conv(x).square().sum()
    x.zero_()
    assert torch.equal(torch.autograd.grad(loss, conv.weight)[0], expected)


def test_a_change_of_what_is_not_packed_is_an_error() -> None:
    conv, x = layer.Conv2d(4, 6, 3), torch.rand(2, 4, 9, 9)
    loss = conv(x).sum()
    x.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()
    spikes = (x + 1).requires_grad_()
    loss = conv(spikes).sum()
    with torch.no_grad():
        conv.weight.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@packs
def test_hooks_say_themselves_what_is_kept(packed_bits: list[int]) -> None:
    conv, x = layer.Conv2d(4, 6, 3), (torch.rand(2, 4, 9, 9) < 0.2).float()
    seen: list[torch.Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: (seen.append(t), t)[1], lambda t: t):
        conv(x).sum().backward()
    assert any(t.data_ptr() == x.data_ptr() for t in seen)
    with torch.autograd.graph.save_on_cpu(), functional.packed_spikes():
        conv(x).sum().backward()
    torch.utils.checkpoint.checkpoint(conv, x, use_reentrant=False).sum().backward()
    memopt.optimize_memory(nn.Sequential(conv), level=1)(x).sum().backward()
    assert packed_bits == []
    conv(x).sum().backward()
    assert packed_bits == [1]


OTHERS: dict[str, Callable[[nn.Module, torch.Tensor], object]] = {
    "no gradient": lambda net, x: torch.no_grad()(net)(x),
    "autocast": lambda net, x: torch.autocast("cpu", torch.bfloat16)(net)(x),
    "double precision": lambda net, x: copy.deepcopy(net).double()(x.double()),
    "circular padding": lambda net, x: layer.Conv2d(4, 6, 3, padding=1, padding_mode="circular")(x + 0.5),
    "vmap": lambda net, x: torch.func.vmap(net)(x.unsqueeze(1)),
    "grad": lambda net, x: torch.func.grad(lambda x: net(x).sum())(x),
    "fx": lambda net, x: torch.fx.symbolic_trace(nn.Sequential(net))(x),
    "meta": lambda net, x: copy.deepcopy(net).to("meta")(x.to("meta")),
}


@pytest.mark.parametrize("name", OTHERS)
def test_nothing_is_packed_of(name: str, packed_bits: list[int]) -> None:
    OTHERS[name](layer.Conv2d(4, 6, 3), (torch.rand(2, 4, 9, 9) < 0.2).float())
    assert packed_bits == []


@packs
def test_small_tensors_are_kept_as_they_are(packed_bits: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    conv, x = layer.Conv2d(4, 6, 3), torch.ones(2, 4, 9, 9)
    monkeypatch.setattr(_saved, "SMALLEST", x.numel() + 1)
    conv(x)
    assert packed_bits == []
    monkeypatch.setattr(_saved, "SMALLEST", x.numel())
    conv(x)
    assert packed_bits == [1]


@packs
@pytest.mark.parametrize(
    ("net", "expected"),
    [
        (layer.Linear(4, 7), [1]),
        (layer.Linear(4, 6), []),
        (layer.Conv2d(4, 6, 3), [1]),
        (layer.Conv2d(4, 3, 1), []),
        (layer.Conv2d(4, 12, (1, 2), groups=4), []),
        (layer.Conv2d(4, 16, (1, 2), groups=4), [1]),
    ],
)
def test_layers_of_few_products_keep_their_input(
    net: nn.Module, expected: list[int], packed_bits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_saved, "FEWEST_PRODUCTS", 7)
    net(torch.ones(2, 4, 9, 4))
    assert packed_bits == expected
    assert net._packs_what_it_saves == bool(expected)


def test_without_a_compiler_nothing_is_packed(monkeypatch: pytest.MonkeyPatch, packed_bits: list[int]) -> None:
    monkeypatch.setattr(build, "compiler", lambda: None)
    _layer_kernels.problem.cache_clear()
    conv, x = layer.Conv2d(4, 6, 3), torch.ones(2, 4, 9, 9)
    try:
        y = conv(x)
    finally:
        _layer_kernels.problem.cache_clear()
    assert packed_bits == []
    assert torch.equal(torch.autograd.grad(y.sum(), conv.weight)[0][0, 0], torch.full((3, 3), 2.0 * 49))
    assert torch.equal(y, F.conv2d(x, conv.weight, conv.bias))
