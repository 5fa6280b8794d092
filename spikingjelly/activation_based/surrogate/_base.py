"""What all surrogate functions share: Heaviside forward, a slope of one's own choice backward."""

import functools
import inspect
import math
import numbers
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from spikingjelly._transforms import is_transformed
from spikingjelly.activation_based._checks import ArgumentTypeError, ArgumentValueError, check_switch, describe

SlopeFunction = Callable[..., torch.Tensor]


def heaviside(x: torch.Tensor) -> torch.Tensor:
    r"""The spike: :math:`\Theta(x) = 1` where :math:`x \geq 0`, else 0, in the dtype of ``x``, without a gradient."""
    return torch.heaviside(x.detach(), x.new_ones(()))


def _or_with_named_parameters(init: Callable[..., None]) -> Callable[..., None]:
    """An ``__init__`` for ``alpha`` that takes ``spiking`` and parameters of any names as well."""

    @functools.wraps(init)
    def either(self: Any, *args: Any, **kwargs: Any) -> None:
        spiking_comes_first = bool(args) and isinstance(args[0], bool)
        if not spiking_comes_first and (args or "alpha" in kwargs) and kwargs.keys() <= {"alpha", "spiking"}:
            return init(self, *args, **kwargs)
        spiking = args[0] if args else kwargs.pop("spiking", True)
        if len(args) > 1 or not isinstance(spiking, bool):
            raise TypeError(
                f"{type(self).__name__}: expected (alpha, spiking=True), or (spiking, name=value, ...), but "
                f"{args} and {kwargs} were given."
            )
        MultiArgsSurrogateFunctionBase.__init__(self, spiking, **kwargs)  # type: ignore[arg-type]
        self._parameter_names = tuple(kwargs)
        return None

    return either


