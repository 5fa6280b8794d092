"""Advantages against sums that are written out for each step."""

import pytest
import torch

from spikingjelly.activation_based.examples.common.rl.advantages import generalized_advantages


def example(length: int = 12, envs: int = 3) -> dict[str, torch.Tensor]:
    ended = (torch.rand(length, envs) < 0.3).double()
    return {
        "reward": torch.randn(length, envs, dtype=torch.float64),
        "value": torch.randn(length, envs, dtype=torch.float64),
        "next_value": torch.randn(length, envs, dtype=torch.float64),
        "terminated": ended * (torch.rand(length, envs) < 0.5),
        "ended": ended,
    }


@pytest.mark.parametrize(("gamma", "trace_decay"), [(0.9, 0.7), (1.0, 0.5), (0.8, 0.0)])
def test_against_the_sum_of_discounted_errors(gamma: float, trace_decay: float) -> None:
    x = example()
    advantage = generalized_advantages(**x, gamma=gamma, trace_decay=trace_decay)
    for t in range(12):
        for e in range(3):
            total, weight = 0.0, 1.0
            for k in range(t, 12):
                follows = gamma * (1 - x["terminated"][k, e]) * x["next_value"][k, e]
                total += weight * (x["reward"][k, e] + follows - x["value"][k, e])
                weight *= gamma * trace_decay
                if x["ended"][k, e]:
                    break
            assert advantage[t, e] == pytest.approx(float(total))


def test_lambda_one_gives_n_step_returns() -> None:
    x = example()
    x["value"][1:] = torch.where(x["ended"][:-1].bool(), x["value"][1:], x["next_value"][:-1])  # one critic
    returns = generalized_advantages(**x, gamma=0.9, trace_decay=1.0) + x["value"]
    for t in range(12):
        for e in range(3):
            total = 0.0
            end = next((k for k in range(t, 12) if x["ended"][k, e]), 11)
            for k in range(t, end + 1):
                total += 0.9 ** (k - t) * x["reward"][k, e]
            total += 0.9 ** (end - t + 1) * (1 - x["terminated"][end, e]) * x["next_value"][end, e]
            assert returns[t, e] == pytest.approx(float(total))
