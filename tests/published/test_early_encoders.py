"""Encoders as the first releases had them: a call encodes, and `step` gives the time steps. The numbers are of 0.0.0.0.4."""

from typing import Any

import pytest
import torch

from spikingjelly.clock_driven import encoding

X = torch.tensor([0.0, 0.2, 0.5, 0.9, 1.0])


def steps(encoder: Any, number: int) -> list[list[int]]:
    return [encoder.step().flatten().nonzero().flatten().tolist() for _ in range(number)]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: encoding.LatencyEncoder(5), [[3, 4], [], [2], [1], [0], [3, 4], []]),
        (lambda: encoding.LatencyEncoder(5, "log", "cpu"), [[3, 4], [2], [1], [], [0], [3, 4], [2]]),
        (
            lambda: encoding.LatencyEncoder(max_spike_time=5, function_type="log", device="cuda:0"),
            [[3, 4], [2], [1], [], [0], [3, 4], [2]],
        ),
    ],
)
def test_latencies(make: Any, expected: list[list[int]]) -> None:
    encoder = make()
    encoder(X)
    assert steps(encoder, 7) == expected
    encoder(X.flip(0))
    assert steps(encoder, 1) == [[0, 1]]
    encoder.reset()
    with pytest.raises(ValueError, match="nothing is encoded yet"):
        encoder.step()


def test_spikes_of_ones_own() -> None:
    encoder = encoding.PeriodicEncoder(out_spike=torch.eye(3).bool())
    assert steps(encoder, 4) == [[0], [1], [2], [0]]
    encoder.set_out_spike(torch.ones(2, 2).bool())
    assert steps(encoder, 1) == [[0, 1]]
    assert encoder.step().dtype == torch.bool


def test_intervals() -> None:
    assert steps(encoding.IntervalEncoder(3, (2,)), 7) == [[], [], [], [0, 1], [], [], []]
    with pytest.raises(ValueError, match="T_in must be at least 0"):
        encoding.IntervalEncoder(-1, (2,))


def test_tuning_curves() -> None:
    bounds = torch.tensor([0.0, -1.0]), torch.tensor([1.0, 2.0])
    encoder = encoding.GaussianTuningCurveEncoder(*bounds, 4, 10)
    encoder(torch.tensor([[0.2, 0.3], [0.8, 1.5], [0.5, -1.0]]))
    fired = [encoder.step().nonzero().tolist() for _ in range(10)]
    assert fired[0] == [[0, 0, 2], [1, 0, 3], [1, 1, 3]]
    assert fired[1:4] == [[[0, 1, 2]], [[2, 0, 2], [2, 0, 3], [2, 1, 1], [2, 1, 2]], [[0, 1, 3]]]
    assert fired[4:8] == [[], [[0, 0, 1]], [], [[0, 0, 3], [1, 0, 2], [1, 1, 2]]]
    assert fired[8:] == [[[0, 1, 1], [2, 0, 1], [2, 1, 0], [2, 1, 3]], []]
    one = encoding.GaussianTuningCurveEncoder(0.0, 1.0, 5, 10)
    one(torch.rand(3, 1))
    assert one.step().shape == (3, 1, 5)
    with pytest.raises(ValueError, match=r"the input must be \[N, 2\], but shape \[3, 3\]"):
        encoding.GaussianTuningCurveEncoder(*bounds, 4, 10)(torch.rand(3, 3))
    with pytest.raises(ValueError, match="tuning_curve_num must be at least 3"):
        encoding.GaussianTuningCurveEncoder(*bounds, 2, 10)


def test_the_base_of_the_encoders() -> None:
    with pytest.raises(ImportError, match="BaseEncoder does not exist. Use StatefulEncoder or StatelessEncoder"):
        encoding.BaseEncoder  # noqa: B018
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        encoding.nothing  # noqa: B018
