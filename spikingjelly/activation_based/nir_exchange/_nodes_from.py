"""NIR's layers as ours."""

from typing import Any

import numpy as np
import torch
from torch import nn

from spikingjelly.activation_based import layer
from spikingjelly.activation_based.nir_exchange._neurons_from import surrogate_from
from spikingjelly.activation_based.nir_exchange._numbers import above, as_array
from spikingjelly.activation_based.nir_exchange._plan import GraphError
from spikingjelly.activation_based.nir_exchange.layers import BatchedLinear, PerNeuronDelay, Scale, Threshold

LAYER_KINDS = (
    "Affine", "Linear", "Scale", "Conv1d", "Conv2d", "AvgPool2d", "SumPool2d", "Flatten", "Delay", "Threshold",
)  # fmt: skip

_MOST_STEPS = 100_000


def layer_of(node: Any, dt: float, dtype: np.dtype, surrogate_function: Any = None, early: bool = False) -> nn.Module:
    """Our module for a node of NIR that is no neuron.

    :param early: for a Delay, whether the edge that leads to it is one of its time steps
    :raises GraphError: for parameters without meaning
    """
    kind = type(node).__name__
    if kind in ("Affine", "Linear"):
        return _linear(_tensor(node, "weight", dtype), _tensor(node, "bias", dtype) if kind == "Affine" else None)
    if kind == "Scale":
        return Scale(_tensor(node, "scale", dtype))
    if kind in ("Conv1d", "Conv2d"):
        return _convolution(node, 1 if kind == "Conv1d" else 2, dtype)
    if kind in ("AvgPool2d", "SumPool2d"):
        size, stride, padding = (_ints(node, name, 2) for name in ("kernel_size", "stride", "padding"))
        return layer.AvgPool2d(size, stride, padding, divisor_override=None if kind == "AvgPool2d" else 1)
    if kind == "Flatten":
        return _flatten(node)
    if kind == "Delay":
        return _delay(node, dt, early)
    threshold = above(_tensor(node, "threshold", dtype).numpy())
    slope = surrogate_from(node.metadata) if surrogate_function is None else surrogate_function
    return Threshold(torch.from_numpy(threshold), slope)


def _tensor(node: Any, name: str, dtype: np.dtype) -> torch.Tensor:
    array = as_array(getattr(node, name))
    if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        raise GraphError(f"its {name} must be finite numbers, but it has the dtype {array.dtype} or is not finite")
    return torch.from_numpy(array.astype(dtype))


def _ints(node: Any, name: str, count: int, at_least: int = 0) -> tuple[int, ...]:
    values = np.asarray(getattr(node, name))
    if values.dtype.kind not in "iu" or values.size not in (1, count) or (values < at_least).any():
        raise GraphError(
            f"its {name} must be {count} integers of at least {at_least}, but {getattr(node, name)!r} is given"
        )
    return tuple(int(value) for value in np.broadcast_to(values.ravel(), count))


def _filled(module: nn.Module, weight: torch.Tensor, bias: torch.Tensor | None) -> nn.Module:
    """``module`` with this weight and bias; they are in the file, so the random ones are never looked at."""
    with torch.no_grad():
        module.weight.copy_(weight)  # type: ignore[operator, union-attr]
        if bias is not None:
            module.bias.copy_(bias)  # type: ignore[operator, union-attr]
    return module.to(weight.dtype)


def _linear(weight: torch.Tensor, bias: torch.Tensor | None) -> nn.Module:
    if weight.dim() < 2:
        raise GraphError(f"its weight must be [out, in], but its shape is {list(weight.shape)}")
    if bias is not None and bias.shape != weight.shape[:-1]:
        raise GraphError(f"its bias must have the shape {list(weight.shape[:-1])}, but has {list(bias.shape)}")
    if weight.dim() > 2:
        return BatchedLinear(weight, bias)
    return _filled(layer.Linear(weight.shape[1], weight.shape[0], bias is not None).to(weight.dtype), weight, bias)


def _convolution(node: Any, dims: int, dtype: np.dtype) -> nn.Module:
    weight, bias = _tensor(node, "weight", dtype), _tensor(node, "bias", dtype)
    (groups,) = _ints(node, "groups", 1, at_least=1)
    if weight.dim() != dims + 2 or bias.shape != weight.shape[:1] or weight.shape[0] % groups:
        raise GraphError(
            f"its weight must be [out, in / groups{', k' * dims}] and its bias [out], with out divisible by groups, "
            f"but they have the shapes {list(weight.shape)} and {list(bias.shape)}, with groups={groups}"
        )
    padding = node.padding.decode() if isinstance(node.padding, bytes) else node.padding
    if padding not in ("same", "valid") if isinstance(padding, str) else False:
        raise GraphError(f"its padding must be 'same', 'valid' or integers, but {padding!r} is given")
    module = (layer.Conv1d if dims == 1 else layer.Conv2d)(
        weight.shape[1] * groups,
        weight.shape[0],
        tuple(weight.shape[2:]),  # type: ignore[arg-type]
        stride=_ints(node, "stride", dims, at_least=1),  # type: ignore[arg-type]
        padding=padding if isinstance(padding, str) else _ints(node, "padding", dims),  # type: ignore[arg-type]
        dilation=_ints(node, "dilation", dims, at_least=1),  # type: ignore[arg-type]
        groups=groups,
    )
    return _filled(module.to(weight.dtype), weight, bias)


def _flatten(node: Any) -> nn.Module:
    start, end = int(node.start_dim), int(node.end_dim)
    # NIR counts in the features [*], we in [N, *].
    return layer.Flatten(start + 1 if start >= 0 else start, end + 1 if end >= 0 else end)


def delay_steps_of(node: Any, dt: float) -> np.ndarray:
    """The delays of a Delay node in time steps.

    :raises GraphError: for a delay that is no whole number of time steps
    """
    delay = as_array(node.delay).astype(np.float64)
    if not np.isfinite(delay).all() or (delay < 0).any():
        raise GraphError(f"its delay must be finite and at least 0 s, but {delay.ravel()[:3]} is given")
    steps = np.rint(delay / dt)
    # A file in float32 keeps 7 digits.
    off = np.abs(delay / dt - steps) > 1e-6 * np.maximum(steps, 1.0)
    if off.any():
        wrong = float(delay[off].flat[0])
        raise GraphError(
            f"its delay of {wrong} s is {wrong / dt:.4g} time steps of dt={dt} s, but must be a whole number of them. "
            f"Import with a dt that divides it, for example {wrong / max(round(wrong / dt), 1):.6g}"
        )
    if (steps > _MOST_STEPS).any():
        raise GraphError(
            f"its delay of {delay.max()} s is {steps.max():.0f} time steps; at most {_MOST_STEPS} can wait"
        )
    return steps.astype(np.int64)


def _delay(node: Any, dt: float, early: bool) -> nn.Module:
    steps = delay_steps_of(node, dt) - int(early)
    if steps.size and (steps == steps.flat[0]).all():
        return layer.Delay(int(steps.flat[0]))
    return PerNeuronDelay(torch.from_numpy(steps))
