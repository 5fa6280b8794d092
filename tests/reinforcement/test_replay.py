"""The memory of transitions against a list of which the head is cut off."""

import pytest
import torch

from spikingjelly.activation_based.examples.common.rl.replay import ReplayBuffer


def test_against_a_list_of_which_the_head_is_cut_off() -> None:
    buffer, kept, number = ReplayBuffer(capacity=7), [], 0
    for count in (2, 3, 1, 7, 4, 2, 5, 1):
        numbers = torch.arange(number, number + count)
        number += count
        buffer.add(state=torch.stack([numbers, -numbers], 1).float(), action=numbers)
        kept = (kept + numbers.tolist())[-7:]
        assert len(buffer) == len(kept)
        batch = buffer.sample(500)  # so many that each is drawn
        assert sorted(set(batch["action"].tolist())) == kept
        assert batch["action"].dtype == torch.int64
        assert torch.equal(batch["state"], torch.stack([batch["action"], -batch["action"]], 1).float())


def test_samples_are_uniform_and_follow_the_seed() -> None:
    buffer = ReplayBuffer(capacity=4)
    buffer.add(x=torch.arange(4))
    torch.manual_seed(1)
    first = buffer.sample(4000)["x"]
    torch.manual_seed(1)
    assert torch.equal(first, buffer.sample(4000)["x"])
    assert torch.bincount(first).float() == pytest.approx([1000] * 4, abs=120)


def test_what_is_stored_is_a_copy_without_gradient() -> None:
    buffer, x = ReplayBuffer(capacity=2), torch.ones(1, requires_grad=True)
    buffer.add(x=x)
    with torch.no_grad():
        x.zero_()
    assert buffer.sample(1)["x"].tolist() == [1.0]
    assert not buffer.sample(1)["x"].requires_grad


def test_errors() -> None:
    with pytest.raises(ValueError, match="capacity must be at least 1, but 0 was given"):
        ReplayBuffer(0)
    buffer = ReplayBuffer(3)
    with pytest.raises(ValueError, match="nothing to sample from; add transitions first"):
        buffer.sample(1)
    with pytest.raises(ValueError, match=r"same number of transitions, at most 3, but have the shapes .*'x': \[4, 2\]"):
        buffer.add(x=torch.zeros(4, 2))
    with pytest.raises(ValueError, match=r"same number of transitions.*'x': \[1\], 'y': \[2\]"):
        buffer.add(x=torch.zeros(1), y=torch.zeros(2))
    buffer.add(x=torch.zeros(1, 2))
    for wrong in ({"x": torch.zeros(1, 3)}, {"z": torch.zeros(1, 2)}):
        with pytest.raises(ValueError, match=r"a transition has the shapes \{'x': \[2\]\}, but"):
            buffer.add(**wrong)
