"""Every operation of a time step, below autograd, sorted by what it works on.

Each result is of one of four kinds: a number; a *uniform*, which depends on parameters only and so does not change over
time; an *element*, one value for each neuron and time step; or a *sum* of elements over neurons, on its way to the
gradient of a parameter.
"""

import functools
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from spikingjelly.fusion import eager
from spikingjelly.fusion.body import Body
from spikingjelly.fusion.operations import RULES
from spikingjelly.fusion.program import EagerInstruction, Operand
from spikingjelly.fusion.step import Unfusable

_RESHAPING = {"view", "unsafe_view", "reshape", "expand", "squeeze", "unsqueeze", "permute", "transpose", "t"}
# Linear in their first argument: the sum over time may be taken before them.
_LINEAR = _RESHAPING | {
    "sum", "add", "sub", "neg", "mul", "div", "clone", "alias", "detach", "to_copy", "sigmoid_backward",
    "tanh_backward", "threshold_backward", "softplus_backward", "silu_backward", "elu_backward", "leaky_relu_backward",
    "hardtanh_backward", "where", "masked_fill", "contiguous", "rsub",
}  # fmt: skip
_CONSTANTS = {
    "zeros": 0.0, "zeros_like": 0.0, "new_zeros": 0.0, "efficientzerotensor": 0.0, "ones": 1.0, "ones_like": 1.0,
    "new_ones": 1.0,
}  # fmt: skip
# Of truth values alone they give truth values; of PyTorch's other functions none does.
_KEEP_DTYPE = {"masked_fill", "fill", "copy", "zero"}
_TAKE_TRUTH_VALUES = _KEEP_DTYPE | {"add", "mul", "maximum", "minimum", "empty_like"}
_ALIASES = {"alias", "detach", "lift_fresh"}
# Code that no message points to.
INTERNAL = (str(Path(__file__).parent), str(Path(torch.__file__).parent))


@dataclass(frozen=True)
class Number:
    value: float | bool
    name: str  # of the eager value, for the case that a tensor is needed


@dataclass(frozen=True)
class Uniform:
    name: str


@dataclass(frozen=True)
class Element:
    operand: Operand


@dataclass(frozen=True)
class Sum:
    name: str


Kind = Number | Uniform | Element | Sum


