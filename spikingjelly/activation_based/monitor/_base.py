"""The records that all monitors keep, and the hooks that fill them."""

import logging
import weakref
from collections.abc import Callable
from typing import Any

from torch import nn
from torch.utils.hooks import RemovableHandle

from spikingjelly.activation_based._checks import describe

_logger = logging.getLogger(__name__)

Instance = type | tuple[type, ...] | None


def unpack_len1_tuple(x: Any) -> Any:
    """The only element of a tuple of length 1, anything else as it is."""
    return x[0] if isinstance(x, tuple) and len(x) == 1 else x


class BaseMonitor:
    """Records of the modules of a network.

    ``records`` is the list of all records in the order in which they were made, ``monitor[i]`` one of them,
    ``monitor[name]`` the list of those of one module, by its name in ``net.named_modules()`` (``''`` for ``net``
    itself). ``monitored_layers`` lists these names, ``name_records_index[name]`` the places of its records.

    Recording starts at once. Records keep their autograd graph and their memory until
    :meth:`clear_recorded_data`; hand in a function such as ``lambda x: x.detach().mean()`` to keep less. The hooks are
    removed by :meth:`remove_hooks` or with the monitor itself.

    A subclass calls :meth:`_watch` and writes :meth:`create_hook`.
    """

    def __init__(self) -> None:
        self.hooks: list[RemovableHandle] = []
        self.monitored_layers: list[str] = []
        self.records: list[Any] = []
        self.name_records_index: dict[str, list[int]] = {}
        self._enable = True

    def __getitem__(self, i: int | slice | str) -> Any:
        """The record at a place, or the list of the records of the module of that name.

        :raises KeyError: if no module of that name is monitored
        :raises TypeError: if ``i`` is neither
        """
        if isinstance(i, int | slice):
            return self.records[i]
        if not isinstance(i, str):
            raise TypeError(
                f"{type(self).__name__}: an index must be an int, or the name of a module, but {describe(i)} was given."
            )
        if i not in self.name_records_index:
            raise KeyError(
                f"{type(self).__name__}: {i!r} is not monitored, only {', '.join(map(repr, self._names()))}."
            )
        return [self.records[place] for place in self.name_records_index[i]]

    def clear_recorded_data(self) -> None:
        """Forget all records; recording goes on."""
        self.records.clear()
        for places in self.name_records_index.values():
            places.clear()

    def enable(self) -> None:
        """Record from now on."""
        self._enable = True

    def disable(self) -> None:
        """Record nothing until :meth:`enable`."""
        self._enable = False

    def is_enable(self) -> bool:
        """Whether records are made."""
        return self._enable

    def remove_hooks(self) -> None:
        """Let go of the network: no further records; those that were made stay."""
        for hook in self.hooks:
            hook.remove()
        self.hooks.clear()

    def create_hook(self, name: str) -> Callable[..., None]:
        """The hook for the module of that name."""
        raise NotImplementedError(f"{type(self).__name__} does not define create_hook(name)")

    def _watch(self, net: nn.Module, instance: Instance, attach: Callable[[nn.Module, Any], RemovableHandle]) -> None:
        """Hook all modules of ``net`` that are an ``instance``; by default those of the class of ``net`` itself."""
        owner = type(self).__name__
        if not isinstance(net, nn.Module):
            raise TypeError(f"{owner}: net must be a torch.nn.Module, but {describe(net)} was given.")
        chosen = type(net) if instance is None else instance
        classes: tuple[Any, ...] = chosen if isinstance(chosen, tuple) else (chosen,)
        for cls in classes:
            if not isinstance(cls, type):
                raise TypeError(
                    f"{owner}: instance must be a class or a tuple of classes, but {describe(cls)} was given."
                )
        for name, module in net.named_modules():
            if isinstance(module, classes):
                self.monitored_layers.append(name)
                self.name_records_index[name] = []
                self.hooks.append(attach(module, self.create_hook(name)))
        if not self.hooks:
            _logger.warning("%s: no module of %s is an instance of %s.", owner, type(net).__name__, chosen)

    def _hook(self, name: str, read: Callable[..., Any]) -> Callable[..., None]:
        """A hook that records ``read(monitor, module, *what the hook is given)`` under ``name``."""
        # The network holds its hooks: one that held the monitor would keep it and its records alive with the network.
        reference = weakref.ref(self)

        def hook(*args: Any) -> None:
            monitor = reference()
            if monitor is not None and monitor.is_enable():
                monitor._record(name, read(monitor, *args))

        return hook

    def _record(self, name: str, value: Any) -> None:
        self.name_records_index[name].append(len(self.records))
        self.records.append(value)

    def _names(self) -> list[str]:
        return self.monitored_layers or ["nothing"]

    def __del__(self) -> None:
        # An __init__ that raised may have come before the list.
        if "hooks" in self.__dict__:
            self.remove_hooks()
