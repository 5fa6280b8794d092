"""Networks of one synapse, learners for them, and what these must find."""

import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, learning, neuron
from tests.learning import reference
from tests.learning.synapses import make, spikes

TAU_PRE, TAU_POST, TAU_TRACE = 1.7, 3.2, 4.5
T, N = 6, 3
RULES = ["stdp", "mstdp", "mstdpet"]


def f_pre(w):
    return 0.3 * w * w + 0.1


def f_post(w):
    return 0.8 - w


class Network(nn.Module):
    """A synapse and neurons that keep what they did; a synapse of torch runs on T * N samples in step mode 'm'."""

    def __init__(self, name: str, step_mode: str) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.synapse, self.shape = make(name)
        self.neurons = neuron.LIFNode(1.5, False, 0.2, 0.0, step_mode=step_mode)
        self.step_mode = step_mode
        if isinstance(self.synapse, layer.Linear | layer.Conv1d | layer.Conv2d):
            self.synapse.step_mode = step_mode

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.step_mode == "m" and not hasattr(self.synapse, "step_mode"):
            return self.neurons(functional.seq_to_ann_forward(x, self.synapse))
        return self.neurons(self.synapse(x))

    def run(self, x_seq: torch.Tensor) -> torch.Tensor:
        return self(x_seq) if self.step_mode == "m" else torch.stack([self(x) for x in x_seq])


def make_learner(rule: str, net: Network, step_mode: str, batch_size: int = N) -> learning.STDPLearner:
    watched = net.synapse, net.neurons, TAU_PRE, TAU_POST
    if rule == "stdp":
        return learning.STDPLearner(step_mode, *watched, f_pre, f_post)
    if rule == "mstdp":
        return learning.MSTDPLearner(step_mode, batch_size, *watched, f_pre, f_post)
    return learning.MSTDPETLearner(step_mode, *watched, TAU_TRACE, f_pre, f_post)


def expected(rule: str, net: Network, x_seq: torch.Tensor, rewards: torch.Tensor) -> torch.Tensor:
    """The change of each time step, ``[T, *weight.shape]``."""
    post = net.run(x_seq).detach()
    functional.reset_net(net)
    assert 0 < post.mean() < 1
    decay = reference.linear if rule == "stdp" else reference.exponential
    _, _, zeta = reference.eligibilities(net.synapse, x_seq, post, decay(TAU_PRE), decay(TAU_POST), f_pre, f_post)
    if rule == "stdp":
        return zeta.sum(1)
    return reference.mstdp(zeta, rewards) if rule == "mstdp" else reference.mstdpet(zeta, rewards, TAU_TRACE)


def step(learner, rule: str, reward: torch.Tensor, **kwargs):
    return learner.step(**kwargs) if rule == "stdp" else learner.step(reward, **kwargs)


def setting(name: str, step_mode: str, rule: str):
    net = Network(name, step_mode)
    x_seq, rewards = spikes(T, N, *net.shape), torch.randn(T, N).double()
    return net, x_seq, rewards, expected(rule, net, x_seq, rewards)
