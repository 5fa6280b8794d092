"""Gaussian tuning against the formula written out, neuron by neuron."""

import inspect
import math

import pytest
import torch

from spikingjelly.timing_based import encoding


def spike_time(x: float, i: int, m: int, x_min: float, x_max: float, max_spike_time: int) -> float:
    """Bohte et al., 2002; neurons are counted from 1."""
    centre = x_min + (2 * i - 3) / 2 * (x_max - x_min) / (m - 2)
    width = 1 / 1.5 * (x_max - x_min) / (m - 2)
    response = math.exp(-((x - centre) ** 2) / (2 * width**2))
    time = round(max_spike_time * (1 - response))
    return -1.0 if time >= max_spike_time else float(time)


@pytest.mark.parametrize(("m", "max_spike_time"), [(3, 50), (6, 20), (16, 100), (5, 1)])
def test_times_are_those_of_the_formula(m: int, max_spike_time: int) -> None:
    low, high = torch.tensor([-1.0, 0.0, 2.0]).double(), torch.tensor([1.0, 255.0, 2.5]).double()
    x = low[:, None] + (high - low)[:, None] * torch.rand(4, 3, 7, dtype=torch.float64)
    times = encoding.GaussianTuning(3, m, low, high).encode(x, max_spike_time)
    assert times.shape == (4, 3, 7, m)
    for n, feature, k in torch.cartesian_prod(torch.arange(4), torch.arange(3), torch.arange(7)).tolist():
        expected = [
            spike_time(x[n, feature, k].item(), i, m, low[feature].item(), high[feature].item(), max_spike_time)
            for i in range(1, m + 1)
        ]
        assert times[n, feature, k].tolist() == expected


def test_neurons_at_the_value_fire_at_once_and_far_ones_never() -> None:
    encoder = encoding.GaussianTuning(1, 7, 0.0, 1.0)
    at_centres = encoder.encode(encoder.mu.unsqueeze(0))[0, 0]
    assert at_centres.diagonal().tolist() == [0.0] * 7
    assert at_centres[0, -1] == -1
    assert encoder.encode(torch.full((1, 1, 1), 9.0)).tolist() == [[[[-1.0] * 7]]]


def test_50_time_steps_are_the_default() -> None:
    encoder = encoding.GaussianTuning(1, 4, torch.zeros(1), torch.ones(1))
    x = torch.rand(2, 1, 9)
    assert torch.equal(encoder.encode(x), encoder.encode(x, 50))
    assert torch.equal(encoder(x), encoder.encode(x, 50))
    assert torch.equal(encoder(x, duration=20), encoder.encode(x, max_spike_time=20))
    assert not torch.equal(encoder(x, 20), encoder(x))


def test_whole_numbers_are_values_too() -> None:
    pixels = torch.randint(0, 256, (2, 1, 5), dtype=torch.uint8)
    encoder = encoding.GaussianTuning(1, 4, 0, 255)
    assert torch.equal(encoder.encode(pixels), encoder.encode(pixels.float()))


def test_it_is_a_module_without_saved_state() -> None:
    encoder = encoding.GaussianTuning(2, 4, torch.zeros(2), torch.tensor([1, 2]))
    assert encoder.state_dict() == {}
    assert encoder.double().mu.dtype == torch.float64
    assert encoder.mu.shape == (2, 4)
    torch.testing.assert_close(encoder.sigma2, torch.tensor([1 / 9, 4 / 9]).double(), rtol=1e-6, atol=0)
    assert repr(encoder) == "GaussianTuning(n=2, m=4)"


def test_signatures() -> None:
    assert list(inspect.signature(encoding.GaussianTuning).parameters) == ["n", "m", "x_min", "x_max"]
    assert str(inspect.signature(encoding.GaussianTuning.encode)) == (
        "(self, x: torch.Tensor, max_spike_time: int = 50) -> torch.Tensor"
    )


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, 4, 0.0, 1.0), ValueError, "n must be at least 1, but 0"),
        ((1.0, 4, 0.0, 1.0), TypeError, r"n must be an int, but 1.0 \(float\)"),
        ((1, 2, 0.0, 1.0), ValueError, "m must be at least 3, but 2 was given"),
        ((1, 4, "0", 1.0), TypeError, r"x_min must be a number or a tensor of shape \[1\], but '0' \(str\)"),
        ((1, 4, 0.0, True), TypeError, r"x_max must be a number .* but True \(bool\)"),
        ((2, 4, torch.zeros(3), 1.0), ValueError, r"x_min must be .* shape \[n\] = \[2\], but its shape is \[3\]"),
        ((2, 4, 0.0, torch.ones(1)), ValueError, r"x_max must .* \[2\], but its shape is \[1\]"),
        (
            (2, 4, torch.tensor([0.0, 1.0]), 1.0),
            ValueError,
            r"x_min must be less than x_max, but x_min=\[0.0, 1.0\] and x_max=\[1.0, 1.0\]. Leave out",
        ),
        ((1, 4, 0.0, math.nan), ValueError, "x_min must be less than x_max"),
    ],
)
def test_wrong_arguments(arguments: tuple, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"GaussianTuning: {message}"):
        encoding.GaussianTuning(*arguments)


def test_wrong_inputs() -> None:
    encoder = encoding.GaussianTuning(2, 4, 0.0, 1.0)
    with pytest.raises(TypeError, match=r"x must be a torch.Tensor, but \[0.5\] \(list\)"):
        encoder.encode([0.5])
    for shape in ((3, 2), (3, 1, 5), (3, 2, 5, 1)):
        with pytest.raises(
            ValueError, match=r"x must be \[N, n, k\] with n=2 features, but its shape is .*flatten\(1\)"
        ):
            encoder.encode(torch.rand(shape))
    with pytest.raises(ValueError, match="max_spike_time must be at least 1, but 0 was given"):
        encoder.encode(torch.rand(3, 2, 5), 0)
    with pytest.raises(TypeError, match="max_spike_time must be an int"):
        encoder.encode(torch.rand(3, 2, 5), 50.0)
