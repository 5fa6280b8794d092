"""A stand-in for lava-dl with the constructors and the layouts that its documentation gives."""

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import nn


class _Synapse(nn.Module):
    def __init__(self, *sizes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(sizes))


def _pair(value) -> tuple:
    return (value, value) if isinstance(value, int) else tuple(value)


class Dense(_Synapse):
    def __init__(self, in_neurons: int, out_neurons: int) -> None:
        super().__init__(out_neurons, in_neurons, 1, 1, 1)


class Conv(_Synapse):
    def __init__(self, in_features, out_features, kernel_size, stride=1, padding=0, dilation=1, groups=1) -> None:
        super().__init__(out_features, in_features // groups, *_pair(kernel_size), 1)
        self.geometry = (stride, padding, dilation, groups)


class Pool(_Synapse):
    def __init__(self, kernel_size, stride=None, padding=0, dilation=1) -> None:
        super().__init__(1, 1, *_pair(kernel_size), 1)
        self.geometry = (stride, padding, dilation)


class Neuron(nn.Module):
    """A leaky integrator on ``[N, *, T]`` that fires above its threshold and resets to 0."""

    def __init__(self, threshold, current_decay, voltage_decay, **more) -> None:
        super().__init__()
        self.threshold, self.current_decay, self.voltage_decay, self.more = (
            threshold,
            current_decay,
            voltage_decay,
            more,
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        spikes = []
        for x_t in x.unbind(-1):
            self.current_state = self.current_state * (1 - self.current_decay) + x_t
            charged = self.voltage_state * (1 - self.voltage_decay) + self.current_state
            spikes.append((charged > self.threshold).to(x))
            self.voltage_state = charged * (1 - spikes[-1])
        return torch.stack(spikes, -1)


class WgtScaleBatchNorm(nn.Module):
    def __init__(self, num_features, momentum=0.1, weight_exp_bits=3, eps=1e-5, pre_hook_fx=None) -> None:
        super().__init__()
        self.arguments = (num_features, momentum, weight_exp_bits, eps, pre_hook_fx)
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.zeros(1))


def _block(synapse: type) -> type:
    class Block(nn.Module):
        def __init__(self, neuron_params: dict, *geometry) -> None:
            super().__init__()
            self.neuron = Neuron(**neuron_params)
            self.synapse = synapse(*geometry)

    return Block


class Flatten(nn.Module):
    pass


@contextmanager
def installed() -> Iterator[types.SimpleNamespace]:
    """``from lava.lib.dl import slayer`` finds the stand-in."""
    space = types.SimpleNamespace
    slayer = space(
        synapse=space(Dense=Dense, Conv=Conv, Pool=Pool),
        neuron=space(cuba=space(Neuron=Neuron), norm=space(WgtScaleBatchNorm=WgtScaleBatchNorm)),
        block=space(cuba=space(Dense=_block(Dense), Conv=_block(Conv), Pool=_block(Pool), Flatten=Flatten)),
    )
    with pytest.MonkeyPatch.context() as patch:
        for name in ("lava", "lava.lib", "lava.lib.dl"):
            patch.setitem(sys.modules, name, types.ModuleType(name))
        sys.modules["lava.lib.dl"].slayer = slayer
        yield slayer
