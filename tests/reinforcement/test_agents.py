"""DQN, A2C and PPO: their losses against sums that are written out, exploration, and target updates."""

import copy
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from spikingjelly.activation_based.examples.common.rl.a2c import A2C, A2CSettings, normalized
from spikingjelly.activation_based.examples.common.rl.dqn import DQN, DQNSettings
from spikingjelly.activation_based.examples.common.rl.environments import Environments
from spikingjelly.activation_based.examples.common.rl.networks import MLP, ActorCritic, SpikingMLP
from spikingjelly.activation_based.examples.common.rl.ppo import PPO, PPOSettings


def actor_critic() -> ActorCritic:
    return ActorCritic(lambda inputs, outputs: MLP(inputs, outputs, 16), 1, 2)


def transitions(count: int = 6) -> dict[str, torch.Tensor]:
    return {
        "observation": torch.randn(count, 1),
        "action": torch.randint(2, (count,)),
        "reward": torch.randn(count),
        "next_observation": torch.randn(count, 1),
        "terminated": (torch.rand(count) < 0.5).float(),
        "ended": torch.ones(count),
    }


@torch.no_grad()
@pytest.mark.parametrize(("gamma", "scale"), [(0.5, 1.0), (1.0, 0.3)])
def test_loss_of_double_q_learning(gamma: float, scale: float) -> None:
    agent = DQN(MLP(1, 2, 16), DQNSettings(gamma=gamma, reward_scale=scale))
    agent.target = MLP(1, 2, 16)
    batch, total = transitions(), 0.0
    for i in range(6):
        after = batch["next_observation"][i]
        chosen = max((0, 1), key=agent.net(after).tolist().__getitem__)
        expected = scale * batch["reward"][i] + gamma * (1 - batch["terminated"][i]) * agent.target(after)[chosen]
        value = agent.net(batch["observation"][i])[batch["action"][i]]
        total += F.smooth_l1_loss(value, expected).item() / 6
    assert agent.loss(batch).item() == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_the_target_network_follows(clock: str, share: float) -> None:
    agent = DQN(MLP(1, 2, 16), DQNSettings(target_mix=share, warm_up=6, batch_size=4, lr=0.1))
    environments = Environments(clock, 2, seed=0)
    start = agent.net[0].weight.clone()
    for _ in range(2):
        assert agent.improve(environments) == {}
    assert torch.equal(agent.net[0].weight, start)  # these steps fell into the warm-up
    for _ in range(3):
        target = agent.target[0].weight.clone()
        agent.improve(environments)
        assert not torch.equal(agent.net[0].weight, start)
        torch.testing.assert_close(agent.target[0].weight, (1 - share) * target + share * agent.net[0].weight)


def test_the_share_of_random_actions_falls_in_a_straight_line() -> None:
    agent = DQN(MLP(1, 2, 16), DQNSettings(explore=100, epsilon=0.2))
    assert [agent.epsilon(steps) for steps in (0, 50, 100, 1000)] == pytest.approx([1.0, 0.6, 0.2, 0.2])
    observation = torch.zeros(2000, 1)
    greedy = int(agent.greedy(observation)[0])
    differing = [(agent.explore(observation, 2, steps) != greedy).float().mean().item() for steps in (0, 100)]
    assert differing == pytest.approx([0.5, 0.1], abs=0.04)


def test_the_policy_loss_of_a2c() -> None:
    agent = A2C(actor_critic(), A2CSettings())
    log_prob, advantage = torch.randn(5), torch.randn(5)
    mean = advantage.mean()
    deviation = ((advantage - mean) ** 2).mean().sqrt()
    total = -sum(log_prob[i] * (advantage[i] - mean) / deviation for i in range(5)) / 5
    assert agent.policy_loss(log_prob, {"advantage": advantage}).item() == pytest.approx(float(total), rel=1e-5)


@pytest.mark.parametrize("clip", [0.1, 0.5])
def test_the_policy_loss_of_ppo(clip: float) -> None:
    agent = PPO(actor_critic(), PPOSettings(clip=clip))
    before, now, advantage = torch.randn(8), torch.randn(8), torch.randn(8)
    total = 0.0
    for i in range(8):
        ratio, a = float((now[i] - before[i]).exp()), float(normalized(advantage)[i])
        total -= min(ratio * a, min(max(ratio, 1 - clip), 1 + clip) * a) / 8
    assert agent.policy_loss(now, {"log_prob": before, "advantage": advantage}).item() == pytest.approx(total, rel=1e-5)


