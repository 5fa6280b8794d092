"""Names that can be imported and answer a call with what replaces them."""

from collections.abc import Callable, Iterable
from typing import Any, NoReturn

_INSTEAD = (
    "kernels are derived from a neuron's and a surrogate's methods in PyTorch, so that no CUDA code has to be written. "
    "Define neuronal_charge and set backend='cupy'; node.fused_source() shows the kernel of a node."
)


def refuse(name: str) -> NoReturn:
    """Say what to do in place of ``name``.

    :raises NotImplementedError: always
    """
    raise NotImplementedError(f"{name} writes no CUDA code any more: {_INSTEAD}")


def functions(module: str, names: Iterable[str]) -> dict[str, Callable[..., NoReturn]]:
    """A function for each of ``names`` that refuses to be called."""
    return {name: _function(module, name) for name in names}


def _function(module: str, name: str) -> Callable[..., NoReturn]:
    def replaced(*args: Any, **kwargs: Any) -> NoReturn:
        refuse(f"{module}.{name}")

    replaced.__name__ = replaced.__qualname__ = name
    replaced.__module__ = f"{__package__}.{module}"
    replaced.__doc__ = f"Formerly CUDA code as text. {_INSTEAD}"
    return replaced
