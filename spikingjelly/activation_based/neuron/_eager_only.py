"""Neurons whose step mode 'm' is more than a loop over charge, fire and reset."""

from spikingjelly.activation_based import base
from spikingjelly.fusion import dispatch


class EagerOnly(base.MemoryModule):
    """Takes every backend, so that one setting serves a whole network, and runs as it is with all of them."""

    @property
    def supported_backends(self) -> tuple[str, ...]:
        return base.BACKENDS

    @property
    def backend(self) -> str:
        return self._backend

    @backend.setter
    def backend(self, value: str) -> None:
        base.MemoryModule.backend.fset(self, value)  # type: ignore[attr-defined]
        if value != "torch":
            dispatch.say_once(f"{type(self).__name__} runs its eager PyTorch code with backend={value!r} too")
