"""Encoders that encode once and then give out one time step per call."""

import math

import pytest
import torch

from spikingjelly.activation_based import encoding, functional

X = torch.tensor([[0.0, 0.3, 0.5], [0.55, 0.9, 1.0]])


class Ramp(encoding.StatefulEncoder):
    """Time step t has the value x + t, so that it shows what is given out when."""

    def single_step_encode(self, x: torch.Tensor) -> None:
        self.spike = torch.stack([x + t for t in range(self.T)])


def test_single_steps_go_round_until_the_reset() -> None:
    encoder = Ramp(3)
    given = [encoder(X)] + [encoder(X * 0 + 50) for _ in range(3)] + [encoder()]
    assert torch.equal(torch.stack(given), torch.stack([X, X + 1, X + 2, X, X + 1]))
    assert encoder.t == 2
    functional.reset_net(encoder)
    assert (encoder.t, encoder.spike) == (0, None)
    assert torch.equal(encoder(X + 5), X + 5)


def test_a_sequence_stands_for_as_many_single_steps() -> None:
    x_seq = torch.rand(5, 2, 3)
    single, multi = Ramp(3, "s"), Ramp(3, "m")
    expected = torch.stack([single(x) for x in x_seq])
    assert torch.equal(multi(x_seq), expected)
    assert torch.equal(multi(x_seq[:2]), torch.stack([single(x) for x in x_seq[:2]]))
    assert multi.t == single.t == 7 % 3
    assert torch.equal(multi(), torch.stack([single() for _ in range(3)]))


def test_what_is_given_out_can_be_changed() -> None:
    encoder = Ramp(1)
    encoder(X).fill_(9.0)
    assert torch.equal(encoder(X), X)
    encoder.step_mode = "m"
    encoder().fill_(9.0)
    assert torch.equal(encoder(), X.unsqueeze(0))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
@pytest.mark.parametrize("T", [1, 2, 5, 12])
@pytest.mark.parametrize("enc_function", ["linear", "log"])
def test_latency(enc_function: str, T: int, dtype: torch.dtype) -> None:
    x = torch.rand(4, 7).to(dtype)
    x[0, :3] = torch.tensor([0.0, 0.5, 1.0])
    encoder = encoding.LatencyEncoder(T, enc_function)
    spikes = torch.stack([encoder(x) for _ in range(T)])
    assert spikes.dtype == dtype
    alpha = math.exp(T - 1) - 1
    for i in range(4):
        for j in range(7):
            value = x[i, j].item()
            exact = (T - 1) * (1 - value) if enc_function == "linear" else T - 1 - math.log(alpha * value + 1)
            fire_time = int(spikes[:, i, j].argmax())
            assert spikes[:, i, j].sum() == 1
            if dtype == torch.float64:
                assert fire_time == round(exact)  # Python rounds half to even as well
            else:
                assert abs(fire_time - exact) < 0.51


def test_latency_rounds_half_to_even() -> None:
    encoder = encoding.LatencyEncoder(6, step_mode="m")
    x = 1 - torch.tensor([0.5, 1.5, 2.5, 3.5, 4.5], dtype=torch.float64) / 5
    spikes = encoder(x.expand(6, 5))
    assert spikes.argmax(0).tolist() == [0, 2, 2, 4, 4]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
@pytest.mark.parametrize("K", [1, 4, 8])
def test_phase(K: int, dtype: torch.dtype) -> None:
    x = torch.arange(2**K).to(dtype) / 2**K
    encoder = encoding.WeightedPhaseEncoder(K)
    spikes = torch.stack([encoder(x) for _ in range(K)])
    assert spikes.dtype == dtype
    assert spikes.t().long().tolist() == [[int(digit) for digit in f"{i:0{K}b}"] for i in range(2**K)]


def test_phase_cuts_further_digits_off() -> None:
    x = torch.rand(100, dtype=torch.float64) * (1 - 2**-20)
    encoder = encoding.WeightedPhaseEncoder(20, "m")
    spikes = encoder(x.expand(20, 100))
    value = (spikes * torch.tensor([2.0**-k for k in range(1, 21)]).double().view(20, 1)).sum(0)
    assert bool(((value <= x) & (x - value < 2**-20)).all())


TRAIN = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bool])
def test_periodic_with_and_without_input(dtype: torch.dtype) -> None:
    train = TRAIN.to(dtype)
    expected = [train[t % 3].tolist() for t in range(7)]
    silent, driven = encoding.PeriodicEncoder(train), encoding.PeriodicEncoder(train)
    assert [silent().tolist() for _ in range(7)] == expected
    assert [driven(torch.rand(4, 4)).tolist() for _ in range(7)] == expected
    assert silent().dtype == dtype
    silent.reset()
    assert silent().tolist() == expected[0]


def test_periodic_sequences() -> None:
    encoder = encoding.PeriodicEncoder(TRAIN, step_mode="m")
    assert torch.equal(encoder(), TRAIN)
    assert torch.equal(encoder(torch.rand(4, 9)), TRAIN[[0, 1, 2, 0]])
    assert torch.equal(encoder(), TRAIN[[1, 2, 0]])
    functional.reset_net(encoder)
    assert torch.equal(encoder(TRAIN), TRAIN)


