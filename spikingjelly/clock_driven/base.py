"""Memories of modules without step modes."""

from spikingjelly.activation_based import base

__all__ = ["MemoryModule"]


class MemoryModule(base.MemoryModule):
    """:class:`spikingjelly.activation_based.base.MemoryModule` for a subclass that writes ``forward``.

    Any of the backends may be assigned; what runs is the subclass's own ``forward``.
    """

    @property
    def supported_backends(self) -> tuple[str, ...]:
        return base.BACKENDS
