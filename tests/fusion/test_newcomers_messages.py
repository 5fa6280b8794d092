"""What a newcomer reads about a neuron of their own that has no kernel yet."""

import pytest
import torch

from spikingjelly.activation_based import base, neuron


class PerNeuronLeak(neuron.BaseNode):
    def __init__(self, n: int) -> None:
        super().__init__()
        self.leak = torch.nn.Parameter(torch.full((n,), 0.5))

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = self.v * self.leak + x


class Mistyped(neuron.BaseNode):
    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = self.V + x


class TooEarly(base.MemoryModule):
    def __init__(self) -> None:
        self.register_memory("w", 0.0)


def test_parameters_of_several_values_need_a_shape() -> None:
    node = PerNeuronLeak(64)
    with pytest.raises(RuntimeError, match=r"give the shape of a sample: fused_source\(shape=\.\.\.\)"):
        node.fused_source()
    assert "PerNeuronLeak" in node.fused_source(shape=(64,))


def test_a_missing_attribute_is_missed_where_it_is_asked_for() -> None:
    with pytest.raises(RuntimeError) as caught:
        Mistyped().fused_source()
    assert "test_newcomers_messages.py" in str(caught.value)


def test_memories_before_super_init() -> None:
    with pytest.raises(
        AttributeError, match=r"TooEarly: call super\(\).__init__\(\) before register_memory\('w', ...\)"
    ):
        TooEarly()
