"""Monitors of inputs, outputs, attributes and gradients of modules."""

from collections.abc import Callable
from typing import Any

from torch import nn
from torch.utils.hooks import RemovableHandle

from spikingjelly.activation_based.monitor._base import BaseMonitor, Instance, unpack_len1_tuple
from spikingjelly.activation_based.monitor._reductions import Reduction


def _as_it_is(x: Any) -> Any:
    return x


class OutputMonitor(BaseMonitor):
    """Record what modules return: one record per call.

    :param net: a network
    :param instance: a class or a tuple of classes; modules of these classes are monitored. None for the class of
        ``net``, which is how a single layer is monitored
    :param function_on_output: applied to each output before it is recorded
    :param reduce: None to keep all records; else what is kept in their place, see :class:`BaseMonitor`
    :param per_neuron: whether only time and samples are reduced, see :class:`BaseMonitor`

    Records and errors are those of :class:`BaseMonitor`. The firing rate of each layer over any number of batches::

        net = nn.Sequential(layer.Linear(8, 4), neuron.LIFNode())
        rates = monitor.OutputMonitor(net, neuron.BaseNode, reduce="rate")
        net(torch.rand(3, 8))
        print(rates["1"])

    :raises TypeError: if ``net`` is no module or ``instance`` no class
    """

    def __init__(
        self,
        net: nn.Module,
        instance: Instance = None,
        function_on_output: Callable[[Any], Any] = _as_it_is,
        *,
        reduce: str | Reduction | None = None,
        per_neuron: bool = False,
    ) -> None:
        super().__init__(reduce=reduce, per_neuron=per_neuron)
        self.function_on_output = function_on_output
        self._watch(net, instance, nn.Module.register_forward_hook)

    def create_hook(self, name: str) -> Callable[..., None]:
        return self._hook(name, lambda monitor, module, x, y: monitor.function_on_output(unpack_len1_tuple(y)))


class InputMonitor(BaseMonitor):
    """Record what modules are given: one record per call, a tuple where there are several inputs.

    :param function_on_input: applied to each input before it is recorded

    The other parameters and errors are those of :class:`OutputMonitor`. Records are made after the call, so that inner
    modules come before outer ones.
    """

    def __init__(
        self,
        net: nn.Module,
        instance: Instance = None,
        function_on_input: Callable[[Any], Any] = _as_it_is,
        *,
        reduce: str | Reduction | None = None,
        per_neuron: bool = False,
    ) -> None:
        super().__init__(reduce=reduce, per_neuron=per_neuron)
        self.function_on_input = function_on_input
        self._watch(net, instance, _register_with_keywords)

    def create_hook(self, name: str) -> Callable[..., None]:
        def read(
            monitor: "InputMonitor", module: nn.Module, x: tuple[Any, ...], keywords: dict[str, Any], y: Any
        ) -> Any:
            return monitor.function_on_input(unpack_len1_tuple((*x, *keywords.values())))

        return self._hook(name, read)


class AttributeMonitor(BaseMonitor):
    """Record an attribute of modules, such as the potential ``v``, before or after each call.

    What is recorded is the object that the attribute is. Where it changes in place, as parameters do, record a copy.
    With ``per_neuron``, attributes whose names end in ``_seq`` are taken to be ``[T, N, *]`` in step mode 'm', and all
    others ``[N, *]``; numbers, as ``v`` is before the first call, go only with ``per_neuron=False``, as one element.

    :param attribute_name: name of the attribute
    :param pre_forward: True to record before the call, False after it
    :param function_on_attribute: applied to each value before it is recorded

    The other parameters and errors are those of :class:`OutputMonitor`.

    :raises AttributeError: in the call of a module that does not have the attribute
    """

    def __init__(
        self,
        attribute_name: str,
        pre_forward: bool,
        net: nn.Module,
        instance: Instance = None,
        function_on_attribute: Callable[[Any], Any] = _as_it_is,
        *,
        reduce: str | Reduction | None = None,
        per_neuron: bool = False,
    ) -> None:
        super().__init__(reduce=reduce, per_neuron=per_neuron)
        self.attribute_name = attribute_name
        self.function_on_attribute = function_on_attribute
        attach = nn.Module.register_forward_pre_hook if pre_forward else nn.Module.register_forward_hook
        self._watch(net, instance, attach)

    def create_hook(self, name: str) -> Callable[..., None]:
        def read(monitor: "AttributeMonitor", module: nn.Module, *call: Any) -> Any:
            if not hasattr(module, monitor.attribute_name):
                hint = " Set store_v_seq=True on it first." if monitor.attribute_name == "v_seq" else ""
                raise AttributeError(
                    f"AttributeMonitor: {type(module).__name__} {name!r} has no attribute "
                    f"{monitor.attribute_name!r}.{hint}"
                )
            return monitor.function_on_attribute(getattr(module, monitor.attribute_name))

        return self._hook(name, read)

    def _leading(self, module: nn.Module) -> int:
        return super()._leading(module) if self.attribute_name.endswith("_seq") else 1


class GradInputMonitor(BaseMonitor):
    """Record the gradients with respect to the inputs of modules: one record per backward pass through a module.

    A record is None for an input without gradient, and a tuple where there are several inputs.

    :param function_on_grad_input: applied to each gradient before it is recorded, but not to None

    The other parameters and errors are those of :class:`OutputMonitor`.
    """

    def __init__(
        self,
        net: nn.Module,
        instance: Instance = None,
        function_on_grad_input: Callable[[Any], Any] = _as_it_is,
        *,
        reduce: str | Reduction | None = None,
        per_neuron: bool = False,
    ) -> None:
        super().__init__(reduce=reduce, per_neuron=per_neuron)
        self.function_on_grad_input = function_on_grad_input
        self._watch(net, instance, nn.Module.register_full_backward_hook)

    def create_hook(self, name: str) -> Callable[..., None]:
        return self._hook(
            name, lambda monitor, module, grad_input, _: _unless_none(monitor.function_on_grad_input, grad_input)
        )


class GradOutputMonitor(BaseMonitor):
    """Record the gradients with respect to the outputs of modules: one record per backward pass through a module.

    A record is a tuple where there are several outputs.

    :param function_on_grad_output: applied to each gradient before it is recorded, but not to None

    The other parameters and errors are those of :class:`OutputMonitor`.
    """

    def __init__(
        self,
        net: nn.Module,
        instance: Instance = None,
        function_on_grad_output: Callable[[Any], Any] = _as_it_is,
        *,
        reduce: str | Reduction | None = None,
        per_neuron: bool = False,
    ) -> None:
        super().__init__(reduce=reduce, per_neuron=per_neuron)
        self.function_on_grad_output = function_on_grad_output
        self._watch(net, instance, nn.Module.register_full_backward_hook)

    def create_hook(self, name: str) -> Callable[..., None]:
        return self._hook(
            name, lambda monitor, module, _, grad_output: _unless_none(monitor.function_on_grad_output, grad_output)
        )


def _register_with_keywords(module: nn.Module, hook: Callable[..., None]) -> RemovableHandle:
    return module.register_forward_hook(hook, with_kwargs=True)


def _unless_none(function: Callable[[Any], Any], gradients: tuple[Any, ...]) -> Any:
    gradient = unpack_len1_tuple(gradients)
    return None if gradient is None else function(gradient)
