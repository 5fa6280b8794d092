"""How the C++ target cuts up the work, and its two ways to memory."""

import pytest
import torch

from spikingjelly.activation_based import neuron
from spikingjelly.fusion.targets import cpp
from tests.parity.compare import everything, poisoned

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


@pytest.mark.parametrize("count", [1, 2, 3, 8])
@pytest.mark.parametrize("N", [1, 63, 600, 1100, 1 << 14, 100_001])
def test_threads_have_as_many_blocks_as_each_other(count: int, N: int) -> None:
    block, used = cpp._blocks(1 << 20, N, count)
    assert used == count
    assert block % 64 == 0
    assert block <= cpp.BLOCK
    blocks_of_a_thread = -(-N // cpp.BLOCK // count)
    assert -(-N // block) <= count * blocks_of_a_thread
    assert blocks_of_a_thread * block < N / count + 64 * (blocks_of_a_thread + 1)


def test_few_elements_take_one_thread() -> None:
    assert [cpp._blocks(4, N, 8)[1] for N in (1, 1 << 13, 1 << 14, 1 << 16, 1 << 20)] == [1, 1, 2, 8, 8]


def test_a_sequence_is_large_from_two_mebibytes() -> None:
    for dtype, N in zip(DTYPES, (1 << 19, 1 << 18, 1 << 20, 1 << 20), strict=True):
        like = torch.empty(0, dtype=dtype)
        assert cpp._is_large(4, N // 4, like)
        assert not cpp._is_large(1, N - 1, like)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("N", [1, 63, 1000, 1027])
@pytest.mark.parametrize("repeated", [False, True])
def test_both_ways_to_memory_give_the_same(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, N: int, repeated: bool
) -> None:
    x = torch.rand(1 if repeated else 7, N, generator=torch.Generator().manual_seed(N)).to(dtype) * 3
    results, asked = [], []
    is_large = cpp._is_large
    monkeypatch.setattr(cpp, "_is_large", lambda *args: asked.append(is_large(*args)) or asked[-1])
    for limit in (1 << 60, 0):
        monkeypatch.setattr(cpp, "_LARGE", limit)
        node = neuron.IzhikevichNode(a=0.2, b=0.1, tau_w=3.0, step_mode="m", backend="cpp", store_v_seq=True)
        leaf = x.clone().requires_grad_()
        with poisoned():
            results.append(everything(node, leaf.expand(7, N) if repeated else leaf))
    assert asked == [False, False, True, True]
    for small, large in zip(*results, strict=True):
        assert torch.equal(small, large)
        assert large.isfinite().all()
