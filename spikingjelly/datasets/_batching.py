"""From samples to batches: sequences of unequal length, and fewer frames of each."""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch.utils.data import default_collate

Frames = TypeVar("Frames", torch.Tensor, np.ndarray)


def pad_sequence_collate(batch: Sequence[tuple[Any, Any]]) -> tuple[torch.Tensor, Any, torch.Tensor]:
    """A batch of sequences of unequal length, filled up with zeros at their ends: a ``collate_fn`` for a DataLoader.

    :param batch: pairs of a sequence ``[T_i, *]`` (tensor or array) and a label
    :return: the sequences ``[N, max T_i, *]``, the labels as ``default_collate`` batches them, and the lengths
        (int64 ``[N]``), from which :func:`padded_sequence_mask` makes a mask
    :raises ValueError: if the sequences differ in more than their length

    ::

        from torch.utils.data import DataLoader
        from spikingjelly.datasets import pad_sequence_collate, padded_sequence_mask

        recordings = [(torch.ones(T, 2, 34, 34), label) for T, label in ((6, 0), (5, 1), (7, 2))]
        for x, y, length in DataLoader(recordings, batch_size=3, collate_fn=pad_sequence_collate):
            mask = padded_sequence_mask(length)  # x is [3, 7, 2, 34, 34], mask [7, 3]
    """
    if len(batch) == 0:
        raise ValueError("pad_sequence_collate needs at least one sample.")
    sequences = [_as_tensor(x) for x, _ in batch]
    shapes = [list(x.shape) for x in sequences]
    if any(x.ndim == 0 or x.shape[1:] != sequences[0].shape[1:] for x in sequences):
        raise ValueError(f"Sequences of one batch must be [T, *] and differ in T alone, but their shapes are {shapes}.")
    padded = torch.nn.utils.rnn.pad_sequence(sequences, batch_first=True)
    lengths = torch.tensor([len(x) for x in sequences])
    return padded, default_collate([y for _, y in batch]), lengths


def _as_tensor(x: Any) -> torch.Tensor:
    # PyTorch takes neither arrays that run backwards (as a flip leaves them) nor, without a warning, read-only ones.
    if isinstance(x, np.ndarray) and (not x.flags.writeable or min(x.strides, default=0) < 0):
        x = x.copy()
    return torch.as_tensor(x)


def padded_sequence_mask(sequence_len: torch.Tensor | Sequence[int], T: int | None = None) -> torch.Tensor:
    """Which steps of padded sequences are real: ``mask[t][n]`` is True for ``t < sequence_len[n]``.

    :param sequence_len: the length of each sequence, ``[N]``
    :param T: the number of steps of the mask, default None: the largest of the lengths
    :return: bool ``[T, N]`` on the device of ``sequence_len``
    :raises ValueError: if ``sequence_len`` is not one-dimensional

    ::

        from spikingjelly.datasets import padded_sequence_mask

        mask = padded_sequence_mask(torch.tensor([1, 2, 3])).int()
        assert mask.tolist() == [[1, 1, 1], [0, 1, 1], [0, 0, 1]]
    """
    lengths = torch.as_tensor(sequence_len)
    if lengths.ndim != 1:
        raise ValueError(f"sequence_len must be one-dimensional, but has shape {list(lengths.shape)}.")
    if T is None:
        T = int(lengths.max()) if len(lengths) else 0
    return torch.arange(T, device=lengths.device).unsqueeze(1) < lengths


def random_temporal_delete(x_seq: Frames, T_remain: int, batch_first: bool) -> Frames:
    """Keep ``T_remain`` steps of a sequence, chosen at random, in their order.

    Source: W. Fang et al., "Deep residual learning in spiking neural networks", NeurIPS 2021 (random temporal delete).

    :param x_seq: a tensor or array, ``[T, N, *]``, or ``[N, T, *]`` with ``batch_first``
    :param T_remain: the number of steps to keep, at most T
    :param batch_first: whether the batch comes before the time
    :return: ``[T_remain, N, *]`` or ``[N, T_remain, *]``. All of a batch keep the same steps.
    :raises ValueError: if there are fewer than ``T_remain`` steps

    The choice comes from NumPy's generator, as published: ``numpy.random.seed`` repeats it, and each worker of a
    DataLoader has its own.
    """
    dim = 1 if batch_first else 0
    if x_seq.ndim <= dim:
        raise ValueError(f"random_temporal_delete: x_seq has no dimension of time in its shape {list(x_seq.shape)}.")
    T = x_seq.shape[dim]
    if not 1 <= T_remain <= T:
        raise ValueError(f"random_temporal_delete: T_remain must be 1 to T = {T}, but {T_remain!r} was given.")
    kept = torch.from_numpy(np.sort(np.random.choice(T, T_remain, replace=False)))
    if isinstance(x_seq, np.ndarray):
        return np.take(x_seq, kept.numpy(), axis=dim)
    return x_seq.index_select(dim, kept.to(x_seq.device))


class RandomTemporalDelete(torch.nn.Module):
    """:func:`random_temporal_delete` as a module, e.g. as the ``transform`` of a data set of frames.

    :param T_remain: the number of steps to keep
    :param batch_first: whether the batch comes before the time
    """

    def __init__(self, T_remain: int, batch_first: bool) -> None:
        super().__init__()
        self.T_remain = T_remain
        self.batch_first = batch_first

    def extra_repr(self) -> str:
        return f"T_remain={self.T_remain}, batch_first={self.batch_first}"

    def forward(self, x_seq: Frames) -> Frames:
        return random_temporal_delete(x_seq, self.T_remain, self.batch_first)
