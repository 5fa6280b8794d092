"""The CUDA target against the eager loop. Its text runs on the CPU, built as C++ by `tests.fusion.cuda_on_cpu`; the
rest of the target runs as it is, down to the one function that needs a device."""

from collections.abc import Iterator

import pytest
import torch

from spikingjelly.fusion import dispatch, operator
from spikingjelly.fusion.step import Step
from spikingjelly.fusion.targets import cupy
from tests.cases import NEURONS, SURROGATES, NeuronCase, SurrogateCase
from tests.fusion import cuda_on_cpu
from tests.fusion.compare import (
    assert_close,
    assert_same,
    gradients,
    in_loop,
    initial,
    on_device,
    plan_of,
)
from tests.fusion.nodes import PerChannel, drawn, izhikevich, lif, rows

F32, F64 = torch.float32, torch.float64
# Batch normalisation in training counts its calls, which no kernel does.
FUSED = [c for c in NEURONS if not (c.cls == "MPBNLIFNode" and c.kwargs.get("mpbn", True))]


@pytest.fixture(autouse=True)
def _device(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The CPU stands in for the device, and memory that a kernel does not write is NaN, scratch memory too."""
    reason = cuda_on_cpu.missing()
    if reason is not None:
        pytest.skip(reason)
    monkeypatch.setitem(operator.TARGETS, "cupy", cupy)
    monkeypatch.setattr(cupy, "launch", cuda_on_cpu.launch)
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    assert torch.empty(2).isnan().all()
    assert torch.empty_strided((2,), (1,)).isnan().all()
    yield
    torch.use_deterministic_algorithms(before)


@pytest.mark.parametrize("case", rows(FUSED, quick=5))
def test_every_neuron(case: NeuronCase) -> None:
    assert_same(case.make().to(F64), case.input(F64))


@pytest.mark.parametrize("case", rows(FUSED, quick=10))
def test_every_neuron_in_float32(case: NeuronCase) -> None:
    assert_same(case.make().to(F32), case.input(F32))


@pytest.mark.parametrize("case", SURROGATES, ids=str)
def test_every_surrogate(case: SurrogateCase) -> None:
    assert_same(lif(surrogate_function=case.make()), drawn(9, 63))


@pytest.mark.parametrize("dtype", [F64, F32], ids=str)
@pytest.mark.parametrize("make", [lif, izhikevich])
@pytest.mark.parametrize("T", [1, 2, 4, 9, 16, 20])
def test_all_sizes(make, T: int, dtype: torch.dtype) -> None:
    """T around and between multiples of a segment, N around the size of a block."""
    for N in (1, 63, 1000):
        assert_same(make().to(dtype), drawn(T, N, dtype=dtype), seed=5)


def test_blocks_of_many_neurons() -> None:
    assert_same(lif(), drawn(3, 20_001))


@pytest.mark.parametrize("make", [lif, izhikevich])
def test_gradients_at_a_part_of_the_outputs(make) -> None:
    """Those of `y`, of a final state or of a state over time alone: what is missing is a null pointer."""
    for number in range(3 if make is lif else 5):
        assert_same(make().double(), drawn(20, 7), seed=5, weighted=[number])


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last], ids=str)
def test_a_parameter_for_each_channel(memory_format: torch.memory_format) -> None:
    x = drawn(20 * 2, 3, 4, 5).to(memory_format=memory_format).unflatten(0, (20, 2))
    assert_same(PerChannel().double(), x, seed=5)


@pytest.mark.parametrize("output", [0, 2], ids=["y", "states over time"])
def test_equal_time_steps_are_read_with_stride_0(output: int) -> None:
    x, gradient = drawn(63).expand(20, 63), drawn(64)[1:].expand(20, 63)
    assert_same(lif(), x)
    leaf, found = x.detach().requires_grad_(), []
    for run in (in_loop, on_device):
        outputs = run(lif(), leaf, initial(lif(), x[0], None))
        found += torch.autograd.grad(outputs[output], leaf, gradient)
    assert_close(found[1], found[0], 1e-12)


def test_time_steps_may_lie_apart() -> None:
    assert_same(lif(), drawn(20, 100)[:, :63])


def test_only_what_is_needed_is_computed() -> None:
    x = drawn(20, 7)
    found = []
    for run in (in_loop, on_device):
        states = [state.requires_grad_() for state in initial(lif(), x[0], 5)]
        found.append(torch.autograd.grad(run(lif(), x, states)[0].sum(), states)[0])
    assert_close(found[1], found[0], 1e-12)


@pytest.mark.parametrize("make", [lif, izhikevich])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_computes_in_float32(make, dtype: torch.dtype) -> None:
    """The loop in float32 on the same numbers gives the same spikes, and all else but for one rounding."""
    x = drawn(20, 63, dtype=dtype)
    found = []
    for run, leaf in ((in_loop, x.float()), (on_device, x.clone())):
        states = initial(make(), leaf[0], None)
        outputs = run(make(), leaf.requires_grad_(), states)
        weights = [torch.ones_like(output) for output in outputs]
        found.append([*outputs, *gradients(outputs, weights, [leaf])])
    assert torch.equal(found[1][0].float(), found[0][0])
    for one, other in zip(found[1], found[0], strict=True):
        assert one.dtype == dtype
        assert_close(one.float(), other, torch.finfo(dtype).eps)


def test_infinite_and_missing_values_in_half_precision() -> None:
    values = [0.0, -0.0, float("inf"), float("-inf"), float("nan"), 6e-8, -6e-5, 65504.0, 1e5, 3.0e38, 1.00390625]
    for dtype in (torch.float16, torch.bfloat16):
        x = torch.tensor([values]).to(dtype)
        plan = plan_of_step(Step(lambda x, states, tensors: (x * 1.001,), (), "scaled", "Scaled"), x, 0)
        y = operator.run(x, [], [], *plan, [], len(x), "cupy")[0]
        assert torch.equal(y.nan_to_num(7.0), (x.float() * 1.001).to(dtype).nan_to_num(7.0))


def plan_of_step(step: Step, x_seq: torch.Tensor, states: int) -> tuple[str, tuple[float, ...]]:
    plan = dispatch.plan_of(step, x_seq[0], states)
    assert not isinstance(plan, dispatch.Refusal), plan.reason
    return plan


@pytest.mark.parametrize("K", [0, 3])
def test_no_states_and_three(K: int) -> None:
    def run(x, states, tensors):
        after = [(x + s) * 0.3 + s.tanh() for s in states]
        return (x.sin() * sum(after, start=x), *reversed(after))

    x = drawn(20, 7).requires_grad_()
    states = [drawn(7) + k for k in range(K)]
    plan = plan_of_step(Step(run, (), f"{K} states", "Test"), x, K)
    actual = operator.run(x, states, [], *plan, [], len(x), "cupy")
    after, outputs = states, []
    for step in x:
        y, *after = run(step, after, [])
        outputs.append(y)
    expected = [torch.stack(outputs), *after]
    for one, other in zip(actual, expected, strict=True):
        assert_close(one.detach(), other.detach(), 1e-12)
    weights = [torch.ones_like(output) for output in expected]
    assert_close(*[gradients(o, weights, [x])[0] for o in (actual, expected)], 1e-12)


def test_memory_between_passes() -> None:
    """The first and the last segment of time need no checkpoint."""
    x = drawn(1, 5, dtype=torch.float16)
    assert cupy._checkpoints(16, 5, 1, x) is None
    assert cupy._checkpoints(9, 5, 2, x).shape == (2 * 5,)
    assert cupy._checkpoints(25, 5, 1, x).shape == (2 * 5,)
    assert cupy._checkpoints(25, 5, 1, x).dtype == F32


def test_numbers_go_in_by_value() -> None:
    """Another time constant runs the same text."""
    plans = [plan_of(lif(tau=tau), drawn(2, 3)) for tau in (1.7, 2.3)]
    assert plans[0][0] == plans[1][0]
    assert plans[0][1] != plans[1][1]
    assert_same(lif(tau=1e300).float(), drawn(2, 3, dtype=F32))
