"""Networks as functions without hidden state."""

from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import ArgumentValueError, check_bool, check_floating_tensor, describe
from spikingjelly.activation_based.onnx_exchange import _states
from spikingjelly.activation_based.onnx_exchange._faults import first_line, innermost_layer
from spikingjelly.activation_based.onnx_exchange._preparation import prepared_copy
from spikingjelly.activation_based.onnx_exchange._templates import filled, tensors_in


class ExplicitNetwork(nn.Module):
    """A network whose states come in and go out: ``(x, *states) -> (y, *states)``. It has no memory between calls.

    It is a copy, made when it is constructed: in evaluation mode, reset, with ``backend='torch'``. A state is each
    tensor in a memory of the network; a memory that is a list of tensors, as the queue of ``layer.Delay``, is several.
    Which they are is found by running the copy, and it is checked that a reset network computes what the network with
    :meth:`initial_states` does.

    :param net: a network of one input and one output tensor, in step mode 's' or 'm' throughout, without a state
    :param example_input: ``[N, *]`` for ``step_mode='s'``, ``[T, N, *]`` for 'm'; the shape, the dtype and the device
        count, and N is any number of samples
    :param step_mode: 's' for one time step per call, 'm' for a sequence per call
    :param carry_states: False for a network that starts from reset at each call: ``x -> y``

    :raises TypeError: (also an AssertionError) for what is no module or no floating-point tensor
    :raises ValueError: (also an AssertionError) for a state left in ``net``, mixed step modes and an example input
        that is no batch or that the network can't take
    :raises NotImplementedError: for a layer that can't be exported, with its name
    """

    def __init__(
        self, net: nn.Module, example_input: torch.Tensor, step_mode: str = "s", carry_states: bool = True
    ) -> None:
        owner = type(self).__name__
        check_floating_tensor(self, "example_input", example_input)
        check_bool(self, "carry_states", carry_states)
        if step_mode not in ("s", "m"):
            raise ArgumentValueError(f"{owner}: step_mode must be 's' or 'm', but {describe(step_mode)} was given.")
        super().__init__()
        self.step_mode = step_mode
        self.batch_dim = 0 if step_mode == "s" else 1
        x = _example(owner, example_input, self.batch_dim)
        self.net = prepared_copy(owner, net, step_mode)
        self.states: list[_states.State] = []
        self._templates: list[Any] = []
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            _check_output(owner, _output(owner, self.net, x))
            _states.reset(self.net)
            if carry_states:
                self.states, self._templates = _states.states_of(owner, self.net, x, self.batch_dim)
                if self.states:
                    _states.check_rest(owner, self.net, self.states, x, self)

    @property
    def state_names(self) -> tuple[str, ...]:
        """Place and name of the memory of each state, as in ``features.2.v``."""
        return tuple(state.name for state in self.states)

    def initial_states(self, batch_size: int) -> tuple[torch.Tensor, ...]:
        """The states before the first input, for ``batch_size`` samples."""
        return tuple(state.for_batch(batch_size) for state in self.states)

    def forward(self, x: torch.Tensor, *states: torch.Tensor) -> Any:
        """The output and the states after it; the output alone if there are none.

        :raises ValueError: if the states are not as many as :attr:`state_names`
        """
        if len(states) != len(self.states):
            raise ValueError(
                f"{type(self).__name__}: expected {len(self.states)} states ({', '.join(self.state_names)}), but "
                f"{len(states)} were given. Start with initial_states(batch_size)."
            )
        given = iter(states)
        try:
            if self.states:
                base.load_memories(self.net, [filled(template, given) for template in self._templates])
            y = self.net(x)
            after = [t for name, value in base.named_memories(self.net) for _, t in tensors_in(value, name)]
            return _distinct((y, *after), (x, *states)) if self.states else y
        finally:
            _states.reset(self.net)


def _distinct(outputs: tuple[torch.Tensor, ...], inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """Each a tensor of its own: one that is an input, or another output, would have two names in a model."""
    found: list[torch.Tensor] = []
    for output in outputs:
        found.append(output.clone() if any(output is other for other in (*inputs, *found)) else output)
    return tuple(found)


def _example(owner: str, x: torch.Tensor, batch_dim: int) -> torch.Tensor:
    """Two samples: with one, what depends on the number of samples can't be told from what is constant."""
    if x.dim() <= batch_dim or 0 in x.shape:
        layout = "[T, N, *]" if batch_dim else "[N, *]"
        raise ArgumentValueError(
            f"{owner}: example_input must be {layout} with at least one sample, but {describe(x)} was given."
        )
    first = x.detach().narrow(batch_dim, 0, 1)
    return torch.cat([first, first], batch_dim)


def _output(owner: str, net: nn.Module, x: torch.Tensor) -> Any:
    try:
        return net(x)
    except (RuntimeError, ValueError, IndexError) as error:
        raise ArgumentValueError(
            f"{owner}: {innermost_layer(net, error)} can't run on an example_input of the shape {list(x.shape)}: "
            f"{first_line(error).rstrip('.')}."
        ) from error


def _check_output(owner: str, y: Any) -> None:
    if not isinstance(y, torch.Tensor):
        raise NotImplementedError(
            f"{owner}: the network must return one tensor, but it returned {describe(y)}. Wrap it in a module that "
            "returns what is needed of it."
        )
