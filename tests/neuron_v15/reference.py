"""The equations that these tests compute by hand: one loop over time, as slow and as plain as possible."""

from collections.abc import Callable

import torch

F64 = torch.float64


def simulate(
    x_seq: torch.Tensor,
    charge: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    v_threshold: float | torch.Tensor,
    v_reset: float | None,
    start: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Spikes and last potential of a neuron whose charge is ``charge(v, x)``."""
    v = torch.full_like(x_seq[0], start)
    spikes = []
    for x in x_seq:
        h = charge(v, x)
        fires = h >= v_threshold
        v = torch.where(fires, h - v_threshold, h) if v_reset is None else torch.where(fires, v_reset, h)
        spikes.append(fires.to(x))
    return torch.stack(spikes), v


def currents(*shape: int, low: float = -0.6, high: float = 2.0, seed: int = 0) -> torch.Tensor:
    """Random input in float64."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator, dtype=F64) * (high - low) + low


def assert_fires(spikes: torch.Tensor) -> None:
    """Some neurons must fire and some must not, or a comparison says nothing."""
    assert 0.05 < (spikes != 0).double().mean() < 0.95


def by_steps(node: torch.nn.Module, x_seq: torch.Tensor) -> torch.Tensor:
    """The output of a node in step mode 's', stacked over time."""
    return torch.stack([node(x) for x in x_seq.unbind(0)])
