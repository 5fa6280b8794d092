"""The records that all monitors keep, and the hooks that fill them."""

import logging
import weakref
from collections.abc import Callable
from typing import Any

from torch import nn
from torch.utils.hooks import RemovableHandle

from spikingjelly.activation_based._checks import ArgumentValueError, check_bool, describe
from spikingjelly.activation_based.monitor._reductions import Reduction, checked_reduction
from spikingjelly.activation_based.monitor._running import RunningReduction

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

    Recording starts at once. Records keep their autograd graph and their memory until :meth:`clear_recorded_data`, so
    that a monitor of a whole training run fills the memory; hand in a function such as
    ``lambda x: x.detach().mean()`` to keep less, or let ``reduce`` keep one value. The hooks are removed by
    :meth:`remove_hooks` or with the monitor itself.

    With ``reduce`` no record is kept, but what all records of a module since the last :meth:`clear_recorded_data`
    come to: ``monitor[name]`` is that value, None before the first record, and ``records`` the list of the values of
    the modules that have records, in the order of ``monitored_layers``. No graph is kept, and memory does not grow.

    - ``'mean'``, ``'sum'``, ``'max'``, ``'min'``, ``'std'`` (with Bessel's correction, as ``torch.std``): of all
      elements
    - ``'rate'``: the share of elements that are not 0, which is the firing rate where the records are spikes
    - ``'last'``: a copy of the last record
    - ``'histogram'``: a :class:`Histogram` of the elements; :func:`histogram` sets the number of bins
    - a :class:`Reduction` of your own

    Sums are taken in float32 at least within a record and in float64 over the records; ``'mean'``, ``'std'`` and
    ``'rate'`` are float64. Where records are tuples the value is a tuple; None is passed over.

    :param reduce: how records are reduced; None keeps all
    :param per_neuron: True to reduce over time and samples only, so that the value of records ``[T, N, *]`` (modules in
        step mode 'm') and ``[N, *]`` (all others) has the shape ``[*]``; not with ``'last'`` and ``'histogram'``

    A subclass calls :meth:`_watch` and writes :meth:`create_hook`.

    :raises TypeError: (also an AssertionError) if ``reduce`` or ``per_neuron`` is of a wrong type
    :raises ValueError: (also an AssertionError) if ``reduce`` names no reduction, or ``per_neuron`` does not go with it
    """

    def __init__(self, *, reduce: str | Reduction | None = None, per_neuron: bool = False) -> None:
        self.hooks: list[RemovableHandle] = []
        self.monitored_layers: list[str] = []
        self.name_records_index: dict[str, list[int]] = {}
        self._records: list[Any] = []
        self._enable = True
        check_bool(self, "per_neuron", per_neuron)
        if per_neuron and reduce is None:
            raise ArgumentValueError(
                f"{type(self).__name__}: per_neuron=True says how records are reduced, but reduce is None. "
                "Name a reduction, such as reduce='mean'."
            )
        self._per_neuron = per_neuron
        self._reduction = None if reduce is None else checked_reduction(type(self).__name__, reduce, per_neuron)
        self._running: dict[str, RunningReduction] = {}

    @property
    def records(self) -> list[Any]:
        """All records, or the reduced value of each module that has records."""
        if self._reduction is None:
            return self._records
        return [running.result() for running in self._running.values() if not running.is_empty]

    @records.setter
    def records(self, records: list[Any]) -> None:
        self._records = records

    def __getitem__(self, i: int | slice | str) -> Any:
        """The record at a place, or the list of the records of the module of that name, or what it is reduced to.

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
        if self._reduction is not None:
            return self._running[i].result()
        return [self.records[place] for place in self.name_records_index[i]]

    def clear_recorded_data(self) -> None:
        """Forget all records; recording goes on."""
        self._records.clear()
        for name, places in self.name_records_index.items():
            places.clear()
            self._start(name)

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

    def close(self) -> None:
        """As :meth:`remove_hooks`; a monitor in a ``with`` statement is closed at its end."""
        self.remove_hooks()

    def __enter__(self) -> "BaseMonitor":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

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
                self._start(name)
                self.hooks.append(attach(module, self.create_hook(name)))
        if not self.hooks:
            _logger.warning("%s: no module of %s is an instance of %s.", owner, type(net).__name__, chosen)

    def _hook(self, name: str, read: Callable[..., Any]) -> Callable[..., None]:
        """A hook that records ``read(monitor, module, *what the hook is given)`` under ``name``."""
        # The network holds its hooks: one that held the monitor would keep it and its records alive with the network.
        reference = weakref.ref(self)

        def hook(module: nn.Module, *args: Any) -> None:
            monitor = reference()
            if monitor is not None and monitor.is_enable():
                monitor._record(name, read(monitor, module, *args), module)

        return hook

    def _start(self, name: str) -> None:
        if self._reduction is not None:
            title = f"{type(self).__name__} of {name!r}"
            self._running[name] = RunningReduction(title, self._reduction, self._per_neuron)

    def _record(self, name: str, value: Any, module: nn.Module) -> None:
        if self._reduction is not None:
            self._running[name].add(value, self._leading(module))
            return
        self.name_records_index[name].append(len(self._records))
        self._records.append(value)

    def _leading(self, module: nn.Module) -> int:
        """How many dimensions of a record come before those of the neurons."""
        return 2 if getattr(module, "step_mode", "s") == "m" else 1

    def _names(self) -> list[str]:
        return self.monitored_layers or ["nothing"]

    def __del__(self) -> None:
        # An __init__ that raised may have come before the list.
        if "hooks" in self.__dict__:
            self.remove_hooks()
