"""Twin delayed deep deterministic policy gradient, for continuous actions.

Source: Fujimoto et al., "Addressing Function Approximation Error in Actor-Critic Methods", ICML 2018.
"""

import copy
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly.activation_based.examples.common.rl.actors import NoisyActor
from spikingjelly.activation_based.examples.common.rl.dqn import follow
from spikingjelly.activation_based.examples.common.rl.environments import Environments
from spikingjelly.activation_based.examples.common.rl.networks import MLP
from spikingjelly.activation_based.examples.common.rl.replay import ReplayBuffer
from spikingjelly.activation_based.examples.common.rl.settings import setting


@dataclass(frozen=True)
class TD3Settings:
    """What can be set about :class:`TD3`; actions count as between -1 and 1."""

    lr: float = setting(1e-3, "learning rate of Adam")
    gamma: float = setting(0.98, "discount of future rewards", at_most=1.0)
    batch_size: int = setting(128, "transitions of one update", at_least=1)
    memory: int = setting(50_000, "transitions that are remembered", at_least=1)
    warm_up: int = setting(1_000, "steps with random actions before the first update")
    action_noise: float = setting(0.3, "standard deviation of the noise on actions, where neurons have none")
    target_noise: float = setting(0.2, "standard deviation of the noise on actions of the target")
    target_noise_clip: float = setting(0.5, "its largest size")
    target_mix: float = setting(0.005, "share by which target networks follow at each update", at_most=1.0)
    actor_every: int = setting(2, "updates of the critics for each of the actor", at_least=1)


class Exploration(Protocol):
    """How an actor explores, and what has to be remembered about it."""

    def act(self, actor: nn.Module, environments: Environments) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Actions ``[E, *]`` between -1 and 1, and tensors ``[E, *]`` to store next to the transition."""

    def as_it_was(self, actor: nn.Module, batch: dict[str, torch.Tensor]) -> AbstractContextManager[None]:
        """Within it, the actor acts as it did in the batch."""


class ActionNoise:
    """Gaussian noise on the actions.

    :param sigma: its standard deviation
    """

    def __init__(self, sigma: float) -> None:
        self.sigma = sigma

    def act(self, actor: nn.Module, environments: Environments) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        action = actor(environments.observation)
        return (action + self.sigma * torch.randn_like(action)).clamp(-1.0, 1.0), {}

    def as_it_was(self, actor: nn.Module, batch: dict[str, torch.Tensor]) -> AbstractContextManager[None]:
        return nullcontext()


class NeuronNoise:
    """Noise in the neurons of a :class:`NoisyActor`, drawn for ``length`` steps at a time and for all environments.

    The policy is improved under the noise that it acted with, so that it also learns how strong noise may be.
    """

    def __init__(self, length: int = 200) -> None:
        self.length = length
        self._left = 0

    def act(self, actor: nn.Module, environments: Environments) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        assert isinstance(actor, NoisyActor)
        if not self._left:
            actor.draw_noise(self.length)
            self._left = self.length
        self._left -= 1
        actor.noisy = True
        action = actor(environments.observation)
        actor.noisy = False
        return action, {"noise": actor.last_noise().expand(environments.count, -1, -1)}

    def as_it_was(self, actor: nn.Module, batch: dict[str, torch.Tensor]) -> AbstractContextManager[None]:
        assert isinstance(actor, NoisyActor)
        return actor.replaying(batch["noise"])


class TwinCritic(nn.Module):
    """Two critics: observations ``[N, *]`` and actions ``[N, *]`` to two values ``[2, N]``."""

    def __init__(self, inputs: int, actions: int, hidden: int) -> None:
        super().__init__()
        self.first = MLP(inputs + actions, 1, hidden)
        self.second = MLP(inputs + actions, 1, hidden)

    def forward(self, observation: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
        both = torch.cat([observation, action], -1)
        return torch.stack([self.first(both), self.second(both)]).squeeze(-1)


class TD3:
    """An agent with a deterministic actor, two critics the smaller of which counts, and slow targets of all three.

    :param actor: observations ``[N, *]`` to actions ``[N, *]`` between -1 and 1
    :param critic: observations and actions to two values ``[2, N]``
    :param scale: what an action of 1 is in the environment
    """

    def __init__(
        self, actor: nn.Module, critic: TwinCritic, exploration: Exploration, scale: float, settings: TD3Settings
    ) -> None:
        self.net = nn.ModuleDict({"actor": actor, "critic": critic})
        self.target = copy.deepcopy(self.net)
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=settings.lr, fused=True)
        self.memory = ReplayBuffer(settings.memory)
        self.exploration = exploration
        self.scale = scale
        self.settings = settings
        self.updates = 0

    @torch.no_grad()
    def greedy(self, observation: torch.Tensor) -> torch.Tensor:
        """The actor's actions without noise, in the units of the environment."""
        return self.scale * self.net["actor"](observation)

    def improve(self, environments: Environments) -> dict[str, float]:
        """Take one step in all environments, and make one update."""
        with torch.no_grad():
            action, more = self.exploration.act(self.net["actor"], environments)
        if environments.steps < self.settings.warm_up:
            action = torch.empty_like(action).uniform_(-1.0, 1.0)
        step = environments.step(self.scale * action).tensors()
        self.memory.add(**{**step, "action": action}, **more)
        if environments.steps < self.settings.warm_up:
            return {}
        return self._update(self.memory.sample(self.settings.batch_size))

    def _update(self, batch: dict[str, torch.Tensor]) -> dict[str, float]:
        self.updates += 1
        critic_loss = self.critic_loss(batch)
        scalars = {"critic_loss": critic_loss.item()}
        self.optimizer.zero_grad()
        critic_loss.backward()
        if self.updates % self.settings.actor_every == 0:
            actor_loss = self.actor_loss(batch)
            scalars["actor_loss"] = actor_loss.item()
            actor_loss.backward(inputs=list(self.net["actor"].parameters()))
        self.optimizer.step()
        follow(self.target, self.net, self.settings.target_mix)
        return scalars

    def critic_loss(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Distance of both values from reward plus discounted smaller value of what follows."""
        with torch.no_grad():
            next_action = self.target["actor"](batch["next_observation"])
            noise = self.settings.target_noise * torch.randn_like(next_action)
            limit = self.settings.target_noise_clip
            next_action = (next_action + noise.clamp(-limit, limit)).clamp(-1.0, 1.0)
            next_value = self.target["critic"](batch["next_observation"], next_action).min(0).values
            expected = batch["reward"] + self.settings.gamma * (1 - batch["terminated"]) * next_value
        values = self.net["critic"](batch["observation"], batch["action"])
        return F.mse_loss(values, expected.expand_as(values)) * len(values)

    def actor_loss(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """What the first critic thinks of the actor's actions, to be made small."""
        with self.exploration.as_it_was(self.net["actor"], batch):
            action = self.net["actor"](batch["observation"])
        return -self.net["critic"](batch["observation"], action)[0].mean()
