"""Advantage actor-critic, all environments in step.

Source: Mnih et al., "Asynchronous Methods for Deep Reinforcement Learning", ICML 2016.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Categorical

from spikingjelly.activation_based.examples.common.rl.advantages import generalized_advantages
from spikingjelly.activation_based.examples.common.rl.environments import Environments, Step, collect
from spikingjelly.activation_based.examples.common.rl.networks import ActorCritic
from spikingjelly.activation_based.examples.common.rl.settings import setting


@dataclass(frozen=True)
class A2CSettings:
    """What can be set about :class:`A2C`."""

    lr: float = setting(3e-3, "learning rate of Adam")
    gamma: float = setting(0.99, "discount of future rewards", at_most=1.0)
    trace_decay: float = setting(0.95, "lambda of the advantage estimates, 1 for n-step returns", at_most=1.0)
    length: int = setting(8, "steps in each environment before an update", at_least=1)
    value_weight: float = setting(0.5, "weight of the critic's loss")
    entropy_weight: float = setting(0.01, "weight of the policy's entropy")


class A2C:
    """An agent that makes actions likelier that were better than its critic expected.

    :param net: its actor gives the logits of the actions, its critic the value of an observation
    """

    def __init__(self, net: ActorCritic, settings: A2CSettings) -> None:
        self.net = net
        self.optimizer = torch.optim.Adam(net.parameters(), lr=settings.lr, fused=True)
        self.settings = settings

    @torch.no_grad()
    def greedy(self, observation: torch.Tensor) -> torch.Tensor:
        """The likeliest actions."""
        return self.net.actor(observation).argmax(-1)

    def explore(self, observation: torch.Tensor) -> torch.Tensor:
        """Actions drawn by their probabilities."""
        return policy(self.net.actor(observation)).sample()

    def improve(self, environments: Environments) -> dict[str, float]:
        """Take ``length`` steps in all environments and make one update."""
        return self._update(self._prepare(collect(environments, self.explore, self.settings.length)))

    @torch.no_grad()
    def _prepare(self, steps: Step) -> dict[str, torch.Tensor]:
        """One flat batch ``[L * E, *]``, with what policy and critic say before the update."""
        observation, action, shape = steps.observation.flatten(0, 1), steps.action.flatten(), steps.reward.shape
        logits, value = self.net(observation)
        next_value = self.net.critic(steps.next_observation.flatten(0, 1))
        advantage = generalized_advantages(
            steps.reward, value.view(shape), next_value.view(shape), steps.terminated, steps.ended,
            self.settings.gamma, self.settings.trace_decay,
        ).flatten()  # fmt: skip
        log_prob = policy(logits).log_prob(action)
        return {
            "observation": observation, "action": action, "log_prob": log_prob,
            "advantage": advantage, "expected": advantage + value,
        }  # fmt: skip

    def _update(self, batch: dict[str, torch.Tensor]) -> dict[str, float]:
        logits, value = self.net(batch["observation"])
        probabilities = policy(logits)
        policy_loss = self.policy_loss(probabilities.log_prob(batch["action"]), batch)
        value_loss = F.mse_loss(value, batch["expected"])
        entropy = probabilities.entropy().mean()
        loss = policy_loss + self.settings.value_weight * value_loss - self.settings.entropy_weight * entropy
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 0.5)
        self.optimizer.step()
        return {"policy_loss": policy_loss.item(), "value_loss": value_loss.item(), "entropy": entropy.item()}

    def policy_loss(self, log_prob: torch.Tensor, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        r""":math:`-\mathrm{mean}(A \log \pi(a | s))`, with the advantages normalized over the batch."""
        return -(log_prob * normalized(batch["advantage"])).mean()


def policy(logits: torch.Tensor) -> Categorical:
    """The distribution of the actions."""
    return Categorical(logits=logits, validate_args=False)  # checking each draw takes longer than drawing


def normalized(values: torch.Tensor) -> torch.Tensor:
    """With mean 0 and standard deviation 1."""
    return (values - values.mean()) / (values.std(correction=0) + 1e-8)
