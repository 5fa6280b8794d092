"""Large results on the CPU use memory again: never while somebody holds it, and within bounds."""

import gc
import threading
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import pytest
import torch

from spikingjelly.activation_based import functional, neuron
from spikingjelly.fusion import build, memory

CPU = torch.device("cpu")
LARGE = (3, 1 << 20)

pytestmark = pytest.mark.skipif(not memory._can_map(), reason="only Linux can be asked for large pages")


@pytest.fixture(autouse=True)
def nothing_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_idle", {})
    monkeypatch.setattr(memory, "_wishes", weakref.WeakSet())  # of graphs that other tests have left behind


def new(shape: tuple[int, ...] = LARGE, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return memory.empty_strided(shape, torch.empty(shape, device="meta").stride(), dtype, CPU)


def test_memory_is_used_again_when_the_last_view_is_gone() -> None:
    tensor = new()
    address, view = tensor.data_ptr(), tensor[1]
    del tensor
    other = new()
    assert other.data_ptr() != address
    del view
    assert memory.idle_bytes() == 12 << 20
    assert new().data_ptr() == address
    assert new((12, 1 << 19), torch.float16).data_ptr() == address


def test_a_smaller_result_takes_what_fits_best() -> None:
    larger, fitting = new(), new((2, 1 << 20))
    address = fitting.data_ptr()
    del larger, fitting
    smaller = new((3, 1 << 19))
    assert smaller.data_ptr() == address
    assert smaller.untyped_storage().nbytes() == 6 << 20
    del smaller
    assert memory.idle_bytes() == 20 << 20
    assert new((80, 1 << 20)).data_ptr() != address


def test_a_graph_holds_its_memory() -> None:
    x = torch.rand(LARGE, requires_grad=True)
    tensor = new().fill_(2.0)
    loss = (x * tensor).sum()
    del tensor
    new().fill_(3.0)
    loss.backward()
    assert (x.grad == 2.0).all()


def test_a_result_is_an_ordinary_tensor() -> None:
    tensor = new((64, 32, 32, 32)).fill_(1.0)
    assert not tensor._is_view()
    assert tensor.data_ptr() % 64 == 0
    assert tensor.untyped_storage().nbytes() == 4 * tensor.numel()
    assert tensor.share_memory_().is_shared()
    assert tensor.sum() == tensor.numel()


def test_small_results_and_those_of_a_deterministic_run_are_pytorchs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_lease", lambda size: pytest.fail("taken from the memory that is kept"))
    new((1000,))
    torch.use_deterministic_algorithms(True)
    try:
        assert new().isnan().all()
    finally:
        torch.use_deterministic_algorithms(False)


def test_of_too_much_the_size_that_rested_longest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_most_idle_bytes", lambda: 40 << 20)
    first, rest = new((2, 1 << 20)), [new() for _ in range(4)]
    del first, rest
    assert memory.idle_bytes() == 36 << 20
    assert [(size, len(kept)) for size, kept in memory._idle.items() if kept] == [(12 << 20, 3)]


def test_nothing_is_kept_for_those_who_ask_for_it() -> None:
    new()
    with memory.nothing_kept():
        assert memory.idle_bytes() == 0
        new()
        assert memory.idle_bytes() == 0
    new()
    assert memory.idle_bytes() == 12 << 20


def test_a_wish_lasts_as_long_as_somebody_holds_it() -> None:
    with memory.nothing_kept() as first, memory.nothing_kept() as second:
        held = [first, second]
    del first, second
    for _ in range(2):
        new()
        assert memory.idle_bytes() == 0
        held.pop()
    new()
    assert memory.idle_bytes() == 12 << 20


def test_no_error_leaves_a_wish_behind() -> None:
    with pytest.raises(ValueError, match="an error"), memory.nothing_kept():
        raise ValueError("an error")
    gc.collect()
    new()
    assert memory.idle_bytes() == 12 << 20


def test_threads_never_share_memory() -> None:
    wrong = []

    def work(number: int) -> None:
        for _ in range(50):
            tensors = [new((1 << 20,)) for _ in range(3)]
            for k, tensor in enumerate(tensors):
                tensor[::4096] = 10.0 * number + k
            wrong.extend(k for k, t in enumerate(tensors) if not (t[::4096] == 10.0 * number + k).all())

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.skipif(build.compiler() is None, reason="there is no C++ compiler here")
def test_the_next_training_step_needs_no_new_memory() -> None:
    node = neuron.LIFNode(step_mode="m", backend="cpp")
    x = torch.rand(4, 1 << 19, requires_grad=True)

    def addresses() -> set[int]:
        functional.reset_net(node)
        x.grad = None
        spikes = node(x)
        spikes.sum().backward()
        return {spikes.data_ptr(), x.grad.data_ptr()}

    assert addresses() == addresses()


@pytest.mark.skipif(build.compiler() is None, reason="there is no C++ compiler here")
@pytest.mark.parametrize("context", [nullcontext, functional.packed_spikes])
def test_inside_packed_spikes_nothing_is_kept_until_the_backward_pass_is_done(
    context: Callable[[], AbstractContextManager[None]],
) -> None:
    nodes = [neuron.LIFNode(step_mode="m", backend="cpp") for _ in range(2)]
    x = torch.rand(4, 1 << 19, requires_grad=True)
    idle = []
    with context():
        spikes = x
        for node in nodes:
            spikes = node(spikes)
    x.register_hook(lambda _: idle.append(memory.idle_bytes()))
    spikes.sum().backward()
    assert (idle == [0]) == (context is functional.packed_spikes)
    new()
    assert memory.idle_bytes() > 0
