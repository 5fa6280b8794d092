"""Batches of unequal sequences, their mask, and frames left out at random."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from spikingjelly.datasets import (
    RandomTemporalDelete,
    pad_sequence_collate,
    padded_sequence_mask,
    random_temporal_delete,
)

_LENGTHS = [6, 6, 5, 5, 7]


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor])
def test_batch_as_in_the_guide(kind) -> None:
    """The first five gestures in frames of one second: what is real is kept, what is filled up is zero."""
    samples = [(kind(np.full((T, 2, 4, 4), i + 1, np.float32)), i) for i, T in enumerate(_LENGTHS)]
    ((x, y, length),) = DataLoader(samples, batch_size=5, collate_fn=pad_sequence_collate)
    assert x.shape == (5, 7, 2, 4, 4)
    assert x.dtype == torch.float32
    assert (y.tolist(), length.tolist()) == ([0, 1, 2, 3, 4], _LENGTHS)
    mask = padded_sequence_mask(length)
    assert mask.t().int().tolist() == [[1] * T + [0] * (7 - T) for T in _LENGTHS]
    expected = mask.t()[:, :, None, None, None] * torch.arange(1.0, 6)[:, None, None, None, None]
    assert torch.equal(x, expected.expand_as(x))


def test_labels_may_be_tensors_and_a_recording_without_frames_is_zeros() -> None:
    x, y, length = pad_sequence_collate(
        [(torch.ones(2, 3), torch.tensor(4)), (np.zeros((0, 3), np.float32), torch.tensor(5))]
    )
    assert (x.tolist(), y.tolist(), length.tolist()) == ([[[1.0] * 3] * 2, [[0.0] * 3] * 2], [4, 5], [2, 0])


def test_flipped_and_read_only_arrays() -> None:
    forwards = np.arange(6, dtype=np.float32).reshape(3, 2)
    read_only = forwards.copy()
    read_only.flags.writeable = False
    x, _, _ = pad_sequence_collate([(forwards[:, ::-1], 0), (read_only, 1)])
    assert x.tolist() == [forwards[:, ::-1].tolist(), forwards.tolist()]


def test_refused_batches() -> None:
    with pytest.raises(ValueError, match=r"differ in T alone, but their shapes are \[\[2, 3\], \[2, 4\]\]"):
        pad_sequence_collate([(torch.ones(2, 3), 0), (torch.ones(2, 4), 0)])
    with pytest.raises(ValueError, match="at least one sample"):
        pad_sequence_collate([])
    with pytest.raises(ValueError, match=r"one-dimensional, but has shape \[1, 2\]"):
        padded_sequence_mask(torch.ones(1, 2))


@given(st.lists(st.integers(0, 6), max_size=5), st.none() | st.integers(0, 9))
def test_mask_by_hand(lengths: list[int], T: int | None) -> None:
    steps = max(lengths, default=0) if T is None else T
    for given_as in (lengths, torch.tensor(lengths, dtype=torch.int64)):
        mask = padded_sequence_mask(given_as, T)
        assert mask.dtype == torch.bool
        assert mask.shape == (steps, len(lengths))
        assert padded_sequence_mask(torch.tensor(lengths).to("meta"), steps).device.type == "meta"
        assert mask.tolist() == [[t < length for length in lengths] for t in range(steps)]


def test_recorded_mask() -> None:
    data = Path(__file__).resolve().parents[1] / "data"
    (case,) = [case for case in json.loads((data / "cases.json").read_text()) if case["kind"] == "padmask"]
    with np.load(data / "cases.npz", allow_pickle=False) as file:
        expected = torch.from_numpy(file[f"{case['id']}/y"])
    assert torch.equal(padded_sequence_mask(torch.tensor(case["args"]["sequence_len"])), expected)


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor])
@pytest.mark.parametrize("batch_first", [False, True])
def test_random_temporal_delete_keeps_the_order(kind, batch_first: bool) -> None:
    steps = np.arange(9)[:, None] * np.ones((1, 3), int)
    x_seq = kind(steps.T.copy() if batch_first else steps)
    seen = set()
    for _ in range(60):
        kept = RandomTemporalDelete(4, batch_first)(x_seq)
        assert isinstance(kept, type(x_seq))
        rows = kept.tolist() if batch_first else kept.T.tolist()
        assert rows[0] == rows[1] == rows[2] == sorted(set(rows[0]))
        assert len(rows[0]) == 4
        seen.update(rows[0])
    assert seen == set(range(9)), "every step has its chance"


def test_random_temporal_delete_repeats_with_the_seed() -> None:
    x_seq = torch.arange(50)
    np.random.seed(3)
    first = random_temporal_delete(x_seq, 7, batch_first=False)
    np.random.seed(3)
    assert torch.equal(random_temporal_delete(x_seq, 7, batch_first=False), first)
    assert torch.equal(random_temporal_delete(x_seq, 50, batch_first=False), x_seq)
    assert repr(RandomTemporalDelete(7, False)) == "RandomTemporalDelete(T_remain=7, batch_first=False)"


@pytest.mark.parametrize("T_remain", [0, 4, -1])
def test_random_temporal_delete_refuses(T_remain: int) -> None:
    with pytest.raises(ValueError, match=f"T_remain must be 1 to T = 3, but {T_remain} was given"):
        random_temporal_delete(torch.zeros(3, 2), T_remain, batch_first=False)
    with pytest.raises(ValueError, match=r"no dimension of time in its shape \[3\]"):
        random_temporal_delete(torch.zeros(3), 1, batch_first=True)
