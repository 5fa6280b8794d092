"""Layers without weights and state: a vote of neurons, and a print."""

import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import check_positive_int
from spikingjelly.activation_based.functional._forward import seq_to_ann_forward
from spikingjelly.activation_based.layer._wrapped import (
    Layouts,
    check_no_integers,
    check_sequence_layout,
    explain_refusal,
)


class VotingLayer(nn.Module, base.StepModule):
    r"""The mean of each ``voting_size`` neighbouring features.

    .. math::
        Y_i = \frac{1}{n} \sum_{j=0}^{n-1} X_{i n + j}

    ``[N, C * n]`` to ``[N, C]`` in step mode 's', ``[T, N, C * n]`` to ``[T, N, C]`` in 'm'. As in
    :func:`torch.nn.functional.avg_pool1d`, features beyond the last full group of n have no vote.

    :param voting_size: :math:`n`, the number of voters for one output
    :param step_mode: 's' or 'm'

    :raises ValueError: for an input of another number of dimensions

    Source: Fang et al., "Incorporating Learnable Membrane Time Constant to Enhance Learning of Spiking Neural
    Networks", ICCV 2021.
    """

    _layouts: Layouts = ("N, C",)

    def __init__(self, voting_size: int = 10, step_mode: str = "s") -> None:
        check_positive_int(self, "voting_size", voting_size)
        super().__init__()
        self.voting_size = voting_size
        self.step_mode = step_mode

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        """One time step ``[N, C * n]``."""
        return F.avg_pool1d(x.unsqueeze(1), self.voting_size, self.voting_size).squeeze(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.step_mode == "m":
            check_sequence_layout(self, x, self._layouts)
            return seq_to_ann_forward(x, self.single_step_forward)
        check_no_integers(self, x)
        try:
            return self.single_step_forward(x)
        except (RuntimeError, TypeError, AttributeError) as error:
            explain_refusal(self, x, self._layouts, True, error)

    def extra_repr(self) -> str:
        return f"voting_size={self.voting_size}, step_mode={self.step_mode}"


class PrintShapeModule(nn.Module):
    """Prints a text and the shape of its input, which it hands on.

    :param ext_str: the text
    """

    def __init__(self, ext_str: str = "PrintShapeModule") -> None:
        super().__init__()
        self.ext_str = ext_str

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        print(self.ext_str, x.shape)
        return x

    def extra_repr(self) -> str:
        return repr(self.ext_str)
