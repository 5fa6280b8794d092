"""What is said where PyTorch is too old."""

import pytest
import torch
from torch.torch_version import TorchVersion

from spikingjelly._torch_version import is_older_than, needs
from spikingjelly.activation_based import functional, layer, memopt, neuron
from spikingjelly.activation_based.memopt import _keeper
from tests.versions import needs_torch


@pytest.mark.parametrize(
    ("runs", "asked", "older"),
    [("2.6.0+cu124", "2.8", True), ("2.8.0+cpu", "2.8", False), ("2.13.0", "2.8", False), ("2.9.1", "2.12", True)],
)
def test_versions_are_compared_by_their_numbers(
    runs: str, asked: str, older: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "__version__", TorchVersion(runs))
    assert is_older_than(asked) is older
    assert needs("This", asked) == f"This needs PyTorch >= {asked}, and this is {runs}"
    assert needs_torch(asked, "This").args == (older,)


@pytest.mark.parametrize("level", [2, 3])
def test_memopt_without_a_pytorch_that_tells_whose_hooks_are_set(level: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_keeper, "hooks_are_known", lambda: False)
    net = memopt.optimize_memory(torch.nn.Sequential(layer.Linear(4, 4), neuron.IFNode()), level=level)
    with pytest.raises(NotImplementedError, match=rf"^memopt: level {level} needs PyTorch >= 2\.8, .* Use level=1\.$"):
        net(torch.rand(2, 4))
    functional.reset_net(net)
    memopt.optimize_memory(net, level=1)(torch.rand(2, 4)).sum().backward()
