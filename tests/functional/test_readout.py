"""Labels and thresholds of output layers."""

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, neuron

CLASSES = torch.tensor([0, 2, 1])


@pytest.mark.parametrize("dtype", [torch.bool, torch.long, torch.float32, torch.float64])
def test_threshold_margin(dtype: torch.dtype) -> None:
    node = neuron.IFNode()
    one_hot = nn.functional.one_hot(CLASSES).to(dtype)
    functional.set_threshold_margin(node, one_hot, 0.6, 0.3, 2.0)
    expected = [[2.0, 0.3, 0.3], [0.3, 0.3, 2.0], [0.3, 2.0, 0.3]]
    assert node.v_threshold.dtype == (dtype if dtype.is_floating_point else torch.float32)
    torch.testing.assert_close(node.v_threshold, torch.tensor(expected, dtype=node.v_threshold.dtype))
    spikes = node(torch.ones(3, 3, dtype=node.v_threshold.dtype))
    assert torch.equal(spikes, 1 - one_hot.to(spikes.dtype))
    node.eval()
    functional.set_threshold_margin(node, one_hot, 0.6)
    assert node.v_threshold == 0.6


def test_threshold_margin_defaults() -> None:
    node = neuron.IFNode()
    functional.set_threshold_margin(node, torch.tensor([[1.0, 0.0]]))
    torch.testing.assert_close(node.v_threshold, torch.tensor([[1.1, 0.9]]))
    node.eval()
    functional.set_threshold_margin(node, torch.tensor([[1.0, 0.0]]))
    assert node.v_threshold == 1.0


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_redundant_one_hot(dtype: torch.dtype) -> None:
    one_hot = functional.redundant_one_hot(CLASSES.to(dtype), num_classes=4, n=3)
    assert one_hot.dtype == torch.float32
    assert one_hot.shape == (3, 12)
    for row, label in zip(one_hot.tolist(), CLASSES.tolist(), strict=True):
        assert row == [float(label * 3 <= i < (label + 1) * 3) for i in range(12)]
    assert functional.redundant_one_hot(torch.empty(0, dtype=dtype), 4, 3).shape == (0, 12)


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.float32])
def test_first_spike_index(dtype: torch.dtype) -> None:
    spikes = (torch.rand(4, 5, 6) < 0.3).to(dtype)
    found = functional.first_spike_index(spikes)
    assert found.dtype == torch.bool
    assert bool((spikes == 0).all(-1).any())  # some neurons are silent
    for n in range(4):
        for i in range(5):
            train = spikes[n, i].tolist()
            first = train.index(1) if 1 in train else None
            assert found[n, i].tolist() == [t == first for t in range(6)]


def test_bad_arguments_are_told() -> None:
    with pytest.raises(TypeError, match="output_layer must be a neuron with v_threshold, but Linear"):
        functional.set_threshold_margin(nn.Linear(1, 1), torch.zeros(1, 1))
    with pytest.raises(TypeError, match=r"label_one_hot must be a torch.Tensor, but \[\[1\]\]"):
        functional.set_threshold_margin(neuron.IFNode(), [[1]])
    with pytest.raises(ValueError, match=r"with num_classes=2 labels must lie in 0\.\.1, but they lie in 0\.\.2"):
        functional.redundant_one_hot(CLASSES, 2, 3)
    with pytest.raises(ValueError, match=r"labels must lie in 0\.\.2, but they lie in -1\.\.1"):
        functional.redundant_one_hot(CLASSES - 1, 3, 3)
    for labels in (CLASSES.float(), CLASSES.view(1, 3), CLASSES > 0):
        with pytest.raises(ValueError, match=r"labels must be class indices \[N\]"):
            functional.redundant_one_hot(labels, 3, 3)
    with pytest.raises(ValueError, match="redundant_one_hot: n must be at least 1"):
        functional.redundant_one_hot(CLASSES, 3, 0)
    with pytest.raises(TypeError, match="redundant_one_hot: num_classes must be an int"):
        functional.redundant_one_hot(CLASSES, 3.0, 1)
