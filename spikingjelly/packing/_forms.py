"""What is kept in place of a tensor."""

from collections.abc import Callable

import torch
from torch.multiprocessing.reductions import StorageWeakRef

# Values, and what gives back the elements [n] of a dtype that they stand for.
Stored = tuple[torch.Tensor, Callable[[torch.Tensor, int, torch.dtype], torch.Tensor]]


class Values:
    """The elements of a piece of memory, in few bits. Several tensors may lie on them."""

    __slots__ = ("__weakref__", "_restore", "dtype", "n", "origin", "values")

    def __init__(self, stored: Stored, memory: torch.Tensor) -> None:
        self.values, self._restore = stored
        self.n, self.dtype = len(memory), memory.dtype
        # Keeps the address, not the memory: no other storage can be taken for this one.
        self.origin = StorageWeakRef(memory.untyped_storage())

    @property
    def nbytes(self) -> int:
        return self.values.untyped_storage().nbytes()

    def unpack(self) -> torch.Tensor:
        """The elements again, ``[n]``."""
        return self._restore(self.values, self.n, self.dtype)


class Packed:
    """How a tensor lies on its values."""

    __slots__ = ("shape", "stride", "values")

    def __init__(self, values: Values, tensor: torch.Tensor) -> None:
        self.values, self.shape, self.stride = values, tensor.shape, tensor.stride()

    def unpack(self) -> torch.Tensor:
        """The tensor again, to the last bit, with the strides that it had."""
        return self.values.unpack().as_strided(self.shape, self.stride)


class Whole:
    """A tensor that is saved as it is, and the check that autograd leaves to the hooks where there are any."""

    __slots__ = ("tensor", "version")

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor.detach()  # an output that its own graph holds would never be freed
        self.version = tensor._version

    def unpack(self) -> torch.Tensor:
        if self.tensor._version != self.version:
            raise RuntimeError(
                f"packed_spikes: one of the variables needed for gradient computation has been modified by an inplace "
                f"operation: [{self.tensor.type()} {list(self.tensor.shape)}] is at version {self.tensor._version}; "
                f"expected version {self.version} instead."
            )
        return self.tensor
