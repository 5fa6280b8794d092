"""Networks for observations that are a few numbers, with and without spikes."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, neuron, surrogate
from spikingjelly.activation_based.examples.common.rl.settings import setting

Build = Callable[[int, int], nn.Module]  # (numbers of an observation, outputs) -> network [N, in] -> [N, out]


@dataclass(frozen=True)
class MLPSettings:
    """What can be set about :class:`MLP`."""

    hidden: int = setting(128, "neurons of each hidden layer", at_least=1)


@dataclass(frozen=True)
class SpikingMLPSettings:
    """What can be set about :class:`SpikingMLP`."""

    hidden: int = setting(128, "spiking neurons", at_least=1)
    T: int = setting(8, "time steps for each observation", at_least=1)


class MLP(nn.Sequential):
    """Linear, ReLU, Linear, ReLU, Linear: ``[N, inputs]`` to ``[N, outputs]``."""

    def __init__(self, inputs: int, outputs: int, hidden: int) -> None:
        super().__init__(
            nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, outputs)
        )


class SpikingMLP(nn.Module):
    """Linear, IF, Linear, non-spiking LIF: ``[N, inputs]`` to ``[N, outputs]``.

    The observation is a constant current for T time steps. The output neurons never fire; the potential after the last
    time step is the output, a number of any size and sign. Each call starts at rest: observations that follow
    each other are no time steps of one sequence.

    :param hidden: number of spiking neurons
    :param T: time steps
    """

    def __init__(self, inputs: int, outputs: int, hidden: int, T: int) -> None:
        super().__init__()
        self.T = T
        self.layers = nn.Sequential(
            layer.Linear(inputs, hidden),
            neuron.IFNode(surrogate_function=surrogate.ATan()),
            layer.Linear(hidden, outputs),
            neuron.NonSpikingLIFNode(tau=2.0, decode="last-mem"),
        )
        functional.set_step_mode(self, "m")

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        functional.reset_net(self)
        return self.layers(observation.expand(self.T, *observation.shape))


class Critic(nn.Module):
    """A network with one output, the value of the observation: ``[N, inputs]`` to ``[N]``."""

    def __init__(self, build: Build, inputs: int) -> None:
        super().__init__()
        self.net = build(inputs, 1)

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        return self.net(observation).squeeze(-1)


class ActorCritic(nn.Module):
    """An actor and a critic without common layers: ``[N, inputs]`` to logits ``[N, actions]`` and values ``[N]``.

    :param build: makes the network of each
    """

    def __init__(self, build: Build, inputs: int, actions: int) -> None:
        super().__init__()
        self.actor = build(inputs, actions)
        self.critic = Critic(build, inputs)

    def forward(self, observation: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.actor(observation), self.critic(observation)
