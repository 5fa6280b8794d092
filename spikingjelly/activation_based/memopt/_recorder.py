"""One forward pass that writes down what autograd saves, where, and in how many bytes each level would keep it."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from spikingjelly import packing
from spikingjelly.activation_based import base
from spikingjelly.activation_based.memopt import _recipes
from spikingjelly.activation_based.memopt._keeper import LEVELS, Keeper, keeping
from spikingjelly.activation_based.memopt._network import change_loops
from spikingjelly.activation_based.memopt._recipes import Recipe
from spikingjelly.fusion import dispatch


@dataclass
class Row:
    """One part of a network: bytes that it keeps at each level, operations that each level does again."""

    bytes: list[int] = field(default_factory=lambda: [0] * len(LEVELS))
    again: list[int] = field(default_factory=lambda: [0] * len(LEVELS))

    def add(self, other: "Row") -> None:
        for level in LEVELS:
            self.bytes[level] += other.bytes[level]
            self.again[level] += other.again[level]


class _Storage:
    """A piece of memory, and how each level keeps it."""

    def __init__(self, tensor: torch.Tensor, owner: str) -> None:
        self.owner = owner
        self.nbytes = tensor.untyped_storage().nbytes()
        self.origin = StorageWeakRef(tensor.untyped_storage())
        self.is_whole = [False] * len(LEVELS)
        self.packed: list[dict[tuple[int | None, int], Any]] = [{} for _ in LEVELS]

    def bytes(self, level: int) -> int:
        whole = self.nbytes if self.is_whole[level] else 0
        return whole + sum(bits.nbytes for bits in self.packed[level].values())


@dataclass
class _Work:
    """What it takes to follow a recipe, and by whom and where."""

    recipe: Recipe
    owner: str
    part: int
    operations: int
    is_counted: bool = False


class Recorder(Keeper):
    """A keeper that is itself the context in which it keeps.

    :param parts: the modules that the levels are for; what others keep is the same at all levels
    """

    def __init__(self, net: nn.Module, parts: Sequence[nn.Module]) -> None:
        super().__init__(level=LEVELS[-1])
        self.names = {id(module): name for name, module in net.named_modules()}
        self.parameters = {parameter.untyped_storage()._cdata for parameter in net.parameters()}
        self.parts = {id(part) for part in parts}
        self.running: list[nn.Module] = []
        self.in_loop = False
        self.operations = 0
        self.storages: dict[int, _Storage] = {}
        self.work: dict[int, _Work] = {}
        self.again: dict[str, Row] = {}
        self.net = net
        self.stack = ExitStack()

    def __enter__(self) -> "Recorder":
        change_loops(self.net, self._see_loop)
        for hook in (
            register_module_forward_pre_hook(self._begin),
            register_module_forward_hook(self._end, always_call=True),
        ):
            self.stack.callback(hook.remove)
        self.stack.enter_context(keeping(self))
        return self

    def __exit__(self, *error: Any) -> None:
        self.stack.close()

    def rows(self) -> dict[str, Row]:
        """What was seen, by the names of the modules."""
        rows = {name: Row() for name in self.names.values()}
        for name, row in self.again.items():
            rows[name].add(row)
        for storage in self.storages.values():
            rows[storage.owner].add(Row([storage.bytes(level) for level in LEVELS]))
        return {name: row for name, row in rows.items() if any(row.bytes)}

    def pack(self, tensor: torch.Tensor) -> Any:
        if tensor.layout is torch.strided and tensor.untyped_storage()._cdata not in self.parameters:
            self._write_down(tensor, LEVELS[2:] if self.in_loop else ())
        return super().pack(tensor)

    def remember(self, function: Any, arguments: Any, keywords: dict[str, Any], output: Any) -> Recipe | None:
        tensors = [a for a in (*arguments, *keywords.values()) if isinstance(a, torch.Tensor)]
        operations = _recipes.floating_point_operations(function, tensors, output)
        self.operations += operations
        part = self._part()
        if part is None:
            return None
        recipe = super().remember(function, arguments, keywords, output)
        if recipe is not None:
            self.work[id(recipe)] = _Work(recipe, self._owner(), part, operations)
        return recipe

    def _write_down(self, tensor: torch.Tensor, not_at: Sequence[int]) -> None:
        key = tensor.untyped_storage()._cdata
        storage = self.storages.setdefault(key, _Storage(tensor, self._owner()))
        part, recipe, form = self._part(), self.recipe_of(tensor), self.compact(tensor)
        packed = packing.what_is_packed(tensor) if self._packs_what_it_saves() else None
        if recipe is not None and self.work[id(recipe)].part != part:
            recipe = None  # each part has its own keeper
        if recipe is not None:
            self._count_work(recipe)
        for level in LEVELS:
            if level in not_at:
                continue
            if level < 2 and recipe is not None and self._is_behind_normalisation(recipe, tensor):
                continue
            if packed is not None and (level == 0 or part is None):
                storage.packed[level][part, id(packed.values)] = packed.values
            elif level == 0 or part is None:
                storage.is_whole[level] = True
            elif recipe is not None and level >= _level_of(recipe):
                continue
            elif isinstance(form, packing.Packed):
                storage.packed[level][part, id(form.values)] = form.values
            else:
                storage.is_whole[level] = True

    def _packs_what_it_saves(self) -> bool:
        """Whether the layer that runs packs its inputs itself, where no level does."""
        return bool(self.running) and getattr(self.running[-1], "_packs_what_it_saves", False)

    def _is_behind_normalisation(self, recipe: Recipe, tensor: torch.Tensor) -> bool:
        """Whether a fused neuron needs not keep ``tensor``, its input, at any level."""
        fused = bool(self.running) and isinstance(self.running[-1], base.MemoryModule) and not self.in_loop
        return fused and recipe.function is F.batch_norm and dispatch.may_have_origin(tensor)

    def _count_work(self, recipe: Recipe) -> None:
        """Of ``recipe`` and all that it needs, once."""
        work = self.work[id(recipe)]
        if work.is_counted:
            return
        work.is_counted = True
        for level in LEVELS[_level_of(recipe) :]:
            self.again.setdefault(work.owner, Row()).again[level] += work.operations
        for part in recipe.inputs():
            self._count_work(part.recipe)

    def _see_loop(self, loop: Any, x_seq: torch.Tensor) -> torch.Tensor:
        """A neuron's loop over time, which keeps its input alone from level 2 on."""
        if self._part() is None:
            return loop(x_seq)
        self._write_down(x_seq, not_at=LEVELS[:2])
        self.in_loop = True
        try:
            return loop(x_seq)
        finally:
            self.in_loop = False

    def _begin(self, module: nn.Module, arguments: Any) -> None:
        self.running.append(module)

    def _end(self, module: nn.Module, arguments: Any, output: Any) -> None:
        self.running.pop()

    def _owner(self) -> str:
        """The innermost module of the network that runs."""
        return next((self.names[id(m)] for m in reversed(self.running) if id(m) in self.names), "")

    def _part(self) -> int | None:
        """Which of the parts runs."""
        return next((id(module) for module in self.running if id(module) in self.parts), None)


def _level_of(recipe: Recipe) -> int:
    return 2 if recipe.function in _recipes.NORMS else 3
