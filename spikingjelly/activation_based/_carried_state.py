"""A state that is left from another batch is an error, not a broadcast."""

import inspect
from types import FrameType
from typing import Any

import torch
from torch import nn

_SEEN = "_input_signature"


def check(module: nn.Module, x: torch.Tensor) -> None:
    """Raise if ``x`` (one time step) does not fit the state that ``module`` carries."""
    signature = (x.shape, x.dtype, x.device)
    seen = module.__dict__.get(_SEEN)
    if seen == signature:
        return
    if seen is not None and not _was_replaced(module, seen, x):
        raise RuntimeError(_message(module, x, f"an input of {_text(*seen)}"))
    _check_given_state(module, x)
    object.__setattr__(module, _SEEN, signature)  # the compiler of PyTorch 2.6 can't write to a __dict__


def forget(module: nn.Module) -> None:
    """Accept any next input: the state was reset or moved."""
    module.__dict__.pop(_SEEN, None)


def _was_replaced(module: nn.Module, seen: tuple[torch.Size, torch.dtype, torch.device], x: torch.Tensor) -> bool:
    """Whether ``v`` fits ``x`` and no memory has the shape of the earlier input: published programs reset by hand."""
    v = getattr(module, "v", None)
    if not isinstance(v, torch.Tensor) or (v.shape, v.dtype, v.device) != (x.shape, x.dtype, x.device):
        return False
    left = [value for name, value in getattr(module, "_memories", {}).items() if name != "v"]
    return all(isinstance(value, float | int | None) or _cannot_be_of(value, seen, x) for value in left)


def _cannot_be_of(value: Any, seen: tuple[torch.Size, torch.dtype, torch.device], x: torch.Tensor) -> bool:
    """Whether a memory is a tensor that an input like the earlier one, ``seen``, would not have left."""
    return isinstance(value, torch.Tensor) and seen[0] not in (x.shape, value.shape)


def _check_given_state(module: nn.Module, x: torch.Tensor) -> None:
    """A state that the user assigned, or that moved with ``.to()``, must fit the first input."""
    v = getattr(module, "v", None)
    if not isinstance(v, torch.Tensor):
        return
    dtype_fits = v.dtype == x.dtype or torch.is_autocast_enabled(x.device.type)
    if not (_broadcasts_to(v.shape, x.shape) and dtype_fits and v.device == x.device):
        raise RuntimeError(_message(module, x, f"a membrane potential v of {_text(v.shape, v.dtype, v.device)}"))


def _broadcasts_to(shape: torch.Size, target: torch.Size) -> bool:
    pairs = zip(reversed(shape), reversed(target), strict=False)
    return len(shape) <= len(target) and all(a in (1, b) for a, b in pairs)


def _text(shape: torch.Size, dtype: torch.dtype, device: torch.device) -> str:
    return f"shape {list(shape)}, {dtype}, on {device}"


def _message(module: nn.Module, x: torch.Tensor, carried: str) -> str:
    return (
        f"{_qualified_name(module)} still carries the state of {carried}, but the input of this time step has "
        f"{_text(x.shape, x.dtype, x.device)}. Call functional.reset_net(net) before a new batch "
        "(and after changing the shape, the dtype or the device of the input)."
    )


def _qualified_name(module: nn.Module) -> str:
    """The class of ``module`` and, while a network runs, its place in it, as in "LIFNode 'features.2'"."""
    for owner in _outermost_first(inspect.currentframe()):
        for name, member in owner.named_modules():
            if member is module and name:
                return f"{type(module).__name__} {name!r} of {type(owner).__name__}"
    return type(module).__name__


def _outermost_first(frame: FrameType | None) -> list[nn.Module]:
    callers: list[Any] = []
    while frame is not None:
        caller = frame.f_locals.get("self")
        if isinstance(caller, nn.Module) and not any(caller is known for known in callers):
            callers.append(caller)
        frame = frame.f_back
    return callers[::-1]
