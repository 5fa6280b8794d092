"""Containers that feed the output of a module back into its input."""

from collections.abc import Callable

import torch
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import ArgumentValueError, check_callable, check_floating_tensor
from spikingjelly.activation_based.layer._arguments import check_single_step_children
from spikingjelly.activation_based.layer._state import check_state_fits


class _RecurrentContainer(base.MemoryModule):
    """The output ``y`` of the last time step as memory."""

    _keeps_children_step_mode = True
    y: torch.Tensor | None

    def __init__(self, step_mode: str) -> None:
        super().__init__()
        self.register_memory("y", None)
        self.step_mode = step_mode

    def _first_y(self, x: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(x, requires_grad=False)

    def _step(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def single_step_forward(self, x: torch.Tensor) -> torch.Tensor:
        """One time step ``[N, *]``, which reads the output of the last one."""
        check_floating_tensor(self, "the input", x)
        if not torch.compiler.is_compiling():
            check_single_step_children(self)
        y = self._first_y(x) if self.y is None else self.y
        check_state_fits(self, "the output", y, x, shape=(*x.shape[:1], *y.shape[1:]), same_dtype=False)
        self.y = self._step(x, y)
        return self.y


class ElementWiseRecurrentContainer(_RecurrentContainer):
    r"""A module whose last output is joined with its input by a function.

    .. math::
        Y[t] = g(f(Y[t-1], X[t])), \qquad Y[-1] = 0

    ``[N, *]`` in step mode 's' and ``[T, N, *]`` in 'm'. The sub-module stays in step mode 's';
    ``functional.set_step_mode`` leaves it there.

    :param sub_module: :math:`g`; its output has the shape of its input
    :param element_wise_function: :math:`f(y, x)`, for example ``lambda y, x: y + x``
    :param step_mode: 's' or 'm'

    :raises TypeError: (also an AssertionError) for what can't be called
    :raises ValueError: (also an AssertionError) if the sub-module is in step mode 'm'
    :raises RuntimeError: if the input does not fit the state that an earlier input left
    """

    def __init__(
        self,
        sub_module: nn.Module,
        element_wise_function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
        step_mode: str = "s",
    ) -> None:
        check_callable(self, "sub_module", sub_module, such_as="a neuron")
        check_callable(self, "element_wise_function", element_wise_function, such_as="torch.add")
        super().__init__(step_mode)
        self.sub_module = sub_module
        self.element_wise_function = element_wise_function
        check_single_step_children(self)

    def _step(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.sub_module(self.element_wise_function(y, x))

    def extra_repr(self) -> str:
        return f"element-wise function={self.element_wise_function}, step_mode={self.step_mode}"


class LinearRecurrentContainer(_RecurrentContainer):
    r"""A module whose last output joins its input through a linear layer.

    .. math::
        Y[t] = g(W [X[t], Y[t-1]] + b), \qquad Y[-1] = 0

    ``[N, *, in_features]`` in step mode 's' and ``[T, N, *, in_features]`` in 'm'. The linear layer is the child
    ``rc``, from ``in_features + out_features`` to ``in_features``. The sub-module stays in step mode 's';
    ``functional.set_step_mode`` leaves it there.

    :param sub_module: :math:`g`, from ``in_features`` to ``out_features``
    :param in_features: features of the input
    :param out_features: features of the sub-module's output
    :param bias: whether the linear layer has the bias :math:`b`
    :param step_mode: 's' or 'm'

    :raises TypeError: (also an AssertionError) for what can't be called
    :raises ValueError: (also an AssertionError) if the sub-module is in step mode 'm', and at the first step if its
        output has not ``out_features`` features
    :raises RuntimeError: if the input does not fit the state that an earlier input left
    """

    def __init__(
        self, sub_module: nn.Module, in_features: int, out_features: int, bias: bool = True, step_mode: str = "s"
    ) -> None:
        check_callable(self, "sub_module", sub_module, such_as="a neuron")
        super().__init__(step_mode)
        self.sub_module_out_features = out_features
        self.rc = nn.Linear(in_features + out_features, in_features, bias)
        self.sub_module = sub_module
        check_single_step_children(self)

    def _first_y(self, x: torch.Tensor) -> torch.Tensor:
        return x.new_zeros(*x.shape[:-1], self.sub_module_out_features)

    def _step(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        output = self.sub_module(self.rc(torch.cat((x, y), dim=-1)))
        if output.shape[-1] != self.sub_module_out_features:
            raise ArgumentValueError(
                f"LinearRecurrentContainer: out_features is {self.sub_module_out_features}, but the sub-module gave an "
                f"output of shape {list(output.shape)}. Write out_features={output.shape[-1]}, or change the module."
            )
        return output

    def extra_repr(self) -> str:
        return f"step_mode={self.step_mode}"
