"""Deep Q-learning.

Sources: Mnih et al., "Human-level control through deep reinforcement learning", Nature 518, 2015; van Hasselt et al.,
"Deep Reinforcement Learning with Double Q-learning", AAAI 2016.
"""

import copy
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly.activation_based.examples.common.rl.environments import Environments
from spikingjelly.activation_based.examples.common.rl.replay import ReplayBuffer
from spikingjelly.activation_based.examples.common.rl.settings import setting


@dataclass(frozen=True)
class DQNSettings:
    """What can be set about :class:`DQN`."""

    lr: float = setting(1e-3, "learning rate of Adam")
    gamma: float = setting(0.99, "discount of future rewards", at_most=1.0)
    batch_size: int = setting(128, "transitions of one update", at_least=1)
    memory: int = setting(50_000, "transitions that are remembered", at_least=1)
    warm_up: int = setting(1_000, "steps before the first update")
    explore: int = setting(10_000, "steps until the share of random actions has fallen to its end", at_least=1)
    epsilon: float = setting(0.02, "share of random actions in the end", at_most=1.0)
    target_mix: float = setting(0.01, "share by which the target network follows at each update", at_most=1.0)
    reward_scale: float = setting(0.1, "factor on rewards, so that values are of the size of what networks put out")


class DQN:
    """An agent that learns the value of each action, by double Q-learning with a target network.

    :param net: observations ``[N, *]`` to the values of the actions ``[N, actions]``
    """

    def __init__(self, net: nn.Module, settings: DQNSettings) -> None:
        self.net = net
        self.target = copy.deepcopy(net)
        self.optimizer = torch.optim.Adam(net.parameters(), lr=settings.lr, fused=True)
        self.memory = ReplayBuffer(settings.memory)
        self.settings = settings

    @torch.no_grad()
    def greedy(self, observation: torch.Tensor) -> torch.Tensor:
        """The most valuable actions."""
        return self.net(observation).argmax(-1)

    def epsilon(self, steps: int) -> float:
        """The share of random actions after that many steps: from 1 down to its end in a straight line."""
        return max(self.settings.epsilon, 1 - (1 - self.settings.epsilon) * steps / self.settings.explore)

    def explore(self, observation: torch.Tensor, actions: int, steps: int) -> torch.Tensor:
        """The most valuable actions, some of them replaced by random ones."""
        action = self.greedy(observation)
        at_random = torch.rand(action.shape, device=action.device) < self.epsilon(steps)
        return torch.where(at_random, torch.randint_like(action, actions), action)

    def improve(self, environments: Environments) -> dict[str, float]:
        """Take one step in all environments and make one update."""
        action = self.explore(environments.observation, int(environments.action_space.n), environments.steps)
        self.memory.add(**environments.step(action).tensors())
        if environments.steps < self.settings.warm_up:
            return {}
        loss = self.loss(self.memory.sample(self.settings.batch_size))
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 10.0)
        self.optimizer.step()
        follow(self.target, self.net, self.settings.target_mix)
        return {"loss": loss.item(), "epsilon": self.epsilon(environments.steps)}

    def loss(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Distance of the values from reward plus discounted value of what follows.

        The network chooses the next action, the target network tells its value.
        """
        value = self.net(batch["observation"]).gather(-1, batch["action"].unsqueeze(-1)).squeeze(-1)
        with torch.no_grad():
            next_action = self.greedy(batch["next_observation"]).unsqueeze(-1)
            next_value = self.target(batch["next_observation"]).gather(-1, next_action).squeeze(-1)
        reward = self.settings.reward_scale * batch["reward"]
        expected = reward + self.settings.gamma * (1 - batch["terminated"]) * next_value
        return F.smooth_l1_loss(value, expected)


@torch.no_grad()
def follow(target: nn.Module, net: nn.Module, share: float) -> None:
    """Move each parameter of ``target`` by ``share`` of the way to its counterpart in ``net``.

    Source: Lillicrap et al., "Continuous control with deep reinforcement learning", ICLR 2016.
    """
    for slow, fast in zip(target.parameters(), net.parameters(), strict=True):
        slow.lerp_(fast, share)
