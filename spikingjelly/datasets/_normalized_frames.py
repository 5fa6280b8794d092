"""Frames as the first releases had them: of floats, and normalised."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from spikingjelly.datasets._frames import cal_fixed_frames_number_segment_index, integrate_events_by_fixed_frames_number

NORMALIZATIONS = (None, "frequency", "max", "norm", "sum")


def normalize_frame(frames: Any, normalization: Literal["max", "norm", "sum"]) -> Any:
    r"""Each frame of each polarity :math:`F` by itself, ``[T, 2, H, W]``.

    .. math::
        F_{max} = \frac{F}{\max F}, \qquad F_{norm} = \frac{F - \mathrm{E}[F]}{\sqrt{\mathrm{Var}[F]}}, \qquad
        F_{sum} = \frac{F}{\sum F}

    Where the denominator is 0, the result is 0.

    :param frames: an array or a tensor ``[T, 2, H, W]``
    :param normalization: 'max', 'norm' or 'sum'
    :return: the same kind as ``frames``

    :raises ValueError: for another ``normalization``
    """
    if normalization not in ("max", "norm", "sum"):
        raise ValueError(f"normalize_frame: normalization must be 'max', 'norm' or 'sum', not {normalization!r}.")
    values = np.asarray(frames, dtype=np.float64)
    shift: Any = values.mean((2, 3), keepdims=True) if normalization == "norm" else 0.0
    measure: Any = {"max": np.max, "norm": np.std, "sum": np.sum}[normalization]
    scale = measure(values, axis=(2, 3), keepdims=True)
    result = np.divide(values - shift, scale, out=np.zeros_like(values), where=scale != 0)
    return torch.from_numpy(result).to(frames) if isinstance(frames, torch.Tensor) else result


def integrate_events_to_frames(
    events: Mapping[str, NDArray],
    height: int,
    width: int,
    frames_num: int = 10,
    split_by: Literal["number", "time"] = "time",
    normalization: str | None = None,
) -> NDArray:
    r"""Frames ``[frames_num, 2, height, width]`` (float64) of :func:`integrate_events_by_fixed_frames_number`, then
    normalised.

    'frequency' divides each frame by its duration: by :math:`\Delta T = \lfloor (t_{N-1} - t_0) / M \rfloor` if cut by
    time, the last of the :math:`M` frames by :math:`\Delta T + (t_{N-1} - t_0) \bmod M`; by
    :math:`t_{j_r} - t_{j_l}` if cut by number, from the first event of the frame to that of the next, in the last frame
    to its own last event. The others are those of :func:`normalize_frame`.

    :param events: ``t``, ``x``, ``y`` and ``p``
    :param height: of the sensor
    :param width: of the sensor
    :param frames_num: number of frames
    :param split_by: 'time' or 'number'
    :param normalization: None, 'frequency', 'max', 'norm' or 'sum'

    :raises ValueError: for another ``normalization``, or if a frame has a duration of 0
    """
    if normalization not in NORMALIZATIONS:
        raise ValueError(f"normalization must be one of {NORMALIZATIONS}, but {normalization!r} was given.")
    frames = integrate_events_by_fixed_frames_number(events, split_by, frames_num, height, width).astype(np.float64)  # type: ignore[arg-type]
    if normalization is None:
        return frames
    if normalization != "frequency":
        return normalize_frame(frames, normalization)  # type: ignore[arg-type]
    durations = _durations(np.asarray(events["t"], dtype=np.int64), split_by, frames_num)
    if not durations.all():
        raise ValueError(f"normalization='frequency': frame {int(np.argmin(durations))} has a duration of 0.")
    return frames / durations.reshape(-1, 1, 1, 1)


def _durations(t: NDArray, split_by: str, frames_num: int) -> NDArray:
    if split_by == "time":
        whole = t[-1] - t[0]
        durations = np.full(frames_num, whole // frames_num)
        durations[-1] += whole % frames_num
        return durations
    first, behind = cal_fixed_frames_number_segment_index(t, "number", frames_num)
    return t[np.minimum(behind, len(t) - 1)] - t[first]
