"""Learners that watch a network, against the rules in loops."""

import copy
import gc
import weakref

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, learning, neuron
from tests.learning import reference
from tests.learning.synapses import make, spikes

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")

TAU_PRE, TAU_POST, TAU_TRACE = 1.7, 3.2, 4.5
T, N = 6, 3
NAMES = ["linear", "torch-linear-with-bias", "conv1d-all", "conv2d", "conv2d-all", "conv2d-same"]
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


def make_learner(rule: str, net: Network, step_mode: str) -> learning.STDPLearner:
    watched = net.synapse, net.neurons, TAU_PRE, TAU_POST
    if rule == "stdp":
        return learning.STDPLearner(step_mode, *watched, f_pre, f_post)
    if rule == "mstdp":
        return learning.MSTDPLearner(step_mode, N, *watched, f_pre, f_post)
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


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", NAMES)
def test_a_call_for_each_time_step(name: str, rule: str) -> None:
    net, x_seq, rewards, truth = setting(name, "s", rule)
    learner = make_learner(rule, net, "s")
    for t in range(T):
        net(x_seq[t])
        torch.testing.assert_close(step(learner, rule, rewards[t], on_grad=False), truth[t])
    assert truth.abs().max() > 0.1
    assert net.synapse.weight.grad is None


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", NAMES)
def test_a_call_for_each_sequence(name: str, rule: str) -> None:
    net, x_seq, rewards, truth = setting(name, "m", rule)
    learner = make_learner(rule, net, "m")
    for part in (slice(0, 1), slice(1, 4), slice(4, 6)):  # the state goes on from one sequence to the next
        net(x_seq[part])
        change = step(learner, rule, rewards[part], on_grad=False, scale=-2.0)
        torch.testing.assert_close(change, -2.0 * truth[part].sum(0))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("step_mode", ["s", "m"])
def test_a_call_after_several_runs(step_mode: str, rule: str) -> None:
    net, x_seq, rewards, truth = setting("conv2d", step_mode, rule)
    learner = make_learner(rule, net, step_mode)
    for part in (slice(0, 4), slice(4, 6)):
        for x in x_seq[part] if step_mode == "s" else x_seq[part].split(2):
            net(x)
        torch.testing.assert_close(step(learner, rule, rewards[part], on_grad=False), truth[part].sum(0))


@pytest.mark.parametrize("rule", ["mstdp", "mstdpet"])
def test_forms_of_the_reward(rule: str) -> None:
    net, x_seq, _, _ = setting("linear", "m", rule)
    per_sample = torch.tensor([1.0, -2.0, 0.5])
    for reward in (3.0, torch.tensor(3.0), per_sample, per_sample.tolist(), per_sample.expand(T, N).clone()):
        learner = make_learner(rule, net, "m")
        functional.reset_net(net)
        net(x_seq)
        rewards = torch.as_tensor(reward).double().expand(T, N)
        change = learner.step(reward, on_grad=False)
        learner.disable()
        torch.testing.assert_close(change, expected(rule, net, x_seq, rewards).sum(0))


def test_the_change_is_subtracted_from_the_gradient() -> None:
    net, x_seq, _, truth = setting("linear", "s", "stdp")
    learner = make_learner("stdp", net, "s")
    weight = net.synapse.weight
    net(x_seq[0])
    assert learner.step() is None
    torch.testing.assert_close(weight.grad, -truth[0])
    net(x_seq[1])
    assert learner.step(True, 0.5) is None
    torch.testing.assert_close(weight.grad, -truth[0] - 0.5 * truth[1])
    before = weight.detach().clone()
    torch.optim.SGD([weight], lr=0.1).step()
    torch.testing.assert_close(weight.detach(), before + 0.1 * (truth[0] + 0.5 * truth[1]))


def test_together_with_backpropagation() -> None:
    net, x_seq, _, _ = setting("torch-linear-with-bias", "s", "stdp")
    net.synapse.bias.data.zero_()
    head = nn.Linear(3, 1).double()
    truth = expected("stdp", net, x_seq, None)
    learner = make_learner("stdp", net, "s")
    head(net(x_seq[0])).sum().backward()
    by_loss = net.synapse.weight.grad.clone()
    learner.step()
    torch.testing.assert_close(net.synapse.weight.grad, by_loss - truth[0])
    assert head.weight.grad is not None
    assert by_loss.any()


@pytest.mark.parametrize("rule", RULES)
def test_reset_forgets_everything(rule: str) -> None:
    net, x_seq, rewards, truth = setting("conv2d", "s", rule)
    learner = make_learner(rule, net, "s")
    first = []
    for _ in range(2):
        for t in range(3):
            net(x_seq[t])
            first.append(step(learner, rule, rewards[t], on_grad=False))
        net(x_seq[0])  # a record that is left
        functional.reset_net(net)
        functional.reset_net(learner)
        assert all(value is None for value in learner.memories())
        assert not learner.in_spike_monitor.records
    torch.testing.assert_close(first[:3], first[3:])
    torch.testing.assert_close(torch.stack(first[:3]), truth[:3])


