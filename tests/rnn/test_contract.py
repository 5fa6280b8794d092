"""What surrounds the equations: dtypes, copies, compilation, messages."""

import copy
import pickle
import re

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import rnn, surrogate
from tests.rnn.slow import NETWORKS
from tests.versions import needs_torch

compiles = needs_torch("2.12", "torch.compile of a recurrent network in one graph")

T, N, INPUT, HIDDEN = 4, 3, 4, 6


def as_list(states) -> list[torch.Tensor]:
    return [states] if isinstance(states, torch.Tensor) else list(states)


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_states_have_the_dtype_of_the_input(kind: str, dtype: torch.dtype) -> None:
    net = NETWORKS[kind](INPUT, HIDDEN, 2, bidirectional=True).to(dtype)
    y, states = net(torch.randn(T, N, INPUT, dtype=dtype))
    assert {out.dtype for out in (y, *as_list(states))} == {dtype}
    cell_states = net.cells[0](torch.randn(N, INPUT, dtype=dtype))
    assert {state.dtype for state in as_list(cell_states)} == {dtype}
    y.sum().backward()
    assert net.cells[0].weight_hh().grad.dtype == dtype


@pytest.mark.parametrize("kind", NETWORKS)
def test_autocast(kind: str) -> None:
    net = NETWORKS[kind](INPUT, HIDDEN, 2)
    x = torch.randn(T, N, INPUT)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        _, states = net(x)
        y, _ = net(x.bfloat16(), states)
    y.sum().backward()
    assert net.cells[0].weight_ih().grad.dtype == torch.float32
    assert net.cells[0].weight_ih().grad.any()


@pytest.mark.parametrize("kind", NETWORKS)
def test_other_devices(kind: str) -> None:
    net = NETWORKS[kind](INPUT, HIDDEN, 2, bidirectional=True).to("meta")
    y, states = net(torch.randn(T, N, INPUT, device="meta"))
    assert y.shape == (T, N, 2 * HIDDEN)
    assert {out.device.type for out in (y, *as_list(states))} == {"meta"}


@pytest.mark.parametrize("kind", NETWORKS)
def test_copies(kind: str) -> None:
    net = NETWORKS[kind](INPUT, HIDDEN, 2, bidirectional=True)
    x = torch.randn(T, N, INPUT)
    y, _ = net(x)
    other = NETWORKS[kind](INPUT, HIDDEN, 2, bidirectional=True)
    other.load_state_dict(net.state_dict())
    for replica in (copy.deepcopy(net), pickle.loads(pickle.dumps(net)), other):
        assert torch.equal(replica(x)[0], y)
    assert [n for n in net.state_dict() if n.endswith("ih.bias")] == [
        f"{cells}.{number}.linear_ih.bias" for cells in ("cells", "cells_reverse") for number in range(2)
    ]


def compiled_agrees(kind: str, backend: str) -> None:
    torch.compiler.reset()
    net = NETWORKS[kind](INPUT, HIDDEN, 2, bidirectional=True)
    x = torch.randn(T, N, INPUT, requires_grad=True)
    results = []
    for run in (net, torch.compile(net, backend=backend, fullgraph=True)):
        y, states = run(x)
        weights = torch.linspace(-1, 1, y.numel()).view_as(y)
        results.append([y, *as_list(states), *torch.autograd.grad((y * weights).sum(), [x, *net.parameters()])])
    torch.testing.assert_close(*results)


@compiles
@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # by torch's own tracer
def test_compiled_without_a_break(kind: str) -> None:
    compiled_agrees(kind, "aot_eager")


@compiles
@pytest.mark.slow
@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.filterwarnings("ignore")  # of the compiler's own
def test_compiled_to_kernels(kind: str) -> None:
    compiled_agrees(kind, "inductor")


def test_the_inputs_stay_as_they_are() -> None:
    net = rnn.SpikingLSTM(INPUT, HIDDEN, 1)
    h, c = torch.zeros(1, N, HIDDEN), torch.full((1, N, HIDDEN), 5.0)
    net(torch.randn(T, N, INPUT), (h, c))
    assert not h.any()
    assert torch.equal(c, torch.full_like(c, 5.0))


def test_repr() -> None:
    net = rnn.SpikingVanillaRNN(4, 6, 1, False, 0.25, True, True, surrogate.ATan())
    assert "input_size=4, hidden_size=6, num_layers=1, bias=False, dropout_p=0.25, invariant_dropout_mask=True, " in (
        repr(net)
    )
    assert "bidirectional=True" in repr(net)
    assert "SpikingVanillaRNNCell(\n      input_size=4, hidden_size=6, bias=False" in repr(net)
    assert "(surrogate_function): ATan(alpha=2.0, spiking=True)" in repr(net)


