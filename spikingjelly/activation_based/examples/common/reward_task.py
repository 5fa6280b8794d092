"""A neuron that is to fire for one pattern and not for another, taught by reward alone."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn
from tqdm import tqdm

from spikingjelly.activation_based import layer, learning, neuron
from spikingjelly.activation_based.examples.common.feature_pictures import draw_time_courses

GROUP, SHOWN = 5, 10  # inputs of a pattern; time steps it is shown for
RewardLearner = learning.MSTDPLearner | learning.MSTDPETLearner


@dataclass
class Course:
    """What happened in each time step."""

    inputs: list[torch.Tensor] = field(default_factory=list)  # [2 * GROUP], the first half is pattern A
    outputs: list[torch.Tensor] = field(default_factory=list)  # [1]
    rewards: list[torch.Tensor] = field(default_factory=list)  # [1]
    weights: list[torch.Tensor] = field(default_factory=list)  # [2], means of the synapses of A and of B
    traces: list[torch.Tensor] = field(default_factory=list)  # [2], as weights, of what the reward is multiplied with

    def draw(self, path: Path, title: str, trace_name: str) -> None:
        """Save spikes, reward, traces and weights."""
        names = ["A", "B"]
        inputs = torch.stack(self.inputs)
        draw_time_courses(path, title, [
            ("spikes", "input spikes", inputs, [f"{name}{i}" for name in names for i in range(GROUP)]),
            ("spikes", "output spikes", torch.stack(self.outputs), [""]),
            ("lines", "reward", torch.stack(self.rewards), ["reward"]),
            ("lines", f"{trace_name}, mean of the synapses of each pattern", torch.stack(self.traces), names),
            ("lines", "weights, mean of the synapses of each pattern", torch.stack(self.weights), names),
        ])  # fmt: skip

    def rates(self) -> tuple[float, float]:
        """Output spikes per time step for A and for B, in the second half of the time."""
        half = len(self.inputs) // 2
        of_a, of_b = torch.stack(self.inputs)[half:].view(-1, 2, GROUP).any(2).unbind(1)
        fired = torch.stack(self.outputs)[half:, 0]
        return fired[of_a].mean().item(), fired[of_b].mean().item()


@torch.no_grad()
def teach(
    make_learner: Callable[[nn.Module, nn.Module], RewardLearner],
    trials: int,
    delay: int,
    lr: float,
    trace_of: Callable[[RewardLearner], torch.Tensor | None],
) -> Course:
    """Show pattern A or B, chosen by chance, in each trial; give 1 for spikes on A and -1 for spikes on B.

    :param make_learner: gives the learner for a synapse and its neuron, in step mode 's' with one sample
    :param trials: number of trials
    :param delay: 0 to reward each spike in the next time step; otherwise each trial ends with that many silent time
        steps, and the last of them brings the reward for all of its spikes
    :param lr: learning rate; weights stay in [0, 1]
    :param trace_of: what the learner multiplies with the reward
    """
    synapse, node = layer.Linear(2 * GROUP, 1, bias=False), neuron.LIFNode(tau=2.0, decay_input=False)
    nn.init.constant_(synapse.weight, 0.5)
    learner, course = make_learner(synapse, node), Course()
    optimizer = torch.optim.SGD(synapse.parameters(), lr=lr)
    for _ in tqdm(range(trials), desc="trials", leave=False):
        is_b = int(torch.rand(()) < 0.5)
        spikes_in_trial, last = 0.0, torch.zeros(1)
        for t in range(SHOWN + delay):
            x = torch.zeros(2, GROUP)
            if t < SHOWN:
                x[is_b] = (torch.rand(GROUP) < 0.4).float()
            reward = last if not delay else torch.tensor([spikes_in_trial * (t == SHOWN + delay - 1)])
            reward = reward * (1 - 2 * is_b)
            y = node(synapse(x.view(1, -1)))
            optimizer.zero_grad()
            learner.step(reward)
            optimizer.step()
            synapse.weight.clamp_(0, 1)
            last, spikes_in_trial = y[0], spikes_in_trial + y.item()
            trace = trace_of(learner)
            course.inputs.append(x.view(-1))
            course.outputs.append(y[0])
            course.rewards.append(reward)
            course.weights.append(synapse.weight.view(2, GROUP).mean(1))
            course.traces.append(torch.zeros(2) if trace is None else trace[0].view(2, GROUP).mean(1))
        node.reset()
        learner.reset()
    return course
