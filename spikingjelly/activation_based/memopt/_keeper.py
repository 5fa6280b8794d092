"""What autograd keeps of a forward pass: spikes as bits, small integers, and recipes in place of tensors."""

import functools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

from spikingjelly import packing
from spikingjelly._saved_tensors import hooks_are_known, hooks_in_force
from spikingjelly._torch_version import needs
from spikingjelly.activation_based.memopt import _recipes
from spikingjelly.activation_based.memopt._recipes import Form, Packed, Part, Recipe
from spikingjelly.fusion import dispatch

LEVELS = (0, 1, 2, 3)
AGAIN = {
    2: _recipes.NORMS,
    3: _recipes.NORMS | _recipes.PRODUCTS | _recipes.SCALINGS,
}


class Keeper(packing.Packer):
    """The packing of one forward pass at ``level``."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self.level = level
        self.recipes: dict[tuple[int, int], Recipe] = {}
        self.hook: Any = None  # what autograd calls while it keeps things here

    def pack(self, tensor: torch.Tensor) -> Any:
        recipe = self.recipe_of(tensor)
        if recipe is None:
            return self.compact(tensor)
        recipe.add_reader()
        return Part(recipe, tensor)

    def compact(self, tensor: torch.Tensor) -> Form:
        """``tensor`` in as few bytes as hold it to the last bit."""
        form: Form = super().pack(tensor)
        return form

    def recipe_of(self, tensor: torch.Tensor) -> Recipe | None:
        """How ``tensor``, or what it is a view of, was computed, if that is to be done again."""
        if not self.recipes or type(tensor) is not torch.Tensor or tensor.layout is not torch.strided:
            return None
        recipe = self.recipes.get((tensor.untyped_storage()._cdata, tensor._version))
        if recipe is None or tensor.dtype is not recipe.kind[2] or tensor.is_neg() or tensor.is_conj():
            return None
        return recipe

    def remember(self, function: Any, arguments: Any, keywords: dict[str, Any], output: Any) -> Recipe | None:
        """After a call of ``function``: its output need not be kept."""
        if (
            not self._is_innermost()
            or not _can_be_computed_again(output)
            or (function in _recipes.SCALINGS and not _recipes.is_scaling(function, arguments))
        ):
            return None
        if function is F.batch_norm:
            arguments, keywords = (), _recipes.without_statistics(arguments, keywords)
        tensors = [a for a in (*arguments, *keywords.values()) if isinstance(a, torch.Tensor)]
        kept = {id(tensor): self._argument(tensor) for tensor in tensors}
        if not _recipes.keeps_its_inputs(function, tensors) and any(map(_is_whole, kept.values())):
            return None
        recipe = Recipe(
            function,
            [kept.get(id(a), a) for a in arguments],
            {name: kept.get(id(a), a) for name, a in keywords.items()},
            output,
        )
        self.recipes[output.untyped_storage()._cdata, output._version] = recipe
        return recipe

    def _is_innermost(self) -> bool:
        """Inside a checkpoint, autograd does not keep the inputs of functions, and neither may a recipe."""
        hooks = hooks_in_force()
        return hooks is not None and hooks[0] is self.hook

    def _argument(self, tensor: torch.Tensor) -> Part | Packed:
        recipe = self.recipe_of(tensor)
        return Packed(self.compact(tensor)) if recipe is None else Part(recipe, tensor)


class _Watch(TorchFunctionMode):
    """Shows the keeper each call of a function whose output can be computed again."""

    def __init__(self, keeper: Keeper) -> None:
        super().__init__()
        self.keeper, self.again = keeper, AGAIN[keeper.level]

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        if func in self.again:
            self.keeper.remember(func, args, kwargs or {}, output)
        return output


@contextmanager
def keeping(keeper: Keeper, watched: bool = True) -> Iterator[None]:
    """Inside, what autograd saves goes through ``keeper``.

    :param watched: whether the keeper sees the calls of functions; without it, nothing is computed again
    :raises NotImplementedError: if it is to compute again and PyTorch doesn't tell it when it is the innermost
    """
    if keeper.level in AGAIN and not hooks_are_known():
        raise NotImplementedError(
            f"memopt: {needs(f'level {keeper.level}', '2.8')}, which doesn't tell whose hooks for saved tensors are "
            "the innermost. Use level=1."
        )
    with ExitStack() as stack:
        wish = stack.enter_context(dispatch.nothing_kept())
        # Where nothing is computed again, what has been packed can be looked at before the backward pass.
        pack = keeper.pack if keeper.level in AGAIN else dispatch.may_be_asked(functools.partial(keeper.pack))
        hooks = torch.autograd.graph.saved_tensors_hooks(pack, functools.partial(_unpack, wish))
        keeper.hook = hooks.pack_hook
        stack.enter_context(hooks)
        if watched and keeper.level in AGAIN:
            stack.enter_context(_Watch(keeper))
        try:
            yield
        finally:
            keeper.recipes.clear()
            keeper.hook = None


def _unpack(wish: object, form: Form) -> torch.Tensor:
    return form.unpack()


def _is_whole(argument: Part | Packed) -> bool:
    return isinstance(argument, Packed) and isinstance(argument.form, packing.Whole)


def _can_be_computed_again(output: Any) -> bool:
    """A new tensor that is part of the graph, large enough to be worth it, and alone in its memory."""
    return (
        type(output) is torch.Tensor
        and output.requires_grad
        and packing.large_enough(output)
        and output._base is None
        and output.storage_offset() == 0
        and output.untyped_storage().nbytes() == output.numel() * output.element_size()
    )
