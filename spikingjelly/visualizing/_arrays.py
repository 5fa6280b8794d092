"""What is given, as an array of NumPy of the right shape."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import torch

Array: TypeAlias = np.ndarray | torch.Tensor | Sequence


def as_array(owner: str, name: str, values: Array, shape: Sequence[str]) -> np.ndarray:
    """``values`` as a real array with the dimensions ``shape``, which has at least one element.

    :param shape: names of the dimensions, such as ``("T", "N")``; a last name "*" stands for one or more
    :raises TypeError: if the values are no real numbers
    :raises ValueError: if they have another number of dimensions or there are none
    """
    array = _plain(values)
    written = f"[{', '.join(shape)}]"
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{owner}: {name} must hold real numbers {written}, but its dtype is {array.dtype}.")
    fits = array.ndim >= len(shape) if shape[-1] == "*" else array.ndim == len(shape)
    if not fits:
        raise ValueError(f"{owner}: {name} must be {written}, but its shape is {list(array.shape)}.")
    if array.size == 0:
        raise ValueError(f"{owner}: {name} is empty: its shape is {list(array.shape)}.")
    return array


def as_spikes(owner: str, name: str, values: Array, shape: Sequence[str]) -> np.ndarray:
    """``values`` as a boolean array; see :func:`as_array`.

    :raises ValueError: if there are other values than 0 and 1
    """
    array = as_array(owner, name, values, shape)
    if array.dtype == bool:
        return array
    wrong = (array != 0) & (array != 1)
    if wrong.any():
        raise ValueError(
            f"{owner}: {name} must hold only 0 and 1, but {array[wrong][0]} is among the values. "
            "plot_2d_heatmap draws other values."
        )
    return array == 1


def _plain(values: Array) -> np.ndarray:
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        return (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    if isinstance(values, list | tuple) and any(isinstance(value, torch.Tensor) for value in values):
        return np.stack([_plain(value) for value in values])
    return np.asarray(values)