def test_disabled_it_records_nothing() -> None:
    net, x_seq, _, truth = setting("linear", "s", "stdp")
    learner = make_learner("stdp", net, "s")
    learner.disable()
    net(x_seq[0])
    with pytest.raises(RuntimeError, match="the synapse has run 0 times and the neurons 0 times.*call enable"):
        learner.step()
    functional.reset_net(net)
    learner.enable()
    net(x_seq[0])
    torch.testing.assert_close(learner.step(on_grad=False), truth[0])


@pytest.mark.parametrize("rule", RULES)
def test_memories(rule: str) -> None:
    net, x_seq, rewards, _ = setting("conv2d", "s", rule)
    learner = make_learner(rule, net, "s")
    net(x_seq[0])
    step(learner, rule, rewards[0])
    net(x_seq[1])
    step(learner, rule, rewards[1])
    shapes = {name: None if value is None else tuple(value.shape) for name, value in learner.named_memories()}
    of_each = (N, *net.synapse.weight.shape)
    names = {"trace_pre": (N, 2, 4, 5), "trace_post": (N, 3, 4, 5)}
    names |= {"eligibility": of_each} if rule != "stdp" else {}
    names |= {"trace_e": of_each} if rule == "mstdpet" else {}
    assert shapes == names
    assert list(learner.state_dict()) == ["synapse.weight"]
    learner.float()
    assert {value.dtype for value in learner.memories()} == {torch.float32}


def test_records_hold_no_graph() -> None:
    net, x_seq, _, _ = setting("linear", "s", "stdp")
    learner = make_learner("stdp", net, "s")
    net(x_seq[0].requires_grad_())
    assert not learner.in_spike_monitor.records[0].requires_grad
    assert not learner.out_spike_monitor.records[0].requires_grad
    assert make_learner("stdp", net, "s").step_mode == "s"


def test_a_learner_that_is_gone_records_nothing() -> None:
    net, x_seq, _, _ = setting("linear", "s", "stdp")
    learner = make_learner("stdp", net, "s")
    records = weakref.ref(learner.in_spike_monitor)
    del learner
    gc.collect()
    assert records() is None
    net(x_seq[0])


def test_in_a_container_that_makes_one_batch_of_the_time_steps() -> None:
    results = []
    for inside in (nn.Conv2d(1, 2, 3), layer.Conv2d(1, 2, 3)):
        torch.manual_seed(5)
        inside.weight.data.uniform_()
        net = nn.Sequential(layer.SeqToANNContainer(inside), neuron.IFNode(step_mode="m"))
        inside.bias.data.zero_()
        learner = learning.STDPLearner("m", inside, net[1], 2.0, 2.0)
        net((torch.rand(4, 2, 1, 5, 5) > 0.5).float())
        results.append(learner.step(on_grad=False))
    alone = layer.Conv2d(1, 2, 3, step_mode="m")
    torch.manual_seed(5)
    alone.weight.data.uniform_()
    alone.bias.data.zero_()
    nodes = neuron.IFNode(step_mode="m")
    learner = learning.STDPLearner("m", alone, nodes, 2.0, 2.0)
    nodes(alone((torch.rand(4, 2, 1, 5, 5) > 0.5).float()))
    truth = learner.step(on_grad=False)
    assert truth.abs().max() > 0
    for result in results:
        torch.testing.assert_close(result, truth)


def test_in_a_container_that_loops_over_time() -> None:
    net, x_seq, _, truth = setting("linear", "s", "stdp")
    learner = make_learner("stdp", net, "s")
    layer.MultiStepContainer(net.synapse, net.neurons)(x_seq)
    torch.testing.assert_close(learner.step(on_grad=False), truth.sum(0))


def test_repr_and_defaults() -> None:
    net = Network("linear", "s")
    learner = learning.MSTDPETLearner("s", net.synapse, net.neurons, 2.0, 3.0, 4.0)
    assert "step_mode=s, tau_pre=2.0, tau_post=3.0, tau_trace=4.0" in repr(learner)
    assert "batch_size=5" in repr(learning.MSTDPLearner("s", 5, net.synapse, net.neurons, 2.0, 3.0))
    w = torch.rand(2)
    assert torch.equal(learner.f_pre(w), w)
    assert torch.equal(learner.f_post(w), w)


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


def test_what_a_copy_of_the_network_does_is_not_learned_from() -> None:
    net, x_seq, _, truth = setting("linear", "s", "stdp")
    learner = make_learner("stdp", net, "s")
    twin, twins_learner = copy.deepcopy(nn.ModuleList([net, learner]))
    twin(x_seq[0])
    net(x_seq[0])
    torch.testing.assert_close(learner.step(on_grad=False), truth[0])
    with pytest.raises(RuntimeError, match="has run 0 times"):
        twins_learner.step()


def test_neurons_inside_a_module_of_the_same_class_count_once() -> None:
    net, x_seq, _, truth = setting("linear", "s", "stdp")
    wrapped = nn.Sequential(nn.Sequential(net.neurons))
    learner = learning.STDPLearner("s", net.synapse, wrapped, TAU_PRE, TAU_POST, f_pre, f_post)
    wrapped(net.synapse(x_seq[0]))
    torch.testing.assert_close(learner.step(on_grad=False), truth[0])
