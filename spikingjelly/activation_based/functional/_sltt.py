"""Spatial learning through time: gradients within time steps, at all of them or at some."""

from collections.abc import Callable

import torch
from torch import nn

from spikingjelly.activation_based._checks import ArgumentValueError, check_positive_int
from spikingjelly.activation_based.functional._net import detach_net
from spikingjelly.activation_based.functional._online import check_same_length


def sltt_online_training(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    x_seq: torch.Tensor,
    target_seq: torch.Tensor,
    f_loss_t: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    K: int | None = None,
    generator: torch.Generator | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    r"""One optimizer step with the gradients of a sequence that go through the layers, but not through time.

    .. math::
        \nabla W = \sum_{t \in \mathcal{K}} \frac{\partial \ell_t}{\partial W} \Big|_{\text{state}[t-1] \text{ fixed}}

    where :math:`\mathcal{K}` is all time steps (SLTT), or a new random choice of K of them for each call (SLTT-K). At
    the other time steps the model only runs forward. Memory does not grow with T, and the time for the backward pass
    is that of K time steps. For a network of :class:`SLTTLIFNode`, or of any neurons: the state is cut from the graph
    after each time step.

    :param model: a network in step mode 's'
    :param x_seq: inputs ``[T, N, *]``
    :param target_seq: targets ``[T, N, *]``
    :param f_loss_t: the loss of one time step, from the output of the model and the target
    :param K: number of time steps with a backward pass, at most T; None for all
    :param generator: chooses the time steps, default torch's own
    :return: the sum of the losses over all time steps, and the outputs ``[T, N, *]``; both without graph

    :raises ValueError: (also an AssertionError) if ``x_seq`` and ``target_seq`` differ in T, or K is not in 1 ... T
    :raises TypeError: (also an AssertionError) if K is no int

    Source: Meng et al., "Towards Memory- and Time-Efficient Backpropagation for Training Spiking Neural Networks",
    ICCV 2023.
    """
    check_same_length("sltt_online_training", x_seq, target_seq, dim=0)
    chosen = _choose(x_seq.shape[0], K, generator)
    losses, outputs = [], []
    optimizer.zero_grad()
    for t, (x, target) in enumerate(zip(x_seq.unbind(0), target_seq.unbind(0), strict=True)):
        with torch.set_grad_enabled(t in chosen):
            y = model(x)
            loss = f_loss_t(y, target)
        if t in chosen:
            loss.backward()
            detach_net(model)
        losses.append(loss.detach())
        outputs.append(y.detach())
    optimizer.step()
    return torch.stack(losses).sum(0), torch.stack(outputs)


def _choose(T: int, K: int | None, generator: torch.Generator | None) -> set[int]:
    if K is None:
        return set(range(T))
    check_positive_int("sltt_online_training", "K", K)
    if K > T:
        raise ArgumentValueError(f"sltt_online_training: K must be at most T, but K={K} and T={T} were given.")
    return set(torch.randperm(T, generator=generator)[:K].tolist())
