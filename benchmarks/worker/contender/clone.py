"""The floor: a copy of the input, and the backward pass of a copy. It computes nothing."""

import torch
from torch import nn


class Copy(nn.Module):
    def forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        return x_seq.clone()


FIRING = Copy


def neurons(kind: str) -> nn.Module:
    return Copy()
