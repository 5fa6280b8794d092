"""Training at every time step, instead of backpropagation through time."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import ArgumentValueError, describe
from spikingjelly.activation_based.functional._net import detach_net

LossAtOneStep = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def fptt_online_training_init_w_ra(optimizer: torch.optim.Optimizer) -> list[torch.Tensor]:
    """The running averages that :func:`fptt_online_training` starts from: copies of the optimizer's parameters."""
    return [parameter.detach().clone() for parameter in _parameters(optimizer)]


def fptt_online_training(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    x_seq: torch.Tensor,
    target_seq: torch.Tensor,
    f_loss_t: LossAtOneStep,
    alpha: float,
    w_ra: list[torch.Tensor],
) -> None:
    r"""Forward propagation through time: one optimizer step at each time step.

    At time step :math:`t` the optimizer follows the gradient of

    .. math::
        \ell_t(W) + \sum_W \frac{\alpha}{2 \lvert W \rvert}
        \left\lVert W - \bar{W}_t - \frac{1}{2 \alpha} \nabla \ell_{t-1}(W_t) \right\rVert^2

    to :math:`W_{t+1}`, where :math:`W` is each parameter by itself and :math:`\lvert W \rvert` its number of elements:
    the mean of the squares in place of the papers' sum, as in the published package, so that ``alpha`` keeps its
    scale. Then, except after the last time step,

    .. math::
        \bar{W}_{t+1} = \frac{1}{2} (\bar{W}_t + W_{t+1}) - \frac{1}{2 \alpha} \nabla \ell_t(W_{t+1})

    ("Training Recurrent Neural Networks via Forward Propagation Through Time", Kag and Saligrama, ICML 2021; for
    spiking networks Yin, Corradi and Bohte, "Accurate online training of dynamical spiking neural networks through
    Forward Propagation Through Time", 2021). :math:`\nabla \ell_t(W_{t+1})` takes a second run of the model on
    :math:`x[t]`. It starts from the state that the first run left, and this is also the state that time step
    :math:`t + 1` starts from, cut from the graph.

    :param model: a network in step mode 's'
    :param x_seq: inputs ``[T, N, *]``
    :param target_seq: targets ``[T, N, *]``
    :param f_loss_t: the loss of one time step, from the output of the model and the target
    :param alpha: :math:`\alpha`, greater than 0
    :param w_ra: :math:`\bar{W}`, from :func:`fptt_online_training_init_w_ra`; updated in place, to be handed to the
        call for the next batch

    Parameters with ``requires_grad=False`` stay as they are.

    :raises ValueError: (also an AssertionError) if ``x_seq`` and ``target_seq`` differ in T, if ``alpha <= 0``, or if
        ``w_ra`` does not fit the parameters of ``optimizer``
    """
    check_same_length("fptt_online_training", x_seq, target_seq, dim=0)
    parameters = _parameters(optimizer)
    _check_averages(parameters, w_ra, alpha)
    T = x_seq.shape[0]
    last_gradients: list[torch.Tensor | None] = [None] * len(parameters)
    for t, (x, target) in enumerate(zip(x_seq.unbind(0), target_seq.unbind(0), strict=True)):
        _backward(model, optimizer, x, target, f_loss_t)
        _add_pull(parameters, w_ra, last_gradients, alpha)
        optimizer.step()
        if t < T - 1:
            state = _state(model)
            _backward(model, optimizer, x, target, f_loss_t)
            _restore(state)
            last_gradients = [None if p.grad is None else p.grad.clone() for p in parameters]
            _move_averages(parameters, w_ra, last_gradients, alpha)
    optimizer.zero_grad()


