"""Neurons and integrators with the parameters of NIR: one value for each neuron, times in seconds."""

from collections.abc import Callable
from typing import Any

import torch

from spikingjelly.activation_based import base, surrogate
from spikingjelly.activation_based._checks import check_floating_tensor
from spikingjelly.activation_based.neuron import BaseNode
from spikingjelly.activation_based.nir_exchange._numbers import DEFAULT_DT, check_dt

Values = float | torch.Tensor  # a number, or a tensor that broadcasts to the features [*] of one time step


def _leaky_charge(v: torch.Tensor, x: torch.Tensor, owner: Any, tau: torch.Tensor) -> torch.Tensor:
    return v + owner.dt / tau * (owner.v_leak - v + owner.r * x)


def _synaptic_current(i: torch.Tensor, x: torch.Tensor, owner: Any) -> torch.Tensor:
    return i + owner.dt / owner.tau_syn * (owner.w_in * x - i)


def _keep(owner: torch.nn.Module, dt: float, **parameters: Values) -> None:
    """Make ``parameters`` buffers, which move with ``.to()`` and are saved in ``state_dict``."""
    owner.dt = check_dt(type(owner).__name__, dt)  # type: ignore[assignment]
    for name, value in parameters.items():
        if name in owner.__dict__:
            delattr(owner, name)
        owner.register_buffer(name, torch.as_tensor(value, dtype=_dtype_of(value)).detach().clone())


def _dtype_of(value: Values) -> torch.dtype:
    return value.dtype if isinstance(value, torch.Tensor) else torch.get_default_dtype()


def _begin_at(owner: base.MemoryModule, name: str, values: torch.Tensor) -> None:
    if values.any():
        owner.set_reset_value(name, values)
        owner.reset()


class _Integrator(base.MemoryModule):
    """Puts out its potential ``v`` after each time step."""

    v: Any  # a float until the first input gives it a shape
    dt: float

    def __init__(self, step_mode: str) -> None:
        super().__init__()
        self.register_memory("v", 0.0)
        self.step_mode = step_mode

    def neuronal_charge(self, x: torch.Tensor) -> None:
        raise NotImplementedError

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        """The potential after this time step, for the input ``x`` ``[N, *]``."""
        check_floating_tensor(self, "the input", x)
        self._check_carried_state(x)
        self.neuronal_charge(x)
        return self.v

    def extra_repr(self) -> str:
        return f"dt={self.dt}, step_mode={self.step_mode}"


class Integrator(_Integrator):
    r"""An integrator that never fires, NIR's ``I``: :math:`\dot v = R x` in steps of :math:`dt` (forward Euler),

    .. math::
        V[t] = V[t-1] + dt\,R\,X[t], \qquad V[-1] = 0

    Input and output are ``[N, *]`` in step mode 's' and ``[T, N, *]`` in 'm'.

    :param r: resistance :math:`R`, a number or a tensor that broadcasts to ``[*]``
    :param dt: duration of a time step in seconds, default 1e-4
    :param step_mode: 's' or 'm'
    """

    r: torch.Tensor

    def __init__(self, r: Values, dt: float = DEFAULT_DT, step_mode: str = "s") -> None:
        super().__init__(step_mode)
        _keep(self, dt, r=r)

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = self.v + self.dt * self.r * x


class LeakyIntegrator(_Integrator):
    r"""A leaky integrator that never fires, NIR's ``LI``:
    :math:`\tau \dot v = (v_{leak} - v) + R x` in steps of :math:`dt` (forward Euler),

    .. math::
        V[t] = V[t-1] + \frac{dt}{\tau}(v_{leak} - V[t-1] + R X[t]), \qquad V[-1] = v_{leak}

    :param tau: time constant in seconds
    :param r: resistance, default 1.0
    :param v_leak: potential at rest, default 0.0

    The other parameters and shapes are those of :class:`Integrator`.
    """

    tau: torch.Tensor
    r: torch.Tensor
    v_leak: torch.Tensor

    def __init__(
        self, tau: Values, r: Values = 1.0, v_leak: Values = 0.0, dt: float = DEFAULT_DT, step_mode: str = "s"
    ) -> None:
        super().__init__(step_mode)
        _keep(self, dt, tau=tau, r=r, v_leak=v_leak)
        _begin_at(self, "v", self.v_leak)

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = _leaky_charge(self.v, x, self, self.tau)


class CurrentBasedLeakyIntegrator(_Integrator):
    r"""A leaky integrator behind a synapse with a current of its own, NIR's ``CubaLI``, in steps of :math:`dt`:

    .. math::
        I[t] &= I[t-1] + \frac{dt}{\tau_{syn}}(w_{in} X[t] - I[t-1]), \qquad I[-1] = 0 \\
        V[t] &= V[t-1] + \frac{dt}{\tau_{mem}}(v_{leak} - V[t-1] + R I[t]), \qquad V[-1] = v_{leak}

    The current is the memory ``i``. The membrane reads the current of the same time step, as in snnTorch and Norse.

    :param tau_syn: time constant of the synapse in seconds
    :param tau_mem: time constant of the membrane in seconds
    :param r: resistance, default 1.0
    :param v_leak: potential at rest, default 0.0
    :param w_in: weight of the input, default 1.0

    The other parameters and shapes are those of :class:`Integrator`.
    """

    tau_syn: torch.Tensor
    tau_mem: torch.Tensor
    r: torch.Tensor
    v_leak: torch.Tensor
    w_in: torch.Tensor
    i: Any

    def __init__(
        self,
        tau_syn: Values,
        tau_mem: Values,
        r: Values = 1.0,
        v_leak: Values = 0.0,
        w_in: Values = 1.0,
        dt: float = DEFAULT_DT,
        step_mode: str = "s",
    ) -> None:
        super().__init__(step_mode)
        self.register_memory("i", 0.0)
        _keep(self, dt, tau_syn=tau_syn, tau_mem=tau_mem, r=r, v_leak=v_leak, w_in=w_in)
        _begin_at(self, "v", self.v_leak)

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.i = _synaptic_current(self.i, x, self)
        self.v = _leaky_charge(self.v, self.i, self, self.tau_mem)


