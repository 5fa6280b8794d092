"""Steps, the ends of episodes, and their returns."""

import builtins
import math

import pytest
import torch

from spikingjelly.activation_based.examples.common.rl.environments import (
    Environments,
    collect,
    evaluate,
    import_gymnasium,
)


def ones(observation: torch.Tensor) -> torch.Tensor:
    return torch.ones(len(observation), dtype=torch.int64)


def test_an_episode_ends_with_its_own_last_observation(clock: str) -> None:
    environments = Environments(clock, 2, seed=0)
    assert environments.observation.tolist() == [[0.0], [0.0]]
    steps = [environments.step(torch.tensor([0, int(t == 1)])) for t in range(4)]
    seen = {name: torch.stack([step.tensors()[name] for step in steps]).squeeze(-1) for name in steps[0].tensors()}
    assert seen["observation"].tolist() == [[0, 0], [1, 1], [2, 0], [0, 1]]
    assert seen["next_observation"].tolist() == [[1, 1], [2, 2], [3, 1], [1, 2]]
    assert seen["reward"].tolist() == [[0, 0], [10, 11], [20, 0], [0, 10]]
    assert seen["terminated"].tolist() == [[0, 0], [0, 0], [1, 0], [0, 0]]
    assert seen["ended"].tolist() == [[0, 0], [0, 1], [1, 0], [0, 0]]
    assert environments.episodes == [(4, 11.0), (6, 30.0)]
    assert environments.steps == 8


def test_mean_return_of_the_last_episodes(clock: str) -> None:
    environments = Environments(clock, 1, seed=0)
    assert math.isnan(environments.mean_return(100))
    for action in (0, 0, 0, 0, 1, 0, 0, 0):  # returns 30, 11, 30
        environments.step(torch.tensor([action]))
    assert environments.mean_return(100) == pytest.approx(71 / 3)
    assert environments.mean_return(last=2) == pytest.approx(41 / 2)
    environments.close()


def test_collected_steps_lie_behind_each_other(clock: str) -> None:
    environments = Environments(clock, 3, seed=0)
    steps = collect(environments, ones, 5)
    assert steps.observation.shape == (5, 3, 1)
    assert steps.observation[:, 0, 0].tolist() == [0, 1, 0, 1, 0]
    assert steps.action.shape == steps.reward.shape == steps.ended.shape == (5, 3)
    assert steps.reward[:, 2].tolist() == [1, 11, 1, 11, 1]


def test_evaluation_counts_one_episode_of_each_environment(clock: str) -> None:
    def short_in_the_first(observation: torch.Tensor) -> torch.Tensor:
        return torch.arange(len(observation)).eq(0).long()

    assert evaluate(short_in_the_first, clock, episodes=3, seed=0) == [12.0, 30.0, 30.0]


def test_seeds() -> None:
    pytest.importorskip("gymnasium", reason="needs gymnasium: pip install gymnasium")
    first, again, other = (Environments("CartPole-v1", 2, seed).observation for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert torch.equal(first[1], other[0])  # one seed for each environment, counted up
    assert not torch.equal(first[0], first[1])


def test_without_gymnasium_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: object) -> object:
        if name == "gymnasium":
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r'pip install "spikingjelly\[rl\]"'):
        import_gymnasium()
