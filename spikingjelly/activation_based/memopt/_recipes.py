"""Tensors that are computed again when the backward pass asks for them."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch.multiprocessing.reductions import StorageWeakRef

from spikingjelly import products

Function = Callable[..., Any]

# Functions of their arguments alone that keep their input for their own backward pass, so that their output can be
# computed again from what is kept anyway.
NORMS: frozenset[Function] = frozenset({F.batch_norm, F.layer_norm, F.group_norm})
PRODUCTS: frozenset[Function] = frozenset(
    {
        F.linear, F.conv1d, F.conv2d, F.conv3d, F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d,
        products.product,
        torch.matmul, torch.bmm, torch.Tensor.matmul, torch.Tensor.__matmul__, torch.Tensor.bmm,
    }
)  # fmt: skip
# They keep nothing where one factor is a number.
SCALINGS: frozenset[Function] = frozenset({torch.mul, torch.Tensor.mul, torch.Tensor.__mul__, torch.Tensor.__rmul__})
_BATCH_NORM = ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")


class Form(Protocol):
    """What is kept in place of a tensor."""

    def unpack(self) -> torch.Tensor: ...


class Recipe:
    """How one tensor was computed. Its value is computed once for all that kept the tensor, each of which asks once."""

    __slots__ = ("_value", "arguments", "autocast", "function", "keywords", "kind", "origin", "readers", "served")

    def __init__(
        self, function: Function, arguments: Sequence[Any], keywords: dict[str, Any], output: torch.Tensor
    ) -> None:
        self.function, self.arguments, self.keywords = function, arguments, keywords
        self.kind = _kind(output)
        self.origin = StorageWeakRef(output.untyped_storage())  # keeps the address: no other storage is taken for it
        device = output.device.type
        self.autocast = (device, torch.get_autocast_dtype(device), torch.is_autocast_enabled(device))
        self.readers = self.served = 0
        self._value: torch.Tensor | None = None

    def inputs(self) -> list["Part"]:
        """The arguments that are computed again themselves."""
        return [part for part in (*self.arguments, *self.keywords.values()) if isinstance(part, Part)]

    def add_reader(self) -> None:
        if not self.readers:
            for part in self.inputs():
                part.recipe.add_reader()
        self.readers += 1

    def value(self) -> torch.Tensor:
        value = self._compute() if self._value is None else self._value
        self.served += 1
        if self.served < self.readers:
            self._value = value
        else:
            self.served, self._value = 0, None
        return value

    def _compute(self) -> torch.Tensor:
        device, dtype, enabled = self.autocast
        with torch.no_grad(), torch.autocast(device, dtype=dtype, enabled=enabled, cache_enabled=False):
            output = self.function(
                *[_taken_out(argument) for argument in self.arguments],
                **{name: _taken_out(argument) for name, argument in self.keywords.items()},
            )
        if _kind(output) != self.kind:
            raise RuntimeError(
                f"optimize_memory: {self.function.__name__} gave {_text(self.kind)} in the forward pass and "
                f"{_text(_kind(output))} when it was computed again for the backward pass. Something that it depends "
                "on has changed in between; use level=1, which computes nothing again."
            )
        return output


class Part:
    """A tensor that lies in the memory of the output of a recipe."""

    __slots__ = ("offset", "recipe", "shape", "stride")

    def __init__(self, recipe: Recipe, tensor: torch.Tensor) -> None:
        self.recipe = recipe
        self.shape, self.stride, self.offset = tensor.shape, tensor.stride(), tensor.storage_offset()

    def unpack(self) -> torch.Tensor:
        return self.recipe.value().as_strided(self.shape, self.stride, self.offset)


class Packed:
    """An argument of a recipe."""

    __slots__ = ("form",)

    def __init__(self, form: Form) -> None:
        self.form = form


def keeps_its_inputs(function: Function, tensors: Sequence[torch.Tensor]) -> bool:
    """Whether autograd keeps what ``function`` was given, so that keeping it for a recipe costs nothing."""
    if function in NORMS:
        return True
    if function in PRODUCTS and len(tensors) > 1:
        return tensors[1].requires_grad and (tensors[0].requires_grad or _is_parameter(tensors[1]))
    return False


def _is_parameter(tensor: torch.Tensor) -> bool:
    """Whether it stays in memory anyway."""
    return tensor.is_leaf or (tensor._base is not None and tensor._base.is_leaf)


def without_statistics(arguments: Sequence[Any], keywords: dict[str, Any]) -> dict[str, Any]:
    """The arguments of ``batch_norm``; in training, its output does not depend on the running statistics."""
    named = {**dict(zip(_BATCH_NORM, arguments, strict=False)), **keywords}
    if named.get("training", False):
        named.update(running_mean=None, running_var=None)
    return named


def is_scaling(function: Function, arguments: Sequence[Any]) -> bool:
    return function in SCALINGS and len(arguments) == 2 and any(type(a) in (int, float) for a in arguments)


def floating_point_operations(function: Function, tensors: Sequence[torch.Tensor], output: torch.Tensor) -> int:
    """How many a call takes, about: two for each product, eight for each normalised element.

    Scaling is not counted.
    """
    if function not in PRODUCTS:
        return 8 * output.numel() if function in NORMS else 0
    if function in (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d):
        return 2 * tensors[0].numel() * tensors[1][0].numel()
    if "conv" in function.__name__ or function in (F.linear, products.product):
        return 2 * output.numel() * tensors[1][0].numel()
    return 2 * output.numel() * tensors[0].shape[-1]


def _taken_out(argument: Any) -> Any:
    if isinstance(argument, Packed):
        return argument.form.unpack()
    return argument.unpack() if isinstance(argument, Part) else argument


def _kind(tensor: torch.Tensor) -> tuple[Any, ...]:
    return tuple(tensor.shape), tensor.stride(), tensor.dtype


def _text(kind: tuple[Any, ...]) -> str:
    return f"a tensor of shape {list(kind[0])}, strides {list(kind[1])} and {kind[2]}"
