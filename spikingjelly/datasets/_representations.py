"""Other pictures of events than counts: voxel grid, time surface, and frames of bits."""

import numpy as np

from spikingjelly.datasets._columns import (
    Events,
    check_sorted,
    checked_coordinate,
    columns,
    is_on,
    positive_int,
    sensor_size,
    wide_times,
)


def voxel_grid(events: Events, bins: int, H: int, W: int) -> np.ndarray:
    r"""Signed events, each shared out between the two bins next to its time.

    .. math::
        V[b, y, x] = \sum_j s_j \max(0, 1 - |b - \tau_j|), \quad
        \tau_j = (B - 1) \frac{t_j - t_{min}}{t_{max} - t_{min}}, \quad s_j = \pm 1

    The grid sums to the number of ON events less the number of OFF events. Events all at one time, or in a grid of one
    bin, are in bin 0. The order of the events does not matter.

    Source: A. Z. Zhu, L. Yuan, K. Chaney and K. Daniilidis, "Unsupervised event-based learning of optical flow, depth,
    and egomotion", CVPR 2019.

    :param events: the columns t, x, y, p: a dict, an open npz file or a structured array
    :param bins: the number of bins :math:`B`
    :param H: height of the sensor
    :param W: width of the sensor
    :return: float32 ``[bins, H, W]``
    :raises ValueError: that says what is wrong with events or arguments
    """
    bins = positive_int(bins, "bins")
    H, W = sensor_size(H, W)
    t, x, y, p = columns(events, "txyp")
    pixel = checked_coordinate(y, H, "y", "H") * W + checked_coordinate(x, W, "x", "W")
    sign = np.where(is_on(p), 1.0, -1.0)
    tau = (bins - 1) * _unit_times(wide_times(t))
    lower = np.floor(tau).astype(np.int64)
    upper = np.minimum(lower + 1, bins - 1)
    share = tau - lower
    size = bins * H * W
    grid = np.bincount(lower * (H * W) + pixel, sign * (1 - share), size)
    grid += np.bincount(upper * (H * W) + pixel, sign * share, size)
    return grid.reshape(bins, H, W).astype(np.float32)


def _unit_times(t: np.ndarray) -> np.ndarray:
    """Times scaled to 0 at the first and 1 at the last."""
    if t.size == 0 or (span := t.max() - t.min()) == 0:
        return np.zeros(t.shape)
    return (t - t.min()) / span


def time_surface(events: Events, tau: float, H: int, W: int, t_ref: float | None = None) -> np.ndarray:
    r"""How long ago the last event of each pixel and polarity was.

    .. math::
        S[p, y, x] = e^{(t_{last}(p, y, x) - t_{ref}) / \tau}

    and 0 where there was none. Events after :math:`t_{ref}` are left out.

    Source: X. Lagorce et al., "HOTS: a hierarchy of event-based time-surfaces for pattern recognition", TPAMI 39(7),
    2017.

    :param events: the columns t, x, y, p in order of time
    :param tau: the time constant in the unit of t, above 0
    :param H: height of the sensor
    :param W: width of the sensor
    :param t_ref: the time of the picture, default None: that of the last event
    :return: float32 ``[2, H, W]``, values 0 to 1
    :raises ValueError: that says what is wrong with events or arguments
    """
    if not tau > 0:
        raise ValueError(f"tau must be above 0, but {tau!r} was given.")
    H, W = sensor_size(H, W)
    t, x, y, p = columns(events, "txyp")
    t = wide_times(t)
    check_sorted(t, "Sort them first.")
    row, column = checked_coordinate(y, H, "y", "H"), checked_coordinate(x, W, "x", "W")
    index = (is_on(p) * H + row) * W + column
    surface = np.zeros(2 * H * W, np.float32)
    count = len(t) if t_ref is None else int(np.searchsorted(t, t_ref, side="right"))
    if count:
        end = t[-1] if t_ref is None else t_ref
        # Of several values for one pixel NumPy keeps the last.
        surface[index[:count]] = np.exp((t[:count] - end) / tau)
    return surface.reshape(2, H, W)


def bina_rep(frames: np.ndarray, bits: int) -> np.ndarray:
    r"""Each ``bits`` frames read as the digits of a binary number: whether there was any event at all.

    .. math::
        Y[k] = \frac{1}{2^B - 1} \sum_{i=0}^{B-1} 2^{B - 1 - i} \, [X[k B + i] > 0]

    The first of ``bits`` frames is the most significant digit.

    Source: S. Barchid, J. Mennesson and C. Djéraba, "Bina-Rep event frames: a simple and effective representation for
    event-based cameras", ICIP 2022.

    :param frames: ``[T * bits, *]``
    :param bits: the number of digits :math:`B`, 1 to 24 (what float32 can hold)
    :return: float32 ``[T, *]``, values 0 to 1
    :raises ValueError: if ``bits`` is not in 1 to 24 or the number of frames is not a multiple of it
    """
    bits = positive_int(bits, "bits")
    if bits > 24:
        raise ValueError(f"bits must be at most 24, which is what float32 can hold, but {bits} was given.")
    frames = np.asarray(frames)
    if frames.ndim == 0 or len(frames) % bits:
        raise ValueError(f"The number of frames must be a multiple of bits = {bits}, but it is {list(frames.shape)}.")
    groups = (frames > 0).reshape(len(frames) // bits, bits, *frames.shape[1:])
    weights = 2.0 ** np.arange(bits - 1, -1, -1) / (2**bits - 1)
    return np.einsum("tb...,b->t...", groups, weights).astype(np.float32)