# Messages


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"input_size": 0}, ValueError, "input_size must be at least 1, but 0"),
        ({"hidden_size": 2.0}, TypeError, r"hidden_size must be an int, but 2.0 \(float\)"),
        ({"num_layers": 0}, ValueError, "num_layers must be at least 1, but 0"),
        ({"bias": 1}, TypeError, r"bias must be a bool, but 1 \(int\) was given. Write bias=True"),
        ({"dropout_p": 1.5}, ValueError, "dropout_p must be a probability, 0 <= dropout_p <= 1, but 1.5"),
        ({"dropout_p": "0.5"}, TypeError, r"dropout_p must be a number, but '0.5' \(str\)"),
        ({"invariant_dropout_mask": 0}, TypeError, "invariant_dropout_mask must be a bool"),
        ({"bidirectional": None}, TypeError, "bidirectional must be a bool"),
    ],
)
def test_arguments_of_networks(kind: str, kwargs: dict, error: type[Exception], message: str) -> None:
    arguments = {"input_size": 2, "hidden_size": 2, "num_layers": 1, **kwargs}
    for expected in (error, AssertionError):
        with pytest.raises(expected, match=message):
            NETWORKS[kind](**arguments)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: rnn.SpikingLSTM(1, 1, 1, surrogate_function1=None),
            r"SpikingLSTMCell: surrogate_function1 must be a surrogate function \(or another callable\), but None",
        ),
        (
            lambda: rnn.SpikingGRUCell(1, 1, surrogate_function2=2.0),
            r"surrogate_function2 must be a surrogate function \(or another callable or None\), but 2.0",
        ),
        (lambda: rnn.SpikingVanillaRNNCell(1, 1, surrogate_function="erf"), r"surrogate_function must be .*'erf'"),
        (lambda: rnn.SpikingLSTMCell(1, 0), "SpikingLSTMCell: hidden_size must be at least 1, but 0 was given"),
    ],
)
def test_arguments_of_cells(make, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        make()


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (None, TypeError, "the input must be a torch.Tensor, but None"),
        (torch.zeros(4, 3, 4, dtype=torch.long), TypeError, "the input must have a floating-point dtype"),
        (
            torch.zeros(3, 4),
            ValueError,
            r"the input must have shape \[T, N, input_size\] with T >= 1 and a last dimension of 4, but a tensor of "
            r"dtype torch.float32 and shape \[3, 4\] was given",
        ),
        (torch.zeros(4, 3, 5), ValueError, r"a last dimension of 4, but .* \[4, 3, 5\]"),
        (torch.zeros(0, 3, 4), ValueError, "T >= 1"),
        (
            nn.utils.rnn.pack_padded_sequence(torch.zeros(3, 2, 4), torch.tensor([3, 2])),
            TypeError,
            "a PackedSequence was given. Unpack it: x, lengths = torch.nn.utils.rnn.pad_packed_sequence",
        ),
        (
            torch.zeros(4, 3, 4).double(),
            TypeError,
            r"must have the dtype of the weights, torch.float32, but .*torch.float64.*x.to\(dtype\) or net.to\(dtype\)",
        ),
    ],
)
def test_inputs(x, error: type[Exception], message: str) -> None:
    net = rnn.SpikingGRU(INPUT, HIDDEN, 1)
    with pytest.raises(error, match=f"SpikingGRU: .*{message}"):
        net(x)
    with pytest.raises(error, match=message):
        rnn.bidirectional_rnn_cell_forward(net.cells[0], net.cells[0], x)


def test_inputs_of_cells() -> None:
    with pytest.raises(ValueError, match=r"SpikingGRUCell: the input must have shape \[N, input_size\] with N >= 1"):
        rnn.SpikingGRUCell(INPUT, HIDDEN)(torch.zeros(T, N, INPUT))


FIT = torch.zeros(2, N, HIDDEN)


@pytest.mark.parametrize(
    ("kind", "states", "error", "message"),
    [
        ("lstm", FIT, TypeError, "must be a tuple of 2 tensors, but a tensor of dtype torch.float32"),
        ("lstm", (FIT,), TypeError, "must be a tuple of 2 tensors, but a tuple of a tensor of dtype"),
        ("lstm", (FIT, None), TypeError, r"tuple of a tensor .*, None \(NoneType\) was given. None stands for zeros"),
        ("lstm", [], TypeError, "a list of nothing"),
        ("gru", (FIT,), TypeError, "must be one tensor, but a tuple of a tensor"),
        ("vanilla", 0.0, TypeError, r"must be one tensor, but 0.0 \(float\)"),
        ("gru", FIT[:1], ValueError, re.escape(f"each state must have shape [2, {N}, {HIDDEN}]")),
        ("lstm", (FIT, FIT[0]), ValueError, re.escape(f"and shape [{N}, {HIDDEN}] on cpu was given")),
        ("vanilla", FIT.double(), ValueError, "the input's dtype and device, but a tensor of dtype torch.float64"),
        ("vanilla", FIT.to("meta"), ValueError, "on meta was given"),
    ],
)
def test_states(kind: str, states, error: type[Exception], message: str) -> None:
    net: nn.Module = NETWORKS[kind](INPUT, HIDDEN, 2)
    with pytest.raises(error, match=message):
        net(torch.zeros(T, N, INPUT), states)


def test_states_of_cells() -> None:
    with pytest.raises(
        ValueError, match=re.escape(f"SpikingLSTMCell: for a tensor of dtype torch.float32 and shape [{N}")
    ):
        rnn.SpikingLSTMCell(INPUT, HIDDEN)(torch.zeros(N, INPUT), (torch.zeros(N, HIDDEN), torch.zeros(1, HIDDEN)))
