"""What the nodes of this package have in common: more memories, the last spikes, and a record of each time step."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import torch

from spikingjelly.activation_based import neuron
from spikingjelly.activation_based.neuron._default_surrogates import DEFAULT_SURROGATE
from spikingjelly.clock_driven.base import MemoryModule

Surrogate = Callable[[torch.Tensor], torch.Tensor]
_Init = TypeVar("_Init", bound=Callable[..., None])


def with_older_order(init: _Init) -> _Init:
    """``(tau, decay_input, v_threshold, ...)``, and ``(tau, v_threshold, ...)`` as it was before ``decay_input``."""

    @functools.wraps(init)
    def either(self: Any, *args: Any, **kwargs: Any) -> None:
        if len(args) > 1 and not isinstance(args[1], bool):
            args = (args[0], True, *args[1:])
        init(self, *args, **kwargs)

    return either  # type: ignore[return-value]


class BaseNode(MemoryModule, neuron.BaseNode):
    """:class:`spikingjelly.activation_based.neuron.BaseNode`, one time step ``[N, *]`` a call.

    ``v_threshold`` and ``v_reset`` are memories, so that ``reset()`` restores them. ``spike`` has the last spikes, and
    is 0.0 before the first. A subclass may also write ``neuronal_fire`` and ``neuronal_reset`` as the oldest programs
    do: the first sets ``self.spike`` and returns nothing, the second takes no argument. Or it writes a ``forward`` that
    charges and returns ``self.spiking()``.

    :param v_threshold: threshold; an int is taken for the float
    :param v_reset: potential after a spike, or None for the soft reset; an int is taken for the float
    :param surrogate_function: gives the spike and its gradient, default ``Sigmoid(alpha=4.0)``
    :param detach_reset: whether the spike in the reset is cut from the autograd graph
    :param monitor_state: as :meth:`set_monitor` does
    """

    monitor: Any = False
    cupy_fp32_inference = False

    def __init__(
        self,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Surrogate = DEFAULT_SURROGATE,
        detach_reset: bool = False,
        monitor_state: bool = False,
    ) -> None:
        self._build(neuron.BaseNode, v_threshold, v_reset, surrogate_function, detach_reset, monitor_state)

    def _build(
        self,
        node: Any,
        v_threshold: Any,
        v_reset: Any,
        surrogate_function: Surrogate,
        detach_reset: bool,
        monitor_state: bool = False,
        backend: str = "auto",
        **own: Any,
    ) -> None:
        """Initialise as ``node``, whose other arguments are ``own``."""
        mode = self.supported_step_mode()[0]
        node.__init__(
            self,
            **{name: as_float(value) for name, value in own.items()},
            v_threshold=as_float(v_threshold),
            v_reset=as_float(v_reset),
            surrogate_function=surrogate_function,
            detach_reset=detach_reset,
            step_mode=mode,
            backend=backend,
            store_v_seq=mode == "m",
        )
        for name in ("v_threshold", "v_reset"):
            if name in vars(self):
                self.register_memory(name, vars(self).pop(name))
        self.set_monitor(monitor_state)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        reset = vars(cls).get("neuronal_reset")
        if callable(reset) and len(inspect.signature(reset).parameters) == 1:
            cls.neuronal_reset = _with_spike(reset)  # type: ignore[method-assign]

    def supported_step_mode(self) -> tuple[str, ...]:
        return ("s",)

    def set_monitor(self, monitor_state: bool = True) -> None:
        """Record each time step from now on, or stop recording.

        ``monitor`` is then a dict of lists of numpy arrays ``[N, *]``, one a time step: ``h`` the potential after the
        charge, ``v`` the potential after the reset, ``s`` the spikes; else it is False. ``reset()`` empties the lists.
        """
        self.monitor = {"h": [], "v": [], "s": []} if monitor_state else False

    def neuronal_fire(self) -> torch.Tensor:
        if self.monitor:
            self.monitor["h"].append(_as_numpy(self.v))
        spike = super().neuronal_fire()
        self.__dict__["_last_output"] = {"spike": spike}
        return spike

    def neuronal_reset(self, spike: torch.Tensor | None = None) -> None:
        super().neuronal_reset(self.spike if spike is None else spike)

    def spiking(self) -> torch.Tensor:
        """Fire, reset, and return the spikes, after a charge that a ``forward`` of a subclass has made."""
        spike = self.neuronal_fire()
        self.neuronal_reset(spike)
        return self._recorded(spike)

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._recorded(super().single_step_forward(x))

    def _recorded(self, spike: torch.Tensor | None) -> torch.Tensor:
        """The spikes of a time step, which a subclass may have left in ``self.spike``."""
        if spike is None:
            spike = self.spike
        if self.monitor:
            self.monitor["v"].append(_as_numpy(self.v))
            self.monitor["s"].append(_as_numpy(spike))
        return spike

    def _single_step(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        run = self.single_step_forward if self.monitor else super()._single_step
        return run(x, *args, **kwargs)

    def multi_step_forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        if not self.monitor:
            return super().multi_step_forward(x_seq)
        self._check_sequence(x_seq)
        return self._eager_loop(x_seq)

    def forward(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """One time step ``[N, *]``, also where a node for sequences asks its single-step base for one."""
        run = super().forward if self.step_mode == "s" else self.single_step_forward
        output = run(*args, **kwargs)
        self.__dict__["_last_output"] = {"spike": output}
        return output

    def _forward_sequence(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """``[T, N, *]``: the ``forward`` of each node for sequences, so that its ``super()`` has that of one step."""
        output = super().forward(*args, **kwargs)
        self.__dict__["_last_output"] = {"spike_seq": output}
        return output

    def reset(self) -> None:
        super().reset()
        self.__dict__.pop("_last_output", None)
        if isinstance(self.__dict__.get("spike"), torch.Tensor):
            del self.__dict__["spike"]  # what a subclass has set: spikes of a step before the reset
        if self.monitor:
            self.set_monitor()

    def detach(self) -> None:
        super().detach()
        for record in (self.__dict__.get("_last_output", {}), self.__dict__):
            for name in ("spike", "spike_seq"):
                if isinstance(record.get(name), torch.Tensor):
                    record[name] = record[name].detach()

    def __getattr__(self, name: str) -> Any:
        if name in ("spike", "spike_seq") and name not in self.__dict__.get("_memories", ()):
            last = self.__dict__.get("_last_output", {})
            if name in last:
                return last[name]
            if name == "spike":
                return last["spike_seq"][-1] if "spike_seq" in last else 0.0
            if self.step_mode == "m":
                return None
        return super().__getattr__(name)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Also what an earlier release has pickled: there, ``backend`` was a plain attribute of multi-step nodes."""
        super().__setstate__(state)
        mode, attributes = self.supported_step_mode()[0], self.__dict__
        attributes.setdefault("_backend", attributes.pop("backend", "auto"))
        attributes.setdefault("_step_mode", mode)
        attributes.setdefault("_store_v_seq", mode == "m")

    def _copyable_dict(self) -> dict[str, Any]:
        attributes = super()._copyable_dict()
        attributes.pop("_last_output", None)
        return attributes


class MultiStep:
    """A first base of nodes that take a sequence ``[T, N, *]`` a call.

    ``v_seq`` has the potentials after the reset and ``spike_seq`` the spikes of the last call, ``[T, N, *]``.
    """

    def supported_step_mode(self) -> tuple[str, ...]:
        return ("m",)

    def to_lava(self) -> torch.nn.Module:
        """:func:`spikingjelly.clock_driven.lava_exchange.to_lava_neuron` of this node."""
        from spikingjelly.activation_based import lava_exchange

        return lava_exchange.to_lava_neuron(self)  # type: ignore[arg-type]


def as_float(value: Any) -> Any:
    """``value``, an int as the float that it stands for."""
    return float(value) if type(value) is int else value


def _with_spike(reset: Callable[[Any], None]) -> Callable[..., None]:
    """``neuronal_reset(self)`` that may be given the spikes, which it takes from ``self.spike`` anyway."""

    @functools.wraps(reset)
    def with_spike(self: Any, spike: torch.Tensor | None = None) -> None:
        if spike is not None and "spike" not in vars(self):
            self.__dict__["_last_output"] = {"spike": spike}
        reset(self)

    return with_spike


def _as_numpy(value: Any) -> Any:
    return value.detach().cpu().numpy().copy()
