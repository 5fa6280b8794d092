"""What generated Triton source needs beyond Triton's own interpreter, which has no libdevice."""

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch

_NAMES_IN_TORCH = {"rint": "round"}


class Libdevice:
    """Functions of libdevice, computed by PyTorch."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        import triton.language as tl
        from triton.runtime.interpreter import TensorHandle

        function = getattr(torch, _NAMES_IN_TORCH.get(name, name))

        def on_blocks(*blocks: Any) -> Any:
            result = function(*[torch.from_numpy(block.handle.data) for block in blocks])
            return tl.tensor(TensorHandle(result.numpy(), blocks[0].handle.dtype), blocks[0].type)

        return on_blocks


def adapt(module: ModuleType) -> None:
    """Give a generated module its libdevice, and call its functions directly: Triton patches itself at each call."""
    _mend()
    module.libdevice = Libdevice()  # type: ignore[attr-defined]
    for name in ("step", "next_states", "vjp"):
        if hasattr(module, name):
            setattr(module, name, getattr(module, name).fn)


@functools.cache
def _mend() -> None:
    """The interpreter of Triton 3.2 and 3.4 makes numbers out of arrays as NumPy 2.4 does not any more."""
    from triton.runtime import interpreter

    if not hasattr(interpreter.InterpreterBuilder, "get_int1_ty"):
        _add_truth_values(interpreter.InterpreterBuilder)
    patch = interpreter._patch_lang_tensor

    def patch_lang_tensor(tensor: Any, *scope: Any) -> None:
        patch(tensor, *scope)
        if not scope:  # as newer ones have it
            tensor.__index__ = lambda self: self.handle.data.item()

    interpreter._patch_lang_tensor = patch_lang_tensor


def _add_truth_values(builder: Any) -> None:
    """That of Triton 3.2 has no type of truth values and can't negate them."""
    import numpy
    import triton.language as tl
    from triton.runtime.interpreter import TensorHandle

    ones = builder.get_all_ones_value

    def get_all_ones_value(self: Any, of: Any) -> Any:
        return TensorHandle(numpy.ones(1, bool), tl.int1) if of.scalar == tl.int1 else ones(self, of)

    builder.get_int1_ty = lambda self: tl.int1
    builder.get_all_ones_value = get_all_ones_value
