"""How much better an action was than expected."""

import torch


def generalized_advantages(
    reward: torch.Tensor,
    value: torch.Tensor,
    next_value: torch.Tensor,
    terminated: torch.Tensor,
    ended: torch.Tensor,
    gamma: float,
    trace_decay: float,
) -> torch.Tensor:
    r"""Generalized advantage estimates of L successive steps in E environments, all tensors ``[L, E]``:

    .. math::
        \delta_t &= r_t + \gamma (1 - d_t) V(s'_t) - V(s_t) \\
        A_t &= \delta_t + \gamma \lambda (1 - e_t) A_{t+1}

    The value after a step counts unless the task has terminated :math:`d_t`; an advantage reaches back to the beginning
    of its episode, whose end is :math:`e_t`. With :math:`\lambda = 1`, :math:`A_t + V(s_t)` is the n-step return.

    :param next_value: the values of the observations that the steps led to
    :param gamma: discount of future rewards
    :param trace_decay: :math:`\lambda`

    Source: Schulman et al., "High-Dimensional Continuous Control Using Generalized Advantage Estimation", ICLR 2016.
    """
    delta = reward + gamma * (1 - terminated) * next_value - value
    advantage = torch.empty_like(delta)
    following = torch.zeros_like(delta[0])
    for t in reversed(range(len(delta))):
        following = delta[t] + gamma * trace_decay * (1 - ended[t]) * following
        advantage[t] = following
    return advantage