def test_the_first_update_of_ppo_goes_where_a2c_goes() -> None:
    net = actor_critic()
    batch = {
        "observation": torch.randn(8, 1), "action": torch.randint(2, (8,)), "advantage": torch.randn(8),
    }  # fmt: skip
    gradients = []
    for agent in (A2C(net, A2CSettings()), PPO(net, PPOSettings())):
        log_prob = net.actor(batch["observation"]).log_softmax(-1).gather(1, batch["action"].unsqueeze(1)).squeeze(1)
        loss = agent.policy_loss(log_prob, {**batch, "log_prob": log_prob.detach()})
        gradients.append(torch.autograd.grad(loss, list(net.actor.parameters())))
    for mine, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize(
    ("change", "moves"),
    [
        ({}, True),
        ({"lr": 0.0}, False),
        ({"entropy_weight": 3.0}, True),
        ({"value_weight": 0.0}, True),
        ({"length": 5}, True),
    ],
)
@pytest.mark.parametrize("kind", [A2C, PPO])
def test_each_setting_reaches_the_update(clock: str, kind: type[A2C], change: dict, moves: bool) -> None:
    """Against the default settings from the same start, the parameters end elsewhere."""
    base = PPOSettings(epochs=2, batch_size=8) if kind is PPO else A2CSettings()
    ends = []
    for settings in (base, replace(base, **change)):
        torch.manual_seed(3)
        agent = kind(actor_critic(), settings)
        start = copy.deepcopy(agent.net.state_dict())
        losses = agent.improve(Environments(clock, 2, seed=0))
        assert set(losses) == {"policy_loss", "value_loss", "entropy"}
        ends.append(torch.cat([v.flatten() for v in agent.net.state_dict().values()]))
    assert moves != torch.equal(torch.cat([v.flatten() for v in start.values()]), ends[1])
    assert torch.equal(*ends) == (change == {})


@pytest.mark.parametrize("change", [{"gamma": 0.3}, {"trace_decay": 0.1}])
def test_advantages_follow_the_settings(clock: str, change: dict) -> None:
    updates = []
    for settings in (A2CSettings(), replace(A2CSettings(), **change)):
        torch.manual_seed(3)
        updates.append(A2C(actor_critic(), settings).improve(Environments(clock, 2, seed=0))["value_loss"])
    assert updates[0] != updates[1]


def test_a_learner_finds_the_better_of_two_actions(clock: str) -> None:
    """Without future rewards, action 1 is worth 1 more at any time."""
    agents = [
        DQN(MLP(1, 2, 32), DQNSettings(gamma=0.0, warm_up=20, explore=200, lr=3e-3)),
        PPO(actor_critic(), PPOSettings(gamma=0.0, length=16, lr=1e-2)),
    ]
    for agent, rounds in zip(agents, (300, 25), strict=True):
        environments = Environments(clock, 4, seed=0)
        for _ in range(rounds):
            agent.improve(environments)
        assert agent.greedy(torch.tensor([[0.0], [1.0], [2.0]])).tolist() == [1, 1, 1]


@pytest.mark.parametrize("T", [3, 8])
def test_a_spiking_network_starts_each_call_at_rest(T: int) -> None:
    net, x = SpikingMLP(4, 2, hidden=16, T=T), torch.randn(5, 4)
    first = net(x)
    assert first.shape == (5, 2)
    assert torch.equal(first, net(x))
    torch.testing.assert_close(net(x[2:4]), first[2:4])  # another batch size, without a reset in between
    first.sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())


def test_a_spiking_network_is_what_its_equations_say() -> None:
    net, x = SpikingMLP(3, 2, hidden=8, T=5), 4 * torch.randn(6, 3)
    current, out_layer = net.layers[0](x), net.layers[2]
    v, potential = torch.zeros(6, 8), torch.zeros(6, 2)
    for _ in range(5):
        v = v + current
        spike = (v >= 1.0).float()
        v = (1 - spike) * v
        potential = potential + (out_layer(spike) - potential) / 2.0
    torch.testing.assert_close(net(x), potential)


def test_actor_and_critic_share_nothing() -> None:
    net = actor_critic()
    logits, value = net(torch.randn(7, 1))
    assert (logits.shape, value.shape) == ((7, 2), (7,))
    value.sum().backward()
    assert all(parameter.grad is None for parameter in net.actor.parameters())
