"""Gradients with packed spikes are those without, to the last bit, from an eighth of a byte a spike."""

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
from torch.multiprocessing.reductions import StorageWeakRef

from spikingjelly.activation_based import functional, surrogate
from spikingjelly.packing import Packed, Packer, Whole, _packer, _spikes
from tests.functional.packs import Packs

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
    integer = _spikes.INTEGERS[tensor.dtype]
    return tensor.contiguous().view(integer).numpy().tobytes()


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """To the last bit, and lying in memory alike."""
    facts = [(t.dtype, t.shape, t.stride(), bytes_in(t)) for t in (one, other)]
    return facts[0] == facts[1]


def is_packed(tensor: torch.Tensor) -> bool:
    return isinstance(Packer().pack(tensor), Packed)


@pytest.fixture
def every_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small tensors are packed too, in several blocks."""
    monkeypatch.setattr(_packer, "SMALLEST", 1)
    monkeypatch.setattr(_spikes, "_BLOCK", 16)


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
        patch.setattr(_packer, "SMALLEST", 1)
        patch.setattr(_spikes, "_BLOCK", 16)
        (unpacked,) = through_autograd(tensor)
    assert same(unpacked, tensor)


@pytest.mark.usefixtures("every_size")
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("n", [1, 7, 8, 9, 16, 4099])
def test_both_ways_of_packing_give_the_same_bits(n: int, dtype: torch.dtype) -> None:
    """torch's operations are for CUDA, but run anywhere; numpy's packbits says which bits they must give."""
    tensor = spikes(n, dtype=dtype, rate=0.5)
    integers, one = tensor.view(_spikes.INTEGERS[dtype]), _spikes._ONE[dtype]
    expected = np.packbits(tensor.bool().numpy())
    for pack, unpack in (
        (_spikes._pack_numpy, _spikes._unpack_numpy),
        (_spikes._pack_torch, _spikes._unpack_torch),
    ):
        bits = pack(integers, one)
        assert bits.dtype == torch.uint8
        assert np.array_equal(bits.numpy(), expected)
        assert same(unpack(bits, n, dtype), tensor)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("value", [-0.0, float("nan"), float("inf"), -1.0, 0.5, 2.0, 5e-8], ids=str)
@pytest.mark.parametrize("place", [0, N // 2 + 1, N - 1])
def test_one_other_value_anywhere_and_nothing_is_packed(place: int, value: float, dtype: torch.dtype) -> None:
    tensor = spikes(N, dtype=dtype)
    assert is_packed(tensor)
    tensor[place] = value
    integers, one = tensor.view(_spikes.INTEGERS[dtype]), _spikes._ONE[dtype]
    assert _spikes._pack_numpy(integers, one) is None
    assert _spikes._pack_torch(integers, one) is None
    if value not in (2.0, -1.0):  # small integers are packed in more bits
        assert not is_packed(tensor)
    assert same(through_autograd(tensor)[0], tensor)


NOT_PACKED: dict[str, Callable[[], torch.Tensor]] = {
    "small": lambda: spikes(_packer.SMALLEST - 1),
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
    saved = Packer().pack(tensor)
    assert isinstance(saved, Whole)
    restored = saved.unpack()
    if tensor.layout is torch.strided:
        assert restored.data_ptr() == tensor.data_ptr()
        assert (restored.shape, restored.stride()) == (tensor.shape, tensor.stride())


def test_of_an_expanded_tensor_its_memory_is_packed() -> None:
    tensor = spikes(N).expand(50, N)
    saved = Packer().pack(tensor)
    assert N // 8 <= saved.values.nbytes < N // 8 + 8
    (unpacked,) = through_autograd(tensor)
    assert same(unpacked, tensor)
    assert unpacked.untyped_storage().nbytes() == 4 * N


def test_the_memory_of_the_spikes_is_free_after_the_forward_pass() -> None:
    x = torch.rand(8, 4096, requires_grad=True)
    linear = nn.Linear(4096, 3)
    with functional.packed_spikes():
        fired = surrogate.ATan()(x - 0.5)
        storage = StorageWeakRef(fired.untyped_storage())
        y = linear(fired)
        del fired
    assert storage.expired()
    y.sum().backward()
    assert linear.weight.grad.any()


def test_layers_that_save_the_same_spikes_share_the_bits_until_the_last_is_done(packs: Packs) -> None:
    """A residual block: two convolutions and a pooling see one tensor, one of them in another shape."""
    x_seq = torch.rand(2, 3, 8, 24, 24, requires_grad=True)
    convolutions = [nn.Conv2d(8, 4, 3) for _ in range(2)]
    with functional.packed_spikes():
        fired = surrogate.ATan()(x_seq - 0.5)
        first = convolutions[0](fired.flatten(0, 1))
        second = convolutions[1](fired.view(6, 8, 24, 24))
        third = F.max_pool3d(fired, 2)
    (bits,) = packs.bits()
    assert len(packs.packed()) == 3
    alive = weakref.ref(bits)
    del bits
    packs.clear()
    for y in (first, second, third):
        assert alive() is not None
        torch.autograd.grad(y.sum(), fired)
    assert alive() is None


def test_another_tensor_at_the_same_address_is_not_taken_for_the_first() -> None:
    """The first is freed while its bits are kept, and the allocator gives its place to the next."""
    w, scale = torch.rand(N, requires_grad=True), torch.ones(1, requires_grad=True)
    outputs = []
    with functional.packed_spikes():
        for i in range(20):
            fired = scale * (torch.arange(N) < i)
            outputs.append((w * fired).sum())
            del fired
    assert [torch.autograd.grad(y, w)[0].sum().item() for y in outputs] == list(range(20))


def test_spikes_changed_in_place_after_they_were_saved(packs: Packs) -> None:
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
    assert len(packs.bits()) == 2
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
def test_operations_in_place_that_save_their_result(operation: str, packs: Packs) -> None:
    """The results of relu_ are spikes here."""
    x = torch.randn(N).sign()

    def run(context: AbstractContextManager) -> torch.Tensor:
        w = x.clone().requires_grad_()
        with context:
            y = getattr(w * 1.0, operation)()
        y.sum().backward()
        return w.grad

    assert torch.equal(run(functional.packed_spikes()), run(nullcontext()))
    assert len(packs.bits()) == (operation == "relu_")


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


def test_a_graph_that_never_runs_backward_is_freed() -> None:
    """An output that autograd saves and the hook gives back as it is would hold itself."""
    x = torch.randn(N, requires_grad=True)
    with functional.packed_spikes():
        y = x.exp()
    storage = StorageWeakRef(y.untyped_storage())
    del y
    gc.collect()
    assert storage.expired()
