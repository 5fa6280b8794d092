"""Mixed precision: which, and what it needs."""

from contextlib import AbstractContextManager
from typing import Any

import torch

_KINDS = {"float16": torch.float16, "bfloat16": torch.bfloat16}


def half_precision(args: Any, device: torch.device) -> torch.dtype | None:
    """The dtype of a training's layers where that is not float32.

    ``--amp-dtype`` names it. Without that it is float16 on GPUs (bfloat16 with ``--fsdp``) and None on CPUs.

    :raises ValueError: for another name, for float16 with ``--fsdp``, or for ``--amp-dtype`` with ``--disable-amp``
    """
    name, sharded = getattr(args, "amp_dtype", None), getattr(args, "fsdp", False)
    if name is not None and name not in _KINDS:
        raise ValueError(f"--amp-dtype must be one of {', '.join(_KINDS)}, but {name!r} was given.")
    if args.disable_amp:
        if name is not None:
            raise ValueError(f"--amp-dtype={name} and --disable-amp contradict each other: leave one of them out.")
        return None
    if name is None:
        if device.type != "cuda":
            return None
        name = "bfloat16" if sharded else "float16"
    if sharded and name == "float16":
        raise ValueError(
            "--fsdp and --amp-dtype=float16 do not go together, for the gradients of shards are not scaled: choose "
            "--amp-dtype bfloat16, which needs no scaling, or --disable-amp."
        )
    return _KINDS[name]


def make_scaler(args: Any, device: torch.device) -> torch.amp.GradScaler | None:
    """What keeps small gradients from vanishing in float16; None where none is needed."""
    return torch.amp.GradScaler(device.type) if half_precision(args, device) is torch.float16 else None


def autocast(args: Any, device: torch.device, scaler: Any) -> AbstractContextManager[None]:
    """Half precision inside; float16 only with a scaler."""
    dtype = half_precision(args, device)
    enabled = dtype is torch.bfloat16 or scaler is not None
    return torch.autocast(device.type, dtype=dtype or torch.float16, enabled=enabled)