class Recorder(TorchDispatchMode):
    """Sorts every operation into the instructions for one neuron and those for whole tensors."""

    def __init__(self, shape: torch.Size, dtype: torch.dtype, body: Body) -> None:
        super().__init__()
        self.shape, self.dtype = shape, dtype
        self.body = body
        self.eager: list[EagerInstruction] = []
        self.uniforms: list[str] = []
        self.sums: list[Operand] = []
        self.in_backward = False
        self._kinds: dict[tuple, Kind] = {}
        self._alive: list[torch.Tensor] = []

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # True, the default, imports the whole compiler, which takes a second

    def name(self, tensor: torch.Tensor, kind: Kind) -> None:
        self._alive.append(tensor)  # addresses are not used again while the trace goes on
        self._kinds[_identity(tensor)] = kind

    def element(self, tensor: Any) -> Operand:
        """The operand of a result that must have one value for each neuron."""
        if not isinstance(tensor, torch.Tensor):
            raise Unfusable(f"a time step gives {type(tensor).__name__} where a tensor is expected")
        kind = self._kind_of(tensor)
        if isinstance(kind, Element) and tensor.shape == self.shape and tensor.dtype == self.dtype:
            return kind.operand
        if isinstance(kind, Number | Uniform) and tensor.shape == self.shape and tensor.dtype == self.dtype:
            return self._operand(kind)
        raise Unfusable(
            f"an output or a state after a time step has shape {list(tensor.shape)} and {tensor.dtype}, "
            f"expected {list(self.shape)} and {self.dtype}"
        )

    def parameter_gradient(self, tensor: torch.Tensor) -> str:
        kind = self._kind_of(tensor)
        if isinstance(kind, Element):
            return self._summed(kind.operand)
        return kind.name

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__.removeprefix("_")
        if torch.Tag.nondeterministic_seeded in func.tags:
            raise Unfusable(f"{self._place()}{name} draws random numbers")
        result = self._elementwise(func, name, args, kwargs)
        if result is not None:
            return result
        result = _without_compiler(func, args, kwargs)
        if isinstance(result, torch.Tensor):
            self.name(result, self._classified(func, name, args, kwargs, result))
        elif any(isinstance(argument, torch.Tensor) for argument in args):
            raise self._refused(name)
        return result

    def _classified(self, func: Any, name: str, args: tuple, kwargs: dict, result: torch.Tensor) -> Kind:
        if name == "lift_fresh" and _identity(args[0]) not in self._kinds:
            return self._literal(args[0])
        kinds = [self._kind_of(a) for a in (*args, *kwargs.values()) if isinstance(a, torch.Tensor)]
        if self.in_backward and name.endswith("_") and not self._is_given(args[0]):
            # PyTorch's own formulas only change what they have made; it is made anew in each call.
            func, name = _not_in_place(func), name[:-1]
        if name in _CONSTANTS:
            return self._number(_CONSTANTS[name], result)
        if name in ("full", "full_like", "new_full", "scalar_tensor"):
            value = args[0] if name == "scalar_tensor" else args[-1]
            return self._number(value, result)
        if any(isinstance(kind, Sum) for kind in kinds):
            return self._of_sums(func, name, args, kwargs, kinds)
        if any(isinstance(kind, Element) for kind in kinds):
            return self._of_elements(func, name, args, kwargs, result)
        if not kinds:
            raise self._refused(name)
        if name.endswith("_") or name == "copy":
            raise self._changed(name)
        return Uniform(self._eager(func, args, kwargs))

    def _elementwise(self, func: Any, name: str, args: tuple, kwargs: dict) -> torch.Tensor | None:
        """The result of an operation of the list, if an element is among its arguments.

        PyTorch's own functions for tensors without data import its compiler, which takes a second.
        """
        in_place = name.endswith("_") and name[:-1] in RULES
        base = name[:-1] if in_place else name
        tensors = [a for a in (*args, *kwargs.values()) if isinstance(a, torch.Tensor)]
        if base not in RULES:
            return None
        kinds = [self._kind_of(tensor) for tensor in tensors]
        if not any(isinstance(kind, Element) for kind in kinds) or any(isinstance(kind, Sum) for kind in kinds):
            return None
        operands = [self._operand(self._kind_of(a)) if isinstance(a, torch.Tensor) else a for a in args]
        options = {k: v for k, v in kwargs.items() if v is not None and k not in ("memory_format", "pin_memory")}
        if in_place and isinstance(kinds[0], Uniform):
            raise self._changed(name)
        operand = RULES[base](self.body, *operands, **options)
        keeps = in_place or base in _KEEP_DTYPE
        dtype = self._checked_dtype(operand, [] if keeps else [*args, *options.values()], tensors, name)
        if keeps:
            dtype = args[0].dtype
        if dtype == torch.bool and not self.body.is_bool(operand):
            if base not in _TAKE_TRUTH_VALUES:
                raise Unfusable(f"{self._place()}{name} takes truth values for numbers; convert them with .to(x)")
            operand = self.body.emit("ne", operand, 0.0)
        result = args[0] if in_place else torch.empty(self.shape, dtype=dtype, device="meta")
        self.name(result, Element(operand))
        return result

    def _checked_dtype(
        self, operand: Operand, arguments: list[Any], tensors: list[torch.Tensor], name: str
    ) -> torch.dtype:
        """The dtype of a result; what PyTorch would compute in another dtype or shape than the step's is refused."""
        shape = max((tensor.shape for tensor in tensors), key=lambda s: (len(s), s.numel()))
        dtype = functools.reduce(torch.promote_types, map(_dtype, tensors))
        is_bool = self.body.is_bool(operand)
        if dtype == torch.bool and not is_bool:
            dtype = _with_numbers(arguments)
        fits = all(_broadcasts_to(tensor.shape, self.shape) for tensor in tensors)
        if shape != self.shape or not fits or dtype not in (self.dtype, torch.bool):
            raise Unfusable(
                f"{self._place()}{name} works on {list(shape)} and {dtype}, "
                f"expected {list(self.shape)} and {self.dtype}"
            )
        return torch.bool if is_bool else dtype

    def _of_elements(self, func: Any, name: str, args: tuple, kwargs: dict, result: torch.Tensor) -> Kind:
        first = self._kind_of(args[0])
        if name in _ALIASES:
            return first
        if name == "to_copy":
            return self._converted(args[0], result)
        if name in ("sum", *_RESHAPING) and isinstance(first, Element):
            same = result.shape == self.shape and args[0].shape == self.shape
            if same and name not in ("sum", "permute", "transpose", "t"):
                return first
            if not same and self.in_backward:
                return Sum(self._eager(func, args, kwargs, first=["value", self._summed(first.operand)]))
        raise self._refused(name)

    def _is_given(self, tensor: torch.Tensor) -> bool:
        """Whether it is an argument of the step or shares its memory with one."""
        storage = _identity(tensor)[0]
        given = (k.name if isinstance(k, Uniform) else "e" for i, k in self._kinds.items() if i[0] == storage)
        return isinstance(self._kind_of(tensor), Element) or any(name[0] == "p" for name in given)

    def _converted(self, source: torch.Tensor, result: torch.Tensor) -> Kind:
        operand = self._operand(self._kind_of(source))
        if result.dtype == self.dtype:
            return Element(self.body.emit("real", operand) if self.body.is_bool(operand) else operand)
        if result.dtype == torch.bool:
            return Element(operand if self.body.is_bool(operand) else self.body.emit("ne", operand, 0.0))
        raise Unfusable(f"{self._place()}converts to {result.dtype}; the step computes in {self.dtype}")

    def _of_sums(self, func: Any, name: str, args: tuple, kwargs: dict, kinds: list[Kind]) -> Kind:
        if not self.in_backward or name not in _LINEAR or any(isinstance(kind, Element) for kind in kinds):
            raise self._refused(name)
        return Sum(self._eager(func, args, kwargs))

    def _operand(self, kind: Kind) -> Operand:
        if isinstance(kind, Element):
            return kind.operand
        if isinstance(kind, Number):
            return kind.value
        if kind.name not in self.uniforms:
            self.uniforms.append(kind.name)
        return f"u{self.uniforms.index(kind.name)}"

    def _summed(self, operand: Operand) -> str:
        if operand not in self.sums:
            self.sums.append(operand)
        return f"a{self.sums.index(operand)}"

    def _eager(self, func: Any, args: tuple, kwargs: dict, first: Any = None) -> str:
        def encoded(value: Any) -> Any:
            if isinstance(value, torch.Tensor):
                kind = self._kind_of(value)
                assert not isinstance(kind, Element)
                return ["value", kind.name]
            return eager.encode(value)

        arguments = [encoded(a) if first is None or i else first for i, a in enumerate(args)]
        keep = {k: encoded(v) for k, v in kwargs.items() if k not in ("layout", "pin_memory", "memory_format")}
        name = f"e{len(self.eager)}"
        target = f"{func.overloadpacket.__name__}.{func._overloadname}"
        self.eager.append(EagerInstruction(name, target, tuple(arguments), tuple(keep.items())))
        return name

    def _literal(self, tensor: torch.Tensor) -> Kind:
        """``torch.tensor(0.5)`` inside a method."""
        if tensor.numel() != 1 or tensor.device.type == "meta":
            raise Unfusable(f"{self._place()}makes a tensor from data; write a number, or keep it as a buffer")
        return self._number(tensor.item(), tensor)

    def _number(self, value: Any, like: torch.Tensor) -> Kind:
        if not isinstance(value, bool | int | float):
            raise Unfusable(f"{self._place()}a tensor is filled with a value of another tensor")
        name = f"e{len(self.eager)}"
        arguments = (eager.encode(list(like.shape)), value)
        self.eager.append(EagerInstruction(name, "full.default", arguments, (("dtype", eager.encode(like.dtype)),)))
        return Number(value if isinstance(value, bool) else float(value), name)

    def _kind_of(self, tensor: torch.Tensor) -> Kind:
        kind = self._kinds.get(_identity(tensor))
        if kind is None:
            raise Unfusable(
                f"{self._place()}reads a tensor {list(tensor.shape)} that is no parameter, buffer or attribute of it"
            )
        return kind

    def _changed(self, name: str) -> Unfusable:
        return Unfusable(f"{self._place()}{name} changes a parameter or a constant in place")

    def _refused(self, name: str) -> Unfusable:
        place = self._place()
        if name in ("is_nonzero", "local_scalar_dense", "item"):
            return Unfusable(f"{place}a branch or a Python number depends on the values of a tensor")
        return Unfusable(
            f"{place}{name} is not in the list of operations that treat each neuron by itself"
            f"{' (in the backward pass)' if self.in_backward else ''}"
        )

    def _place(self) -> str:
        """File and line of the method that is being run, for messages."""
        if self.in_backward:
            return ""
        frame = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename.startswith(INTERNAL):
            frame = frame.f_back  # type: ignore[assignment]
        return f"{frame.f_code.co_filename}:{frame.f_lineno}: " if frame is not None else ""


