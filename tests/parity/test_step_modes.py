"""Single-step equals multi-step, and a sequence in two parts with carried state equals the whole: outputs, states and
every gradient."""

import pytest
import torch

from spikingjelly.activation_based import functional
from tests.cases import NEURONS, NeuronCase

FLOAT64 = torch.float64
BOTH_MODES = [case for case in NEURONS if case.modes == ("s", "m")]


def weighted_gradients(
    node: torch.nn.Module, x: torch.Tensor, y: torch.Tensor
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Gradients of a fixed random functional of ``y`` at the input and at each parameter."""
    weight = torch.randn(y.shape, generator=torch.Generator().manual_seed(1), dtype=y.dtype)
    parameters = dict(node.named_parameters())
    grads = torch.autograd.grad((y * weight).sum(), [x, *parameters.values()])
    return grads[0], dict(zip(parameters, grads[1:], strict=True))


def in_one(case: NeuronCase, mode: str, cuts: tuple[int, ...] = ()) -> tuple:
    torch.manual_seed(0)
    node = case.make(mode).double()
    x = case.input(FLOAT64).requires_grad_()
    if mode == "s":
        y = torch.stack([node(step) for step in x])
    else:
        y = torch.cat([node(part) for part in torch.tensor_split(x, cuts)])
    memories = {name: value for name, value in node.named_memories() if name != "v_seq"}
    return y, memories, *weighted_gradients(node, x, y)


def assert_same(one: tuple, other: tuple) -> None:
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", BOTH_MODES, ids=str)
def test_single_step_is_multi_step(case: NeuronCase) -> None:
    whole = in_one(case, "m")
    assert 0 < whole[0].count_nonzero() < whole[0].numel(), "the case must fire and must not always fire"
    assert_same(in_one(case, "s"), whole)


@pytest.mark.parametrize("case", BOTH_MODES, ids=str)
def test_parts_with_carried_state_are_the_whole(case: NeuronCase) -> None:
    assert_same(in_one(case, "m", cuts=(1, 5)), in_one(case, "m"))


@pytest.mark.parametrize("case", NEURONS, ids=str)
def test_reset_gives_the_first_output_again(case: NeuronCase) -> None:
    node = case.make("m")
    x = case.input()
    first = node(x)
    assert any(isinstance(value, torch.Tensor) for value in node.memories()), "the first run must leave a state"
    functional.reset_net(node)
    assert not any(isinstance(value, torch.Tensor) for value in node.memories())
    assert torch.equal(node(x), first)


@pytest.mark.parametrize("case", [c for c in NEURONS if c.takes_v_seq], ids=str)
def test_v_seq_holds_the_potentials_after_reset(case: NeuronCase) -> None:
    step, sequence = case.make("s"), case.make("m", store_v_seq=True)
    x = case.input()
    potentials = []
    for part in x:
        step(part)
        potentials.append(step.v)
    sequence(x)
    torch.testing.assert_close(sequence.v_seq, torch.stack(potentials))
    assert torch.equal(sequence.v_seq[-1], sequence.v)


@pytest.mark.parametrize("backend", ["torch", "cupy", "triton", "cpp", "auto"])
def test_every_backend_computes_the_same(backend: str) -> None:
    case = BOTH_MODES[8]
    x = case.input()
    assert torch.equal(case.make("m", backend=backend)(x), case.make("m")(x))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("case", [c for c in BOTH_MODES if c.half], ids=str)
def test_half_precision_keeps_its_dtype(case: NeuronCase, dtype: torch.dtype) -> None:
    node = case.make("m").to(dtype)
    y = node(case.input(dtype).requires_grad_())
    assert y.dtype == dtype
    assert node.v.dtype == dtype
    y.sum().backward()


def test_non_contiguous_and_channels_last_inputs() -> None:
    case = BOTH_MODES[6]
    x = torch.rand(4, 2, 3, 5, 5) * 2
    expected = case.make("m")(x)
    last = x.flatten(0, 1).to(memory_format=torch.channels_last).unflatten(0, (4, 2))
    assert torch.equal(case.make("m")(last), expected)
    assert torch.equal(case.make("m")(x.transpose(3, 4)), expected.transpose(3, 4))


def test_an_empty_batch_goes_through() -> None:
    assert BOTH_MODES[6].make("m")(torch.zeros(4, 0, 7)).shape == (4, 0, 7)
