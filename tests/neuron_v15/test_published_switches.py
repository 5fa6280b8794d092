"""Programs that take switches from the command line pass 0 and 1."""

import pytest
import torch

from spikingjelly.activation_based import neuron


@pytest.mark.parametrize("backend", ["torch", "cpp"])
@pytest.mark.parametrize(
    ("cls", "name"),
    [
        (neuron.LIFNode, "decay_input"),
        (neuron.ParametricLIFNode, "decay_input"),
        (neuron.KLIFNode, "scale_reset"),
        (neuron.LIFNode, "store_v_seq"),
    ],
)
def test_switches_are_0_and_1_too(cls: type, name: str, backend: str) -> None:
    x_seq = torch.linspace(0.0, 3.0, 40).view(10, 4)
    for number in (0, 1):
        given, meant = (cls(step_mode="m", backend=backend, **{name: value}) for value in (number, bool(number)))
        assert torch.equal(given(x_seq), meant(x_seq))
        assert torch.equal(given.v, meant.v)
        assert hasattr(given, "v_seq") == hasattr(meant, "v_seq")
