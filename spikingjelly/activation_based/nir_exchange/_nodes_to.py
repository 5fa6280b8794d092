"""Our modules as NIR's nodes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from spikingjelly.activation_based import layer, neuron
from spikingjelly.activation_based.nir_exchange._library import nir_library
from spikingjelly.activation_based.nir_exchange._neuron_arrays import ARRAYS_OF, NotExpressible, arrays_of
from spikingjelly.activation_based.nir_exchange._neurons_from import surrogate_metadata
from spikingjelly.activation_based.nir_exchange._numbers import below
from spikingjelly.activation_based.nir_exchange.layers import BatchedLinear, PerNeuronDelay, Scale, Threshold

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Place:
    """Where a module stands: the shapes of its features, and how long a time step is."""

    given: Shape
    gives: Shape
    dt: float
    dtype: np.dtype

    def array(self, value: torch.Tensor | float) -> np.ndarray:
        if isinstance(value, torch.Tensor):
            value = value.detach().cpu().numpy()  # type: ignore[assignment]
        return np.array(value, dtype=self.dtype)

    def full(self, value: torch.Tensor | np.ndarray | float) -> np.ndarray:
        """One value for each feature."""
        array = value if isinstance(value, np.ndarray) else self.array(value)
        return np.ascontiguousarray(np.broadcast_to(array, self.given))


def _neuron(module: Any, place: Place) -> Any:
    kind, arrays = arrays_of(module, place.dt, place.dtype)
    metadata: dict[str, Any] = {}
    if hasattr(module, "surrogate_function"):
        metadata["surrogate_function"] = surrogate_metadata(module.surrogate_function)
    if isinstance(module, neuron.ParametricLIFNode):
        metadata["w"] = module.w.item()
    return getattr(nir_library(), kind)(**{k: place.full(v) for k, v in arrays.items()}, metadata=metadata)


def _linear(module: nn.Linear, place: Place) -> Any:
    if len(place.given) != 1:
        raise NotExpressible(
            f"acts on the last dimension of features of the shape {list(place.given)}, but NIR's linear maps take "
            "vectors. Put layer.Flatten() before it, or use a convolution with kernel_size=1"
        )
    return linear_node(module.weight, module.bias, place)


def linear_node(weight: torch.Tensor, bias: torch.Tensor | None, place: Place) -> Any:
    """``Affine``, or ``Linear`` where there is no bias."""
    nir = nir_library()
    if bias is None:
        return nir.Linear(weight=place.array(weight))
    return nir.Affine(weight=place.array(weight), bias=place.array(bias))


def _convolution(module: Any, place: Place) -> Any:
    if module.padding_mode != "zeros":
        raise NotExpressible(
            f"pads with padding_mode={module.padding_mode!r}, but NIR pads with zeros. Use padding_mode='zeros'"
        )
    dims = module.weight.dim() - 2
    bias = module.weight.new_zeros(module.out_channels) if module.bias is None else module.bias
    plain = {name: getattr(module, name) for name in ("stride", "padding", "dilation")}
    if dims == 1:
        plain = {name: value if isinstance(value, str) else int(value[0]) for name, value in plain.items()}
    return (nir_library().Conv1d if dims == 1 else nir_library().Conv2d)(
        input_shape=int(place.given[1]) if dims == 1 else tuple(place.given[1:]),
        weight=place.array(module.weight),
        bias=place.array(bias),
        groups=module.groups,
        **plain,
    )


def _average_pool(module: Any, place: Place) -> Any:
    padding = _pair(module.padding)
    if module.ceil_mode:
        raise NotExpressible("has ceil_mode=True, but NIR's pooling rounds down. Use ceil_mode=False")
    if any(padding) and not module.count_include_pad:
        raise NotExpressible("has count_include_pad=False, but NIR's pooling counts the padding. Use True")
    if module.divisor_override not in (None, 1):
        raise NotExpressible(
            f"has divisor_override={module.divisor_override}. Use None (AvgPool2d) or 1 (SumPool2d) and scale the "
            "weights of the layer that follows"
        )
    stride = module.kernel_size if module.stride is None else module.stride
    return _pool("SumPool2d" if module.divisor_override == 1 else "AvgPool2d", module.kernel_size, stride, padding)


def sum_of_window(module: nn.MaxPool2d) -> Any:
    """The sum over the windows of a max pooling."""
    for name, plain in (("ceil_mode", False), ("return_indices", False)):
        if getattr(module, name) != plain:
            raise NotExpressible(f"has {name}={getattr(module, name)}, which NIR's pooling has not. Use {plain}")
    if _pair(module.dilation) != (1, 1):
        raise NotExpressible(f"has dilation={module.dilation}, which NIR's pooling has not. Use 1")
    return _pool("SumPool2d", module.kernel_size, module.stride, _pair(module.padding))


def fires_at_any(place: Place) -> Any:
    """Neurons that fire where there is a spike or more, and keep nothing of it: of a kind that all readers know."""
    return _neuron(neuron.LIFNode(tau=2.0, v_threshold=0.25), place)


def _adaptive_pool(module: Any, place: Place) -> Any:
    given, gives = place.given[1:], place.gives[1:]
    if any(length % out for length, out in zip(given, gives, strict=True)):
        raise NotExpressible(
            f"averages {list(given)} to {list(gives)} over windows of several sizes. Use AvgPool2d, or an output size "
            "that divides the size of the input"
        )
    size = tuple(length // out for length, out in zip(given, gives, strict=True))
    return _pool("AvgPool2d", size, size, (0, 0))


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)  # type: ignore[return-value]


def _pool(kind: str, size: Any, stride: Any, padding: Any) -> Any:
    arrays = (np.array(_pair(value)) for value in (size, stride, padding))
    return getattr(nir_library(), kind)(*arrays)


def _flatten(module: nn.Flatten, place: Place) -> Any:
    return flatten_node(module.start_dim, module.end_dim, place)


def flatten_node(start_dim: int, end_dim: int, place: Place) -> Any:
    """``Flatten``, whose dimensions NIR counts in the features ``[*]`` and PyTorch in ``[N, *]``."""
    rank = len(place.given) + 1
    start, end = start_dim % rank - 1, end_dim % rank - 1
    if start < 0:
        raise NotExpressible(
            "flattens the dimension of the batch as well, which a graph does not have. Use start_dim=1"
        )
    last = len(place.given) - 1
    return nir_library().Flatten(
        input_type={"input": np.array(place.given)}, start_dim=start, end_dim=-1 if end == last else end
    )


def _delay(module: layer.Delay, place: Place) -> Any:
    return nir_library().Delay(delay=np.full(place.given, module.delay_steps * place.dt))


def _per_neuron_delay(module: PerNeuronDelay, place: Place) -> Any:
    steps = np.broadcast_to(module.delay_steps.cpu().numpy(), place.given)
    return nir_library().Delay(delay=steps * place.dt)


def _voting(module: layer.VotingLayer, place: Place) -> Any:
    (given,), (gives,), voters = place.given, place.gives, module.voting_size
    votes = np.repeat(np.eye(gives, dtype=place.dtype), voters, axis=1) / place.dtype.type(voters)
    return nir_library().Linear(weight=np.pad(votes, ((0, 0), (0, given - gives * voters))))


def _scale(module: Scale, place: Place) -> Any:
    return nir_library().Scale(scale=place.full(module.scale))


def _threshold(module: Threshold, place: Place) -> Any:
    metadata = {"surrogate_function": surrogate_metadata(module.surrogate_function)}
    return nir_library().Threshold(threshold=place.full(below(place.array(module.threshold))), metadata=metadata)


def _batched_linear(module: BatchedLinear, place: Place) -> Any:
    return linear_node(module.weight, module.bias, place)


NODES: dict[type, Callable[[Any, Place], Any]] = {
    **dict.fromkeys(ARRAYS_OF, _neuron),
    **dict.fromkeys((nn.Linear, layer.Linear), _linear),
    **dict.fromkeys((nn.Conv1d, layer.Conv1d, nn.Conv2d, layer.Conv2d), _convolution),
    **dict.fromkeys((nn.AvgPool2d, layer.AvgPool2d), _average_pool),
    **dict.fromkeys((nn.AdaptiveAvgPool2d, layer.AdaptiveAvgPool2d), _adaptive_pool),
    **dict.fromkeys((nn.Flatten, layer.Flatten), _flatten),
    layer.Delay: _delay,
    PerNeuronDelay: _per_neuron_delay,
    layer.VotingLayer: _voting,
    Scale: _scale,
    Threshold: _threshold,
    BatchedLinear: _batched_linear,
}
IDENTITIES = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, layer.Dropout, layer.Dropout2d)
MAX_POOLS = (nn.MaxPool2d, layer.MaxPool2d)
NORMS = (
    nn.BatchNorm1d, nn.BatchNorm2d, layer.BatchNorm1d, layer.BatchNorm2d,
)  # fmt: skip
