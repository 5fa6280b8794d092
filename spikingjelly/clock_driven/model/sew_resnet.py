"""The networks of that name in ``activation_based.model``, and ``MultiStep...`` for sequences."""

import functools

import torch

from spikingjelly.activation_based.model import sew_resnet
from spikingjelly.activation_based.model._resnet import build
from spikingjelly.activation_based.model.sew_resnet import conv1x1, conv3x3, sew_function
from spikingjelly.clock_driven.model._classes import MultiStep, MultiStepResNet, SingleStep, former_class
from spikingjelly.clock_driven.model._constructors import former_constructors


class _ShortcutFirst(MultiStep):
    """A first base of the bottleneck, which joins ``cnf(shortcut, out)`` for sequences alone: 'IAND' differs."""

    cnf: str

    def _join(self, out: torch.Tensor, shortcut: torch.Tensor) -> torch.Tensor:
        return sew_function(shortcut, out, self.cnf)


BasicBlock = former_class(SingleStep, sew_resnet.BasicBlock, __name__)
Bottleneck = former_class(SingleStep, sew_resnet.Bottleneck, __name__)
SEWResNet = former_class(SingleStep, sew_resnet.SEWResNet, __name__)
MultiStepBasicBlock = former_class(MultiStep, sew_resnet.BasicBlock, __name__)
MultiStepBottleneck = former_class(_ShortcutFirst, sew_resnet.Bottleneck, __name__)
MultiStepSEWResNet = former_class(MultiStepResNet, sew_resnet.SEWResNet, __name__)

_CONSTRUCTORS = former_constructors(
    sew_resnet,
    "sew_",
    functools.partial(build, SEWResNet, BasicBlock, Bottleneck),
    functools.partial(build, MultiStepSEWResNet, MultiStepBasicBlock, MultiStepBottleneck),
)
globals().update(_CONSTRUCTORS)
__all__ = [
    "BasicBlock",
    "Bottleneck",
    "MultiStepBasicBlock",
    "MultiStepBottleneck",
    "MultiStepSEWResNet",
    "SEWResNet",
    "conv1x1",
    "conv3x3",
    "sew_function",
    *_CONSTRUCTORS,
]
