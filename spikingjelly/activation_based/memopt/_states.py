"""What modules know at one moment, to run them again as if it were still that moment."""

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import _backward_hint, base

_CONTAINERS = (list, dict, set, deque, OrderedDict)


class Moment:
    """The attributes of modules as they are now: memories, buffers, modes, lists.

    Tensors are not copied, so one that is changed in place later is an error when the moment is to come back. Running
    statistics of normalisations in training are excepted, for outputs do not depend on them.
    """

    def __init__(self, modules: Iterable[nn.Module]) -> None:
        self.modules = list(modules)
        self.attributes = [_copied(module.__dict__) for module in self.modules]
        self.versions = [
            (module, name, tensor, tensor._version) for module in self.modules for name, tensor in _tensors_of(module)
        ]

    def check(self) -> None:
        """
        :raises RuntimeError: if a tensor of that moment has been changed in place
        """
        for module, name, tensor, version in self.versions:
            if tensor._version != version:
                raise RuntimeError(
                    f"memopt.checkpoint: {type(module).__name__} has changed its {name} (shape {list(tensor.shape)}) "
                    "in place since the forward pass began, so that it can't run again as it did. Write "
                    f"`self.{name} = ...` in place of a change in place, change parameters after the backward pass, "
                    "or run this module without a checkpoint."
                )

    def again(self) -> "_Again":
        """Inside, it is that moment; what happens to the modules inside is undone. For any number of times."""
        return _Again(self)


class _Again(AbstractContextManager):
    def __init__(self, moment: Moment) -> None:
        self.moment = moment
        self.present: list[list[dict[str, Any]]] = []

    def __enter__(self) -> None:
        self.moment.check()
        self.present.append([dict(module.__dict__) for module in self.moment.modules])
        for module, attributes in zip(self.moment.modules, self.moment.attributes, strict=True):
            _set(module, _copied(attributes))
            if _counts_statistics(module):
                _set_buffers_aside(module)
            if isinstance(module, base.MemoryModule):
                _backward_hint.expect_second_run(module)

    def __exit__(self, *_: Any) -> None:
        for module, attributes in zip(self.moment.modules, self.present.pop(), strict=True):
            _set(module, attributes)


@contextmanager
def nothing_changes(modules: Iterable[nn.Module]) -> Iterator[None]:
    """Inside, the modules may run; afterwards they, and the random numbers to come, are as before."""
    moment = Moment(modules)
    devices = {tensor.device.index for _, _, tensor, _ in moment.versions if tensor.device.type == "cuda"}
    with torch.random.fork_rng(devices=sorted(devices)), moment.again():
        for module in moment.modules:
            _set_buffers_aside(module)
            if isinstance(module, base.MemoryModule):
                module._memories.update(
                    (name, base._map_tensors(value, torch.Tensor.clone)) for name, value in module.named_memories()
                )
        yield


def _tensors_of(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    named: dict[str, Any] = dict(module._parameters)
    if not _counts_statistics(module):
        named.update(module._buffers)
    if isinstance(module, base.MemoryModule):
        named.update(module.named_memories())
    for name, value in named.items():
        for tensor in _flat(value):
            yield name, tensor


def _flat(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple | deque):
        for item in value:
            yield from _flat(item)
    elif isinstance(value, dict):
        yield from _flat(list(value.values()))


def _copied(value: Any) -> Any:
    """``value`` with its containers copied, and nothing else."""
    if type(value) in (dict, OrderedDict):
        return type(value)((key, _copied(item)) for key, item in value.items())
    if type(value) in (list, tuple):
        return type(value)(_copied(item) for item in value)
    return value.copy() if type(value) in _CONTAINERS else value


def _set(module: nn.Module, attributes: dict[str, Any]) -> None:
    module.__dict__.clear()
    module.__dict__.update(attributes)


def _counts_statistics(module: nn.Module) -> bool:
    return isinstance(module, nn.modules.batchnorm._NormBase) and module.training


def _set_buffers_aside(module: nn.Module) -> None:
    for name, buffer in module._buffers.items():
        module._buffers[name] = None if buffer is None else buffer.clone()