def ottt_online_training(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    x_seq: torch.Tensor,
    target_seq: torch.Tensor,
    f_loss_t: LossAtOneStep,
    online: bool,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Online training through time: the gradient of each time step by itself, with no graph between time steps.

    ("Online Training Through Time for Spiking Neural Networks", Xiao et al., NeurIPS 2022.) What reaches back in time
    are the traces that ``neuron.OTTTLIFNode`` and ``layer.OTTTSequential`` carry forward. The state is cut from the
    graph after each time step.

    :param model: a network in step mode 's'
    :param x_seq: inputs with the batch in front, ``[N, T, *]``
    :param target_seq: targets with the batch in front, ``[N, T, *]``
    :param f_loss_t: the loss of one time step, from the output of the model and the target
    :param online: True for one optimizer step at each time step; False for one at the end of the sequence, with the
        sum of the gradients
    :return: the sum of the losses over time, and the outputs ``[N, T, *]``; both without graph

    :raises ValueError: (also an AssertionError) if ``x_seq`` and ``target_seq`` differ in T
    """
    check_same_length("ottt_online_training", x_seq, target_seq, dim=1)
    losses, outputs = [], []
    optimizer.zero_grad()
    for x, target in zip(x_seq.unbind(1), target_seq.unbind(1), strict=True):
        if online:
            optimizer.zero_grad()
        y = model(x)
        loss = f_loss_t(y, target)
        loss.backward()
        detach_net(model)
        if online:
            optimizer.step()
        losses.append(loss.detach())
        outputs.append(y.detach())
    if not online:
        optimizer.step()
    return torch.stack(losses).sum(0), torch.stack(outputs, 1)


def _parameters(optimizer: torch.optim.Optimizer) -> list[torch.Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _backward(
    model: nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor, target: torch.Tensor, f_loss_t: LossAtOneStep
) -> None:
    """Leave the gradients of the loss of this time step in the parameters."""
    optimizer.zero_grad()
    f_loss_t(model(x), target).backward()
    detach_net(model)


def _state(model: nn.Module) -> list[tuple[base.MemoryModule, dict[str, Any]]]:
    stateful = [module for module in model.modules() if isinstance(module, base.MemoryModule)]
    return [(module, copy.deepcopy(dict(module.named_memories()))) for module in stateful]


def _restore(state: list[tuple[base.MemoryModule, dict[str, Any]]]) -> None:
    for module, memories in state:
        for name, value in memories.items():
            setattr(module, name, value)


@torch.no_grad()
def _add_pull(
    parameters: list[torch.Tensor], w_ra: list[torch.Tensor], last: list[torch.Tensor | None], alpha: float
) -> None:
    """Add the gradient of the regulariser: of alpha (W - W_ra) - grad / 2 each parameter gets its share."""
    for parameter, average, gradient in zip(parameters, w_ra, last, strict=True):
        if not parameter.requires_grad:
            continue
        pull = alpha * (parameter - average)
        if gradient is not None:
            pull -= 0.5 * gradient
        pull /= parameter.numel()
        parameter.grad = pull if parameter.grad is None else parameter.grad + pull


@torch.no_grad()
def _move_averages(
    parameters: list[torch.Tensor], w_ra: list[torch.Tensor], last: list[torch.Tensor | None], alpha: float
) -> None:
    for i, (parameter, gradient) in enumerate(zip(parameters, last, strict=True)):
        w_ra[i] = 0.5 * (w_ra[i] + parameter)
        if gradient is not None:
            w_ra[i] -= gradient / (2.0 * alpha)


def check_same_length(owner: str, x_seq: torch.Tensor, target_seq: torch.Tensor, dim: int) -> None:
    layout = ("[T, N, *]", "[N, T, *]")[dim]
    if min(x_seq.dim(), target_seq.dim()) <= dim or x_seq.shape[dim] != target_seq.shape[dim] or not x_seq.shape[dim]:
        raise ArgumentValueError(
            f"{owner}: x_seq and target_seq must be sequences {layout} of the same length T >= 1, but "
            f"{describe(x_seq)} and {describe(target_seq)} were given."
        )


def _check_averages(parameters: list[torch.Tensor], w_ra: list[torch.Tensor], alpha: float) -> None:
    if not alpha > 0:
        raise ArgumentValueError(f"fptt_online_training: alpha must be greater than 0, but {alpha} was given.")
    if [p.shape for p in parameters] != [average.shape for average in w_ra]:
        raise ArgumentValueError(
            "fptt_online_training: w_ra must hold one tensor for each parameter of the optimizer, but it does not fit. "
            "Make it with fptt_online_training_init_w_ra(optimizer)."
        )
