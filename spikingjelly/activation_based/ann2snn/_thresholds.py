"""The scale of each activation, by the method's rule."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from spikingjelly.activation_based.ann2snn._measurement import run_through, watching
from spikingjelly.activation_based.ann2snn._scale_mode import percentile_of, scale_of
from spikingjelly.activation_based.ann2snn.methods import Method
from spikingjelly.activation_based.ann2snn.modules import VoltageHook
from spikingjelly.activation_based.ann2snn.qcfs import QCFS

_CANDIDATES = 48
_BINS = 8192


def find_scales(
    net: nn.Module, paths: Sequence[str], images: Iterable[Any] | None, method: Method, T: int | None, device: Any
) -> dict[str, torch.Tensor]:
    """The scale for each of ``paths``, the activations of ``net``.

    :raises ValueError: if images are needed and there are none
    """
    modules = {path: net.get_submodule(path) for path in paths}
    scales = {path: module.threshold.detach().abs() for path, module in modules.items() if isinstance(module, QCFS)}
    rest = [path for path in paths if path not in scales]
    if not rest:
        return scales
    if images is None:
        raise ValueError(
            f"convert: the activations of {len(rest)} layers have to be measured, such as {rest[0]!r}; give a "
            "dataloader with images. Only QCFS activations bring their scale along."
        )
    return scales | measured_scales("convert", net, rest, images, method, T or 1, device)


def measured_scales(
    owner: str, net: nn.Module, paths: Sequence[str], images: Iterable[Any], method: Method, T: int, device: Any
) -> dict[str, torch.Tensor]:
    """What the rule of ``method`` gives for the outputs of the modules at ``paths`` on ``images``."""
    observers: dict[str, Any]
    if method.scale != "local":
        observers = {path: _hook(method).to(device) for path in paths}
    else:
        observers = {path: _Largest(owner, method.per_channel) for path in paths}
        with watching(net, observers):
            run_through(owner, net, images, device, "largest activations")
        observers = {p: _LeastError(o.largest, method, T) for p, o in observers.items()}
    with watching(net, observers):
        run_through(owner, net, images, device, "measuring activations")
    return {path: observer.scale.detach().clone() for path, observer in observers.items()}


def _hook(method: Method) -> VoltageHook:
    kind = _ChannelHook if method.per_channel else VoltageHook
    return kind(momentum=method.momentum, mode=method.scale)


def by_channel(x: torch.Tensor) -> torch.Tensor:
    """``[N, C, *]`` as ``[C, values]``."""
    return x.transpose(0, 1).flatten(1)


def at_least_float32(x: torch.Tensor) -> torch.Tensor:
    """Sums over many numbers need the digits."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _spread(values: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """One value a channel ``[C]`` in a shape that broadcasts to ``x`` ``[N, C, *]``."""
    return values.view(-1, *[1] * (x.dim() - 2))


class _ChannelHook(VoltageHook):
    """A hook with one scale a channel."""

    def _scale_of_batch(self, x: torch.Tensor) -> torch.Tensor:
        rows = by_channel(x)
        percentile = percentile_of(self.mode)
        if percentile is not None:
            values = np.percentile(rows.float().cpu().numpy(), percentile, axis=1)
            return _spread(torch.as_tensor(values, dtype=x.dtype, device=x.device), x)
        return _spread(torch.stack([scale_of(row, self.mode) for row in rows]), x)


class _Largest:
    """The largest activation, of the layer or of each channel."""

    def __init__(self, owner: str, per_channel: bool) -> None:
        self.owner = owner
        self.per_channel = per_channel
        self.largest: Any = None

    def __call__(self, x: torch.Tensor) -> None:
        now = _spread(by_channel(x).amax(1), x) if self.per_channel else x.amax()
        if not torch.isfinite(now).all():
            raise ValueError(f"{self.owner}: activations are NaN or infinite; look at the weights and the images.")
        self.largest = now if self.largest is None else torch.maximum(self.largest, now)


class _LeastError:
    r"""The scale with the least error :math:`(a - \frac{s}{T} \mathrm{clip}(\lfloor aT/s + v \rfloor, 0, T))^2`,
    among equally spaced parts of the largest activation. The activations are kept as histograms, one a channel."""

    def __init__(self, largest: torch.Tensor, method: Method, T: int) -> None:
        self.largest = largest
        self.method = method
        self.T = T
        self.counts = torch.zeros(largest.numel(), _BINS, dtype=torch.float64, device=largest.device)

    def __call__(self, x: torch.Tensor) -> None:
        rows = by_channel(x) if self.method.per_channel else x.reshape(1, -1)
        width = self.largest.reshape(-1, 1).clamp_min(torch.finfo(x.dtype).tiny) / _BINS
        bins = (at_least_float32(rows) / at_least_float32(width)).long().clamp_(0, _BINS - 1)
        bins += torch.arange(len(rows), device=x.device).unsqueeze(1) * _BINS
        self.counts += torch.bincount(bins.flatten(), minlength=self.counts.numel()).view_as(self.counts)

    @property
    def scale(self) -> torch.Tensor:
        """The best of the candidates."""
        part = (torch.arange(_BINS, dtype=torch.float64, device=self.counts.device) + 0.5) / _BINS
        part[0] = 0.0  # what is not active
        errors = []
        for number in range(1, _CANDIDATES + 1):
            step = number / _CANDIDATES / self.T
            rate = (part / step + self.method.v_init).floor().clamp(0, self.T) * step
            errors.append(self.counts @ (part - rate).square())
        best = (torch.stack(errors).argmin(0) + 1) / _CANDIDATES
        return self.largest * best.view_as(self.largest).to(self.largest)
