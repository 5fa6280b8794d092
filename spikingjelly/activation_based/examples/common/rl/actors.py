"""Spiking actors for continuous actions: populations of neurons in and out, and potentials that are the action.

Sources: Tang et al., "Deep Reinforcement Learning with Population-Coded Spiking Neural Network for Continuous Control",
CoRL 2020; Chen et al., "Fully Spiking Actor Network with Intra-layer Connections for Reinforcement Learning", IEEE
TNNLS, 2024; Chen et al., "Noisy Spiking Actor Network for Exploration", 2024.
"""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import encoding, functional, layer, neuron
from spikingjelly.activation_based.examples.common.rl.settings import setting


@dataclass(frozen=True)
class ActorSettings:
    """What can be set about the actors."""

    T: int = setting(5, "time steps for each observation", at_least=1)
    hidden: int = setting(64, "neurons of each of two hidden layers", at_least=1)
    encoders: int = setting(10, "neurons that encode each number of the observation", at_least=1)
    decoders: int = setting(10, "neurons that decode each number of the action", at_least=1)
    sigma: float = setting(0.5, "strength of the noise in the neurons, for the noisy actor")


class SpikingActor(nn.Module):
    """Observations ``[N, *]`` to actions ``[N, actions]`` between -1 and 1.

    Each number of the observation drives a population of neurons that answer to different values. Two hidden layers
    and a population for each number of the action follow. The spikes of that population charge one neuron that never
    fires; the hyperbolic tangent of its potential is the action. Each call starts at rest.

    :param hidden: the nodes of the two hidden layers
    :param population: the node of the populations of the actions
    :param decoder: the node whose potentials are read
    """

    def __init__(
        self, inputs: int, actions: int, settings: ActorSettings,
        hidden: tuple[nn.Module, nn.Module], population: nn.Module, decoder: nn.Module,
    ) -> None:  # fmt: skip
        super().__init__()
        encoder = encoding.PopSpikeEncoderDeterministic(
            inputs, settings.encoders, settings.T, mean_range=(-3.0, 3.0), std=math.sqrt(0.15)
        )
        self.layers = nn.Sequential(
            encoder,
            layer.Linear(encoder.encoder_neuron_num, settings.hidden), hidden[0],
            layer.Linear(settings.hidden, settings.hidden), hidden[1],
            layer.Linear(settings.hidden, actions * settings.decoders), population,
            PopulationReadout(actions, settings.decoders), decoder,
        )  # fmt: skip
        functional.set_step_mode(self, "m")

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        functional.reset_net(self)
        return torch.tanh(self.layers(observation))


class PopulationReadout(nn.Module):
    """A weighted sum over each population: ``[T, N, actions * neurons]`` to ``[T, N, actions]``."""

    def __init__(self, actions: int, neurons: int) -> None:
        super().__init__()
        bound = neurons**-0.5
        self.weight = nn.Parameter(torch.empty(actions, neurons).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(actions))

    def forward(self, spikes: torch.Tensor) -> torch.Tensor:
        return (spikes.unflatten(-1, self.weight.shape) * self.weight).sum(-1) + self.bias


def intra_layer_actor(inputs: int, actions: int, settings: ActorSettings) -> SpikingActor:
    """An actor whose output populations have connections inside them (ILC-SAN)."""
    return SpikingActor(
        inputs, actions, settings,
        hidden=(neuron.CLIFNode(), neuron.CLIFNode()),
        population=neuron.ILCCLIFNode(actions, settings.decoders),
        decoder=neuron.NonSpikingIFNode(),
    )  # fmt: skip


class NoisyActor(SpikingActor):
    """An actor that explores by noise in its neurons (Noisy-SAN), and remembers with which noise it has acted.

    :ivar noisy: whether there is noise
    """

    def __init__(self, inputs: int, actions: int, settings: ActorSettings) -> None:
        T, sigma = settings.T, settings.sigma
        super().__init__(
            inputs, actions, settings,
            hidden=(
                neuron.NoisyCLIFNode(settings.hidden, T=T, sigma_init=sigma),
                neuron.NoisyCLIFNode(settings.hidden, T=T, sigma_init=sigma),
            ),
            population=neuron.NoisyILCCLIFNode(actions, settings.decoders, T=T, sigma_init=sigma, v_threshold=0.5),
            decoder=neuron.NoisyNonSpikingIFNode(actions, T=T, sigma_init=sigma),
        )  # fmt: skip
        self.noisy = False

    def _noisy_nodes(self) -> list[Any]:
        kinds = (neuron.NoisyBaseNode, neuron.NoisyNonSpikingBaseNode)
        return [module for module in self.modules() if isinstance(module, kinds)]

    @property
    def noisy(self) -> bool:
        return self._noisy_nodes()[0].is_training

    @noisy.setter
    def noisy(self, value: bool) -> None:
        for node in self._noisy_nodes():
            node.is_training = value

    def draw_noise(self, steps: int) -> None:
        """Draw the noise of the next ``steps`` calls."""
        for node in self._noisy_nodes():
            node.reset_noise(steps)

    def last_noise(self) -> torch.Tensor:
        """The noise of the last call ``[T, streams]``."""
        return torch.cat([node.get_colored_noise() for node in self._noisy_nodes()], -1)

    @contextlib.contextmanager
    def replaying(self, noise: torch.Tensor) -> Iterator[None]:
        """Within it, the actor runs with the stored noise ``[N, T, streams]`` of a batch."""
        widths = [node.get_colored_noise().shape[-1] for node in self._noisy_nodes()]
        for node, part in zip(self._noisy_nodes(), noise.split(widths, -1), strict=True):
            node.load_colored_noise(part)
        self.noisy = True
        try:
            yield
        finally:
            self.noisy = False
            for node in self._noisy_nodes():
                node.cancel_load()
