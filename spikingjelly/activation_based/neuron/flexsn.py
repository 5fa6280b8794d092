"""A neuron from one function."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import ArgumentTypeError, check_int, check_switch, describe
from spikingjelly.activation_based.neuron import _fused as fused

Core = Callable[..., torch.Tensor | tuple[torch.Tensor, ...]]


class FlexSN(base.MemoryModule):
    """A neuron whose time step is one function of tensors::

        def core(x, v):
            h = v + (x - v) / 2
            spike = surrogate.atan.apply(h - 1, 2.0)
            return spike, h * (1 - spike)

        node = neuron.FlexSN(core, num_states=1)

    Where ``core`` has one input and one output, a kernel for the whole sequence is derived from it, as for a subclass
    of :class:`BaseNode`, which is the other way to write one's own neuron.

    :param core: ``core(*inputs, *states, *static_inputs)`` returns ``(*outputs, *new_states)``
    :param num_states: number of states. They start as zeros of the shape of the first input
    :param static_inputs: tensors that are the same in all time steps; a parameter among them is learned
    :param step_mode: 's' for inputs ``[N, *]``, 'm' for sequences ``[T, N, *]``, the default
    :param store_state_seqs: in step mode 'm', whether ``state_seqs`` keeps the states after each time step
    :param backend: as for :class:`BaseNode`

    A call takes the inputs and returns the outputs: a tensor for one, a tuple for several.

    :raises TypeError: (also an AssertionError) if ``core`` can't be called, and for a static input that is no tensor
    """

    def __init__(
        self,
        core: Core,
        num_states: int,
        static_inputs: Sequence[torch.Tensor] = (),
        step_mode: str = "m",
        store_state_seqs: bool = False,
        backend: str = "auto",
    ) -> None:
        if not callable(core):
            raise ArgumentTypeError(f"FlexSN: core must be a function, but {describe(core)} was given.")
        check_int(self, "num_states", num_states, at_least=0)
        check_switch(self, "store_state_seqs", store_state_seqs)
        super().__init__()
        self.core = core
        self.num_states = num_states
        self.num_static_inputs = len(static_inputs)
        for number, value in enumerate(static_inputs):
            self._keep(f"_static_input_{number}", value)
        for number in range(num_states):
            self.register_memory(f"_state_{number}", 0.0)
        self.store_state_seqs = store_state_seqs
        self.state_seqs: list[torch.Tensor] | None = None
        self.step_mode = step_mode
        self.backend = backend

    def _keep(self, name: str, value: torch.Tensor) -> None:
        if not isinstance(value, torch.Tensor):
            raise ArgumentTypeError(f"FlexSN: static_inputs must be tensors, but {describe(value)} was given.")
        if isinstance(value, nn.Parameter):
            self.register_parameter(name, value)
        else:
            self.register_buffer(name, value)

    @property
    def supported_backends(self) -> tuple[str, ...]:
        return base.BACKENDS

    @property
    def static_inputs(self) -> tuple[torch.Tensor, ...]:
        """The tensors that are the same in all time steps."""
        return tuple(getattr(self, f"_static_input_{number}") for number in range(self.num_static_inputs))

    @property
    def states(self) -> tuple[Any, ...]:
        """The states as they are."""
        return tuple(getattr(self, f"_state_{number}") for number in range(self.num_states))

    @states.setter
    def states(self, values: Sequence[Any]) -> None:
        for number, value in enumerate(values):
            setattr(self, f"_state_{number}", value)

    def v_float_to_tensor(self, x: torch.Tensor) -> None:
        """Give the states the shape, dtype and device of the first input of one time step."""
        for number in range(self.num_states):
            self._give_shape(f"_state_{number}", x)
        self._check_carried_state(x)

    def single_step_forward(self, x: torch.Tensor, *others: torch.Tensor) -> Any:  # type: ignore[override]
        self.v_float_to_tensor(x)
        results = self.core(x, *others, *self.states, *self.static_inputs)
        results = (results,) if isinstance(results, torch.Tensor) else tuple(results)
        outputs = results[: len(results) - self.num_states]
        self.states = results[len(outputs) :]
        return outputs[0] if len(outputs) == 1 else outputs

    def multi_step_forward(self, x_seq: torch.Tensor, *others: torch.Tensor) -> Any:  # type: ignore[override]
        """Sequences ``[T, N, *]``."""
        self._check_sequence(x_seq)
        if not others and not self.store_state_seqs and self._has_one_output():
            spikes = fused.run_sequence(self, x_seq)
            if spikes is not None:
                return spikes
        outputs, states = [], []
        for inputs in zip(x_seq.unbind(0), *(other.unbind(0) for other in others), strict=True):
            outputs.append(self.single_step_forward(*inputs))
            states.append(self.states)
        if self.store_state_seqs:
            self.state_seqs = [torch.stack(values) for values in zip(*states, strict=True)]
        if isinstance(outputs[0], torch.Tensor):
            return torch.stack(outputs)
        return tuple(torch.stack(values) for values in zip(*outputs, strict=True))

    def _has_one_output(self) -> bool:
        """Whether ``core`` returns one more value than there are states; seen by a call with single numbers."""
        if "_outputs" not in self.__dict__:
            taken = len(inspect.signature(self.core).parameters) - self.num_static_inputs
            with torch.no_grad():
                results = self.core(*[torch.ones(1)] * taken, *self.static_inputs)
            self._outputs = 1 if isinstance(results, torch.Tensor) else len(results) - self.num_states
        return self._outputs == 1

    def extra_repr(self) -> str:
        name = getattr(self.core, "__name__", type(self.core).__name__)
        own = f"core={name}, num_states={self.num_states}, num_static_inputs={self.num_static_inputs}"
        return f"{own}, {super().extra_repr()}"
