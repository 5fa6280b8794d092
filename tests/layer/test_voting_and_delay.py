"""VotingLayer, PrintShapeModule and Delay."""

import pytest
import torch

from spikingjelly.activation_based import functional, layer


@pytest.mark.parametrize("mode", ["s", "m"])
def test_votes_are_means_of_neighbours(mode: str) -> None:
    vote = layer.VotingLayer(3, mode)
    x = torch.rand(4, 2, 12)
    y = vote(x if mode == "m" else x[0])
    expected = torch.stack([x[..., 3 * i : 3 * i + 3].mean(-1) for i in range(4)], dim=-1)
    torch.testing.assert_close(y, expected if mode == "m" else expected[0])
    torch.testing.assert_close(vote.single_step_forward(x[1]), expected[1])
    assert repr(vote) == f"VotingLayer(voting_size=3, step_mode={mode})"


def test_voting_of_ten_by_default_and_without_a_remainder() -> None:
    x = torch.arange(25.0)[None]
    assert layer.VotingLayer()(x).tolist() == [[4.5, 14.5]]


def test_voting_errors() -> None:
    with pytest.raises(
        ValueError, match=r"VotingLayer: expected x with shape \[T, N, C\], but got x with shape \[2, 20\]"
    ):
        layer.VotingLayer(step_mode="m")(torch.rand(2, 20))
    with pytest.raises(
        ValueError, match=r"expected x with shape \[N, C\] in step_mode='s', but got x with shape \[3, 2, 20\]"
    ):
        layer.VotingLayer()(torch.rand(3, 2, 20))
    for mode in ("s", "m"):
        with pytest.raises(TypeError, match="VotingLayer: the input must be a torch.Tensor, but 1.0"):
            layer.VotingLayer(step_mode=mode)(1.0)
        with pytest.raises(TypeError, match="must have a floating-point dtype"):
            layer.VotingLayer(step_mode=mode)(torch.ones(*[2] * (mode == "m"), 2, 20, dtype=torch.int64))
    with pytest.raises(ValueError, match="voting_size must be at least 1, but 0"):
        layer.VotingLayer(0)
    with pytest.raises(TypeError, match=r"voting_size must be an int, but 2.0 \(float\)"):
        layer.VotingLayer(2.0)


def test_print_shape(capsys: pytest.CaptureFixture) -> None:
    x = torch.rand(2, 3)
    assert layer.PrintShapeModule("after conv")(x) is x
    layer.PrintShapeModule()(x)
    assert capsys.readouterr().out == "after conv torch.Size([2, 3])\nPrintShapeModule torch.Size([2, 3])\n"
    assert repr(layer.PrintShapeModule("here")) == "PrintShapeModule('here')"


@pytest.mark.parametrize("steps", [0, 1, 3, 5, 8])
@pytest.mark.parametrize("mode", ["s", "m"])
def test_delay(mode: str, steps: int) -> None:
    x_seq = torch.rand(5, 2, 3) + 1
    delay = layer.Delay(steps, mode)
    y_seq = delay(x_seq) if mode == "m" else torch.stack([delay(x) for x in x_seq])
    for t in range(5):
        assert torch.equal(y_seq[t], x_seq[t - steps] if t >= steps else torch.zeros(2, 3))
    assert delay.delay_steps == steps
    assert repr(delay) == f"Delay(delay_steps={steps}, step_mode={mode})"


def test_the_queue_belongs_to_single_steps() -> None:
    delay = layer.Delay(2)
    a, b, c = torch.rand(3, 2)
    delay(a)
    delay(b)
    delay.step_mode = "m"
    delay(torch.rand(4, 2))
    delay.step_mode = "s"
    assert torch.equal(delay(c), a)
    assert [q.tolist() for q in delay.queue] == [b.tolist(), c.tolist()]
    functional.reset_net(delay)
    assert delay.queue == []
    assert torch.equal(delay(c), torch.zeros(2))


def test_delay_takes_any_dtype() -> None:
    delay = layer.Delay(1)
    assert delay(torch.tensor([True])).tolist() == [False]
    assert delay(torch.tensor([False])).tolist() == [True]


def test_a_replica_does_not_fill_the_queue_of_its_origin() -> None:
    delay = layer.Delay(2)
    delay(torch.rand(2))
    replica = delay._replicate_for_data_parallel()
    replica(torch.rand(2))
    assert (len(delay.queue), len(replica.queue)) == (1, 2)


def test_delay_arguments() -> None:
    for wrong in (1.5, "2", None, True):
        for error in (TypeError, AssertionError):
            with pytest.raises(error, match="Delay: delay_steps must be an int, but"):
                layer.Delay(wrong)
    for error in (ValueError, AssertionError):
        with pytest.raises(error, match="Delay: delay_steps must be at least 0, but -1 was given"):
            layer.Delay(-1)
    with pytest.raises(ValueError, match="step_mode must be"):
        layer.Delay(1, "x")
