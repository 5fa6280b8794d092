"""What a newcomer reads who gave a linear layer the wrong number of features."""

import pytest
import torch

from spikingjelly.activation_based import layer


def test_a_sequence_in_single_step_mode() -> None:
    net = torch.nn.Sequential(layer.Flatten(), layer.Linear(784, 10))
    with pytest.raises(RuntimeError) as caught:
        net(torch.rand(5, 3, 1, 28, 28))
    text = str(caught.value)
    assert text.startswith("mat1 and mat2 shapes cannot be multiplied")
    assert "expected x with shape [*, 784] in step_mode='s', but got x with shape [5, 2352]" in text
    assert "functional.set_step_mode(net, 'm')" in text


def test_batch_and_pixels_joined_in_multi_step_mode() -> None:
    net = torch.nn.Sequential(torch.nn.Flatten(), layer.Linear(784, 10, step_mode="m"))
    with pytest.raises(RuntimeError, match=r"but got x with shape \[5, 2352\]. Where nn.Flatten joined"):
        net(torch.rand(5, 3, 1, 28, 28))


def test_other_errors_are_pytorchs() -> None:
    with pytest.raises(RuntimeError) as caught:
        layer.Linear(4, 2)(torch.rand(3, 4, dtype=torch.float64))
    assert "expected x with shape" not in str(caught.value)
