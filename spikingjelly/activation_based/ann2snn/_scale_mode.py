"""How large the activations of a layer are: the value that one spike per time step stands for."""

import re
from typing import Any

import numpy as np
import torch

Mode = str | float

_HELP = (
    "Choose 'max' for the largest activation, a percentile such as '99.9%', or a float in (0, 1] as a part of the "
    "largest activation."
)


def check_mode(owner: str, mode: Any) -> None:
    """``mode`` must be 'max', a percentile such as '99.9%', or a float in (0, 1].

    :raises NotImplementedError: for everything else
    """
    if not is_mode(mode):
        raise NotImplementedError(f"{owner}: mode {mode!r} is not known. {_HELP}")


def is_mode(mode: Any) -> bool:
    """Whether :func:`check_mode` takes ``mode``."""
    if isinstance(mode, str):
        return mode.lower() == "max" or percentile_of(mode) is not None
    return isinstance(mode, float) and 0 < mode <= 1


def scale_of(x: torch.Tensor, mode: Mode) -> torch.Tensor:
    """The scale of the activations ``x`` of one batch, as a tensor with one number."""
    if not isinstance(mode, str):
        return x.max() * mode
    percentile = percentile_of(mode)
    if percentile is None:
        return x.max()
    value = np.percentile(x.detach().float().cpu().numpy(), percentile)
    return torch.tensor(float(value), dtype=x.dtype, device=x.device)


def percentile_of(mode: Mode) -> float | None:
    """The number in '99.9%', or None where ``mode`` is no percentile."""
    if not isinstance(mode, str):
        return None
    match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*%", mode.strip())
    if match is None or not 0 < float(match[1]) <= 100:
        return None
    return float(match[1])
