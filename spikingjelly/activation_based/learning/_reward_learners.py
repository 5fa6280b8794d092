"""Learners of STDP that a reward modulates: with the eligibility itself, and with a trace of it."""

from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based._checks import check_positive_int, describe
from spikingjelly.activation_based._later_arguments import Arguments, also_called
from spikingjelly.activation_based.learning._correlation import WeightFunction, correlation, correlation_of_each
from spikingjelly.activation_based.learning._learner import Learner
from spikingjelly.activation_based.learning._stdp import as_it_is
from spikingjelly.activation_based.learning._traces import check_tau, exponential_decay, traces_over_time

Reward = float | torch.Tensor


class _RewardModulatedLearner(Learner):
    r"""The change is :math:`\sum_{t, n} r_n[t] z_n[t]` with :math:`z[t] = \beta z[t-1] + g \zeta[t-1]`, where
    :math:`\zeta` is the eligibility.

    The rewards are known when a sequence is learned from, so that the sum is taken the other way round:
    :math:`\zeta[t]` counts with the credit :math:`c[t] = \sum_{u > t} \beta^{u - t - 1} r[u]`. That is one correlation
    over all time steps and samples, where each :math:`z[t]` would be as large as the weights of all samples.
    """

    eligibility: Any

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.register_memory("eligibility", None)

    def step(self, reward: Reward, on_grad: bool = True, scale: float = 1.0) -> torch.Tensor | None:
        """Learn from what has been recorded since the last call.

        :param reward: a number or tensor ``[]`` for all samples, ``[N]``, or ``[T, N]`` for each recorded time step;
            what has no T holds in all time steps
        :param on_grad: True to subtract the change from ``synapse.weight.grad``, False to return it
        :param scale: a factor of the change
        :return: the change in the shape of the weight, or None with ``on_grad``

        :raises RuntimeError: if nothing has been recorded, synapse and neurons have not run equally often, or the
            batch has changed without :meth:`reset`
        :raises ValueError: if the shapes or step modes don't belong together
        """
        return self._learn(on_grad, scale, reward)

    def _decay_and_gain(self) -> tuple[float, float]:
        raise NotImplementedError(f"{type(self).__name__} does not define _decay_and_gain()")

    def _change(self, pre: torch.Tensor, post: torch.Tensor, reward: Reward) -> torch.Tensor:
        rewards = self._rewards(reward, pre)
        x = traces_over_time(pre, self.trace_pre, exponential_decay(self.tau_pre))
        y = traces_over_time(post, self.trace_post, exponential_decay(self.tau_post))
        decay, gain = self._decay_and_gain()
        before = self._eligibility_before(decay, gain)
        credit = _credit(rewards, decay)
        change = torch.zeros_like(self.synapse.weight)
        if len(pre) > 1:  # no reward has come after the last time step
            change += gain * self._sum_of_eligibilities(pre[:-1], post[:-1], x[:-1], y[:-1], credit[1:-1])
        if before is not None:
            change += torch.tensordot(credit[0], before, dims=1)
        self._keep(before, pre, post, x, y)
        self.trace_pre, self.trace_post = x[-1], y[-1]
        self.eligibility = self._eligibility(pre[-1], post[-1], x[-1], y[-1])
        return change

    def _eligibility_before(self, decay: float, gain: float) -> torch.Tensor | None:
        """:math:`z` at the first time step, which comes from the time steps before."""
        return None if self.eligibility is None else gain * self.eligibility

    def _keep(self, before: torch.Tensor | None, *spikes_and_traces: torch.Tensor) -> None:
        """Update what a subclass remembers beyond traces and eligibility; ``before`` is z at the first time step."""

    def _eligibility(self, pre: torch.Tensor, post: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """For each sample, ``[N, *weight.shape]``."""
        return self._weighted(correlation_of_each(self.synapse, x, post), correlation_of_each(self.synapse, pre, y))

    def _sum_of_eligibilities(
        self, pre: torch.Tensor, post: torch.Tensor, x: torch.Tensor, y: torch.Tensor, credit: torch.Tensor
    ) -> torch.Tensor:
        """The sum over time steps and samples, each times its credit ``[T, N]``."""
        post, y = (_times(values, credit).flatten(0, 1) for values in (post, y))
        return self._weighted(
            correlation(self.synapse, x.flatten(0, 1), post), correlation(self.synapse, pre.flatten(0, 1), y)
        )

    def _rewards(self, reward: Any, pre: torch.Tensor) -> torch.Tensor:
        """``[T, N]`` in dtype and device of the weights."""
        shape = pre.shape[:2]
        rewards = torch.as_tensor(reward, dtype=pre.dtype, device=pre.device).detach()
        if list(rewards.shape) not in ([], [shape[1]], list(shape)):
            raise ValueError(
                f"{type(self).__name__}: reward must be a number, or a tensor of shape [{shape[1]}], one for each "
                f"sample, or {list(shape)}, one for each of the recorded time steps as well, but {describe(reward)} "
                "was given."
            )
        return rewards.expand(shape)


def _without_batch_size(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    if len(args) > 1 and isinstance(args[1], nn.Module):
        return (args[0], None, *args[1:]), kwargs
    if len(args) < 2 and "synapse" in kwargs:
        return args, {"batch_size": None, **kwargs}
    return args, kwargs


class MSTDPLearner(_RewardModulatedLearner):
    r"""Reward-modulated STDP: the reward meets the eligibility that the time step before has left.

    .. math::
        \Delta w = \sum_t \sum_n r_n[t] \zeta_n[t-1], \qquad \zeta_n[-1] = 0

    with the eligibility :math:`\zeta` of :func:`mstdp_linear_single_step`, for convolutions with the sums over places
    of :func:`stdp_multi_step`. Run the network, then call ``step(reward)``, after each time step or after several;
    within a call the weights of all time steps are those of the call.

    :param step_mode: 's' if a call of the network is one time step, 'm' if it is a sequence ``[T, N, *]``
    :param batch_size: N, to which batches are then held; None, or left out as the 2.0 releases do, for any
    :param synapse: a Linear, Conv1d, Conv2d or Conv3d of ``torch.nn`` or ``activation_based.layer``
    :param sn: the neurons behind the synapse, whose output has the shape of the synapse's
    :param tau_pre: time constant of the presynaptic trace in time steps, greater than 0
    :param tau_post: time constant of the postsynaptic trace in time steps, greater than 0
    :param f_pre: how strong the depression at a presynaptic spike is, from the weights; default: as they are
    :param f_post: how strong the potentiation at a postsynaptic spike is, from the weights; default: as they are

    The memories are ``trace_pre`` and ``trace_post``, of the shape of one time step, and ``eligibility``
    ``[N, *weight.shape]``; each is None before the first time step.

    :raises NotImplementedError: for another synapse
    :raises ValueError: (also an AssertionError) if a time constant is not greater than 0 or the batch size not positive
    :raises TypeError: if ``sn`` is no module, or ``f_pre`` or ``f_post`` can't be called

    Source: Florian, "Reinforcement learning through modulation of spike-timing-dependent synaptic plasticity", Neural
    Computation 19(6), 2007.
    """

    @also_called(_without_batch_size)
    def __init__(
        self,
        step_mode: str,
        batch_size: int | None,
        synapse: nn.Module,
        sn: nn.Module,
        tau_pre: float,
        tau_post: float,
        f_pre: WeightFunction = as_it_is,
        f_post: WeightFunction = as_it_is,
    ) -> None:
        if batch_size is not None:
            check_positive_int(self, "batch_size", batch_size)
        super().__init__(step_mode, synapse, sn, tau_pre, tau_post, f_pre, f_post)
        self.batch_size = batch_size

    def _decay_and_gain(self) -> tuple[float, float]:
        return 0.0, 1.0

    def _change(self, pre: torch.Tensor, post: torch.Tensor, reward: Reward) -> torch.Tensor:
        if self.batch_size not in (None, pre.shape[1]):
            raise ValueError(
                f"{type(self).__name__}: batch_size is {self.batch_size}, but a batch of {pre.shape[1]} samples was "
                "recorded. Drop an incomplete last batch (drop_last=True), or make a learner of that batch size."
            )
        return super()._change(pre, post, reward)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, batch_size={self.batch_size}"


class MSTDPETLearner(_RewardModulatedLearner):
    r"""Reward-modulated STDP with eligibility trace: a reward also reaches what happened long before it.

    .. math::
        z_n[t] &= z_n[t-1] e^{-1 / \tau_{trace}} + \frac{1}{\tau_{trace}} \zeta_n[t-1], \qquad z_n[-1] = 0 \\
        \Delta w &= \sum_t \sum_n r_n[t] z_n[t]

    with the eligibility :math:`\zeta` of :func:`mstdp_linear_single_step`. Any number of samples N can run at once.

    :param tau_trace: time constant of the trace of the eligibility in time steps, greater than 0

    The other parameters and the errors are those of :class:`MSTDPLearner`, without ``batch_size``. The memories are
    ``trace_pre`` and ``trace_post``, of the shape of one time step, ``eligibility`` and ``trace_e``
    ``[N, *weight.shape]``; each is None before the first time step.

    Source: as :class:`MSTDPLearner`.
    """

    trace_e: Any

    def __init__(
        self,
        step_mode: str,
        synapse: nn.Module,
        sn: nn.Module,
        tau_pre: float,
        tau_post: float,
        tau_trace: float,
        f_pre: WeightFunction = as_it_is,
        f_post: WeightFunction = as_it_is,
    ) -> None:
        check_tau(self, "tau_trace", tau_trace)
        super().__init__(step_mode, synapse, sn, tau_pre, tau_post, f_pre, f_post)
        self.tau_trace = tau_trace
        self.register_memory("trace_e", None)

    def _decay_and_gain(self) -> tuple[float, float]:
        return exponential_decay(self.tau_trace), 1.0 / self.tau_trace

    def _eligibility_before(self, decay: float, gain: float) -> torch.Tensor | None:
        fresh = super()._eligibility_before(decay, gain)
        return fresh if fresh is None or self.trace_e is None else fresh + decay * self.trace_e

    def _keep(self, before: torch.Tensor | None, *spikes_and_traces: torch.Tensor) -> None:
        pre, post, x, y = spikes_and_traces
        decay, gain = self._decay_and_gain()
        trace = before
        for t in range(len(pre) - 1):
            fresh = gain * self._eligibility(pre[t], post[t], x[t], y[t])
            trace = fresh if trace is None else trace * decay + fresh
        self.trace_e = trace

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, tau_trace={self.tau_trace}"


def _credit(rewards: torch.Tensor, decay: float) -> torch.Tensor:
    r""":math:`c[-1], c[0], ..., c[T-1]` ``[T + 1, N]`` from ``[T, N]``: :math:`c[t-1] = r[t] + \beta c[t]`."""
    credit = torch.zeros(len(rewards) + 1, rewards.shape[1], dtype=rewards.dtype, device=rewards.device)
    for t in range(len(rewards) - 1, -1, -1):
        credit[t] = rewards[t] + decay * credit[t + 1]
    return credit


def _times(values: torch.Tensor, credit: torch.Tensor) -> torch.Tensor:
    return values * credit.view(*credit.shape, *[1] * (values.dim() - 2))
