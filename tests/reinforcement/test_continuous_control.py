"""TD3 and the spiking actors for continuous actions."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly.activation_based.examples.common.rl import actors
from spikingjelly.activation_based.examples.common.rl.actors import ActorSettings, NoisyActor, PopulationReadout
from spikingjelly.activation_based.examples.common.rl.environments import Environments
from spikingjelly.activation_based.examples.common.rl.td3 import TD3, ActionNoise, NeuronNoise, TD3Settings, TwinCritic

SMALL = ActorSettings(T=4, hidden=12, encoders=6, decoders=5)
MAKERS = [actors.intra_layer_actor, NoisyActor]


def agent_of(make=actors.intra_layer_actor, **settings: float) -> TD3:
    exploration = NeuronNoise(length=3) if make is NoisyActor else ActionNoise(0.3)
    return TD3(
        make(3, 1, SMALL), TwinCritic(3, 1, 8), exploration, 2.0, TD3Settings(batch_size=8, warm_up=4, **settings)
    )


def pendulum(count: int = 2) -> Environments:
    pytest.importorskip("gymnasium", reason="needs gymnasium: pip install gymnasium")
    return Environments("Pendulum-v1", count, seed=0)


@pytest.mark.parametrize("make", MAKERS)
def test_actions_lie_between_minus_one_and_one_and_all_parameters_learn(make) -> None:
    actor = make(3, 2, SMALL)
    observation = 2 * torch.randn(64, 3)
    action = actor(observation)
    assert action.shape == (64, 2)
    assert action.abs().max() <= 1
    assert torch.equal(action, actor(observation))  # at rest again, and no noise unless it is asked for
    torch.testing.assert_close(actor(observation[:5]), action[:5])
    (action * torch.randn_like(action)).sum().backward()
    noise_alone = {"layers.8.sigma"}
    silent = {name for name, parameter in actor.named_parameters() if parameter.grad is None}
    assert silent <= noise_alone


@pytest.mark.parametrize("make", MAKERS)
def test_a_population_reaches_its_own_action_only(make) -> None:
    actor = make(3, 2, SMALL)
    readout = actor.layers[7]
    with torch.no_grad():
        readout.weight[1] = 0.0
        readout.bias[1] = 0.25
    action = actor(torch.randn(10, 3))
    torch.testing.assert_close(action[:, 1], torch.full((10,), 0.25 * SMALL.T).tanh())
    assert action[:, 0].std() > 0


def test_the_readout_is_a_weighted_sum_over_each_population() -> None:
    readout, spikes = PopulationReadout(actions=2, neurons=3), torch.rand(4, 5, 6)
    out = readout(spikes)
    assert out.shape == (4, 5, 2)
    for action in range(2):
        expected = spikes[..., 3 * action : 3 * action + 3] @ readout.weight[action] + readout.bias[action]
        torch.testing.assert_close(out[..., action], expected)


def test_the_noisy_actor_acts_again_as_it_did_with_its_stored_noise() -> None:
    actor = NoisyActor(3, 2, SMALL)
    observations = torch.randn(6, 3)
    calm = actor(observations)
    actor.draw_noise(6)
    actor.noisy = True
    acted, noise = [], []
    for observation in observations:
        acted.append(actor(observation.unsqueeze(0)))
        noise.append(actor.last_noise())
    actor.noisy = False
    assert noise[0].shape == (4, 2 * 12 + 2 * 12 + 2 * 10 + 2)
    assert (torch.cat(acted) - calm).abs().max() > 1e-3
    with actor.replaying(torch.stack(noise)):
        again = actor(observations)
    torch.testing.assert_close(again, torch.cat(acted))
    torch.testing.assert_close(actor(observations), calm)  # quiet again
    again.sum().backward()
    assert actor.layers[8].sigma.grad is not None


def test_strength_of_the_noise() -> None:
    quiet, loud = (NoisyActor(3, 1, ActorSettings(hidden=16, sigma=sigma)) for sigma in (0.1, 0.8))
    assert quiet.layers[2].sigma_v == pytest.approx(0.1 / 4)
    assert loud.layers[8].sigma.item() == pytest.approx(0.8)


def test_neuron_noise_is_drawn_anew_when_it_is_used_up() -> None:
    agent, environments = agent_of(NoisyActor), pendulum()
    noises = [agent.exploration.act(agent.net["actor"], environments)[1]["noise"] for _ in range(7)]
    assert noises[0].shape[0] == 2
    assert torch.equal(noises[0][0], noises[0][1])
    assert len({float(noise[0, 0, 0]) for noise in noises}) == 7
    assert not agent.net["actor"].noisy


def test_noise_on_actions() -> None:
    class Still(nn.Module):
        def forward(self, observation: torch.Tensor) -> torch.Tensor:
            return torch.full((len(observation), 1), 0.9)

    environments = pendulum(4)
    environments.observation = torch.zeros(5000, 3)
    action, more = ActionNoise(0.4).act(Still(), environments)
    assert more == {}
    assert action.max() == 1.0
    assert action[action < 0.9].sub(0.9).square().mean().sqrt() == pytest.approx(0.4, rel=0.05)


@torch.no_grad()
def test_loss_of_the_critics() -> None:
    agent = agent_of(target_noise=0.0, gamma=0.7)
    agent.target["critic"] = TwinCritic(3, 1, 8)
    batch = {
        "observation": torch.randn(5, 3), "action": torch.rand(5, 1), "reward": torch.randn(5),
        "next_observation": torch.randn(5, 3), "terminated": torch.tensor([0.0, 1.0, 0.0, 1.0, 0.0]),
    }  # fmt: skip
    total = 0.0
    for i in range(5):
        after = batch["next_observation"][i : i + 1]
        values = agent.target["critic"](after, agent.target["actor"](after))
        expected = batch["reward"][i] + 0.7 * (1 - batch["terminated"][i]) * min(values[0, 0], values[1, 0])
        for value in agent.net["critic"](batch["observation"][i : i + 1], batch["action"][i : i + 1]):
            total += F.mse_loss(value[0], expected).item() / 5
    assert agent.critic_loss(batch).item() == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize("settings", [{"target_noise": 0.6, "target_noise_clip": 0.2}, {"target_noise": 0.6}])
def test_noise_on_the_target_is_bounded(settings: dict[str, float]) -> None:
    agent = agent_of(**settings)
    seen = []
    agent.target["actor"] = nn.Sequential(nn.Linear(3, 1), nn.Tanh())
    nn.init.zeros_(agent.target["actor"][0].weight)
    nn.init.zeros_(agent.target["actor"][0].bias)
    agent.target["critic"].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[1]))
    x = torch.zeros(500, 3)
    batch = {"observation": x, "next_observation": x, "action": x[:, :1], "reward": x[:, 0], "terminated": x[:, 0]}
    agent.critic_loss(batch)
    assert seen[0].abs().max().item() == pytest.approx(settings.get("target_noise_clip", 0.5))


@pytest.mark.parametrize("make", MAKERS)
def test_updates(make) -> None:
    """The critics move at each update, the actor at every third, and the targets a part of the way behind them."""
    agent, environments = agent_of(make, actor_every=3, target_mix=0.25, lr=0.01), pendulum()

    def flat(module: nn.Module) -> torch.Tensor:
        return torch.cat([parameter.detach().flatten().clone() for parameter in module.parameters()])

    assert agent.improve(environments) == {}  # the warm-up
    moved = []
    for _ in range(6):
        actor, critic, target = flat(agent.net["actor"]), flat(agent.net["critic"]), flat(agent.target)
        agent.improve(environments)
        assert not torch.equal(flat(agent.net["critic"]), critic)
        moved.append(not torch.equal(flat(agent.net["actor"]), actor))
        torch.testing.assert_close(flat(agent.target), 0.75 * target + 0.25 * flat(agent.net))
    assert moved == [False, False, True] * 2


def test_the_actors_loss_moves_no_critic() -> None:
    agent = agent_of(actor_every=1)
    environments = pendulum()
    agent.improve(environments)
    agent.improve(environments)
    batch = agent.memory.sample(8)
    agent.optimizer.zero_grad()
    agent.critic_loss(batch).backward()
    expected = [parameter.grad.clone() for parameter in agent.net["critic"].parameters()]
    twin = copy.deepcopy(agent)
    twin.optimizer = torch.optim.SGD(twin.net.parameters(), lr=0.0)
    torch.manual_seed(5)
    agent.optimizer.zero_grad()
    agent.critic_loss(batch).backward()
    expected = [parameter.grad.clone() for parameter in agent.net["critic"].parameters()]
    torch.manual_seed(5)
    twin._update(batch)
    for parameter, gradient in zip(twin.net["critic"].parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_actions_have_the_scale_of_the_environment_and_are_stored_without_it() -> None:
    agent, environments = agent_of(), pendulum()
    observation = torch.randn(4, 3)
    torch.testing.assert_close(agent.greedy(observation), 2.0 * agent.net["actor"](observation).detach())
    for _ in range(5):
        agent.improve(environments)
    assert agent.memory.sample(50)["action"].abs().max() <= 1.0


@pytest.mark.parametrize("make", MAKERS)
def test_the_same_seed_gives_the_same_updates(make) -> None:
    ends = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        agent, environments = agent_of(make), pendulum()
        for _ in range(5):
            agent.improve(environments)
        ends.append(torch.cat([parameter.detach().flatten() for parameter in agent.target.parameters()]))
    assert torch.equal(ends[0], ends[1])
    assert not torch.equal(ends[0], ends[2])
