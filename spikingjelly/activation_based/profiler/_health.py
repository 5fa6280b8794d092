"""Looks for dead and saturated layers."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import surrogate
from spikingjelly.activation_based._checks import ArgumentTypeError, ArgumentValueError, describe
from spikingjelly.activation_based.functional import reset_net
from spikingjelly.activation_based.profiler._firing import Firing, Limits, Watch
from spikingjelly.activation_based.profiler._health_report import HealthReport
from spikingjelly.activation_based.profiler._neurons import NEURONS, outermost
from spikingjelly.activation_based.profiler._run import Run, batches, checked_net, evaluation, is_stepwise, show

Loss = Callable[[Any, Any], torch.Tensor] | None


def health(
    net: nn.Module,
    data: Any,
    T: int | None = None,
    *,
    loss: Loss = None,
    run: Run = None,
    batch_first: bool = False,
    neurons: tuple[type, ...] = (),
    dead_share: float = 0.5,
    saturated_share: float = 0.5,
    vanishing_share: float = 0.9,
    small_gradient: float = 0.01,
    progress: bool = True,
) -> HealthReport:
    """Look for layers of neurons that are dead or saturated, or whose surrogate passes no gradient, and say what to do.

    ::

        from spikingjelly.activation_based import profiler

        net = nn.Sequential(layer.Linear(8, 16), neuron.LIFNode(), layer.Linear(16, 4), neuron.LIFNode())
        data = [(torch.rand(5, 2, 8), torch.tensor([0, 3]))]
        print(profiler.health(net, data, loss=lambda y, target: nn.functional.cross_entropy(y.mean(0), target)))

    The network runs in ``eval`` mode and is reset before each batch. Afterwards its modules are in the modes they were
    in, its memories are reset, its gradients are as they were and its hooks are gone, also after an error.

    :param net: a network in step mode 's' or 'm'
    :param data: a tensor or an iterable of batches, as in :func:`profile`. The more data, the surer it is that a neuron
        is dead
    :param T: as in :func:`profile`
    :param loss: None, or ``loss(output, target)``, a number, to look at gradients too. The output is that of the
        network for a sequence, ``[T, N, *]``; the target is None where the data has none
    :param run: as in :func:`profile`
    :param batch_first: as in :func:`profile`
    :param neurons: classes that are neurons, besides those of this package
    :param dead_share: a layer is dead if more than this share of its neurons never fires
    :param saturated_share: a layer is saturated if more than this share of its neurons fires at every time step
    :param vanishing_share: the gradient vanishes if it does for more than this share of the neurons
    :param small_gradient: it vanishes for a neuron if, summed over time, its input gets less than this part of the
        gradient that arrives at its spikes
    :param progress: whether a loader gets a progress bar

    :raises TypeError: if ``net`` is no module, ``data`` holds no tensors, or the loss is no tensor
    :raises ValueError: if ``net`` has no neurons, ``data`` is empty or lacks dimensions, a share is not between 0 and
        1, or the loss is no single number
    """
    net = checked_net("health", net)
    limits = Limits(dead_share, saturated_share, vanishing_share, small_gradient)
    watched = outermost(net, (*NEURONS, *neurons, surrogate.SurrogateFunctionBase))
    if not watched:
        raise ArgumentValueError(
            f"health: net has no neurons, but {type(net).__name__} was given. Classes of neurons that are not of this "
            "package are named with neurons=(MyNode,)."
        )
    firing = {name: Firing() for name in watched}
    watch = Watch(watched, firing, is_stepwise(net, run), gradients=loss is not None)
    samples = 0
    with torch.set_grad_enabled(loss is not None), evaluation(net), watch.attached():
        for batch in batches("health", data, T, batch_first, progress):
            reset_net(net)
            watch.batch = batch
            output = show(net, batch, run, repeated=T is not None)
            if loss is not None:
                watch.see_gradients(_checked_loss(loss(output, batch.target)), limits.small_gradient)
            samples += batch.N
    rows = [firing[name].row(name, watched[name], limits, loss is not None) for name in watched]
    return HealthReport(tuple(rows), samples)


def _checked_loss(value: Any) -> torch.Tensor:
    if not isinstance(value, torch.Tensor):
        raise ArgumentTypeError(f"health: loss(output, target) must return a tensor, but {describe(value)} came back.")
    if value.numel() != 1:
        raise ArgumentValueError(
            f"health: loss(output, target) must return a single number, but {describe(value)} came back. Take its mean."
        )
    if not value.requires_grad:
        raise ArgumentValueError(
            "health: the loss does not depend on the network by way of autograd. Leave out detach() and "
            "torch.no_grad(), or leave out loss."
        )
    return value
