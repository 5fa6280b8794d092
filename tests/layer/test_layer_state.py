"""What holds for every layer with state: both step modes agree, state is carried, refused, copied and moved."""

import copy
import pickle
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, layer, neuron

T, N = 5, 3
FLOAT64 = torch.float64


def subtract(y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return x - 0.5 * y


@dataclass(frozen=True)
class Case:
    make: Callable[[str], nn.Module]
    shape: tuple[int, ...]
    draws: bool = False  # random numbers at each step: only the structure can be compared
    sequences_stand_alone: bool = False  # a call in step mode 'm' does not carry state


CASES = {
    "Dropout": Case(lambda mode: layer.Dropout(0.4, mode), (6,)),
    "Dropout2d": Case(lambda mode: layer.Dropout2d(0.4, mode), (6, 3, 2)),
    "SynapseFilter": Case(lambda mode: layer.SynapseFilter(3.0, False, mode), (6,)),
    "SynapseFilter learnable": Case(lambda mode: layer.SynapseFilter(3.0, True, mode), (6, 2)),
    "NeuNorm": Case(lambda mode: layer.NeuNorm(4, 3, 2, 0.7, False, mode), (4, 3, 2)),
    "NeuNorm shared": Case(lambda mode: layer.NeuNorm(4, 3, 2, 0.7, True, mode), (4, 3, 2)),
    "Delay": Case(lambda mode: layer.Delay(2, mode), (6,), sequences_stand_alone=True),
    "Delay 0": Case(lambda mode: layer.Delay(0, mode), (6,), sequences_stand_alone=True),
    "ElementWise": Case(
        lambda mode: layer.ElementWiseRecurrentContainer(nn.Sequential(nn.Linear(6, 6), nn.Tanh()), subtract, mode),
        (6,),
    ),
    "ElementWise LIF": Case(
        lambda mode: layer.ElementWiseRecurrentContainer(neuron.LIFNode(v_reset=None), subtract, mode), (6,)
    ),
    "Linear recurrent": Case(
        lambda mode: layer.LinearRecurrentContainer(
            nn.Sequential(nn.Linear(6, 4), neuron.LIFNode(1.5)), 6, 4, False, mode
        ),
        (2, 6),
    ),
    "DropConnect invariant": Case(
        lambda mode: layer.DropConnectLinear(6, 4, p=0.3, invariant=True, activation=nn.Tanh(), state_mode=mode), (6,)
    ),
    "DropConnect": Case(lambda mode: layer.DropConnectLinear(6, 4, p=0.3, state_mode=mode), (6,), draws=True),
}
CARRYING = {name: case for name, case in CASES.items() if not case.draws}


@pytest.fixture(params=CASES.items(), ids=lambda item: item[0])
def case(request: pytest.FixtureRequest) -> Case:
    return request.param[1]


def carrying_in(*modes: str) -> list:
    """Cases that carry state between calls in these step modes."""
    return [
        pytest.param(case, mode, id=f"{name}-{mode}")
        for name, case in CARRYING.items()
        for mode in modes
        if mode == "s" or not case.sequences_stand_alone
    ]


@pytest.fixture(params=CARRYING.items(), ids=lambda item: item[0])
def carrying(request: pytest.FixtureRequest) -> Case:
    return request.param[1]


def make(case: Case, mode: str) -> nn.Module:
    torch.manual_seed(1)
    return case.make(mode).double()


def sequence(case: Case, seed: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(T, N, *case.shape, dtype=FLOAT64, generator=generator) * 2


def run(module: nn.Module, x_seq: torch.Tensor, cuts: tuple[int, ...] = ()) -> torch.Tensor:
    torch.manual_seed(3)
    if module.step_mode == "s":
        return torch.stack([module(x) for x in x_seq])
    return torch.cat([module(part) for part in torch.tensor_split(x_seq, cuts)])


def gradients(y: torch.Tensor, x: torch.Tensor, module: nn.Module) -> list[torch.Tensor]:
    weight = torch.linspace(-1, 2, y.numel(), dtype=FLOAT64).view(y.shape)
    return list(torch.autograd.grad((y * weight).sum(), [x, *module.parameters()]))


def test_single_step_is_multi_step(case: Case) -> None:
    results = []
    for mode in ("s", "m"):
        module, x = make(case, mode), sequence(case).requires_grad_()
        y = run(module, x)
        results.append([y, *gradients(y, x, module)])
    torch.testing.assert_close(*results, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("case", "mode"), carrying_in("m"))
def test_a_sequence_in_two_parts_is_the_whole(case: Case, mode: str) -> None:
    module, x = make(case, mode), sequence(case)
    whole = run(module, x)
    functional.reset_net(module)
    torch.testing.assert_close(run(module, x, cuts=(2,)), whole)


@pytest.mark.parametrize("mode", ["s", "m"])
def test_reset_starts_anew(carrying: Case, mode: str) -> None:
    module, x = make(carrying, mode), sequence(carrying)
    first = run(module, x)
    functional.reset_net(module)
    assert torch.equal(run(module, x), first)


@pytest.mark.parametrize("mode", ["s", "m"])
def test_state_is_not_in_state_dict(case: Case, mode: str) -> None:
    module = make(case, mode)
    names = list(module.state_dict())
    run(module, sequence(case))
    assert list(module.state_dict()) == names == [name for name, _ in module.named_parameters()]


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
def test_copies_carry_the_state_without_the_graph(carrying: Case, copier: Callable[[nn.Module], nn.Module]) -> None:
    module, x = make(carrying, "s"), sequence(carrying).requires_grad_()
    run(module, x)
    replica = copier(module)
    later = sequence(carrying, seed=4)
    assert torch.equal(run(replica, later), run(module, later))


def test_state_moves_with_the_module(carrying: Case) -> None:
    x = sequence(carrying)
    wide, narrow = make(carrying, "s"), make(carrying, "s").float()
    run(narrow, x[:3].float())
    run(wide, x[:3])
    narrow.double()
    y = run(narrow, x[3:])
    assert y.dtype == FLOAT64
    if isinstance(wide, layer.DropConnectLinear):  # a seed gives other connections in another dtype
        wide.reset()
        wide.dropped_w, wide.dropped_b = narrow.dropped_w, narrow.dropped_b
    torch.testing.assert_close(y, run(wide, x[3:]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("case", "mode"), carrying_in("s", "m"))
def test_another_batch_needs_a_reset(case: Case, mode: str) -> None:
    module = make(case, mode)
    run(module, sequence(case))
    with pytest.raises(RuntimeError, match=r"still carries .* Call functional.reset_net\(net\) before a new batch"):
        run(module, sequence(case)[:, :1])
    functional.reset_net(module)
    assert run(module, sequence(case)[:, :1]).shape[1] == 1


@pytest.mark.parametrize("name", [name for name in CARRYING if name != "Delay 0"])  # which keeps nothing
def test_a_moved_state_does_not_broadcast(name: str) -> None:
    module = make(CASES[name], "s")
    run(module, sequence(CASES[name])[:, :1])
    module.double()  # after a move the signature of the last input is forgotten
    with pytest.raises(RuntimeError, match=r"still carries (the \w+|an input) of shape \[1, .*needs shape \[3, "):
        run(module, sequence(CASES[name]))


def test_sequences_without_time_steps(case: Case) -> None:
    module = make(case, "m")
    with pytest.raises(ValueError, match="T >= 1"):
        module(torch.empty(0, N, *case.shape, dtype=FLOAT64))


@pytest.mark.parametrize("mode", ["s", "m"])
def test_inputs_that_are_no_tensors_of_floats(case: Case, mode: str) -> None:
    module = make(case, mode)
    with pytest.raises(TypeError, match=r"must be a torch.Tensor, but \[1.0\] \(list\) was given"):
        module([1.0])
    if not isinstance(module, layer.Delay):  # it computes nothing and takes any dtype
        with pytest.raises(TypeError, match="must have a floating-point dtype, but a tensor of dtype torch.int64"):
            module(torch.ones(T, N, *case.shape, dtype=torch.int64)[0 if mode == "s" else slice(None)])


def test_detach_cuts_the_graph(carrying: Case) -> None:
    module, x = make(carrying, "s"), sequence(carrying).requires_grad_()
    run(module, x)
    functional.detach_net(module)
    for owner in module.modules():
        for _, value in getattr(owner, "named_memories", dict)() or ():
            for tensor in value if isinstance(value, list | tuple) else [value]:
                assert not isinstance(tensor, torch.Tensor) or not tensor.requires_grad


def test_every_stateful_layer_can_be_compiled() -> None:
    torch.compiler.reset()  # the compiler counts how often `forward` was compiled, whoever did it
    for name in ("Dropout", "SynapseFilter learnable", "NeuNorm", "ElementWise"):
        module, x = make(CASES[name], "m"), sequence(CASES[name])
        expected = run(module, x)
        functional.reset_net(module)
        compiled = torch.compile(module, fullgraph=True, backend="eager")
        torch.manual_seed(3)
        torch.testing.assert_close(compiled(x), expected)
