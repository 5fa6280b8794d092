"""Proximal policy optimization.

Source: Schulman et al., "Proximal Policy Optimization Algorithms", 2017.
"""

from dataclasses import dataclass

import torch

from spikingjelly.activation_based.examples.common.rl.a2c import A2C, A2CSettings, normalized
from spikingjelly.activation_based.examples.common.rl.environments import Environments, collect
from spikingjelly.activation_based.examples.common.rl.networks import ActorCritic
from spikingjelly.activation_based.examples.common.rl.settings import setting


@dataclass(frozen=True)
class PPOSettings(A2CSettings):
    """What can be set about :class:`PPO`."""

    lr: float = setting(1e-3, "learning rate of Adam")
    length: int = setting(32, "steps in each environment before the updates", at_least=1)
    epochs: int = setting(10, "passes through these steps", at_least=1)
    batch_size: int = setting(256, "steps of one update", at_least=1)
    clip: float = setting(0.2, "largest change of a probability ratio that still pays")


class PPO(A2C):
    """:class:`A2C` that makes many updates with the same steps, and bounds what they change.

    :param net: its actor gives the logits of the actions, its critic the value of an observation
    """

    settings: PPOSettings

    def __init__(self, net: ActorCritic, settings: PPOSettings) -> None:
        super().__init__(net, settings)

    def improve(self, environments: Environments) -> dict[str, float]:
        """Take ``length`` steps in all environments and make ``epochs`` passes of updates with them."""
        data = self._prepare(collect(environments, self.explore, self.settings.length))
        scalars: dict[str, float] = {}
        for _ in range(self.settings.epochs):
            for places in torch.randperm(len(data["action"])).split(self.settings.batch_size):
                scalars = self._update({name: tensor[places.to(tensor.device)] for name, tensor in data.items()})
        return scalars

    def policy_loss(self, log_prob: torch.Tensor, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        r""":math:`-\mathrm{mean}(\min(\rho A, \mathrm{clip}(\rho, 1 - c, 1 + c) A))` with the ratio :math:`\rho` of the
        probabilities now and when the action was taken."""
        ratio = (log_prob - batch["log_prob"]).exp()
        bounded = ratio.clamp(1 - self.settings.clip, 1 + self.settings.clip)
        advantage = normalized(batch["advantage"])
        return -torch.minimum(ratio * advantage, bounded * advantage).mean()
