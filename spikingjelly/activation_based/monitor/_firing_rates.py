"""Firing rates of the layers of a network, written to TensorBoard while it trains."""

from collections.abc import Callable
from types import TracebackType
from typing import Any

import torch.distributed
from torch import nn

from spikingjelly.activation_based._checks import (
    ArgumentTypeError,
    ArgumentValueError,
    check_int,
    check_positive_int,
    describe,
)
from spikingjelly.activation_based._spiking_classes import SPIKING
from spikingjelly.activation_based.monitor._base import BaseMonitor, Instance
from spikingjelly.activation_based.monitor._layers import OutputMonitor


class FiringRateWriter:
    """Write the firing rate of each spiking layer, while a network trains, to TensorBoard or the like.

    A context manager: it watches inside the ``with`` block, and takes its hooks off the network at the end of it, also
    after exceptions. ``step()`` is called once a batch, in step mode 's' as in 'm'. After every ``every`` of them, and
    at the end of the block for what is left, the mean rates since the last time are written under the number of the
    step, from 0, as scalars ``{tag}/{name of the layer}``; a rate is the share of outputs that are not 0::

        from torch.utils.tensorboard import SummaryWriter

        net = nn.Sequential(layer.Linear(8, 4), neuron.LIFNode())
        with SummaryWriter("logs") as writer, monitor.FiringRateWriter(net, writer, every=2) as rates:
            for x in torch.rand(6, 3, 8):
                net(x)  # backward pass and optimizer follow
                functional.reset_net(net)
                rates.step()

    In a distributed run only rank 0 writes; the others may pass ``writer=None``.

    :param net: a network
    :param writer: anything with ``add_scalar(tag, value, step)``, such as
        :class:`torch.utils.tensorboard.SummaryWriter`; its ``flush()`` is called at the end if it has one, and the
        caller closes it
    :param every: number of steps between two writings
    :param tag: what the tags of scalars start with
    :param instance: class or tuple of classes of the layers; None for all neurons of
        :mod:`spikingjelly.activation_based.neuron` that emit spikes
    :param potential_tag: if given, the membrane potentials after the last call are written as well, as histograms
        ``{potential_tag}/{name of the layer}``, with ``writer.add_histogram(tag, values, step)``, of the layers that
        have an attribute ``v``
    :param first_step: number of the first step, for a run that is resumed

    :raises TypeError: (also an AssertionError) if an argument is of a wrong type, or ``writer`` lacks a method
    :raises ValueError: (also an AssertionError) if ``every`` is less than 1, ``first_step`` less than 0, or no layer of
        ``net`` is an ``instance``
    """

    def __init__(
        self,
        net: nn.Module,
        writer: Any,
        every: int = 1,
        tag: str = "firing_rate",
        *,
        instance: Instance = None,
        potential_tag: str | None = None,
        first_step: int = 0,
    ) -> None:
        check_positive_int(self, "every", every)
        check_int(self, "first_step", first_step, at_least=0)
        self.writer, self.every, self.tag, self.potential_tag = writer, every, tag, potential_tag
        self.next_step = first_step
        self._is_writing = _is_first_of_the_run()
        self._pending = 0
        self._net = net
        self._instance = SPIKING if instance is None else instance
        self._rates: OutputMonitor | None = None
        self._potentials: _Potentials | None = None
        if self._is_writing:
            for method in ("add_scalar", *(["add_histogram"] if potential_tag is not None else [])):
                if not callable(getattr(writer, method, None)):
                    raise ArgumentTypeError(
                        f"FiringRateWriter: writer must have a method {method}(tag, value, step), as "
                        f"torch.utils.tensorboard.SummaryWriter has, but {describe(writer)} was given."
                    )

    def __enter__(self) -> "FiringRateWriter":
        if self._rates is not None:
            raise RuntimeError("FiringRateWriter: it watches already; leave the with block before you enter it again.")
        if self._is_writing:
            rates = OutputMonitor(self._net, self._instance, _spikes, reduce="rate")
            if not rates.monitored_layers:
                raise ArgumentValueError(
                    f"FiringRateWriter: no module of {type(self._net).__name__} is an instance of {self._instance}. "
                    "Name the classes of its spiking layers with instance=."
                )
            self._rates = rates
            if self.potential_tag is not None:
                self._potentials = _Potentials(self._net, self._instance)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if self._pending:
                self._write(self.next_step - 1)
            flush: Callable[[], Any] | None = getattr(self.writer, "flush", None)
            if self._is_writing and callable(flush):
                flush()
        finally:
            for watching in (self._rates, self._potentials):
                if watching is not None:
                    watching.remove_hooks()
            self._rates = self._potentials = None

    def step(self) -> None:
        """End a step: a batch that the network has seen.

        :raises RuntimeError: outside the ``with`` block
        """
        if self._is_writing and self._rates is None:
            raise RuntimeError("FiringRateWriter: step() is called inside of `with FiringRateWriter(...) as rates:`.")
        self._pending += 1
        if self._pending == self.every:
            self._write(self.next_step)
        self.next_step += 1

    def _write(self, step: int) -> None:
        self._pending = 0
        if self._rates is not None:
            for name in self._rates.monitored_layers:
                rate = self._rates[name]
                if rate is not None:
                    self.writer.add_scalar(_joined(self.tag, name), float(rate), step)
            self._rates.clear_recorded_data()
        if self._potentials is not None:
            for name in self._potentials.monitored_layers:
                potential = self._potentials[name]
                if potential is not None:
                    self.writer.add_histogram(_joined(str(self.potential_tag), name), potential.float().cpu(), step)
            self._potentials.clear_recorded_data()


class _Potentials(BaseMonitor):
    """The last potentials of the modules that have some."""

    def __init__(self, net: nn.Module, instance: Instance) -> None:
        super().__init__(reduce="last")
        self._watch(net, instance, nn.Module.register_forward_hook)

    def create_hook(self, name: str) -> Callable[..., None]:
        return self._hook(name, lambda monitor, module, x, y: getattr(module, "v", None))


def _spikes(output: Any) -> Any:
    """Some neurons for training online give their spikes and more."""
    return output[0] if isinstance(output, tuple | list) else output


def _joined(tag: str, name: str) -> str:
    return f"{tag}/{name}" if name else tag


def _is_first_of_the_run() -> bool:
    distributed = torch.distributed
    return not (distributed.is_available() and distributed.is_initialized()) or distributed.get_rank() == 0