class SurrogateFunctionBase(nn.Module):
    r"""A spike with a surrogate gradient.

    With ``spiking=True`` the output is :func:`heaviside` and the gradient is :meth:`backward`; with ``spiking=False``
    the output is the smooth :meth:`primitive_function` itself.

    A subclass writes :meth:`primitive_function`, a function of ``x`` and the parameters named in
    ``_parameter_names``. The surrogate gradient is derived from it by autograd, or written out in :meth:`backward`
    where that is faster or where it is not the primitive's derivative::

        class Triangle(SurrogateFunctionBase):
            @staticmethod
            def primitive_function(x, alpha):
                c = x.clamp(-1 / alpha, 1 / alpha)
                return alpha * c - alpha**2 / 2 * c * c.abs() + 0.5

    :param alpha: sharpness of the surrogate
    :param spiking: True for spikes, False for the primitive function

    A subclass may also pass ``spiking`` first and its parameters by keyword, of whatever names, as in the 2.0
    releases: ``super().__init__(spiking, alpha=alpha, beta=beta)``.

    It has its slope under the transforms of ``torch.func`` (``grad``, ``vmap``, ``jacrev``, ``jvp``, ...) as well, and
    in forward mode. ``torch.compile`` breaks its graph at a surrogate inside such a transform.

    :raises TypeError: (also an AssertionError) for a parameter that is neither a number nor a tensor
    :raises ValueError: (also an AssertionError) for a parameter that is nan or turns the slope round

    Source: Neftci, Mostafa, Zenke, "Surrogate Gradient Learning in Spiking Neural Networks", 2019.
    """

    _parameter_names: tuple[str, ...] = ("alpha",)
    _above: tuple[tuple[str, float], ...] = ()  # parameters that are numbers, and what they must be greater than
    _function: type[torch.autograd.Function]

    @_or_with_named_parameters
    def __init__(self, alpha: Any, spiking: bool = True) -> None:
        super().__init__()
        self._check_parameters(alpha=alpha)
        check_switch(self, "spiking", spiking)
        self.alpha = alpha
        self.spiking = spiking

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "primitive_function" in vars(cls) and "backward" not in vars(cls):
            setattr(cls, "backward", staticmethod(_derivative_of(cls.primitive_function)))  # noqa: B010
        if "spiking_function" not in vars(cls) and {"primitive_function", "backward"} & vars(cls).keys():
            cls._function = _heaviside_with_slope(cls)
            setattr(cls, "spiking_function", staticmethod(_by_name_too(cls)))  # noqa: B010

    def _check_parameters(self, **parameters: Any) -> None:
        for name, bound in self._above:
            value = parameters.get(name)
            if name not in parameters or isinstance(value, torch.Tensor):
                continue
            if not isinstance(value, numbers.Real) or isinstance(value, bool):
                raise ArgumentTypeError(
                    f"{type(self).__name__}: {name} must be a number, or a tensor of one, but {describe(value)} was "
                    "given."
                )
            if not float(value) > bound:
                limit = "a number" if bound == -math.inf else f"greater than {bound:g}"
                raise ArgumentValueError(
                    f"{type(self).__name__}: {name} must be {limit}, but {value} was given: the slope would point the "
                    "wrong way, or be no number."
                )

    def set_spiking_mode(self, spiking: bool) -> None:
        """Switch between spikes (True) and the primitive function (False)."""
        self.spiking = spiking

    @staticmethod
    def spiking_function(x: torch.Tensor, *parameters: Any) -> torch.Tensor:
        """Heaviside forward, :meth:`backward` backward."""
        raise NotImplementedError("this surrogate defines neither primitive_function nor backward")

    @staticmethod
    def primitive_function(x: torch.Tensor, *parameters: Any) -> torch.Tensor:
        """The smooth function whose derivative is the surrogate gradient."""
        raise NotImplementedError("this surrogate has no primitive function; use it with spiking=True")

    @staticmethod
    def backward(grad_output: torch.Tensor, x: torch.Tensor, *parameters: Any) -> torch.Tensor:
        """``grad_output`` times the surrogate gradient at ``x``."""
        raise NotImplementedError("this surrogate has no backward")

    def cuda_code(self, x: str, y: str, dtype: str = "fp32") -> str:
        """What published code names to choose the CUDA code of the surrogate gradient; it is derived, not written.

        :raises NotImplementedError: always; the functions of ``neuron_kernel`` take this method for the surrogate
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no CUDA code: kernels are derived from the surrogate's methods in PyTorch. "
            "node.fused_source() shows the kernel of a node."
        )

    def cuda_codes(self, y: str, x: str, dtype: str) -> str:
        """As :meth:`cuda_code`."""
        return self.cuda_code(x, y, dtype)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        function = self.spiking_function if self.spiking else self.primitive_function
        return function(x, *[getattr(self, name) for name in self._parameter_names])

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        # In 0.0.0.0.3 and 0.0.0.0.4 alpha was a buffer, which a state dict of theirs sets.
        if "alpha" in vars(self) and f"{prefix}alpha" in state_dict:
            self.alpha = state_dict.pop(f"{prefix}alpha").item()
        super()._load_from_state_dict(state_dict, prefix, *args)

    def extra_repr(self) -> str:
        values = [f"{name}={getattr(self, name)}" for name in self._parameter_names]
        return ", ".join([*values, f"spiking={self.spiking}"])


class MultiArgsSurrogateFunctionBase(SurrogateFunctionBase):
    """A surrogate with several parameters, given by keyword or set as attributes by the subclass.

    :param spiking: True for spikes, False for the primitive function
    """

    _parameter_names: tuple[str, ...] = ()

    def __init__(self, spiking: bool, *args: Any, **kwargs: Any) -> None:
        nn.Module.__init__(self)
        self._check_parameters(**kwargs)
        check_switch(self, "spiking", spiking)
        self.spiking = spiking
        for name, value in kwargs.items():
            setattr(self, name, value)
        if kwargs and not self._parameter_names:
            self._parameter_names = tuple(kwargs)


def _derivative_of(primitive: Callable[..., torch.Tensor]) -> SlopeFunction:
    """``backward`` of a primitive function, derived by autograd."""

    def backward(grad_output: torch.Tensor, x: torch.Tensor, *parameters: Any) -> torch.Tensor:
        twice = torch.is_grad_enabled()
        point = x if twice and x.requires_grad else x.detach().requires_grad_()
        with torch.enable_grad():
            y = primitive(point, *parameters)
        return torch.autograd.grad(y, point, grad_output, create_graph=twice)[0]

    return backward


def _heaviside_with_slope(surrogate: type[SurrogateFunctionBase]) -> type[torch.autograd.Function]:
    """The autograd function of a surrogate: one class for all of them."""

    class Heaviside(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor, *parameters: Any) -> torch.Tensor:
            ctx.save_for_backward(x)
            ctx.parameters = parameters
            return heaviside(x)

        @staticmethod
        def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
            (x,) = ctx.saved_tensors
            grad_x = surrogate.backward(grad_output, x, *ctx.parameters)
            return grad_x, *[None] * len(ctx.parameters)

    Heaviside.__name__ = Heaviside.__qualname__ = f"{surrogate.__name__}Heaviside"
    Heaviside.__doc__ = (
        f"The autograd function of :class:`{surrogate.__name__}`: ``apply(x, *parameters)`` is :func:`heaviside` of "
        f"``x``, with the slope of ``{surrogate.__name__}`` backward. Any shape; the parameters are those of the class "
        "in their order, without ``spiking``, and get no gradient."
    )
    return Heaviside


def _transformable(
    function: type[torch.autograd.Function], output_of: Callable[..., torch.Tensor]
) -> type[torch.autograd.Function]:
    """The same function in the form that the transforms of `torch.func` and the forward mode take.

    It is a class of its own because PyTorch takes three times as long to apply one with a ``setup_context``, and its
    compiler refuses one with a ``jvp``.

    :param output_of: what it puts out for ``x`` and the parameters, which ``function`` keeps as ``ctx.parameters``
    """

    class Transformable(function):  # type: ignore[valid-type, misc]
        generate_vmap_rule = True

        @staticmethod
        def forward(x: torch.Tensor, *parameters: Any) -> torch.Tensor:
            return output_of(x, *parameters)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
            x, *ctx.parameters = inputs
            ctx.save_for_backward(x)
            ctx.save_for_forward(x)

        @staticmethod
        def jvp(ctx: Any, tangent: torch.Tensor, *_: None) -> torch.Tensor:
            grad_x: torch.Tensor = function.backward(ctx, tangent)[0]
            return grad_x

    return Transformable


def applied(
    function: type[torch.autograd.Function], output_of: Callable[..., torch.Tensor]
) -> Callable[..., torch.Tensor]:
    """``function.apply``, also inside the transforms of `torch.func` and in forward mode: :func:`_transformable`."""
    apply, apply_transformed = function.apply, _transformable(function, output_of).apply

    def apply_anywhere(x: torch.Tensor, *parameters: Any) -> torch.Tensor:
        if is_transformed():
            if torch.compiler.is_compiling():
                torch._dynamo.graph_break()  # the compiler would take the slope for that of the step, which is 0
            return apply_transformed(x, *parameters)
        return apply(x, *parameters)

    return apply_anywhere


def _by_name_too(surrogate: type[SurrogateFunctionBase]) -> Callable[..., torch.Tensor]:
    """The autograd function of a surrogate whose parameters may also be given by name, which ``apply`` refuses."""
    apply = applied(surrogate._function, lambda x, *parameters: heaviside(x))
    names = list(inspect.signature(surrogate.primitive_function).parameters)[1:]

    def spiking_function(x: torch.Tensor, *parameters: Any, **named: Any) -> torch.Tensor:
        if named:
            parameters = (*parameters, *(named.pop(name) for name in names[len(parameters) :]))
            if named:
                raise TypeError(
                    f"{surrogate.__name__}.spiking_function has no parameter {', '.join(map(repr, named))}, but "
                    f"{', '.join(names)}."
                )
        return apply(x, *parameters)

    return spiking_function


def gradients_of(surrogate: type[SurrogateFunctionBase]) -> Callable[..., tuple[torch.Tensor | None, ...]]:
    """What the ``backward`` of an autograd function returns: the gradient of ``x``, and None for each parameter."""

    def gradients(grad_output: torch.Tensor, x: torch.Tensor, *parameters: Any) -> tuple[torch.Tensor | None, ...]:
        return surrogate.backward(grad_output, x, *parameters), *[None] * len(parameters)

    gradients.__doc__ = (
        f"The gradient of ``x``, ``grad_output`` times the slope of :class:`{surrogate.__name__}` at ``x``, and None "
        "for each parameter: what the ``backward`` of an autograd function returns. Any shape."
    )
    return gradients