def test_periodic_keeps_its_own_spikes() -> None:
    train = TRAIN.clone()
    encoder = encoding.PeriodicEncoder(train)
    train.zero_()
    assert encoder().tolist() == [1.0, 0.0]
    assert list(encoder.state_dict()) == []
    assert encoder.double()().dtype == torch.float64
    encoder.reset()
    assert encoder().dtype == torch.float64


def test_periodic_takes_another_train() -> None:
    encoder = encoding.PeriodicEncoder(TRAIN)
    encoder()
    encoder.single_step_encode(torch.tensor([[5.0], [6.0]]))
    assert [encoder().item() for _ in range(3)] == [5.0, 6.0, 5.0]
    encoder.reset()
    assert (encoder().item(), encoder.T) == (5.0, 2)


@pytest.mark.parametrize("make", [lambda: encoding.LatencyEncoder(4), lambda: encoding.WeightedPhaseEncoder(4)])
def test_state_of_another_batch_is_an_error(make) -> None:
    encoder = make()
    encoder(X * 0.5)
    with pytest.raises(RuntimeError, match=r"Encoder still carries the state of an input of shape \[2, 3\]"):
        encoder(torch.rand(3, 3))
    with pytest.raises(RuntimeError, match="still carries the state of an input of .* torch.float32"):
        encoder(X.double())
    functional.reset_net(encoder)
    encoder(torch.rand(3, 3).double() * 0.5)
    with pytest.raises(TypeError, match="the input must have a floating-point dtype"):
        encoder(torch.ones(3, 3).int())


def test_reprs() -> None:
    assert repr(Ramp(3, "m")) == "Ramp(T=3, step_mode=m)"
    assert repr(encoding.LatencyEncoder(5, "log")) == "LatencyEncoder(T=5, enc_function=log, step_mode=s)"
    assert repr(encoding.WeightedPhaseEncoder(4)) == "WeightedPhaseEncoder(T=4, step_mode=s)"
    assert repr(encoding.PeriodicEncoder(TRAIN)) == "PeriodicEncoder(T=3, step_mode=s)"


@pytest.mark.parametrize("step_mode", ["s", "m"])
def test_the_first_call_needs_an_input(step_mode: str) -> None:
    encoder = encoding.LatencyEncoder(3, step_mode=step_mode)
    with pytest.raises(ValueError, match=r"LatencyEncoder: nothing is encoded yet. Give the first call"):
        encoder()


@pytest.mark.parametrize("bad", [1.2, -0.1, math.nan, math.inf])
def test_values_out_of_range_are_told(bad: float) -> None:
    x = torch.tensor([0.5, bad])
    with pytest.raises(
        ValueError, match=r"LatencyEncoder: the input must lie in \[0, 1\], but a tensor of .* was given"
    ):
        encoding.LatencyEncoder(4)(x)
    with pytest.raises(AssertionError, match=r"WeightedPhaseEncoder: the input must lie in \[0, 0.75\]"):
        encoding.WeightedPhaseEncoder(2)(x)


def test_the_largest_phase_is_not_rounded() -> None:
    encoder = encoding.WeightedPhaseEncoder(30)
    with pytest.raises(ValueError, match="with values from 0.25 to 1 was given"):
        encoder(torch.tensor([1.0, 0.25]))  # in float32, 1 - 2**-30 is 1


def test_bad_arguments_are_told() -> None:
    with pytest.raises(NotImplementedError, match="enc_function must be 'linear' or 'log', but 'exp'"):
        encoding.LatencyEncoder(4, "exp")
    with pytest.raises(ValueError, match=r"T=90 needs exp\(89\), which torch.float32 can't hold. Use a smaller T"):
        encoding.LatencyEncoder(90, "log")(X)
    assert encoding.LatencyEncoder(89, "log", "m")(X.unsqueeze(0)).shape == (1, 2, 3)
    with pytest.raises(ValueError, match=r"T=13 .* torch.float16"):
        encoding.LatencyEncoder(13, "log")(X.half())
    for make in (encoding.LatencyEncoder, encoding.WeightedPhaseEncoder, encoding.StatefulEncoder):
        with pytest.raises(ValueError, match=f"{make.__name__}: T must be at least 1, but 0"):
            make(0)
        with pytest.raises(TypeError, match=f"{make.__name__}: T must be an int, but 2.5"):
            make(2.5)
    with pytest.raises(ValueError, match="K must be at most 52, .* but 53"):
        encoding.WeightedPhaseEncoder(53)
    with pytest.raises(TypeError, match=r"PeriodicEncoder: spike must be a torch.Tensor, but \[1\]"):
        encoding.PeriodicEncoder([1])
    for empty in (torch.tensor(1.0), torch.zeros(0, 2)):
        with pytest.raises(ValueError, match=r"spike must be a sequence \[T, N, \*\] with T >= 1"):
            encoding.PeriodicEncoder(empty)
    with pytest.raises(NotImplementedError, match=r"StatefulEncoder does not define single_step_encode\(x\)"):
        encoding.StatefulEncoder(3)(X)
    with pytest.raises(ValueError, match=r"Ramp: step_mode='m' expects a sequence \[T, N, \*\] with T >= 1"):
        Ramp(3, "m")(torch.rand(0, 2))
