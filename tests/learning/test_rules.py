"""The rules as functions, against loops over pairs of neurons."""

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import learning
from tests.learning import reference
from tests.learning.synapses import SYNAPSES, make, run, spikes

# PyTorch's advice about its own speed.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")

TAU_PRE, TAU_POST = 1.7, 3.2
STDP = {1: learning.stdp_conv1d_single_step, 2: learning.stdp_conv2d_single_step}


def f_pre(w):
    return 0.3 * w * w + 0.1


def f_post(w):
    return 0.8 - w


@pytest.mark.parametrize("name", SYNAPSES)
def test_stdp_over_a_sequence(name: str) -> None:
    synapse, shape = make(name)
    pre, post = run(synapse, 4, 2, shape)
    x, y, change = learning.stdp_multi_step(synapse, pre, post, None, 0.0, TAU_PRE, TAU_POST, f_pre, f_post)
    keep = reference.linear(TAU_PRE), reference.linear(TAU_POST)
    x_slow, y_slow, zeta = reference.eligibilities(synapse, pre, post, *keep, f_pre, f_post)
    torch.testing.assert_close(x, x_slow)
    torch.testing.assert_close(y, y_slow)
    torch.testing.assert_close(change, zeta.sum((0, 1)))
    assert change.abs().max() > 0.1
    assert not change.requires_grad


@pytest.mark.parametrize("name", [name for name in SYNAPSES if name != "conv3d"])
def test_stdp_step_by_step_adds_up_to_the_sequence(name: str) -> None:
    synapse, shape = make(name)
    pre, post = run(synapse, 5, 3, shape)
    whole = learning.stdp_multi_step(synapse, pre, post, None, None, TAU_PRE, TAU_POST)
    step = STDP[len(shape) - 1] if isinstance(synapse, nn.Conv1d | nn.Conv2d) else learning.stdp_linear_single_step
    x, y, total = None, None, 0.0
    for in_spike, out_spike in zip(pre, post, strict=True):
        x, y, change = step(synapse, in_spike, out_spike, x, y, TAU_PRE, TAU_POST)
        total = total + change
    torch.testing.assert_close((x, y, total), whole)


def test_default_functions_are_the_weights() -> None:
    synapse, shape = make("linear")
    pre, post = run(synapse, 4, 2, shape)
    with_default = learning.stdp_multi_step(synapse, pre, post, None, None, TAU_PRE, TAU_POST)
    one = learning.stdp_multi_step(synapse, pre, post, None, None, TAU_PRE, TAU_POST, torch.ones_like, torch.ones_like)
    torch.testing.assert_close(with_default[2], synapse.weight.detach() * one[2])


@pytest.mark.parametrize("name", ["linear", "linear-over-places"])
@pytest.mark.parametrize("rule", ["mstdp", "mstdpet"])
def test_eligibility(name: str, rule: str) -> None:
    synapse, shape = make(name)
    pre, post = run(synapse, 4, 3, shape)
    keep = reference.exponential(TAU_PRE), reference.exponential(TAU_POST)
    x_slow, y_slow, zeta = reference.eligibilities(synapse, pre, post, *keep, f_pre, f_post)
    x, y = None, None
    for t in range(4):
        taus = (TAU_PRE, TAU_POST) if rule == "mstdp" else (TAU_PRE, TAU_POST, 5.0)
        step = learning.mstdp_linear_single_step if rule == "mstdp" else learning.mstdpet_linear_single_step
        x, y, eligibility = step(synapse, pre[t], post[t], x, y, *taus, f_pre, f_post)
        torch.testing.assert_close(eligibility, zeta[t])
        assert not eligibility.requires_grad
    torch.testing.assert_close((x, y), (x_slow, y_slow))


def test_eligibility_without_batch() -> None:
    synapse, _ = make("linear")
    pre, post = spikes(4), spikes(3)
    start = torch.rand(4).double(), torch.rand(3).double()
    alone = learning.mstdpet_linear_single_step(synapse, pre, post, *start, 2.0, 3.0, 4.0)
    batch = learning.mstdpet_linear_single_step(
        synapse, pre[None], post[None], start[0][None], start[1][None], 2.0, 3.0, 4.0
    )
    for one, of_batch in zip(alone, batch, strict=True):
        torch.testing.assert_close(one, of_batch[0])
    assert alone[2].shape == (3, 4)


