"""NIR's neurons as ours: the plain class where it says exactly the same, else the one with parameters per neuron."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from spikingjelly.activation_based import neuron, surrogate
from spikingjelly.activation_based.nir_exchange import neurons
from spikingjelly.activation_based.nir_exchange._neuron_arrays import arrays_of, tau_of
from spikingjelly.activation_based.nir_exchange._numbers import above, as_array, shortest, uniform
from spikingjelly.activation_based.nir_exchange._plan import GraphError

_logger = logging.getLogger(__name__)
_TIMES = ("tau", "tau_syn", "tau_mem")
_FIELDS = {
    "IF": ("r", "v_threshold", "v_reset"),
    "LIF": ("tau", "r", "v_leak", "v_threshold", "v_reset"),
    "CubaLIF": ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "v_reset", "w_in"),
    "I": ("r",),
    "LI": ("tau", "r", "v_leak"),
    "CubaLI": ("tau_syn", "tau_mem", "r", "v_leak", "w_in"),
}
_PER_NEURON: dict[str, Callable[..., nn.Module]] = {
    "IF": neurons.PerNeuronIFNode,
    "LIF": neurons.PerNeuronLIFNode,
    "CubaLIF": neurons.PerNeuronCUBALIFNode,
    "I": neurons.Integrator,
    "LI": neurons.LeakyIntegrator,
    "CubaLI": neurons.CurrentBasedLeakyIntegrator,
}
NEURON_KINDS = tuple(_FIELDS)


def neuron_of(node: Any, dt: float, dtype: np.dtype, surrogate_function: Any = None) -> nn.Module:
    """Our module for a neuron or an integrator of NIR.

    :param dtype: that its parameters are rounded to
    :param surrogate_function: of the neurons that fire; None for the one that the metadata names
    :raises GraphError: for parameters without meaning, and for a ``dt`` that is too long for them
    """
    kind = type(node).__name__
    values = {name: _numbers(name, getattr(node, name), dtype) for name in _FIELDS[kind]}
    for name in set(_TIMES) & values.keys():
        _check_time(name, values[name], dt)
    if "v_threshold" in values:
        values["v_threshold"] = above(values["v_threshold"])
        if surrogate_function is None:
            surrogate_function = surrogate_from(node.metadata)
    given = {} if surrogate_function is None else {"surrogate_function": surrogate_function}
    for candidate in _plain(kind, values, dt, node.metadata, given):
        if _says(candidate, values, dt, dtype):
            return candidate
    if "v_threshold" not in values:
        given = {}
    return _PER_NEURON[kind](**{name: torch.from_numpy(value) for name, value in values.items()}, dt=dt, **given)


def _numbers(name: str, value: Any, dtype: np.dtype) -> np.ndarray:
    array = as_array(value)
    if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        raise GraphError(
            f"its {name} must be finite numbers, but {array.dtype} values with {array.ravel()[:3]} are given"
        )
    return array.astype(dtype)


def _check_time(name: str, values: np.ndarray, dt: float) -> None:
    least = float(values.min()) if values.size else dt
    if least <= 0.0:
        raise GraphError(f"its {name} must be positive, but {least:.7g} s is given")
    if least < values.dtype.type(dt):
        raise GraphError(
            f"its {name} of {least:.7g} s is shorter than the time step dt={dt} s, in which it would decay beyond its "
            f"rest. Import with a dt of at most {least:.7g}"
        )


def _plain(kind: str, values: dict[str, np.ndarray], dt: float, metadata: Any, given: Any) -> Iterator[nn.Module]:
    """Modules with one value for the layer that might say what ``values`` say."""
    single = {name: uniform(value) for name, value in values.items()}
    if None in single.values():
        return
    firing = {name: single[name] for name in ("v_threshold", "v_reset") if name in single} | given
    if kind == "IF":
        yield neuron.IFNode(**firing)
    elif kind == "LIF":
        yield from _leaky(single, values["tau"].dtype, dt, metadata, firing)
    elif kind == "CubaLIF":
        decays = [_decay(single[name], values[name].dtype, dt) for name in ("tau_syn", "tau_mem")]
        if None not in decays:
            yield neuron.CLIFNode(decays[0], decays[1], **firing)  # type: ignore[arg-type]


def _leaky(single: Any, dtype: np.dtype, dt: float, metadata: Any, firing: Any) -> Iterator[nn.Module]:
    tau = shortest(single["tau"] / dt, lambda tau: dtype.type(tau * dt) == dtype.type(single["tau"]))
    if tau is None or not tau > 1.0:
        return
    w = metadata.get("w") if isinstance(metadata, dict) else None
    for decay_input in (True, False):
        if isinstance(w, float) and np.isfinite(w) and dtype.type(tau_of(w) * dt) == dtype.type(single["tau"]):
            learned = neuron.ParametricLIFNode(tau, decay_input, **firing)
            learned.w.data = torch.from_numpy(np.array(w, dtype))
            yield learned
        yield neuron.LIFNode(tau, decay_input, **firing)


def _decay(tau: Any, dtype: np.dtype, dt: float) -> float | None:
    def fits(decay: float) -> bool:
        return decay < 1.0 and dtype.type(1.0 / (1.0 - decay) * dt) == dtype.type(tau)

    return shortest(1.0 - dt / tau, fits)


def _says(candidate: nn.Module, values: dict[str, np.ndarray], dt: float, dtype: np.dtype) -> bool:
    """Whether ``candidate`` would be exported with exactly these ``values``."""
    arrays = arrays_of(candidate, dt, dtype)[1]
    arrays["v_threshold"] = above(arrays["v_threshold"])
    return all((arrays[name] == values[name]).all() for name in values)


def surrogate_metadata(surrogate_function: Any) -> dict[str, Any]:
    """What the metadata of a node keep of a surrogate function: its name and its parameters."""
    names = getattr(surrogate_function, "_parameter_names", ())
    parameters = {name: getattr(surrogate_function, name) for name in names}
    return {"name": type(surrogate_function).__name__, **{k: v for k, v in parameters.items() if _is_number(v)}}


def surrogate_from(metadata: Any) -> nn.Module | None:
    """The surrogate function that the metadata of a node name, None where they name none of ours."""
    kept = metadata.get("surrogate_function") if isinstance(metadata, dict) else None
    if not isinstance(kept, dict):
        return None
    found = getattr(surrogate, str(kept.get("name")), None) if kept.get("name") in surrogate.__all__ else None
    parameters = {str(name): value.item() if isinstance(value, np.generic) else value for name, value in kept.items()}
    parameters.pop("name", None)
    numbers = all(_is_number(value) for value in parameters.values())
    if numbers and isinstance(found, type) and issubclass(found, surrogate.SurrogateFunctionBase):
        try:
            return found(**parameters)
        except TypeError:
            pass
    _logger.warning("The surrogate function %r of the graph is not known here; neurons get the default.", kept)
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
