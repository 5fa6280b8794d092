"""Small integers come back to the last bit; anything else is not taken for them."""

import pytest
import torch

from spikingjelly.packing import Packer, _narrowed
from spikingjelly.packing._forms import Values

FLOATS = [torch.float64, torch.float32, torch.float16, torch.bfloat16]


def narrow(memory: torch.Tensor) -> Values | None:
    stored = _narrowed.pack(memory)
    return None if stored is None else Values(stored, memory)


def integers(n: int, high: int, dtype: torch.dtype, low: int = 0) -> torch.Tensor:
    values = torch.randint(low, high + 1, (n,), generator=torch.Generator().manual_seed(0))
    values[n // 2] = high
    return values.to(dtype)


@pytest.mark.parametrize("n", [1, 2, 7, 4099])
@pytest.mark.parametrize(("high", "bits"), [(3, 4), (15, 4), (16, 8), (255, 8)])
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_counts_of_spikes(dtype: torch.dtype, high: int, bits: int, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_narrowed, "_BLOCK", 16)
    memory = integers(n, high, dtype)
    values = narrow(memory)
    assert values.nbytes == -(-n * bits // 8)
    assert torch.equal(values.unpack(), memory)
    assert values.unpack().dtype is dtype


@pytest.mark.parametrize("place", [0, 2000, 4098])
@pytest.mark.parametrize("value", [-0.0, 0.5, -1.0, 256.0, float("nan"), float("inf"), 1e30], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_one_other_value_anywhere_and_nothing_is_narrowed(dtype: torch.dtype, value: float, place: int) -> None:
    memory = integers(4099, 7, dtype)
    assert narrow(memory) is not None
    memory[place] = value
    assert narrow(memory) is None


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 15, torch.uint8), (0, 200, torch.uint8), (-1, 3, torch.int16), (0, 40000, torch.int32), (0, 1 << 40, None)],
)
def test_indices(low: int, high: int, expected: torch.dtype | None) -> None:
    memory = integers(1001, high, torch.int64, low)
    values = narrow(memory)
    if expected is None:
        assert values is None
        return
    assert values is not None
    assert values.values.dtype is expected
    assert torch.equal(values.unpack(), memory)


@pytest.mark.parametrize("dtype", [torch.int32, torch.int16, torch.bool, torch.uint8], ids=str)
def test_other_integers(dtype: torch.dtype) -> None:
    memory = torch.full((100,), 100, dtype=torch.int64).to(dtype)
    values = narrow(memory)
    assert (values is None) == (dtype is not torch.int32)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_layers_that_save_the_same_counts_share_them(dtype: torch.dtype) -> None:
    packer = Packer()
    tensor = integers(1 << 15, 3, dtype).view(8, 4, 1024) * torch.ones((), requires_grad=True)
    first, second = packer.pack(tensor), packer.pack(tensor.transpose(0, 1))
    assert first.values is second.values
    assert torch.equal(first.unpack(), tensor)
    assert torch.equal(second.unpack(), tensor.transpose(0, 1))
    assert second.unpack().stride() == tensor.transpose(0, 1).stride()
    with torch.no_grad():
        tensor.add_(1)
    assert packer.pack(tensor).values is not first.values
