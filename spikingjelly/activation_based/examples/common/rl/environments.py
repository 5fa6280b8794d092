"""Environments side by side, what one step in them gives, and the returns of their episodes."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch

Policy = Callable[[torch.Tensor], torch.Tensor]  # observations [E, *] -> actions [E] or [E, *]


def import_gymnasium() -> Any:
    """The module ``gymnasium``.

    :raises ImportError: with the remedy, if it is not installed
    """
    try:
        import gymnasium
    except ImportError as error:
        raise ImportError(
            f"The environments need gymnasium, which can't be imported ({error}). "
            'Install it with: pip install "spikingjelly[rl]"'
        ) from error
    return gymnasium


@dataclass(frozen=True)
class Step:
    """One step of E environments; several steps that lie behind each other have a dimension L in front.

    :ivar observation: what the action was chosen for, ``[E, *]``
    :ivar action: ``[E]`` for discrete actions, ``[E, *]`` for continuous ones
    :ivar reward: ``[E]``
    :ivar next_observation: what the action led to, the last observation of an episode included, ``[E, *]``
    :ivar terminated: whether the task has ended, so that no reward follows, ``[E]`` of 0.0 and 1.0
    :ivar ended: whether the episode has ended, by termination or by its time limit, ``[E]`` of 0.0 and 1.0
    """

    observation: torch.Tensor
    action: torch.Tensor
    reward: torch.Tensor
    next_observation: torch.Tensor
    terminated: torch.Tensor
    ended: torch.Tensor

    def tensors(self) -> dict[str, torch.Tensor]:
        """The tensors by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


class Environments:
    """E environments of gymnasium that step together; an episode that ends is followed by the next one at once.

    :param name: as gymnasium knows it, like ``"CartPole-v1"``
    :param count: their number E
    :param seed: of the first environment; the others have the numbers after it
    :param device: where the tensors go

    :ivar observation: the observations to act on ``[E, *]``
    :ivar steps: steps taken so far, all environments together
    :ivar episodes: ``(steps at its end, return)`` of each episode that has ended

    :raises ImportError: if gymnasium is not installed
    """

    def __init__(self, name: str, count: int, seed: int, device: torch.device | str = "cpu") -> None:
        gymnasium = import_gymnasium()
        self._environments = gymnasium.vector.SyncVectorEnv(
            [lambda: gymnasium.make(name) for _ in range(count)],
            autoreset_mode=gymnasium.vector.AutoresetMode.SAME_STEP,
        )
        self._device = device
        self.count = count
        self.observation_space = self._environments.single_observation_space
        self.action_space = self._environments.single_action_space
        self.observation = self._tensor(self._environments.reset(seed=seed)[0])
        self.steps = 0
        self.episodes: list[tuple[int, float]] = []
        self._return_so_far = torch.zeros(count, dtype=torch.float64)

    def step(self, action: torch.Tensor) -> Step:
        """Act in all environments."""
        after, reward, terminated, truncated, info = self._environments.step(action.cpu().numpy())
        ended = terminated | truncated
        # The environment that follows has begun already; what the old one ended with lies in `info`.
        last = after.copy()
        for i in np.flatnonzero(ended):
            last[i] = info["final_obs"][i]
        step = Step(self.observation, action, *map(self._tensor, (reward, last, terminated, ended)))
        self.observation = self._tensor(after)
        self.steps += self.count
        self._count_returns(reward, ended)
        return step

    def mean_return(self, last: int) -> float:
        """Mean return of the ``last`` episodes that have ended, NaN before the first one has."""
        returns = [value for _, value in self.episodes[-last:]]
        return float(np.mean(returns)) if returns else float("nan")

    def close(self) -> None:
        """Free what the environments hold."""
        self._environments.close()

    def _count_returns(self, reward: np.ndarray, ended: np.ndarray) -> None:
        self._return_so_far += torch.from_numpy(reward)
        for i in np.flatnonzero(ended):
            self.episodes.append((self.steps, float(self._return_so_far[i])))
            self._return_so_far[i] = 0.0

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(np.array(values, dtype=np.float32), device=self._device)


def collect(environments: Environments, policy: Policy, length: int) -> Step:
    """``length`` steps with actions of ``policy``, stacked: ``[L, E, *]``. No gradients."""
    with torch.no_grad():
        steps = [environments.step(policy(environments.observation)).tensors() for _ in range(length)]
    return Step(**{name: torch.stack([step[name] for step in steps]) for name in steps[0]})


@torch.no_grad()
def evaluate(policy: Policy, name: str, episodes: int, seed: int, device: torch.device | str = "cpu") -> list[float]:
    """The returns of as many fresh episodes, one in each of as many environments."""
    environments = Environments(name, episodes, seed, device)
    total = torch.zeros(episodes, dtype=torch.float64)
    running = torch.ones(episodes, dtype=torch.bool)
    while running.any():
        step = environments.step(policy(environments.observation))
        total += step.reward.cpu() * running
        running &= step.ended.cpu() == 0
    environments.close()
    return total.tolist()
