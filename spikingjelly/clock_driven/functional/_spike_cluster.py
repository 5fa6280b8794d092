"""Clusters of spikes, and where a network with too few or too many of them would be corrected."""

import torch

from spikingjelly.activation_based._checks import check_int, check_tensor


@torch.no_grad()
def spike_cluster(
    v: torch.Tensor, v_threshold: float | torch.Tensor, T_in: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The clusters of the spikes of each neuron: spikes that are at most ``T_in`` time steps apart belong to one.

    :param v: potentials before the reset ``[T, N]``; a neuron spikes where they reach ``v_threshold``
    :param v_threshold: threshold, a number or ``[N]``
    :param T_in: largest interval in a cluster, in time steps
    :return: the number of clusters ``[N]`` as floats; bool ``[T, N]``, True at the highest potential that is more than
        ``T_in`` away from all spikes, where a further cluster would begin (all False if there is no such time step);
        bool ``[T, N]``, True at the last spike of the cluster with the fewest spikes

    :raises ValueError: (also an AssertionError) if ``T_in`` is less than 1

    Source: Gu et al., "STCA: Spatio-Temporal Credit Assignment with Delayed Feedback in Deep Spiking Neural Networks",
    IJCAI 2019.
    """
    check_tensor("spike_cluster", "v", v)
    check_int("spike_cluster", "T_in", T_in, at_least=1)
    spikes = v >= v_threshold
    time = torch.arange(v.shape[0], device=v.device).view(-1, *[1] * (v.dim() - 1)).expand(v.shape)
    never = -2 * v.shape[0] - T_in
    last = torch.where(spikes, time, never).cummax(0).values  # time of the last spike until now
    earlier = torch.cat([torch.full_like(last[:1], never), last[:-1]])
    number = (spikes & (time - earlier > T_in)).cumsum(0)  # of the cluster, from 1 on

    following = torch.where(spikes, -time, never).flip(0).cummax(0).values.flip(0)  # minus the time of the next spike
    far = (time - last > T_in) & (-following - time > T_in)
    best = v.masked_fill(~far, -torch.inf).argmax(0, keepdim=True)
    k_positive = (time == best) & far

    clusters = int(number.max()) + 1 if number.numel() else 1
    sizes = torch.zeros(clusters, *v.shape[1:], device=v.device).scatter_add_(0, number, spikes.float())
    smallest = sizes.masked_fill(sizes == 0, torch.inf).argmin(0, keepdim=True)
    in_smallest = spikes & (number == smallest)
    k_negative = in_smallest & (time == torch.where(in_smallest, time, -1).amax(0, keepdim=True))
    return number[-1].to(v.dtype), k_positive, k_negative
