"""Learners that watch a network, against the rules in loops."""

import copy
import gc
import weakref

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, learning, neuron
from tests.learning.networks import (
    RULES,
    TAU_POST,
    TAU_PRE,
    N,
    Network,
    T,
    expected,
    f_post,
    f_pre,
    make_learner,
    setting,
    step,
)

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")

NAMES = ["linear", "torch-linear-with-bias", "conv1d-all", "conv2d", "conv2d-all", "conv2d-same"]


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


@pytest.mark.parametrize("rule", RULES)
def test_one_sample_needs_no_dimension_of_samples(rule: str) -> None:
    net, x_seq, rewards, _ = setting("linear", "s", rule)
    changes = []
    for x, reward in ((x_seq[:, :1], rewards[:, :1]), (x_seq[:, 0], rewards[:, 0])):
        functional.reset_net(net)
        learner = make_learner(rule, net, "s", batch_size=1)
        for t in range(T):
            net(x[t])
            changes.append(step(learner, rule, reward[t], on_grad=False))
    assert torch.equal(torch.stack(changes[:T]), torch.stack(changes[T:]))
    assert torch.stack(changes).any()
