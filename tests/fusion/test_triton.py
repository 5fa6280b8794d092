"""The Triton target against the eager loop. Its text runs in Triton's interpreter, on the CPU."""

from collections.abc import Iterator, Sequence

import pytest
import torch

from spikingjelly.activation_based import neuron
from spikingjelly.fusion import dispatch, operator
from tests.cases import NEURONS, SURROGATES, NeuronCase, SurrogateCase
from tests.fusion.compare import assert_close, gradients, in_loop, initial
from tests.fusion.nodes import PerChannel, drawn, izhikevich, lif, rows
from tests.fusion.triton_interpreter import assert_same, in_triton, interpreter

pytest.importorskip("triton", reason="Triton is not installed here")

F32, F64 = torch.float32, torch.float64
# The table without what no kernel runs: SimpleBaseNode keeps its state by itself, batch normalisation counts its calls.
FUSED = [c for c in NEURONS if c.cls[:6] != "Simple" and not (c.cls == "MPBNLIFNode" and c.kwargs.get("mpbn", True))]


@pytest.fixture(autouse=True)
def _interpreter(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with interpreter(monkeypatch):
        yield


@pytest.mark.parametrize("case", rows(FUSED, quick=5))
def test_every_neuron(case: NeuronCase) -> None:
    assert_same(case.make().to(F64), case.input(F64))


@pytest.mark.parametrize("case", rows(FUSED, quick=10))
def test_every_neuron_in_float32(case: NeuronCase) -> None:
    assert_same(case.make().to(F32), case.input(F32))


@pytest.mark.parametrize("case", SURROGATES, ids=str)
def test_every_surrogate(case: SurrogateCase) -> None:
    assert_same(lif(surrogate_function=case.make()), drawn(9, 63))


@pytest.mark.parametrize("make", [lif, izhikevich])
@pytest.mark.parametrize("N", [1, 63, pytest.param(1000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("T", [1, 2, 3, 9, 16, 20, 33])
def test_all_sizes(make, T: int, N: int) -> None:
    """T around and between multiples of a segment, N around the size of a block."""
    assert_same(make().double(), drawn(T, N), seed=5)


@pytest.mark.parametrize("make", [lif, izhikevich])
def test_several_blocks(make) -> None:
    assert_same(make().float(), drawn(20, 1000, dtype=F32), seed=5)


@pytest.mark.parametrize("make", [lif, izhikevich])
def test_gradients_at_a_part_of_the_outputs(make) -> None:
    """Those of `y`, of a final state or of a state over time alone: what is missing is no argument of the kernel."""
    for number in range(3 if make is lif else 5):
        assert_same(make().double(), drawn(20, 7), seed=5, weighted=[number])


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last], ids=str)
def test_a_parameter_for_each_channel(memory_format: torch.memory_format) -> None:
    x = drawn(20 * 2, 3, 4, 5).to(memory_format=memory_format).unflatten(0, (20, 2))
    assert_same(PerChannel().double(), x, seed=5)


def test_equal_time_steps_are_read_with_stride_0() -> None:
    leaf, found = drawn(63).expand(20, 63).detach().requires_grad_(), []
    for run in (in_loop, in_triton):
        y = run(lif(), leaf, initial(lif(), leaf[0], None))[0]
        found += torch.autograd.grad(y, leaf, torch.ones(1, dtype=F64).expand(20, 63))
    assert_close(found[1], found[0], 1e-12)


def test_equal_gradients_at_states_over_time_are_read_with_stride_0() -> None:
    x, gradient, found = drawn(20, 63), drawn(63).expand(20, 63), []
    for run in (in_loop, in_triton):
        leaf = x.detach().requires_grad_()
        v_seq = run(lif(), leaf, initial(lif(), x[0], None))[2]
        found += torch.autograd.grad(v_seq, leaf, gradient)
    assert_close(found[1], found[0], 1e-12)


def test_time_steps_may_lie_apart() -> None:
    assert_same(lif(), drawn(20, 100)[:, :63])


def test_only_what_is_needed_is_computed() -> None:
    x, found = drawn(20, 7), []
    for run in (in_loop, in_triton):
        states = [state.requires_grad_() for state in initial(lif(), x[0], 5)]
        found.append(torch.autograd.grad(run(lif(), x, states)[0].sum(), states)[0])
    assert_close(found[1], found[0], 1e-12)


@pytest.mark.parametrize("make", [lif, izhikevich])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_computes_in_float32(make, dtype: torch.dtype) -> None:
    """The loop in float32 on the same numbers gives the same spikes, and all else but for one rounding.

    The interpreter cuts numbers off where it makes bfloat16 of them, so the bound is twice that of a GPU.
    """
    x, found = drawn(20, 63, dtype=dtype), []
    for run, leaf in ((in_loop, x.float()), (in_triton, x.clone())):
        outputs = run(make(), leaf.requires_grad_(), initial(make(), leaf[0], None))
        found.append([*outputs, *gradients(outputs, [torch.ones_like(o) for o in outputs], [leaf])])
    assert torch.equal(found[1][0].float(), found[0][0])
    for one, other in zip(found[1], found[0], strict=True):
        assert one.dtype == dtype
        assert_close(one.float(), other, 2 * torch.finfo(dtype).eps)


def test_a_module_takes_the_name() -> None:
    x, found = drawn(9, 4, 200).float(), []
    for backend in ("torch", "triton"):
        node = neuron.LIFNode(step_mode="m", backend=backend, store_v_seq=True)
        found.append([node(x), node.v, node.v_seq])
    for one, other in zip(*found, strict=True):
        assert_close(other, one, 1e-6)
    assert "@triton.jit" in node.fused_source()


def test_a_step_without_states() -> None:
    def run(x: torch.Tensor, states: Sequence[torch.Tensor], tensors: Sequence[torch.Tensor]) -> tuple[torch.Tensor]:
        return (x.sin() * 0.3,)

    x = drawn(20, 7).requires_grad_()
    plan = dispatch.plan_of(dispatch.Step(run, (), "no states", "Sine"), x[0], 0)
    y = operator.run(x, [], [], *plan, [], len(x), "triton")[0]
    assert_close(y, x.sin() * 0.3, 1e-12)
    assert_close(*torch.autograd.grad(y.sum(), x), x.cos() * 0.3, 1e-12)
