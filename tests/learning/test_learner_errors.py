"""What learners refuse, and what they say."""

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, learning, neuron
from tests.learning.networks import N, Network, T, make_learner
from tests.learning.synapses import spikes


def linear_and_node(step_mode: str = "s") -> tuple[nn.Module, nn.Module]:
    return layer.Linear(4, 3, step_mode=step_mode), neuron.IFNode(step_mode=step_mode)


@pytest.mark.parametrize(
    ("make_it", "error", "message"),
    [
        (
            lambda: learning.STDPLearner("s", nn.ReLU(), neuron.IFNode(), 2.0, 2.0),
            NotImplementedError, "STDPLearner: a synapse must be a Linear or .* but ReLU",
        ),
        (lambda: learning.STDPLearner("s", *linear_and_node(), 0.9, 2.0), ValueError, "STDPLearner: tau_pre must be at least 1"),
        (lambda: learning.STDPLearner("s", *linear_and_node(), 2.0, None), TypeError, "tau_post must be a number of time steps"),
        (lambda: learning.STDPLearner("x", *linear_and_node(), 2.0, 2.0), ValueError, "step_mode must be 's' or 'm'"),
        (lambda: learning.STDPLearner("s", nn.Linear(2, 2), "sn", 2.0, 2.0), TypeError, "sn must be the module of the neurons.*'sn'"),
        (
            lambda: learning.STDPLearner("s", *linear_and_node(), 2.0, 2.0, f_post=0.1),
            TypeError, r"f_post must be a function of the weights, but 0.1 .* write lambda w: c \* torch.ones_like\(w\)",
        ),
        (lambda: learning.MSTDPLearner("s", 0, *linear_and_node(), 2.0, 2.0), ValueError, "batch_size must be at least 1"),
        (lambda: learning.MSTDPLearner("s", 2.0, *linear_and_node(), 2.0, 2.0), TypeError, "batch_size must be an int"),
        (lambda: learning.MSTDPLearner("s", 2, *linear_and_node(), -2.0, 2.0), ValueError, "tau_pre must be greater than 0"),
        (lambda: learning.MSTDPETLearner("s", *linear_and_node(), 2.0, 2.0, 0.0), ValueError, "MSTDPETLearner: tau_trace must be greater than 0"),
    ],
)  # fmt: skip
def test_wrong_arguments(make_it, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make_it()


def test_a_learner_is_not_called() -> None:
    learner = learning.STDPLearner("s", *linear_and_node(), 2.0, 2.0)
    with pytest.raises(NotImplementedError, match="STDPLearner is no layer: run the network, then call step"):
        learner(torch.rand(2, 4))


def test_a_step_without_matching_records() -> None:
    synapse, nodes = linear_and_node()
    learner = learning.STDPLearner("s", synapse, nodes, 2.0, 2.0)
    synapse(torch.rand(2, 4))
    with pytest.raises(RuntimeError, match="the synapse has run 1 times and the neurons 0 times"):
        learner.step()
    learner.reset()
    nodes(synapse(torch.rand(2, 4)))
    learner.step()
    with pytest.raises(RuntimeError, match="the synapse has run 0 times"):
        learner.step()


def test_another_batch_needs_a_reset() -> None:
    synapse, nodes = linear_and_node()
    learner = learning.STDPLearner("s", synapse, nodes, 2.0, 2.0)
    nodes(synapse(torch.rand(2, 4)))
    learner.step()
    nodes.reset()
    nodes(synapse(torch.rand(3, 4)))
    with pytest.raises(RuntimeError, match=r"STDPLearner: trace_pre has shape \[2, 4\].*reset\(\) on the learner"):
        learner.step()
    learner.reset()
    nodes(synapse(torch.rand(3, 4)))
    nodes.reset()
    nodes(synapse(torch.rand(2, 4)))
    with pytest.raises(RuntimeError, match=r"time steps of different shapes were recorded: \[2, 4\] and \[3, 4\]"):
        learner.step()


@pytest.mark.parametrize(("mine", "synapses", "neurons"), [("s", "m", "m"), ("m", "s", "s"), ("s", "m", "s")])
def test_step_modes_must_agree(mine: str, synapses: str, neurons: str) -> None:
    synapse, nodes = layer.Linear(4, 3, step_mode=synapses), neuron.IFNode(step_mode=neurons)
    learner = learning.STDPLearner(mine, synapse, nodes, 2.0, 2.0)
    nodes(synapse(torch.rand(5, 2, 4)))
    with pytest.raises(ValueError, match=f"step_mode is '{mine}', but the synapse is in step_mode='{synapses}' and"):
        learner.step()


def test_a_layer_in_between_that_changes_the_shape() -> None:
    conv, nodes = nn.Conv2d(1, 2, 3), neuron.IFNode()
    learner = learning.STDPLearner("s", conv, nodes, 2.0, 2.0)
    nodes(nn.functional.max_pool2d(conv(torch.rand(2, 1, 6, 6)), 2))
    with pytest.raises(ValueError, match=r"output, \[2, 2, 4, 4\].* have shape \[2, 2, 2, 2\]. Nothing that changes"):
        learner.step()


def test_a_synapse_that_is_given_several_inputs() -> None:
    class Two(nn.Linear):
        def forward(self, x, y):
            return super().forward(x + y)

    synapse, nodes = Two(4, 3), neuron.IFNode()
    learner = learning.STDPLearner("s", synapse, nodes, 2.0, 2.0)
    nodes(synapse(torch.rand(2, 4), torch.rand(2, 4)))
    with pytest.raises(TypeError, match=r"(?s)STDPLearner: what was recorded must be a torch.Tensor, but .* \(tuple\)"):
        learner.step()


@pytest.mark.parametrize("rule", ["mstdp", "mstdpet"])
def test_wrong_rewards(rule: str) -> None:
    net = Network("linear", "m")
    learner = make_learner(rule, net, "m")
    for reward in (torch.zeros(2), torch.zeros(N, T), torch.zeros(T, 1)):
        learner.reset()
        functional.reset_net(net)
        net(spikes(T, N, 4))
        with pytest.raises(ValueError, match=r"reward must be a number, or a tensor of shape \[3\].* or \[6, 3\]"):
            learner.step(reward)


def test_a_wrong_batch_size() -> None:
    net = Network("linear", "m")
    learner = make_learner("mstdp", net, "m")
    net(spikes(T, N - 1, 4))
    with pytest.raises(ValueError, match="MSTDPLearner: batch_size is 3, but a batch of 2 samples was recorded"):
        learner.step(1.0)
