"""Networks that keep less of a forward pass: the same objects, whose class has one more base in front."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based.memopt import _checkpoint
from spikingjelly.activation_based.memopt._keeper import Keeper, keeping
from spikingjelly.activation_based.neuron import BaseNode

_LEVEL, _SEE = "_memory_level", "_see_loop"
_with_base: dict[tuple[type, type], type] = {}
_own_class: dict[type, type] = {}


class _Changed(nn.Module):
    """What all bases in front have alike: the changed class is made again where a module is copied or unpickled."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        bases, own = [], type(self)
        while own in _own_class:
            bases.append(own.__bases__[0])
            own = _own_class[own]
        state = self.__getstate__() if hasattr(self, "__getstate__") else self.__dict__
        return _new, (own, *reversed(bases)), state


class Economical(_Changed):
    """In front of a network: a forward pass with a gradient runs inside a keeper."""

    _memory_level: int

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        if not torch.is_grad_enabled():
            return super().forward(*args, **kwargs)
        with keeping(Keeper(self._memory_level), watched=not _compiler_is_on()):
            return super().forward(*args, **kwargs)


class LoopTwice(_Changed):
    """In front of a neuron: the loop over time, where no kernel runs in its place, is computed again."""

    def _eager_loop(self, x_seq: torch.Tensor) -> torch.Tensor:
        loop = super()._eager_loop  # type: ignore[misc]
        members = list(self.modules())
        runs_once = not torch.is_grad_enabled() or torch.compiler.is_compiling()
        if runs_once or any(_checkpoint.has_hooks(member) for member in members[1:]):
            return loop(x_seq)
        return _checkpoint.run_again(members, loop, x_seq)


class LoopSeen(_Changed):
    """In front of a neuron while a forward pass is recorded."""

    def _eager_loop(self, x_seq: torch.Tensor) -> torch.Tensor:
        return self.__dict__[_SEE](super()._eager_loop, x_seq)  # type: ignore[misc]


def change_loops(net: nn.Module, see: Callable[..., torch.Tensor]) -> None:
    """Let loops of neurons run as ``see(loop, x_seq)``."""
    for module in net.modules():
        if isinstance(module, BaseNode):
            _change(module, LoopSeen)
            module.__dict__[_SEE] = see


def _compiler_is_on() -> bool:
    """Whether `torch.compile` traces this call, or gave up on it and traces the functions that it calls."""
    if torch.compiler.is_compiling():
        return True
    callback = getattr(torch._C._dynamo.eval_frame, "get_eval_frame_callback", None)  # not in all releases
    return callback is not None and callback() is not None


def make_economical(net: nn.Module, parts: list[nn.Module], level: int) -> None:
    """Let forward passes of ``parts`` of ``net`` keep what ``level`` says."""
    change_back(net)
    for part in parts if level > 0 else []:
        for module in part.modules():
            if level > 1 and isinstance(module, BaseNode):
                _change(module, LoopTwice)
        _change(part, Economical)
        part.__dict__[_LEVEL] = level


def change_back(net: nn.Module) -> None:
    """Give all modules their own classes."""
    for module in net.modules():
        while type(module) in _own_class:
            module.__class__ = _own_class[type(module)]
        module.__dict__.pop(_LEVEL, None)
        module.__dict__.pop(_SEE, None)


def _change(module: nn.Module, base: type) -> None:
    if not isinstance(module, base):
        module.__class__ = _class_with(base, type(module))


def _class_with(base: type, own: type) -> type:
    if (base, own) not in _with_base:
        names = {"__module__": own.__module__, "__qualname__": own.__qualname__, "__doc__": own.__doc__}
        _with_base[base, own] = changed = type(own.__name__, (base, own), names)
        _own_class[changed] = own
    return _with_base[base, own]


def _new(own: type, *bases: type) -> nn.Module:
    for base in bases:
        own = _class_with(base, own)
    return nn.Module.__new__(own)
