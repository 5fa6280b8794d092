"""The reduced value of one module, as it stands after the records so far."""

from typing import Any

import torch

from spikingjelly.activation_based._checks import describe
from spikingjelly.activation_based.monitor._reductions import Reduction


class RunningReduction:
    """Takes records one by one and keeps the state of a :class:`Reduction`, one for each tensor of a record.

    :param title: what error messages call it
    :param per_neuron: whether only the dimensions of time and samples are reduced
    """

    def __init__(self, title: str, reduction: Reduction, per_neuron: bool) -> None:
        self.title = title
        self.reduction = reduction
        self.per_neuron = per_neuron
        self.is_empty = True
        self._several = False
        self._states: list[Any] = []
        self._shapes: list[torch.Size | None] = []

    @torch.no_grad()
    def add(self, record: Any, leading: int) -> None:
        """Take in a record: a tensor, a number, None, or several of them.

        :param leading: how many dimensions come before those of the neurons
        """
        several = isinstance(record, tuple | list)
        parts = record if several else (record,)
        if self.is_empty:
            self._several, self.is_empty = several, False
            self._states, self._shapes = [None] * len(parts), [None] * len(parts)
        if several != self._several or len(parts) != len(self._states):
            raise RuntimeError(
                f"{self.title}: a record has {len(parts)} parts, those before it have {len(self._states)}, so that "
                "they can't be reduced together. Choose one with the function on each record, or call "
                "clear_recorded_data() in between."
            )
        for place, part in enumerate(parts):
            if part is not None:
                self._add_part(place, self._tensor(part), leading)

    def result(self) -> Any:
        """The value, a tuple of values where records are tuples, None where nothing came."""
        if self.is_empty:
            return None
        values = tuple(None if state is None else self.reduction.result(state) for state in self._states)
        return values if self._several else values[0]

    def _tensor(self, part: Any) -> torch.Tensor:
        if isinstance(part, torch.Tensor) and not part.is_complex():
            return part.detach()
        if isinstance(part, bool | int | float):
            return torch.tensor(part, dtype=torch.float64)
        raise TypeError(
            f"{self.title}: reduce needs records that are real tensors, numbers or tuples of them, but a record is "
            f"{describe(part)}. Make a tensor of it with the function on each record."
        )

    def _add_part(self, place: int, x: torch.Tensor, leading: int) -> None:
        if x.numel() == 0:
            return
        if self.per_neuron and x.dim() <= leading:
            raise ValueError(
                f"{self.title}: per_neuron=True needs records {'[T, N, *]' if leading == 2 else '[N, *]'}, but one is "
                f"{describe(x)}."
            )
        dims = tuple(range(leading if self.per_neuron else x.dim()))
        self._check_shape(place, x.shape[len(dims) :])
        state, before = self.reduction.measure(x, dims), self._states[place]
        self._states[place] = state if before is None else self.reduction.merge(_moved(before, x.device), state)

    def _check_shape(self, place: int, shape: torch.Size) -> None:
        before = self._shapes[place]
        if before is not None and before != shape:
            raise RuntimeError(
                f"{self.title}: a record is of neurons {list(shape)}, those before it are of neurons {list(before)}, "
                "so that they can't be reduced together. Call clear_recorded_data() in between. A module without "
                "step_mode is taken to see samples [N, *]; where it sees [T, N, *], flatten the first two dimensions "
                "with the function on each record."
            )
        self._shapes[place] = shape


def _moved(state: Any, device: torch.device) -> Any:
    """Where the network has gone to another device, what was kept goes with it."""
    if isinstance(state, torch.Tensor):
        return state.to(device)
    return tuple(_moved(part, device) for part in state) if type(state) is tuple else state
