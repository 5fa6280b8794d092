"""Energies by hand, with the default constants and with others."""

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import layer, neuron
from spikingjelly.activation_based.profiler import EnergyCosts, profile

OTHERS = EnergyCosts(mac_pj=3.0, ac_pj=2.0, neuron_update_pj=7.0, sram_pj=((1.0, 11.0),), word_bytes=2)


def spikes(T: int = 2, N: int = 1, features: int = 4) -> torch.Tensor:
    x = torch.zeros(T, N, features)
    x[0, :, :3] = 1.0
    return x  # 3 spikes a sample


def test_the_usual_figures() -> None:
    costs = EnergyCosts()
    assert (costs.mac_pj, costs.ac_pj) == (4.6, 0.9)
    assert any("ISSCC 2014" in source for source in costs.sources)


@pytest.mark.parametrize(("costs", "mac", "ac"), [(None, 4.6, 0.9), (OTHERS, 3.0, 2.0)])
def test_arithmetic(costs: EnergyCosts | None, mac: float, ac: float) -> None:
    fired = profile(nn.Linear(4, 5), spikes(), costs=costs)["(network)"]
    assert fired.energy_pj == pytest.approx(3 * 5 * ac)
    assert fired.ann_energy_pj == pytest.approx(20 * mac)
    real = profile(nn.Linear(4, 5), torch.rand(2, 1, 4), costs=costs)["(network)"]
    assert real.energy_pj == pytest.approx(2 * 20 * mac)
    assert real.ann_energy_pj == pytest.approx(20 * mac)


def test_memory_of_a_layer_of_synapses() -> None:
    row = profile(nn.Linear(4, 5), spikes(), costs=OTHERS)["(network)"]
    accesses = 3 + 15 + 2 * 15  # spikes; weights; potentials, read and written
    assert row.memory_bytes == accesses * 2
    assert row.energy_with_memory_pj == pytest.approx(15 * 2.0 + accesses * 11.0)
    ann_accesses = 20 + 20 + 5  # inputs; weights; outputs
    assert row.ann_energy_with_memory_pj == pytest.approx(20 * 3.0 + ann_accesses * 11.0)
    real = profile(nn.Linear(4, 5), torch.rand(2, 1, 4), costs=OTHERS)["(network)"]
    assert real.energy_with_memory_pj == pytest.approx(2 * row.ann_energy_with_memory_pj)


@pytest.mark.parametrize(("make", "states"), [(neuron.IFNode, 1), (neuron.IzhikevichNode, 2)])
@pytest.mark.parametrize("mode", ["s", "m"])
def test_neurons(make, states: int, mode: str) -> None:
    row = profile(make(step_mode=mode), 3 * spikes(), costs=OTHERS)["(network)"]
    assert row.spikes == 3
    accesses = 2 * states * 8 + 3  # states, read and written at each of 8 updates; spikes
    assert row.energy_pj == 0
    assert row.memory_bytes == accesses * 2
    assert row.energy_with_memory_pj == pytest.approx(8 * 7.0 + accesses * 11.0)
    assert row.ann_energy_pj == 4 * 2.0  # comparisons of one run


def test_records_of_potentials_are_no_states() -> None:
    plain, recorded = (
        profile(neuron.IFNode(step_mode="m", store_v_seq=store), spikes())["(network)"] for store in (False, True)
    )
    assert recorded == plain


def test_pooling_and_elementwise_operations() -> None:
    pooled = profile(layer.AvgPool1d(2), spikes().unsqueeze(2), costs=OTHERS)["(network)"]
    assert pooled.energy_with_memory_pj == pytest.approx(3 * 2.0 + (3 + 2 * 3) * 11.0)
    assert profile(nn.ReLU(), spikes(), costs=OTHERS)["(network)"].energy_with_memory_pj == 8 * 2.0


def test_the_ann_runs_once() -> None:
    """Also in a network that computes its first layer once, before it repeats over time."""

    class Static(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = layer.Linear(4, 4), layer.Linear(4, 4, step_mode="m")

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.second((self.first(x) > 0).float().repeat(5, 1, 1))

    report = profile(Static(), torch.rand(2, 4), T=5, run=lambda net, x: net(x))
    assert report["first"].dense_macs == report["first"].macs == 16
    assert report["second"].dense_macs == 5 * 16
    assert report["first"].ann_energy_pj == pytest.approx(16 * 4.6)
    assert report["second"].ann_energy_pj == pytest.approx(16 * 4.6)


def test_access_grows_with_the_memory() -> None:
    costs = EnergyCosts()
    assert [costs.access_pj(kib * 256) for kib in (1, 8, 20, 32, 528, 1024, 9999)] == [5, 5, 7.5, 10, 30, 50, 50]
    assert EnergyCosts(word_bytes=8).access_pj(1024) == 5
    assert EnergyCosts(sram_pj=((4, 1.0), (8, 3.0))).access_pj(1.5) == 2.0


@pytest.mark.parametrize("steps", [1, 3, 4])
def test_bits_of_an_equivalent_ann(steps: int) -> None:
    assert profile(nn.Linear(4, 5), spikes(steps)).equivalent_ann_bits == {1: 1, 3: 2, 4: 3}[steps]


@pytest.mark.parametrize("wrong", [{"mac_pj": -1.0}, {"word_bytes": 0}, {"sram_pj": ((1.0, -2.0),)}])
def test_negative_costs(wrong) -> None:
    with pytest.raises(ValueError, match="costs must not be negative"):
        EnergyCosts(**wrong)


@pytest.mark.parametrize("sizes", [(), ((8.0, 1.0), (4.0, 1.0)), ((8.0, 1.0), (8.0, 2.0))])
def test_sizes_must_ascend(sizes) -> None:
    with pytest.raises(ValueError, match="with ascending sizes"):
        EnergyCosts(sram_pj=sizes)
