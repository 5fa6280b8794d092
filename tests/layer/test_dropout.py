"""Masks that are drawn once a sequence, for activations and for connections."""

import pytest
import torch
from torch import nn

from spikingjelly.activation_based import functional, layer


@pytest.mark.parametrize("mode", ["s", "m"])
def test_one_mask_for_all_time_steps(mode: str) -> None:
    dropout = layer.Dropout(0.25, mode)
    x_seq = torch.rand(6, 40, 50) + 0.5
    y_seq = dropout(x_seq) if mode == "m" else torch.stack([dropout(x) for x in x_seq])
    ratio = y_seq / x_seq
    assert torch.equal(ratio.round(decimals=4).unique(), torch.tensor([0.0, 1.3333]))
    assert ((ratio == 0) == (ratio[0] == 0)).all()
    assert (ratio[0] == 0).double().mean().item() == pytest.approx(0.25, abs=0.03)
    first = dropout.mask
    dropout(x_seq if mode == "m" else x_seq[0])
    assert dropout.mask is first
    functional.reset_net(dropout)
    assert dropout.mask is None
    dropout(x_seq if mode == "m" else x_seq[0])
    assert not torch.equal(dropout.mask, first)


@pytest.mark.parametrize("mode", ["s", "m"])
def test_whole_channels(mode: str) -> None:
    dropout = layer.Dropout2d(0.4, mode)
    x_seq = torch.rand(3, 20, 30, 4, 5) + 0.5
    y_seq = dropout(x_seq) if mode == "m" else torch.stack([dropout(x) for x in x_seq])
    kept = y_seq != 0
    assert (kept == kept[:1, :, :, :1, :1]).all()
    assert kept.double().mean().item() == pytest.approx(0.6, abs=0.06)
    torch.testing.assert_close(y_seq[kept], x_seq[kept] / 0.6)


def test_defaults() -> None:
    assert layer.Dropout().p == 0.5
    assert layer.Dropout2d().p == 0.2
    assert repr(layer.Dropout(0.3, "m")) == "Dropout(p=0.3, step_mode=m)"


@pytest.mark.parametrize("cls", ["Dropout", "Dropout2d"])
@pytest.mark.parametrize("mode", ["s", "m"])
def test_evaluation_is_the_identity(cls: str, mode: str) -> None:
    dropout = getattr(layer, cls)(0.9, mode).eval()
    for batch in (2, 5):  # without a mask there is nothing that a batch could fail to fit
        x = torch.rand(3, batch, 2, 2, 2)
        assert dropout(x) is x
    assert dropout.mask is None


def test_zero_probability_keeps_everything() -> None:
    x = torch.rand(3, 4)
    assert torch.equal(layer.Dropout(0)(x), x)


@pytest.mark.parametrize("cls", ["Dropout", "Dropout2d"])
@pytest.mark.parametrize("p", [1.0, -0.1, 1.5, 1])
def test_probabilities_out_of_bounds(cls: str, p: float) -> None:
    message = rf"{cls}: p must be a probability, 0 <= p < 1, but {p} was given"
    for error in (ValueError, AssertionError):
        with pytest.raises(error, match=message):
            getattr(layer, cls)(p)


@pytest.mark.parametrize("p", ["0.5", None, True])
def test_probabilities_of_a_wrong_type(p: object) -> None:
    with pytest.raises(TypeError, match="p must be a number, but"):
        layer.Dropout(p)
    with pytest.raises(TypeError, match="p must be a number, but"):
        layer.DropConnectLinear(2, 3, p=p)


# DropConnectLinear