@pytest.mark.parametrize("delay", range(-6, 7))
def test_stdp_curve(delay: int) -> None:
    """Potentiation if the presynaptic spike comes first, depression if it comes last, less the further apart."""
    synapse = nn.Linear(1, 1, bias=False).double()
    pre, post = torch.zeros(2, 8, 1, 1).double()
    pre[max(0, -delay)] = post[max(0, delay)] = 1
    a_pre, a_post = 0.5, 0.8
    _, _, change = learning.stdp_multi_step(
        synapse, pre, post, None, None, TAU_PRE, TAU_POST, lambda w: w * 0 + a_pre, lambda w: w * 0 + a_post
    )
    if delay > 0:
        expected = a_post * (1 - 1 / TAU_PRE) ** delay
    elif delay < 0:
        expected = -a_pre * (1 - 1 / TAU_POST) ** -delay
    else:
        expected = a_post - a_pre  # at the same time both count
    assert change.item() == pytest.approx(expected, rel=1e-12)


def test_a_convolution_of_one_place_is_a_linear() -> None:
    conv, linear = nn.Conv2d(3, 4, 2), nn.Linear(12, 4)
    linear.weight.data.copy_(conv.weight.flatten(1))
    pre, post = (torch.rand(6, 2, 3, 2, 2) > 0.5).float(), (torch.rand(6, 2, 4, 1, 1) > 0.5).float()
    args = None, None, 2.0, 3.0, torch.tanh, torch.exp
    _, _, of_conv = learning.stdp_multi_step(conv, pre, post, *args)
    _, _, of_linear = learning.stdp_multi_step(linear, pre.flatten(2), post.flatten(2), *args)
    torch.testing.assert_close(of_conv.flatten(1), of_linear)


def test_spikes_in_half_precision_and_the_dtype_of_the_weights() -> None:
    conv = nn.Conv2d(1, 2, 3, padding=1)
    pre = (torch.rand(3, 2, 1, 5, 5) > 0.5).half()
    post = (torch.rand(3, 2, 2, 5, 5) > 0.5).half()
    half = learning.stdp_multi_step(conv, pre, post, None, None, 2.0, 2.0)
    full = learning.stdp_multi_step(conv, pre.float(), post.float(), None, None, 2.0, 2.0)
    assert [value.dtype for value in half] == [torch.float32] * 3
    torch.testing.assert_close(half, full, rtol=0, atol=0)


def test_sums_over_many_places_are_exact() -> None:
    """Potentiation and depression cancel: what remains of 10^5 terms each is small."""
    conv = nn.Conv2d(1, 1, 3, padding=1)
    pre, post = ((torch.rand(4, 16, 1, 40, 40) > 0.5).float() for _ in range(2))
    args = None, None, 3.0, 3.0, torch.ones_like, torch.ones_like
    _, _, single = learning.stdp_multi_step(conv, pre, post, *args)
    _, _, double = learning.stdp_multi_step(conv.double(), pre, post, *args)
    torch.testing.assert_close(single.double(), double, rtol=1e-5, atol=1e-2)


