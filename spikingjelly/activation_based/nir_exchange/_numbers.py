"""Numbers on their way from time steps to seconds and back, so that none changes by rounding."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from spikingjelly.activation_based._checks import ArgumentValueError, check_number, describe

DEFAULT_DT = 1e-4  # seconds; what most frameworks that read NIR assume
_DTYPES: dict[torch.dtype, np.dtype] = {torch.float32: np.dtype(np.float32), torch.float64: np.dtype(np.float64)}


def numpy_dtype(owner: str, dtype: Any) -> np.dtype:
    """The NumPy twin of ``dtype``, float32 or float64: the parameters of a graph have it.

    :raises ValueError: for any other
    """
    if dtype not in _DTYPES:
        raise ArgumentValueError(
            f"{owner}: NIR graphs are exchanged in torch.float32 or torch.float64, but {describe(dtype)} was given. "
            "Convert the network and the input first, for example with .float()."
        )
    return _DTYPES[dtype]


def check_dt(owner: str, dt: Any) -> float:
    """``dt`` must be a positive, finite number of seconds. Returned as a float."""
    number = check_number(owner, "dt", dt)
    if not (math.isfinite(number) and number > 0.0):
        raise ArgumentValueError(
            f"{owner}: dt must be a positive, finite number of seconds, the duration of one time step, but {dt} was "
            f"given. The default is {DEFAULT_DT}."
        )
    return number


def as_array(value: Any) -> np.ndarray:
    """A parameter of a node; some frameworks leave tensors in their graphs."""
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)


def below(threshold: np.ndarray) -> np.ndarray:
    """The next smaller numbers: NIR fires where v > threshold, we where v >= threshold, which is the same to the bit
    if the threshold of the graph is the largest number below ours."""
    return np.nextafter(threshold, np.array(-np.inf, threshold.dtype))


def above(threshold: np.ndarray) -> np.ndarray:
    """The next larger numbers: the inverse of :func:`below`."""
    return np.nextafter(threshold, np.array(np.inf, threshold.dtype))


def uniform(values: np.ndarray) -> float | None:
    """The one value of all elements, as the shortest decimal that stands for it, or None where they differ."""
    if values.size == 0 or not (values == values.flat[0]).all():
        return None
    return float(str(values.flat[0]))


def shortest(value: float, fits: Callable[[float], bool]) -> float | None:
    """The shortest decimal near ``value`` that ``fits``: 2.0 for 1.9999999949, if a file in float32 can't tell them
    apart. None if there is none."""
    for digits in range(1, 18):
        number = float(f"{value:.{digits}g}")
        if fits(number):
            return number
    return None
