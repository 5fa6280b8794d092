"""Gradients with packed spikes are those without, to the last bit, from an eighth of a byte a spike."""

import copy
import gc
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.checkpoint import checkpoint

from spikingjelly.activation_based import functional, layer, neuron, surrogate
from spikingjelly.activation_based.functional import _packed_spikes

N = 20000  # more than the smallest tensor that is packed, and no multiple of 64
FLOATS = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
DTYPES = [*FLOATS, torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]


class Keep(torch.autograd.Function):
    """Saves its inputs; its gradient is what was saved of the first."""

    @staticmethod
    def forward(ctx, w: torch.Tensor, *saved: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(*saved)
        return w.clone()

    @staticmethod
    def backward(ctx, grad: torch.Tensor) -> tuple:
        Keep.unpacked = ctx.saved_tensors
        return grad, *[None] * len(ctx.saved_tensors)


def through_autograd(*saved: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """What the backward pass is given of tensors that were saved inside the context."""
    w = torch.ones(1, requires_grad=True)
    with functional.packed_spikes():
        y = Keep.apply(w, *saved)
    y.backward()
    return Keep.unpacked


def spikes(*shape: int, dtype: torch.dtype = torch.float32, rate: float = 0.3) -> torch.Tensor:
    return (torch.rand(shape) < rate).to(dtype)


def bytes_in(tensor: torch.Tensor) -> bytes:
    integer = _packed_spikes._INTEGERS[tensor.dtype]
    return tensor.contiguous().view(integer).numpy().tobytes()


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """To the last bit, and lying in memory alike."""
    facts = [(t.dtype, t.shape, t.stride(), bytes_in(t)) for t in (one, other)]
    return facts[0] == facts[1]


def is_packed(tensor: torch.Tensor) -> bool:
    return isinstance(_packed_spikes._Packer().pack(tensor), _packed_spikes._Packed)


@pytest.fixture
def every_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small tensors are packed too, in several blocks."""
    monkeypatch.setattr(_packed_spikes, "_SMALLEST", 1)
    monkeypatch.setattr(_packed_spikes, "_BLOCK", 16)


def any_spikes(data: st.DataObject) -> torch.Tensor:
    """Any shape, dtype and order of the memory, some dimensions expanded."""
    shape = data.draw(st.lists(st.integers(0, 7), max_size=4))
    dtype = data.draw(st.sampled_from(DTYPES))
    rate = data.draw(st.sampled_from([0.0, 0.3, 1.0]))
    tensor = spikes(*shape, dtype=dtype, rate=rate).permute(data.draw(st.permutations(range(len(shape)))))
    for dimension, size in enumerate(tensor.shape):
        if size == 1 and data.draw(st.booleans()):
            tensor = tensor.expand([3 if i == dimension else n for i, n in enumerate(tensor.shape)])
    return tensor


@given(data=st.data())
def test_any_tensor_comes_back_as_it_was(data: st.DataObject) -> None:
    tensor = any_spikes(data)
    if tensor.numel() and data.draw(st.booleans()):
        value = data.draw(st.sampled_from([-0.0, float("nan"), 2.0, 0.5])) if tensor.is_floating_point() else 1
        tensor = tensor.clone(memory_format=torch.preserve_format)
        tensor[tuple(data.draw(st.integers(0, n - 1)) for n in tensor.shape)] = value
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_packed_spikes, "_SMALLEST", 1)
        patch.setattr(_packed_spikes, "_BLOCK", 16)
        (unpacked,) = through_autograd(tensor)
    assert same(unpacked, tensor)


@pytest.mark.usefixtures("every_size")
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("n", [1, 7, 8, 9, 16, 4099])
def test_both_ways_of_packing_give_the_same_bits(n: int, dtype: torch.dtype) -> None:
    """torch's operations are for CUDA, but run anywhere; numpy's packbits says which bits they must give."""
    tensor = spikes(n, dtype=dtype, rate=0.5)
    integers, one = tensor.view(_packed_spikes._INTEGERS[dtype]), _packed_spikes._ONE[dtype]
    expected = np.packbits(tensor.bool().numpy())
    for pack, unpack in (
        (_packed_spikes._pack_numpy, _packed_spikes._unpack_numpy),
        (_packed_spikes._pack_torch, _packed_spikes._unpack_torch),
    ):
        bits = pack(integers, one)
        assert bits.dtype == torch.uint8
        assert np.array_equal(bits.numpy(), expected)
        assert same(unpack(bits, dtype)[:n], tensor)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("value", [-0.0, float("nan"), float("inf"), -1.0, 0.5, 2.0, 5e-8], ids=str)
@pytest.mark.parametrize("place", [0, N // 2 + 1, N - 1])
def test_one_other_value_anywhere_and_nothing_is_packed(place: int, value: float, dtype: torch.dtype) -> None:
    tensor = spikes(N, dtype=dtype)
    assert is_packed(tensor)
    tensor[place] = value
    integers, one = tensor.view(_packed_spikes._INTEGERS[dtype]), _packed_spikes._ONE[dtype]
    assert _packed_spikes._pack_numpy(integers, one) is None
    assert _packed_spikes._pack_torch(integers, one) is None
    assert same(through_autograd(tensor)[0], tensor)


NOT_PACKED: dict[str, Callable[[], torch.Tensor]] = {
    "small": lambda: spikes(_packed_spikes._SMALLEST - 1),
    "of little memory": lambda: spikes(100, 1).expand(100, N),
    "with gaps": lambda: spikes(200, 200)[:, ::2],
    "overlapping": lambda: spikes(N).as_strided((N - 2, 3), (1, 1)),
    "a leaf with a gradient": lambda: spikes(N).requires_grad_(),
    "a parameter": lambda: nn.Parameter(spikes(N), requires_grad=False),
    "complex": lambda: spikes(N).to(torch.complex64),
    "negated in passing": lambda: torch.complex(torch.zeros(N), spikes(N)).conj().imag,
    "sparse": lambda: spikes(200, 200).to_sparse(),
    "without data": lambda: torch.zeros(N, device="meta"),
}


@pytest.mark.parametrize("name", NOT_PACKED)
def test_what_is_not_packed_keeps_its_memory(name: str) -> None:
    tensor = NOT_PACKED[name]()
    saved = _packed_spikes._Packer().pack(tensor)
    assert isinstance(saved, _packed_spikes._Whole)
    restored = _packed_spikes._unpack(saved)
    if tensor.layout is torch.strided:
        assert restored.data_ptr() == tensor.data_ptr()
        assert (restored.shape, restored.stride()) == (tensor.shape, tensor.stride())


def test_of_an_expanded_tensor_its_memory_is_packed() -> None:
    tensor = spikes(N).expand(50, N)
    saved = _packed_spikes._Packer().pack(tensor)
    assert saved.bits.bits.numel() == N // 8
    (unpacked,) = through_autograd(tensor)
    assert same(unpacked, tensor)
    assert unpacked.untyped_storage().nbytes() == 4 * N


def network(backend: str) -> nn.Sequential:
    def fire() -> nn.Module:
        return neuron.LIFNode(surrogate_function=surrogate.ATan(), backend=backend)

    torch.manual_seed(0)
    net = nn.Sequential(
        layer.Conv2d(1, 8, 3, padding=1), layer.BatchNorm2d(8), fire(),
        layer.Conv2d(8, 8, 3, padding=1), layer.BatchNorm2d(8), fire(), layer.MaxPool2d(2),
        layer.Flatten(), layer.Dropout(0.2), layer.Linear(8 * 12 * 12, 10),
    )  # fmt: skip
    functional.set_step_mode(net, "m")
    return net


IMAGES = torch.rand(4, 6, 1, 24, 24, generator=torch.Generator().manual_seed(0)) * 4
Forward = Callable[[nn.Module, torch.Tensor], torch.Tensor]


def plain(net: nn.Module, x_seq: torch.Tensor) -> torch.Tensor:
    return net(x_seq)


def from_rest(module: nn.Module, x_seq: torch.Tensor) -> torch.Tensor:
    functional.reset_net(module)
    return module(x_seq)


def checkpointed(reentrant: bool) -> Forward:
    def forward(net: nn.Module, x_seq: torch.Tensor) -> torch.Tensor:
        for module in net:
            x_seq = checkpoint(from_rest, module, x_seq, use_reentrant=reentrant)
        return x_seq

    return forward


def gradients(
    net: nn.Module, x_seq: torch.Tensor, context: AbstractContextManager, forward: Forward = plain
) -> list[torch.Tensor]:
    """Of all parameters and of the input."""
    net, x_seq = copy.deepcopy(net), x_seq.clone(memory_format=torch.preserve_format).requires_grad_()
    torch.manual_seed(1)
    with context:
        loss = forward(net, x_seq).square().mean()
    loss.backward()
    found = [x_seq.grad, *[parameter.grad for parameter in net.parameters()]]
    assert all(gradient is not None and gradient.any() for gradient in found)
    return found


def assert_same_gradients(
    net: nn.Module, x_seq: torch.Tensor, context: Callable[[], AbstractContextManager], forward: Forward = plain
) -> None:
    expected = gradients(net, x_seq, nullcontext(), forward)
    got = gradients(net, x_seq, context(), forward)
    assert all(torch.equal(a, b) for a, b in zip(expected, got, strict=True))


FORWARDS = {"plain": plain, "checkpoint": checkpointed(False), "reentrant checkpoint": checkpointed(True)}


@pytest.mark.parametrize("forward", FORWARDS)
@pytest.mark.parametrize("backend", ["torch", "cpp"])
def test_gradients_of_a_network(backend: str, forward: str) -> None:
    assert_same_gradients(network(backend), IMAGES, functional.packed_spikes, FORWARDS[forward])


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_gradients_in_another_dtype_and_channels_last(dtype: torch.dtype) -> None:
    net = network("cpp").to(dtype=dtype, memory_format=torch.channels_last)
    x_seq = IMAGES.to(dtype).flatten(0, 1).to(memory_format=torch.channels_last).unflatten(0, (4, 6))
    assert_same_gradients(net, x_seq, functional.packed_spikes)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # torch's own, where a graph breaks
@pytest.mark.parametrize("inside", [True, False], ids=["compiled net in the context", "context in a compiled function"])
def test_gradients_under_compile(inside: bool) -> None:
    def forward(net: nn.Module, x_seq: torch.Tensor) -> torch.Tensor:
        if inside:
            return torch.compile(net, backend="aot_eager")(x_seq)
        return torch.compile(functional.packed_spikes()(net.forward), backend="aot_eager")(x_seq)

    assert_same_gradients(network("cpp"), IMAGES, functional.packed_spikes if inside else nullcontext, forward)


def saved_bytes(run: Callable[[], torch.Tensor]) -> tuple[int, int]:
    """What autograd was given to save, and of it spikes, in bytes; each storage once."""
    storages: dict[int, int] = {}
    of_spikes: set[int] = set()

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
        if is_packed(tensor):
            of_spikes.add(storage.data_ptr())
        return tensor.detach()

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        keep_alive = run()
    assert keep_alive.requires_grad
    return sum(storages.values()), sum(storages[address] for address in of_spikes)


@pytest.fixture
def packs(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What the hook gives, in order."""
    results: list[object] = []
    pack = _packed_spikes._Packer.pack

    def recorded(self: _packed_spikes._Packer, tensor: torch.Tensor) -> object:
        results.append(pack(self, tensor))
        return results[-1]

    monkeypatch.setattr(_packed_spikes._Packer, "pack", recorded)
    return results


def bits_of(packs: list[object]) -> list[_packed_spikes._Bits]:
    """Each once."""
    return list({id(p.bits): p.bits for p in packs if isinstance(p, _packed_spikes._Packed)}.values())


@pytest.mark.parametrize("backend", ["cpp", "torch"])
def test_a_thirty_second_of_the_bytes_of_the_spikes(backend: str, packs: list[object]) -> None:
    net = network(backend)
    _, of_spikes = saved_bytes(lambda: from_rest(net, IMAGES))
    packs.clear()
    with functional.packed_spikes():
        y = from_rest(net, IMAGES)
    assert y.requires_grad
    packed = sum(bits.bits.untyped_storage().nbytes() for bits in bits_of(packs))
    layers = 2 * 4 * IMAGES[:, :, 0].numel() * 8  # float32
    assert of_spikes >= layers
    assert packed * 32 == of_spikes


def test_the_memory_of_the_spikes_is_free_after_the_forward_pass() -> None:
    x = torch.rand(8, 4096, requires_grad=True)
    linear = nn.Linear(4096, 3)
    with functional.packed_spikes():
        fired = surrogate.ATan()(x - 0.5)
        storage = _packed_spikes.StorageWeakRef(fired.untyped_storage())
        y = linear(fired)
        del fired
    assert storage.expired()
    y.sum().backward()
    assert linear.weight.grad.any()


def test_layers_that_save_the_same_spikes_share_the_bits_until_the_last_is_done(packs: list[object]) -> None:
    """A residual block: two convolutions and a pooling see one tensor, one of them in another shape."""
    x_seq = torch.rand(2, 3, 8, 24, 24, requires_grad=True)
    convolutions = [nn.Conv2d(8, 4, 3) for _ in range(2)]
    with functional.packed_spikes():
        fired = surrogate.ATan()(x_seq - 0.5)
        first = convolutions[0](fired.flatten(0, 1))
        second = convolutions[1](fired.view(6, 8, 24, 24))
        third = F.max_pool3d(fired, 2)
    (bits,) = bits_of(packs)
    assert sum(isinstance(p, _packed_spikes._Packed) for p in packs) == 3
    alive = weakref.ref(bits)
    del bits
    packs.clear()
    for y in (first, second, third):
        assert alive() is not None
        torch.autograd.grad(y.sum(), fired)
    assert alive() is None


def test_another_storage_at_the_same_address_is_not_taken_for_the_first() -> None:
    """The memory of the first is free while its bits are kept, and the allocator gives it to the second."""
    w, scale = torch.rand(1 << 20, requires_grad=True), torch.ones(1, requires_grad=True)
    outputs, sums, addresses = [], [], set()
    with functional.packed_spikes():
        for i in range(5):
            fired = scale * torch.zeros(1 << 20).index_fill_(0, torch.arange(i + 1), 1.0)
            addresses.add(fired.data_ptr())
            outputs.append((w * fired).sum())
            del fired
    sums = [torch.autograd.grad(y, w)[0].sum().item() for y in outputs]
    assert len(addresses) < 5
    assert sums == [1, 2, 3, 4, 5]


def test_spikes_changed_in_place_after_they_were_saved(packs: list[object]) -> None:
    """The backward pass still has those of the forward pass; what is saved after the change is the changed."""
    w = torch.rand(N, requires_grad=True)
    scale = torch.ones(1, requires_grad=True)
    fired = spikes(N) * scale
    before = fired.detach().clone()
    with functional.packed_spikes():
        first = (w * fired).sum()
        with torch.no_grad():
            fired.copy_(1 - before)
        second = (w * fired).sum()
    assert len(bits_of(packs)) == 2
    assert torch.equal(torch.autograd.grad(first, w)[0], before)
    assert torch.equal(torch.autograd.grad(second, w)[0], 1 - before)


@pytest.mark.parametrize("saved", ["an input", "an output", "a small tensor"])
def test_another_tensor_changed_in_place_is_an_error(saved: str) -> None:
    w = torch.rand(N, requires_grad=True)
    with functional.packed_spikes():
        if saved == "an output":
            changed = y = w.exp()
        else:
            changed = spikes(10) if saved == "a small tensor" else torch.rand(N)
            y = w[: len(changed)] * changed
    with torch.no_grad():
        changed.zero_()
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation.*is at version \d; expected version \d"):
        y.sum().backward()


@pytest.mark.parametrize("operation", ["relu_", "sigmoid_"])
def test_operations_in_place_that_save_their_result(operation: str, packs: list[object]) -> None:
    """The results of relu_ are spikes here."""
    x = torch.randn(N).sign()

    def run(context: AbstractContextManager) -> torch.Tensor:
        w = x.clone().requires_grad_()
        with context:
            y = getattr(w * 1.0, operation)()
        y.sum().backward()
        return w.grad

    assert torch.equal(run(functional.packed_spikes()), run(nullcontext()))
    assert len(bits_of(packs)) == (operation == "relu_")


def test_second_derivative() -> None:
    fired = spikes(N)

    def run(context: AbstractContextManager) -> tuple[torch.Tensor, torch.Tensor]:
        w = torch.linspace(-1, 1, N).requires_grad_()
        scale = torch.ones(1, requires_grad=True)
        with context:
            y = ((fired * scale) ** 2 * w**3).sum()
            (gradient,) = torch.autograd.grad(y, w, create_graph=True)
        gradient.sum().backward()
        return w.grad, scale.grad

    for expected, got in zip(run(nullcontext()), run(functional.packed_spikes()), strict=True):
        assert expected.any()
        assert torch.equal(got, expected)


def test_nested_and_as_a_decorator(packs: list[object]) -> None:
    net = network("cpp")

    @functional.packed_spikes()
    def forward(net: nn.Module, x_seq: torch.Tensor) -> torch.Tensor:
        with functional.packed_spikes():
            return net(x_seq)

    got = gradients(net, IMAGES, nullcontext(), forward)
    assert len(bits_of(packs)) == 2
    packs.clear()
    expected = gradients(net, IMAGES, nullcontext())
    assert not packs  # outside, nothing is
    assert all(torch.equal(a, b) for a, b in zip(expected, got, strict=True))


def test_a_graph_that_never_runs_backward_is_freed() -> None:
    """An output that autograd saves and the hook gives back as it is would hold itself."""
    x = torch.randn(N, requires_grad=True)
    with functional.packed_spikes():
        y = x.exp()
    storage = _packed_spikes.StorageWeakRef(y.untyped_storage())
    del y
    gc.collect()
    assert storage.expired()
