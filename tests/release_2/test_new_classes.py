"""What recorded numbers don't show of the classes that came with release 2.0.0: kernels, state, errors."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import ann2snn, base, functional, layer, learning, monitor, neuron, surrogate

TABLE = neuron.FewSpikeTable([1.0, 0.5], [1.0, 0.5], [1.0, 0.5])
LONGER = neuron.FewSpikeTable([1.0], [1.0], [1.0])


def run(node: Any, x: torch.Tensor, backend: str) -> list[torch.Tensor]:
    node.backend = backend
    return [node(x), *[value for value in node.memories() if isinstance(value, torch.Tensor)]]


@pytest.mark.parametrize(
    "make",
    [
        lambda: neuron.STBIFNode(torch.tensor(0.3), 5, True, step_mode="m"),
        lambda: neuron.FlexSN(lambda x, v: ((v + x >= 1).to(x.dtype), (v + x) * 0.7), 1),
    ],
    ids=["STBIFNode", "FlexSN"],
)
def test_a_kernel_does_what_the_loop_does(make: Callable[[], Any]) -> None:
    assert_backends_agree(make, torch.randn(20, 4, 70, generator=torch.Generator().manual_seed(0)))


def assert_backends_agree(make: Callable[[], Any], x: torch.Tensor) -> None:
    for mine, loop in zip(run(make(), x, "cpp"), run(make(), x, "torch"), strict=True):
        torch.testing.assert_close(mine, loop, atol=1e-6, rtol=1e-6)


def test_single_steps_are_the_sequence() -> None:
    x = torch.randn(6, 3, generator=torch.Generator().manual_seed(1))
    for make in (lambda m: neuron.STBIFNode(0.3, 4, pos_max=2.0, neg_min=-1.0, step_mode=m),
                 lambda m: neuron.FlexSN(lambda x, v: (x + v, v + x), 1, step_mode=m)):  # fmt: skip
        node = make("s")
        torch.testing.assert_close(torch.stack([node(step) for step in x]), make("m")(x))


def test_flexsn_with_several_inputs_outputs_and_a_learned_tensor() -> None:
    weight = nn.Parameter(torch.tensor(2.0))
    node = neuron.FlexSN(lambda x, z, v, w: (x * w, z, v + x), 1, (weight,), store_state_seqs=True)
    x = torch.ones(3, 2)
    first, second = node(x, 5 * x)
    assert first.tolist() == [[2.0, 2.0]] * 3
    assert second.tolist() == [[5.0, 5.0]] * 3
    assert node.state_seqs[0][:, 0].tolist() == [1.0, 2.0, 3.0]
    first.sum().backward()
    assert node.static_inputs[0].grad == 6.0
    node.reset()
    assert node.states == (0.0,)


def test_half_threshold_starts_and_restarts_at_half_its_threshold() -> None:
    node = neuron.HalfThresholdIFNode(torch.tensor(0.6))
    assert node.v == pytest.approx(0.3)
    node(torch.ones(2))
    node.reset()
    assert node.v == pytest.approx(0.3)
    assert node.v_reset is None


def test_stbif_from_a_quantiser() -> None:
    quantiser = nn.Module()
    quantiser.s, quantiser.level, quantiser.sym = nn.Parameter(torch.tensor(0.25)), 8, True
    quantiser.pos_max, quantiser.neg_min = torch.tensor(3.0), torch.tensor(-4.0)
    node = neuron.STBIFNode.from_quantizer(quantiser)
    assert {k: float(v) for k, v in node.state_dict().items()} == {"q_threshold": 0.25, "pos_max": 3.0, "neg_min": -4.0}


def test_non_spiking_nodes_may_give_all_potentials() -> None:
    x = torch.ones(3, 2)
    assert [v[0].item() for v in neuron.NonSpikingIFNode(decode=None)(x)] == [1.0, 2.0, 3.0]
    assert len(neuron.NonSpikingLIFNode(3.0, None)(x)) == 3


def test_poisson_pass_fires_with_its_input_as_probability() -> None:
    p = torch.tensor([0.0, 1.0, 0.3]).expand(2000, 3).clone().requires_grad_()
    spikes = surrogate.PoissonPass()(p)
    rate = spikes.mean(0)
    assert rate[0] == 0
    assert rate[1] == 1
    assert abs(rate[2] - 0.3) < 0.05
    spikes.sum().backward()
    assert bool((p.grad == 1).all())
    assert torch.equal(surrogate.PoissonPass(False)(p), p)


def test_a_count_without_spiking_is_not_rounded() -> None:
    assert surrogate.MultiLevelSpikeCount(3, False)(torch.tensor([-1.0, 0.4, 9.0])).tolist() == [
        0.0,
        pytest.approx(0.4),
        3.0,
    ]


def test_a_bool_in_the_place_of_the_backend_is_store_v_seq() -> None:
    node = neuron.LIFNode(1.7, True, 1.0, 0.0, surrogate.ATan(), False, "m", True)
    assert node.store_v_seq
    assert node.backend == "auto"


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_unpooling_puts_values_back_in_each_time_step(dims: int) -> None:
    x = torch.rand(2, 3, 4, *[4] * dims)
    pool = getattr(layer, f"MaxPool{dims}d")(2, return_indices=True, step_mode="m")
    unpool = getattr(layer, f"MaxUnpool{dims}d")(2, stride=2, padding=0, step_mode="m")
    values, indices = pool(x)
    back = unpool(values, indices)
    assert torch.equal(back, torch.where(back == x, x, 0.0))
    assert int((back > 0).sum()) == values.numel()
    unpool.step_mode = "s"
    assert torch.equal(unpool(values[0], indices[0], output_size=x.shape[3:]), back[0])


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_each_time_step_has_its_norm_until_reset(dims: int) -> None:
    norm = getattr(layer, f"BatchNormThroughTime{dims}d")(2, 3, affine=False, track_running_stats=False)
    x = torch.rand(5, 3, *[2] * (dims if dims > 1 else 0))
    steps = torch.stack([norm(x), norm(2 * x)])
    with pytest.raises(RuntimeError, match="T=2 time steps and this would be number 3. Call functional.reset_net"):
        norm(x)
    functional.reset_net(norm)
    norm.step_mode = "m"
    torch.testing.assert_close(norm(torch.stack([x, 2 * x])), steps)


def test_a_temporal_norm_that_was_saved_there_loads() -> None:
    norm = layer.TemporalEffectiveBatchNorm1d(2, 3)
    saved = {name.removeprefix("bn."): torch.full_like(value, 2) for name, value in norm.state_dict().items()}
    nn.Sequential(norm).load_state_dict({f"0.{name}": value for name, value in saved.items()})
    assert bool((norm.bn.running_var == 2).all())
    assert norm.scale.tolist() == [2.0, 2.0]


def test_numbers_stay_numbers_in_training() -> None:
    x = torch.tensor([[2.0], [1.0]])
    assert layer.SpikeCountToBinary(2)(x) is x
    assert layer.TemporalBinSum(2)(x) is x
    assert layer.SpikeCountToBinary(2, always_convert=True)(x).flatten().tolist() == [1.0, 1.0, 1.0, 0.0]
    assert layer.TemporalBinSum(2, always_convert=True)(torch.ones(3, 1)).flatten().tolist() == [2.0, 1.0]


def test_both_get_the_gradient_of_what_is_replaced() -> None:
    a, b = torch.tensor(1.0, requires_grad=True), torch.tensor(2.0, requires_grad=True)
    y = layer.ReplaceforGrad.apply(a, b)
    y.backward(torch.tensor(3.0))
    assert (y.item(), a.grad.item(), b.grad.item()) == (2.0, 3.0, 3.0)


def test_a_call_as_a_function_of_the_state() -> None:
    net = nn.Sequential(neuron.IFNode(), neuron.LIFNode())
    outputs, states = base.to_functional_forward(net)((torch.ones(2),), (torch.full((2,), 0.5), torch.zeros(2)))
    assert outputs[0].tolist() == [0.0, 0.0]
    assert states[1].tolist() == [0.5, 0.5]
    assert net[0].v == 0.0
    with pytest.raises(ValueError, match="one value for each memory, 2"):
        base.to_functional_forward(net)((torch.ones(2),), ())


def test_collected_modules_are_reset() -> None:
    net = nn.Sequential(nn.Linear(2, 2), neuron.IFNode())
    modules = functional.collect_reset_modules(net)
    net(torch.ones(2))
    functional.reset_collected_modules(modules)
    assert modules == (net[1],)
    assert net[1].v == 0.0


def test_a_closed_learner_records_nothing() -> None:
    net = nn.Sequential(layer.Linear(2, 2), neuron.IFNode())
    learner = learning.STDPLearner("s", net[0], net[1], 2.0, 2.0)
    learner.close()
    net(torch.ones(1, 2))
    with pytest.raises(RuntimeError, match="run 0 times"):
        learner.step()


def test_a_monitor_is_closed_at_the_end_of_its_with_statement() -> None:
    node = neuron.IFNode()
    with monitor.OutputMonitor(node) as record:
        node(torch.ones(1))
    node(torch.ones(1))
    assert len(record.records) == 1


def test_modules_that_do_not_exist_say_what_to_use() -> None:
    with pytest.raises(ImportError, match="op_counter does not exist. Use profiler"):
        from spikingjelly.activation_based import op_counter  # noqa: F401
    with pytest.raises(ModuleNotFoundError, match="op_counter does not exist. Use profiler"):
        import spikingjelly.activation_based.op_counter  # noqa: F401
    with pytest.raises(ImportError, match="transformers are not converted"):
        ann2snn.STATransformerRecipe  # noqa: B018


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: neuron.TernaryIFNode(-1.0), ValueError, "v_threshold must be greater than 0"),
        (lambda: neuron.TernaryLIFNode(v_reset=1.5), ValueError, "must lie between -v_threshold and v_threshold"),
        (lambda: neuron.ILIFNode(surrogate_function=surrogate.ATan()), ValueError, "must be a surrogate.MultiLevelSpike"),
        (lambda: neuron.RAFNode(b=0.1), ValueError, "b must be less than 0"),
        (lambda: neuron.RAFNode(omega=0.0), ValueError, "omega must be greater than 0"),
        (lambda: neuron.RAFNode(dt=0.0), ValueError, "dt must be greater than 0"),
        (lambda: neuron.ComplementaryLIFNode(0.5), ValueError, "tau must be greater than 1"),
        (lambda: neuron.HalfThresholdIFNode(0.0), ValueError, "v_threshold must be greater than 0"),
        (lambda: neuron.ActivationAwareIFNode(-torch.ones(2)), ValueError, "v_threshold must be greater than 0"),
        (lambda: neuron.ActivationAwareIFNode(1.0, torch.ones(2, 2)), ValueError, "v_offset must be a finite number"),
        (lambda: neuron.ActivationAwareIFNode(channel_dim=1.0), TypeError, "channel_dim must be an int"),
        (lambda: neuron.ActivationAwareIFNode(torch.ones(2))(torch.ones(4, 3)), ValueError, "each of 2 channels"),
        (lambda: neuron.FewSpikeTable([1.0], [1.0], []), ValueError, "same number of values"),
        (lambda: neuron.FewSpikeTable([1j], [1.0], [1.0]), TypeError, "theta must be real"),
        (lambda: neuron.FewSpikeTable([float("inf")], [1.0], [1.0]), ValueError, "theta must be a sequence of finite"),
        (lambda: neuron.FewSpikeNode(3), TypeError, "table must be a FewSpikeTable"),
        (lambda: neuron.FewSpikeNode(TABLE, step_mode="m")(torch.ones(3, 2)), ValueError, "T = K = 2 time steps"),
        (lambda: neuron.HGNode([TABLE], [0.1]), ValueError, "must ascend, one less than tables"),
        (lambda: neuron.HGNode([TABLE, LONGER], [0.1]), ValueError, "all tables must have the same K"),
        (lambda: neuron.OutlierAwareThresholdNode(TABLE, LONGER, 1.0), ValueError, "both tables must have the same K"),
        (lambda: neuron.OutlierAwareThresholdNode(TABLE, TABLE, 1.0, 0.5), ValueError, "clamp_value not less than it"),
        (lambda: neuron.STBIFNode(0.0, 4), ValueError, "q_threshold must be greater than 0"),
        (lambda: neuron.FlexSN(3, 1), TypeError, "core must be a function"),
        (lambda: neuron.FlexSN(torch.add, 0, (1.0,)), TypeError, "static_inputs must be tensors"),
        (lambda: surrogate.MultiLevelSpikeCount(0), ValueError, "max_spike_count must be at least 1"),
        (lambda: surrogate.MultiLevelSpikeCount(2.0), TypeError, "max_spike_count must be an int"),
        (lambda: surrogate.MultiLevelSpikeCount(2, True, (3, 1)), ValueError, "grad_window must be a pair"),
        (lambda: layer.SpikeCountToBinary(0), ValueError, "num_slots must be at least 1"),
        (lambda: layer.TemporalBinSum(2)(torch.ones(3)), ValueError, r"expected a sequence \[T, N, \*\]"),
        (lambda: ann2snn.RateCodingRecipe([], channel_wise=True), NotImplementedError, "channel_wise=True is not supp"),
        (lambda: ann2snn.RateCodingRecipe([], nonsense=1), TypeError, "has no argument nonsense"),
    ],
)  # fmt: skip
def test_errors_say_what_is_wrong(make: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()