def _identity(tensor: torch.Tensor) -> tuple:
    """Equal for tensors that show the same values: views of autograd are other objects on the same storage."""
    storage = tensor.untyped_storage()._cdata
    return storage, tensor.storage_offset(), tuple(tensor.shape), tensor.stride(), tensor.dtype


def _without_compiler(func: Any, args: tuple, kwargs: dict) -> Any:
    """``func(*args, **kwargs)`` without values.

    PyTorch's functions for tensors without data are partly written in Python and import its compiler, which takes a
    second. So an operation on parameters gets its shape and dtype from zeros on the CPU. Views must stay views.
    """
    tensors = [a for a in args if isinstance(a, torch.Tensor)]
    on_cpu = all(t.device.type == "cpu" for t in tensors)
    makes_new = not any(r.alias_info for r in func._schema.returns)
    if on_cpu or not makes_new or any(isinstance(v, torch.device) for v in kwargs.values()):
        return func(*args, **kwargs)
    zeros = [torch.zeros(a.shape, dtype=a.dtype) if isinstance(a, torch.Tensor) else a for a in args]
    result = func(*zeros, **kwargs)
    return torch.empty_like(result, device="meta") if isinstance(result, torch.Tensor) else result


def _broadcasts_to(shape: torch.Size, target: torch.Size) -> bool:
    pairs = zip(reversed(shape), reversed(target), strict=False)
    return len(shape) <= len(target) and all(a in (1, b) for a, b in pairs)


def _dtype(tensor: torch.Tensor) -> torch.dtype:
    """What a tensor adds to the dtype of a result: one without dimensions adds nothing to a float."""
    return torch.bool if tensor.dim() == 0 else tensor.dtype


def _with_numbers(arguments: list[Any]) -> torch.dtype:
    """The dtype that PyTorch gives to a result of truth values and ``arguments``, which may be numbers."""
    values = [a for a in arguments if isinstance(a, torch.Tensor) or type(a) in (int, float)]
    numbers = [a for a in values if not isinstance(a, torch.Tensor) or a.dim() == 0]
    dtypes = [
        a.dtype if isinstance(a, torch.Tensor) else (torch.get_default_dtype() if isinstance(a, float) else torch.int64)
        for a in numbers
    ]
    return functools.reduce(torch.promote_types, dtypes, torch.bool)


def _not_in_place(func: Any) -> Any:
    packet = func.overloadpacket.__name__
    return getattr(getattr(torch.ops.aten, packet.removesuffix("_")), func._overloadname)
