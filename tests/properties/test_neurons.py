"""What holds for any input: hypothesis looks for one where it does not."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spikingjelly.activation_based import neuron
from tests.cases import NEURONS, NeuronCase

ONE_PER_CLASS = list({case.cls: case for case in NEURONS if case.modes == ("s", "m")}.values())
PLAIN = ("IFNode", "LIFNode", "ParametricLIFNode", "QIFNode", "EIFNode", "IzhikevichNode", "KLIFNode")


def sequences(low: float = -2.0, high: float = 3.0) -> st.SearchStrategy[torch.Tensor]:
    shapes = st.tuples(st.integers(1, 6), st.integers(1, 3), st.integers(1, 4))
    values = st.floats(low, high, width=32)
    return shapes.flatmap(lambda shape: hnp.arrays("float32", shape, elements=values)).map(torch.from_numpy)


@pytest.mark.parametrize("case", [c for c in ONE_PER_CLASS if c.cls in PLAIN], ids=str)
@given(x=sequences())
def test_spikes_are_zero_or_one_in_the_dtype_of_the_input(case: NeuronCase, x: torch.Tensor) -> None:
    y = case.make("m")(x)
    assert y.shape == x.shape
    assert y.dtype == x.dtype
    assert ((y == 0) | (y == 1)).all()


@pytest.mark.parametrize("case", [c for c in ONE_PER_CLASS if c.cls in PLAIN], ids=str)
@given(x=sequences(), permutation=st.randoms(use_true_random=False))
def test_neurons_do_not_know_each_other(case: NeuronCase, x: torch.Tensor, permutation) -> None:
    order = list(range(x.shape[2]))
    permutation.shuffle(order)
    assert torch.equal(case.make("m")(x[:, :, order]), case.make("m")(x)[:, :, order])
    alone = torch.cat([case.make("m")(x[:, n : n + 1]) for n in range(x.shape[1])], dim=1)
    assert torch.equal(alone, case.make("m")(x))


@pytest.mark.parametrize("case", [c for c in ONE_PER_CLASS if c.cls in PLAIN], ids=str)
@given(x=sequences(), later=st.integers(0, 5))
def test_the_future_does_not_change_the_past(case: NeuronCase, x: torch.Tensor, later: int) -> None:
    later = min(later, len(x) - 1)
    changed = x.clone()
    changed[later:] += 1.0
    assert torch.equal(case.make("m")(changed)[:later], case.make("m")(x)[:later])


@given(x=sequences(), v_reset=st.sampled_from([0.0, -0.25, 0.5]), tau=st.floats(1.01, 50.0))
def test_after_a_spike_the_potential_is_v_reset_and_below_threshold_otherwise(
    x: torch.Tensor, v_reset: float, tau: float
) -> None:
    node = neuron.LIFNode(tau=tau, v_reset=v_reset, step_mode="m", store_v_seq=True)
    spikes = node(x)
    assert (node.v_seq[spikes == 1] == v_reset).all()
    assert (node.v_seq[spikes == 0] < 1.0).all()


@given(x=sequences(low=-0.5, high=0.5), scale=st.sampled_from([0.5, 2.0, 4.0]))
def test_scaling_input_and_threshold_by_a_power_of_two_changes_no_spike(x: torch.Tensor, scale: float) -> None:
    x = x.double()
    plain = neuron.LIFNode(tau=2.0, v_threshold=0.25, step_mode="m")
    scaled = neuron.LIFNode(tau=2.0, v_threshold=0.25 * scale, step_mode="m")
    assert torch.equal(plain(x), scaled(x * scale))


@given(x=sequences(), cut=st.integers(0, 6))
def test_a_copy_goes_on_where_the_original_stood(x: torch.Tensor, cut: int) -> None:
    node = neuron.IzhikevichNode(a=0.1, b=0.2, step_mode="m")
    cut = min(cut, len(x) - 1)
    if cut:
        node(x[:cut])
    twin = copy.deepcopy(node)
    assert torch.equal(node(x[cut:]), twin(x[cut:]))
