"""The parameters of NIR's neurons for each of our neurons: the one place where the two equations meet.

NIR states differential equations. In steps of ``dt`` (forward Euler) its leaky neuron is

    H[t] = V[t-1] + dt / tau * (v_leak - V[t-1] + r * X[t])

which is ``neuron.LIFNode`` with its ``tau`` in time steps: ``r`` is 1 where the input decays and ``tau / dt`` where it
does not, and ``v_leak`` is the reset potential, towards which it decays.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from spikingjelly.activation_based import neuron
from spikingjelly.activation_based.nir_exchange import neurons
from spikingjelly.activation_based.nir_exchange._numbers import below
from spikingjelly.activation_based.nir_exchange._plan import GraphError

Arrays = dict[str, Any]  # numbers and arrays that broadcast to the shape of the node
Kind = tuple[str, Arrays]  # the node's class in NIR, and its parameters


class NotExpressible(NotImplementedError):
    """What NIR has no words for."""


def _firing(module: Any, dtype: np.dtype) -> Arrays:
    if module.v_reset is None:
        raise NotExpressible(
            "resets by subtraction (v_reset=None), but NIR's neurons are set to a reset potential. The nearest that "
            "NIR can say is v_reset=0.0: set it and train or measure the network again"
        )
    surrogate_function = module.surrogate_function
    if getattr(surrogate_function, "spiking", True) is False:
        raise NotExpressible(
            "puts out the smooth values of its surrogate (spiking=False). Call "
            "surrogate_function.set_spiking_mode(True)"
        )
    return {"v_threshold": below(_array(module.v_threshold, dtype)), "v_reset": _array(module.v_reset, dtype)}


def _array(value: Any, dtype: np.dtype) -> np.ndarray:
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().double().numpy()
    return np.asarray(value, dtype=dtype)


def _integrate_and_fire(module: neuron.IFNode, dt: float, dtype: np.dtype) -> Kind:
    return "IF", {"r": 1.0 / dt, **_firing(module, dtype)}


def _leaky(tau: float, decay_input: bool, module: Any, dt: float, dtype: np.dtype) -> Kind:
    firing = _firing(module, dtype)
    return "LIF", {"tau": tau * dt, "r": 1.0 if decay_input else tau, "v_leak": firing["v_reset"], **firing}


def _lif(module: neuron.LIFNode, dt: float, dtype: np.dtype) -> Kind:
    return _leaky(module.tau, module.decay_input, module, dt, dtype)


def _plif(module: neuron.ParametricLIFNode, dt: float, dtype: np.dtype) -> Kind:
    return _leaky(tau_of(module.w.item()), module.decay_input, module, dt, dtype)


def tau_of(w: float) -> float:
    """The time constant in time steps of a ``ParametricLIFNode`` with the parameter ``w``."""
    return 1.0 + float(np.exp(-w))


def _current_based(module: neuron.CLIFNode, dt: float, dtype: np.dtype) -> Kind:
    for name in ("c_decay", "v_decay"):
        if not 0.0 <= getattr(module, name) < 1.0:
            raise NotExpressible(
                f"has {name}={getattr(module, name)}, for which there is no time constant: NIR needs 0 <= {name} < 1"
            )
    synapse, membrane = 1.0 / (1.0 - module.c_decay), 1.0 / (1.0 - module.v_decay)  # in time steps
    times = {"tau_syn": synapse * dt, "tau_mem": membrane * dt}
    return "CubaLIF", {**times, "r": membrane, "v_leak": 0.0, "w_in": synapse, **_firing(module, dtype)}


def _check_decode(module: neuron.NonSpikingBaseNode) -> None:
    if module.decode != "last-mem":
        raise NotExpressible(
            f"reads its potential with decode={module.decode!r}. A graph gives the potential of every time step: use "
            "decode='last-mem', which is the last of them, or decode outside of the graph"
        )


def _non_spiking_if(module: neuron.NonSpikingIFNode, dt: float, dtype: np.dtype) -> Kind:
    _check_decode(module)
    return "I", {"r": 1.0 / dt}


def _non_spiking_lif(module: neuron.NonSpikingLIFNode, dt: float, dtype: np.dtype) -> Kind:
    _check_decode(module)
    return "LI", {"tau": module.tau * dt, "r": 1.0, "v_leak": 0.0}


def _per_neuron(kind: str, *names: str) -> Callable[[Any, float, np.dtype], Kind]:
    def arrays(module: Any, dt: float, dtype: np.dtype) -> Kind:
        if module.dt != dt:
            raise GraphError(
                f"was made for time steps of dt={module.dt} s, but dt={dt} was asked for. Export with dt={module.dt}"
            )
        values = {name: _array(getattr(module, name), dtype) for name in names}
        return kind, values | (_firing(module, dtype) if hasattr(module, "v_threshold") else {})

    return arrays


_CURRENT = ("tau_syn", "tau_mem", "r", "v_leak", "w_in")
ARRAYS_OF: dict[type, Callable[[Any, float, np.dtype], Kind]] = {
    neuron.IFNode: _integrate_and_fire,
    neuron.LIFNode: _lif,
    neuron.ParametricLIFNode: _plif,
    neuron.CLIFNode: _current_based,
    neuron.NonSpikingIFNode: _non_spiking_if,
    neuron.NonSpikingLIFNode: _non_spiking_lif,
    neurons.PerNeuronIFNode: _per_neuron("IF", "r"),
    neurons.PerNeuronLIFNode: _per_neuron("LIF", "tau", "r", "v_leak"),
    neurons.PerNeuronCUBALIFNode: _per_neuron("CubaLIF", *_CURRENT),
    neurons.Integrator: _per_neuron("I", "r"),
    neurons.LeakyIntegrator: _per_neuron("LI", "tau", "r", "v_leak"),
    neurons.CurrentBasedLeakyIntegrator: _per_neuron("CubaLI", *_CURRENT),
}


def arrays_of(module: Any, dt: float, dtype: np.dtype) -> Kind:
    """NIR's class and parameters for ``module``.

    :raises NotExpressible: with the rest of a sentence that begins with the layer's name
    """
    kind, values = ARRAYS_OF[type(module)](module, dt, dtype)
    return kind, {name: _array(value, dtype) for name, value in values.items()}
