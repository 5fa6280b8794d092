"""What flows in a network while it is exported."""

from dataclasses import dataclass

import torch


class Refused(NotImplementedError):
    """What NIR can't express, with the name of the layer and the nearest alternative."""

    def __init__(self, text: str) -> None:
        super().__init__(f"export_to_nir: {text}")


@dataclass(frozen=True)
class Signal:
    """The sum of the outputs of the nodes ``sources``, and an example of its value ``[N, *]``.

    :param spikes: whether every value that flows there is 0 or 1
    """

    sources: tuple[str, ...]
    value: torch.Tensor
    spikes: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the features."""
        return tuple(self.value.shape[1:])
