"""The rules in loops over time, samples and pairs of neurons, from the papers' equations for one synapse."""

import itertools
import math
from collections.abc import Callable, Iterator

import torch
from torch import nn

Index = tuple[int, ...]


def connections(synapse: nn.Module, pre_shape: Index, post_shape: Index) -> Iterator[tuple[Index, Index, Index]]:
    """(weight, presynaptic neuron, postsynaptic neuron) for each connection; shapes are those of one sample."""
    if isinstance(synapse, nn.Linear):
        for place in itertools.product(*map(range, pre_shape[:-1])):
            for o, i in itertools.product(range(synapse.out_features), range(synapse.in_features)):
                yield (o, i), (*place, i), (*place, o)
        return
    per_group_in, per_group_out = synapse.in_channels // synapse.groups, synapse.out_channels // synapse.groups
    for o, c in itertools.product(range(synapse.out_channels), range(per_group_in)):
        channel = o // per_group_out * per_group_in + c
        for k in itertools.product(*map(range, synapse.kernel_size)):
            for place in itertools.product(*map(range, post_shape[1:])):
                at = [position(synapse, d, place[d], k[d], pre_shape[1 + d]) for d in range(len(k))]
                if None not in at:
                    yield (o, c, *k), (channel, *at), (o, *place)


def position(conv: nn.Module, d: int, place: int, k: int, size: int) -> int | None:
    """Where the kernel's place ``k`` lies in dimension ``d``; None in the zeros around the input."""
    if conv.padding == "same":
        before = conv.dilation[d] * (conv.kernel_size[d] - 1) // 2
    else:
        before = 0 if conv.padding == "valid" else conv.padding[d]
    at = place * conv.stride[d] - before + k * conv.dilation[d]
    if 0 <= at < size:
        return at
    match conv.padding_mode:
        case "circular":
            return at % size
        case "replicate":
            return min(max(at, 0), size - 1)
        case "reflect":
            return -at if at < 0 else 2 * (size - 1) - at
    return None


def eligibilities(
    synapse: nn.Module,
    pre: torch.Tensor,
    post: torch.Tensor,
    keep_pre: float,
    keep_post: float,
    f_pre: Callable[[float], float],
    f_post: Callable[[float], float],
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Last traces, and each time step's and sample's change ``[T, N, *weight.shape]``, for spikes ``[T, N, *]``."""
    T, N = pre.shape[:2]
    x, y = torch.zeros_like(pre[0]), torch.zeros_like(post[0])
    result = torch.zeros(T, N, *synapse.weight.shape, dtype=torch.float64)
    pairs = list(connections(synapse, tuple(pre.shape[2:]), tuple(post.shape[2:])))
    weights = {w: synapse.weight[w].item() for w, _, _ in pairs}
    for t in range(T):
        for traces, spikes, keep in ((x, pre, keep_pre), (y, post, keep_post)):
            flat, now = traces.view(-1), spikes[t].reshape(-1)
            for i in range(len(flat)):
                flat[i] = keep * flat[i] + now[i]
        for n in range(N):
            x_n, y_n, pre_n, post_n = (values.numpy() for values in (x[n], y[n], pre[t, n], post[t, n]))
            change = result[t, n].numpy()
            for w, j, i in pairs:
                change[w] += f_post(weights[w]) * x_n[j] * post_n[i] - f_pre(weights[w]) * y_n[i] * pre_n[j]
    return x, y, result


def linear(tau: float) -> float:
    return 1 - 1 / tau


def exponential(tau: float) -> float:
    return math.exp(-1 / tau)


def mstdp(zeta: torch.Tensor, rewards: torch.Tensor) -> torch.Tensor:
    """Change of each time step: the reward of now times the eligibility of the time step before."""
    changes = [torch.zeros_like(zeta[0, 0])]
    for t in range(1, len(zeta)):
        changes.append(sum(rewards[t, n] * zeta[t - 1, n] for n in range(zeta.shape[1])))
    return torch.stack(changes)


def mstdpet(zeta: torch.Tensor, rewards: torch.Tensor, tau_trace: float) -> torch.Tensor:
    z = torch.zeros_like(zeta[0])
    changes = []
    for t in range(len(zeta)):
        if t > 0:
            z = z * math.exp(-1 / tau_trace) + zeta[t - 1] / tau_trace
        changes.append(sum(rewards[t, n] * z[n] for n in range(zeta.shape[1])))
    return torch.stack(changes)
