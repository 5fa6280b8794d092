"""The one rule of what lies without gaps in memory."""

import pytest
import torch

from spikingjelly._memory_order import elements_without_gaps

x = torch.zeros(4, 6, 5)


@pytest.mark.parametrize(
    ("tensor", "elements", "memory"),
    [
        (x, 120, 120),
        (x.permute(2, 0, 1), 120, 120),
        (x[1], 30, 30),
        (x[:, :1], 0, 0),  # a gap between the rows that are left
        (x[:, ::2], 0, 0),
        (x[:, :, :1], 0, 0),
        (x.unsqueeze(1), 120, 120),
        (x.unsqueeze(1).expand(4, 3, 6, 5), 0, 120),
        (x.new_zeros(()).expand(4, 6), 0, 1),
        (x.as_strided((3, 3), (1, 1)), 0, 0),  # windows that overlap
        (x.new_zeros(()), 1, 1),
        (x[:0], 0, 0),
    ],
)
def test_elements_without_gaps(tensor: torch.Tensor, elements: int, memory: int) -> None:
    assert elements_without_gaps(tensor.shape, tensor.stride()) == elements
    assert elements_without_gaps(tensor.shape, tensor.stride(), repeated=True) == memory