LINEAR, CONV = nn.Linear(4, 3), nn.Conv2d(2, 3, 3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: learning.stdp_linear_single_step(CONV, spikes(2, 4), spikes(2, 3), None, None, 2.0, 2.0),
            NotImplementedError, "stdp_linear_single_step: a synapse must be a Linear of torch.nn or of .*Conv2d",
        ),
        (
            lambda: learning.stdp_conv1d_single_step(CONV, spikes(2, 4), spikes(2, 3), None, None, 2.0, 2.0),
            NotImplementedError, "stdp_conv1d_single_step: a synapse must be a Conv1d",
        ),
        (
            lambda: learning.stdp_conv2d_single_step(LINEAR, spikes(2, 4), spikes(2, 3), None, None, 2.0, 2.0),
            NotImplementedError, "stdp_conv2d_single_step: a synapse must be a Conv2d",
        ),
        (
            lambda: learning.stdp_multi_step(nn.ReLU(), spikes(1, 2, 4), spikes(1, 2, 3), None, None, 2.0, 2.0),
            NotImplementedError, "must be a Linear or Conv1d or Conv2d or Conv3d of torch.nn or .*ReLU",
        ),
        (
            lambda: learning.mstdp_linear_single_step(CONV, spikes(2, 4), spikes(2, 3), None, None, 2.0, 2.0),
            NotImplementedError, "mstdp_linear_single_step: a synapse must be a Linear",
        ),
        (
            lambda: learning.stdp_linear_single_step(LINEAR, spikes(2, 5), spikes(2, 3), None, None, 2.0, 2.0),
            ValueError, r"input of the synapse must have shape \[N, \*, 4\] in each time step, but has shape \[2, 5\]",
        ),
        (
            lambda: learning.stdp_linear_single_step(LINEAR, spikes(2, 4), spikes(3, 3), None, None, 2.0, 2.0),
            ValueError, r"for an input of shape \[2, 4\] the spikes .* output, \[2, 3\], .* but have shape \[3, 3\]",
        ),
        (
            lambda: learning.stdp_conv2d_single_step(CONV, spikes(1, 2, 5, 5), spikes(1, 3, 5, 5), None, None, 2.0, 2.0),
            ValueError, r"output, \[1, 3, 3, 3\], in each time step, but have shape \[1, 3, 5, 5\]",
        ),
        (
            lambda: learning.stdp_conv2d_single_step(CONV, spikes(2, 5, 5), spikes(3, 3, 3), None, None, 2.0, 2.0),
            ValueError, r"must have shape \[N, 2, H, W\] in each time step, but has shape \[2, 5, 5\]",
        ),
        (
            lambda: learning.stdp_multi_step(LINEAR, spikes(3, 2, 4), spikes(2, 2, 3), None, None, 2.0, 2.0),
            ValueError, r"sequences \[T, N, \*\] of the same length T >= 1, but they have shape \[3, 2, 4\] and \[2, 2, 3\]",
        ),
        (
            lambda: learning.stdp_multi_step(LINEAR, spikes(0, 2, 4), spikes(0, 2, 3), None, None, 2.0, 2.0),
            ValueError, "of the same length T >= 1",
        ),
        (
            lambda: learning.stdp_linear_single_step(LINEAR, spikes(2, 4), spikes(2, 3), torch.zeros(1, 4), None, 2.0, 2.0),
            RuntimeError, r"trace_pre has shape \[1, 4\] on cpu, but .* \[2, 4\] on cpu. Before a new batch.*call reset\(\)",
        ),
        (
            lambda: learning.stdp_linear_single_step(LINEAR, spikes(2, 4), spikes(2, 3), None, torch.zeros(3), 2.0, 2.0),
            RuntimeError, r"trace_post has shape \[3\]",
        ),
        (
            lambda: learning.stdp_linear_single_step(LINEAR, spikes(2, 4), spikes(2, 3), None, None, 0.5, 2.0),
            ValueError, "stdp_linear_single_step: tau_pre must be at least 1, but 0.5 was given",
        ),
        (
            lambda: learning.stdp_linear_single_step(LINEAR, spikes(2, 4), spikes(2, 3), None, None, 2.0, "2"),
            TypeError, "tau_post must be a number of time steps, but '2'",
        ),
        (
            lambda: learning.mstdp_linear_single_step(LINEAR, spikes(2, 4), spikes(2, 3), None, None, 0.0, 2.0),
            ValueError, "tau_pre must be greater than 0, but 0.0 was given",
        ),
        (
            lambda: learning.mstdpet_linear_single_step(LINEAR, spikes(2, 4), spikes(2, 3), None, None, 2.0, 2.0, -1.0),
            ValueError, "tau_trace must be greater than 0, but -1.0",
        ),
        (
            lambda: learning.stdp_linear_single_step(LINEAR, spikes(2, 4).bool(), spikes(2, 3), None, None, 2.0, 2.0),
            TypeError, "stdp_linear_single_step: in_spike must have a floating-point dtype",
        ),
        (
            lambda: learning.mstdp_linear_single_step(LINEAR, spikes(2, 4), [0, 1], None, None, 2.0, 2.0),
            TypeError, "mstdp_linear_single_step: out_spike must be a torch.Tensor",
        ),
        (
            lambda: learning.stdp_multi_step(LINEAR, spikes(1, 2, 4), None, None, None, 2.0, 2.0),
            TypeError, "stdp_multi_step: the spikes of the neurons must be a torch.Tensor",
        ),
    ],
)  # fmt: skip
def test_errors(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