def connections(module: layer.DropConnectLinear, n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """What reaches the output of n samples from the bias and from one input of 1, where the activation is none."""
    assert module.activation is None
    return module(torch.zeros(n, module.in_features)), module(torch.eye(module.in_features)[:1].expand(n, -1))


def test_training_drops_each_connection_of_each_sample() -> None:
    module = layer.DropConnectLinear(3, 4, p=0.3, activation=None, invariant=True)
    nn.init.uniform_(module.weight, 0.5, 1.0)
    nn.init.uniform_(module.bias, 2.0, 3.0)
    from_bias, with_input = connections(module, 5000)
    kept_bias = from_bias != 0
    torch.testing.assert_close(from_bias, kept_bias * module.bias)
    from_weight = with_input - from_bias
    kept_weight = from_weight > 0.1
    torch.testing.assert_close(from_weight, kept_weight * module.weight[:, 0], atol=1e-5, rtol=1e-5)
    for kept in (kept_bias, kept_weight):
        torch.testing.assert_close(kept.double().mean(0), torch.full((4,), 0.7, dtype=torch.float64), atol=0.03, rtol=0)
    together = (kept_bias & kept_weight).double().mean()
    assert together.item() == pytest.approx(0.49, abs=0.03), "weight and bias are dropped independently"


@pytest.mark.parametrize("mode", ["s", "m"])
@pytest.mark.parametrize("invariant", [False, True])
def test_masks_stay_only_while_invariant(invariant: bool, mode: str) -> None:
    module = layer.DropConnectLinear(8, 9, invariant=invariant, activation=None, state_mode=mode)
    x_seq = torch.rand(1, 2, 8).expand(4, 2, 8)
    y_seq = module(x_seq) if mode == "m" else torch.stack([module(x) for x in x_seq])
    assert torch.equal(y_seq[0], y_seq[1]) is invariant
    assert (module.dropped_w is not None) is invariant
    functional.reset_net(module)
    again = module(x_seq)[0] if mode == "m" else module(x_seq[0])
    assert not torch.equal(again, y_seq[0])


def test_activation_is_applied() -> None:
    torch.manual_seed(5)
    plain = layer.DropConnectLinear(3, 4, activation=None)
    torch.manual_seed(5)
    activated = layer.DropConnectLinear(3, 4)
    x = torch.randn(6, 3)
    torch.manual_seed(6)
    expected = plain(x).clamp(min=0)
    torch.manual_seed(6)
    assert torch.equal(activated(x), expected)
    assert plain.weight.abs().max() <= 1 / 3**0.5
    torch.manual_seed(5)
    assert torch.equal(plain.weight, nn.Linear(3, 4).weight)


@pytest.mark.parametrize("bias", [True, False])
def test_evaluation_has_the_moments_of_training(bias: bool) -> None:
    """The mean over all masks of a linear function is exact, and that of its square too."""
    module = layer.DropConnectLinear(4, 3, bias, p=0.3, samples_num=40000, activation=torch.square).eval()
    x = torch.randn(2, 4)
    constant = torch.ones(2, 1) if bias else torch.zeros(2, 1)
    terms = torch.cat([x, constant], 1)[:, None] * torch.cat(
        [module.weight, module.bias[:, None] if bias else torch.zeros(3, 1)], 1
    )
    mean = torch.zeros(2, 3)
    second_moment = torch.zeros(2, 3)
    for number in range(2**5):
        mask = torch.tensor([number >> i & 1 for i in range(5)])
        probability = 0.7 ** mask.sum() * 0.3 ** (5 - mask.sum())
        u = (terms * mask).sum(-1)
        mean += probability * u
        second_moment += probability * u.square()
    torch.testing.assert_close(module(x), second_moment, rtol=0.05, atol=0.01)
    module.activation = None
    torch.testing.assert_close(module(x), mean)


def test_evaluation_has_gradients_and_no_nan_for_silent_inputs() -> None:
    module = layer.DropConnectLinear(3, 2, bias=False, samples_num=7).eval()
    x = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 2.0]], requires_grad=True)
    y = module(x)
    assert y[0].abs().max() < 1e-12
    y.sum().backward()
    assert x.grad.isfinite().all()
    assert module.weight.grad.isfinite().all()
    assert module.weight.grad.any()


@pytest.mark.parametrize(("p", "expected"), [(0.0, 1.0), (1.0, 0.0)])
def test_extreme_probabilities(p: float, expected: float) -> None:
    module = layer.DropConnectLinear(3, 2, p=p, activation=None)
    x = torch.rand(4, 3)
    torch.testing.assert_close(module(x), expected * torch.nn.functional.linear(x, module.weight, module.bias))


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"p": 1.1}, ValueError, r"p must be a probability, 0 <= p <= 1, but 1.1"),
        ({"samples_num": 0}, ValueError, "samples_num must be at least 1, but 0"),
        ({"samples_num": 1.5}, TypeError, r"samples_num must be an int, but 1.5 \(float\)"),
        ({"invariant": 1}, TypeError, "invariant must be a bool, but 1"),
        ({"state_mode": "x"}, ValueError, "step_mode must be 's' or 'm', but 'x'"),
    ],
)
def test_drop_connect_arguments(kwargs: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"DropConnectLinear: {message}"):
        layer.DropConnectLinear(3, 2, **kwargs)


@pytest.mark.parametrize(("mode", "shape"), [("s", (2, 4)), ("s", (5, 2, 3)), ("m", (2, 3)), ("m", (5, 2, 4))])
def test_drop_connect_shapes(mode: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(
        ValueError, match=r"DropConnectLinear: expected x with shape \[N, 3\] at each time step, but got"
    ):
        layer.DropConnectLinear(3, 2, state_mode=mode)(torch.rand(shape))