class _PerNeuronNode(BaseNode):
    """A neuron whose parameters are buffers, one value for each neuron."""

    dt: float

    def __init__(
        self, surrogate_function: Callable[[torch.Tensor], torch.Tensor] | None, detach_reset: bool, step_mode: str
    ) -> None:
        slope = surrogate.Sigmoid() if surrogate_function is None else surrogate_function
        super().__init__(surrogate_function=slope, detach_reset=detach_reset, step_mode=step_mode)

    def v_float_to_tensor(self, x: torch.Tensor) -> None:
        super().v_float_to_tensor(x)
        if self.v.shape != x.shape:
            self.v = self.v.expand(x.shape)  # the first potential has no batch

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, dt={self.dt}"


class PerNeuronIFNode(_PerNeuronNode):
    r"""NIR's ``IF`` with parameters for each neuron: :math:`\dot v = R x` in steps of :math:`dt` (forward Euler),

    .. math::
        H[t] = V[t-1] + dt\,R\,X[t], \qquad V[-1] = V_{reset}

    with fire and (hard) reset of :class:`~spikingjelly.activation_based.neuron.BaseNode`.

    :param r: resistance :math:`R`, a number or a tensor that broadcasts to ``[*]``
    :param v_threshold: threshold; it fires where :math:`H[t] \ge V_{th}`, default 1.0
    :param v_reset: potential after a spike, default 0.0
    :param dt: duration of a time step in seconds, default 1e-4
    :param surrogate_function: gives the spike and its gradient, default ``Sigmoid(alpha=4.0)``
    :param detach_reset: whether the spike in the reset is cut from the autograd graph
    :param step_mode: 's' or 'm'
    """

    r: torch.Tensor

    def __init__(
        self,
        r: Values,
        v_threshold: Values = 1.0,
        v_reset: Values = 0.0,
        dt: float = DEFAULT_DT,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] | None = None,
        detach_reset: bool = False,
        step_mode: str = "s",
    ) -> None:
        super().__init__(surrogate_function, detach_reset, step_mode)
        _keep(self, dt, r=r, v_threshold=v_threshold, v_reset=v_reset)
        _begin_at(self, "v", self.v_reset)

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = self.v + self.dt * self.r * x


class PerNeuronLIFNode(_PerNeuronNode):
    r"""NIR's ``LIF`` with parameters for each neuron: :math:`\tau \dot v = (v_{leak} - v) + R x` in steps of
    :math:`dt` (forward Euler),

    .. math::
        H[t] = V[t-1] + \frac{dt}{\tau}(v_{leak} - V[t-1] + R X[t]), \qquad V[-1] = v_{leak}

    :param tau: time constant in seconds
    :param r: resistance, default 1.0
    :param v_leak: potential at rest, default 0.0

    The other parameters are those of :class:`PerNeuronIFNode`.
    """

    tau: torch.Tensor
    r: torch.Tensor
    v_leak: torch.Tensor

    def __init__(
        self,
        tau: Values,
        r: Values = 1.0,
        v_leak: Values = 0.0,
        v_threshold: Values = 1.0,
        v_reset: Values = 0.0,
        dt: float = DEFAULT_DT,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] | None = None,
        detach_reset: bool = False,
        step_mode: str = "s",
    ) -> None:
        super().__init__(surrogate_function, detach_reset, step_mode)
        _keep(self, dt, tau=tau, r=r, v_leak=v_leak, v_threshold=v_threshold, v_reset=v_reset)
        _begin_at(self, "v", self.v_leak)

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.v = _leaky_charge(self.v, x, self, self.tau)


class PerNeuronCUBALIFNode(_PerNeuronNode):
    r"""NIR's ``CubaLIF`` with parameters for each neuron: the current and the potential of
    :class:`CurrentBasedLeakyIntegrator`, with fire and (hard) reset; the reset leaves the current.

    The parameters are those of :class:`CurrentBasedLeakyIntegrator` and :class:`PerNeuronIFNode`.
    """

    tau_syn: torch.Tensor
    tau_mem: torch.Tensor
    r: torch.Tensor
    v_leak: torch.Tensor
    w_in: torch.Tensor
    i: Any

    def __init__(
        self,
        tau_syn: Values,
        tau_mem: Values,
        r: Values = 1.0,
        v_leak: Values = 0.0,
        v_threshold: Values = 1.0,
        v_reset: Values = 0.0,
        w_in: Values = 1.0,
        dt: float = DEFAULT_DT,
        surrogate_function: Callable[[torch.Tensor], torch.Tensor] | None = None,
        detach_reset: bool = False,
        step_mode: str = "s",
    ) -> None:
        super().__init__(surrogate_function, detach_reset, step_mode)
        self.register_memory("i", 0.0)
        _keep(self, dt, tau_syn=tau_syn, tau_mem=tau_mem, r=r, v_leak=v_leak)
        _keep(self, dt, v_threshold=v_threshold, v_reset=v_reset, w_in=w_in)
        _begin_at(self, "v", self.v_leak)

    def v_float_to_tensor(self, x: torch.Tensor) -> None:
        super().v_float_to_tensor(x)
        self._give_shape("i", x)

    def neuronal_charge(self, x: torch.Tensor) -> None:
        self.i = _synaptic_current(self.i, x, self)
        self.v = _leaky_charge(self.v, self.i, self, self.tau_mem)
