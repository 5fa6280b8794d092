"""Networks with packed spikes: the gradients are those without to the last bit, and the spikes take 1/32 of the bytes."""

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from spikingjelly.activation_based import functional, layer, neuron, surrogate
from spikingjelly.packing import Packed, Packer
from tests.functional.packs import Packs


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
        if tensor.is_floating_point() and isinstance(Packer().pack(tensor), Packed):
            of_spikes.add(storage.data_ptr())
        return tensor.detach()

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        keep_alive = run()
    assert keep_alive.requires_grad
    return sum(storages.values()), sum(storages[address] for address in of_spikes)


@pytest.mark.parametrize("backend", ["cpp", "torch"])
def test_a_thirty_second_of_the_bytes_of_the_spikes(backend: str, packs: Packs) -> None:
    net = network(backend)
    _, of_spikes = saved_bytes(lambda: from_rest(net, IMAGES))
    packs.clear()
    with functional.packed_spikes():
        y = from_rest(net, IMAGES)
    assert y.requires_grad
    packed = sum(bits.nbytes for bits in packs.bits() if bits.dtype.is_floating_point)
    layers = 2 * 4 * IMAGES[:, :, 0].numel() * 8  # float32
    assert of_spikes >= layers
    assert packed * 32 == of_spikes


def test_nested_and_as_a_decorator(packs: Packs) -> None:
    net = network("cpp")

    @functional.packed_spikes()
    def forward(net: nn.Module, x_seq: torch.Tensor) -> torch.Tensor:
        with functional.packed_spikes():
            return net(x_seq)

    got = gradients(net, IMAGES, nullcontext(), forward)
    dtypes = [bits.dtype for bits in packs.bits()]
    assert dtypes.count(torch.float32) == 2
    assert dtypes.count(torch.int64) == 1  # the indices of a pooling
    packs.clear()
    expected = gradients(net, IMAGES, nullcontext())
    assert not packs  # outside, nothing is
    assert all(torch.equal(a, b) for a, b in zip(expected, got, strict=True))
