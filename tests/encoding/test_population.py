"""Population coding, against its equations written out for one neuron at a time."""

import math

import pytest
import torch

from spikingjelly.activation_based import encoding, functional

OBS = torch.tensor([[0.512, -0.6], [1.9, 0.2], [-1.0, 2.0]])
# The first value drives the neuron at 0.5 with 0.9995, between its threshold and 1.
ARGS = (2, 3, 5, (-1.0, 2.0), 0.4)
ENCODERS = [encoding.PopEncoder, encoding.PopSpikeEncoderDeterministic, encoding.PopSpikeEncoderRandom]


def drives(obs: torch.Tensor) -> list[list[float]]:
    means = [-1.0, 0.5, 2.0]
    return [[math.exp(-0.5 * (x - mean) ** 2 / 0.4**2) for x in row for mean in means] for row in obs.tolist()]


def test_the_drive_is_the_same_at_all_time_steps() -> None:
    y = encoding.PopEncoder(*ARGS)(OBS)
    assert y.shape == (5, 3, 6)
    for step in y:
        torch.testing.assert_close(step, torch.tensor(drives(OBS)))


def test_deterministic_spikes_integrate_the_drive() -> None:
    encoder = encoding.PopSpikeEncoderDeterministic(*ARGS)
    spikes = torch.cat([encoder(OBS), encoder(OBS)])  # the potentials go on from the first call
    for n, row in enumerate(drives(OBS)):
        for i, drive in enumerate(row):
            v = 0.0
            for t in range(10):
                v += drive
                fires = v >= 0.999
                v -= 0.999 * fires
                assert spikes[t, n, i] == fires
    functional.reset_net(encoder)
    assert torch.equal(encoder(OBS), spikes[:5])


def test_random_spikes_have_the_drive_as_their_rate() -> None:
    encoder = encoding.PopSpikeEncoderRandom(2, 3, 20_000, (-1.0, 2.0), 0.4)
    spikes = encoder(OBS)
    assert set(spikes.unique().tolist()) == {0.0, 1.0}
    rate = torch.tensor(drives(OBS))
    sigma = torch.sqrt(rate * (1 - rate) / 20_000)
    assert bool(((spikes.mean(0) - rate).abs() <= 5 * sigma + 1e-6).all())
    assert not torch.equal(encoder(OBS), spikes)


@pytest.mark.parametrize("cls", ENCODERS)
def test_gradients_are_those_of_the_drive(cls: type) -> None:
    encoder = cls(*ARGS).double()
    obs = OBS.double().requires_grad_()
    weight = torch.rand(5, 3, 6, dtype=torch.float64)
    (encoder(obs) * weight).sum().backward()
    # An integrated drive reaches the spikes of all later time steps.
    times = weight.flip(0).cumsum(0) if cls is encoding.PopSpikeEncoderDeterministic else weight
    truth = [t.detach().clone().requires_grad_() for t in (OBS.double(), encoder.mean, encoder.std)]
    drive = torch.exp(-0.5 * (truth[0].unsqueeze(-1) - truth[1]) ** 2 / truth[2] ** 2).flatten(1)
    (drive * times.sum(0)).sum().backward()
    for ours, reference in zip((obs, encoder.mean, encoder.std), truth, strict=True):
        torch.testing.assert_close(ours.grad, reference.grad)


@pytest.mark.parametrize("cls", ENCODERS)
def test_parameters_and_shapes(cls: type) -> None:
    encoder = cls(obs_dim=4, pop_dim=6, spike_ts=3, mean_range=(-3, 3), std=1)
    assert {name: list(value.shape) for name, value in encoder.state_dict().items()} == {
        "mean": [1, 4, 6],
        "std": [1, 4, 6],
    }
    torch.testing.assert_close(encoder.mean[0, 2].detach(), torch.linspace(-3, 3, 6))
    assert encoder.encoder_neuron_num == 24
    assert encoder(torch.rand(2, 7, 4)).shape == (3, 14, 24)
    functional.reset_net(encoder)
    assert encoder(torch.rand(4)).shape == (3, 1, 24)
    assert "obs_dim=4, pop_dim=6, spike_ts=3" in repr(encoder)


def test_one_neuron_per_value_sits_at_the_low_end() -> None:
    assert encoding.PopEncoder(2, 1, 3, (-1.0, 2.0), 0.4).mean.flatten().tolist() == [-1.0, -1.0]


def test_setting_the_step_mode_leaves_the_neurons_on_sequences() -> None:
    encoder = encoding.PopSpikeEncoderDeterministic(*ARGS)
    expected = encoder(OBS)
    functional.set_step_mode(encoder, "s")
    functional.reset_net(encoder)
    assert torch.equal(encoder(OBS), expected)


def test_another_batch_size_needs_a_reset() -> None:
    encoder = encoding.PopSpikeEncoderDeterministic(*ARGS)
    encoder(OBS)
    with pytest.raises(RuntimeError, match="IFNode 'neurons' of PopSpikeEncoderDeterministic still carries the state"):
        encoder(OBS[:2])


@pytest.mark.parametrize("cls", ENCODERS)
def test_bad_arguments_are_told(cls: type) -> None:
    name = cls.__name__
    for i, argument in enumerate(("obs_dim", "pop_dim", "spike_ts")):
        bad = list(ARGS)
        bad[i] = 0
        with pytest.raises(ValueError, match=f"{name}: {argument} must be at least 1"):
            cls(*bad)
    for mean_range in (3.0, ("a", "b")):
        with pytest.raises(TypeError, match=f"{name}: mean_range must be a pair of numbers"):
            cls(2, 3, 5, mean_range, 0.4)
    for mean_range in ((1.0,), (2.0, -1.0), (0.0, math.inf)):
        with pytest.raises(ValueError, match=rf"{name}: mean_range must be \(low, high\), low <= high"):
            cls(2, 3, 5, mean_range, 0.4)
    with pytest.raises(TypeError, match=f"{name}: std must be a number, but None"):
        cls(2, 3, 5, (-1.0, 2.0), None)
    for std in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match=f"{name}: std must be greater than 0"):
            cls(2, 3, 5, (-1.0, 2.0), std)
    with pytest.raises(ValueError, match=rf"{name}: obs must be \[N, obs_dim\] with obs_dim=2.* shape \[4, 3\]"):
        cls(*ARGS)(torch.rand(4, 3))
    with pytest.raises(TypeError, match="obs must have a floating-point dtype"):
        cls(*ARGS)(torch.ones(4, 2).int())
