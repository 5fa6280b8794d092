"""Settings and state of a whole network, wherever in it the stateful modules are."""

import logging
import math
from collections.abc import Iterable
from typing import Any

from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import describe

_logger = logging.getLogger(__name__)


def reset_net(net: nn.Module) -> None:
    """Return all state in ``net`` to its reset value: call it before each new batch of sequences.

    Every module in ``net`` that has a method ``reset()`` is reset, also those that are no
    :class:`~spikingjelly.activation_based.base.MemoryModule`; of those the log tells.

    :raises TypeError: if ``net`` is no module
    """
    _call_everywhere("reset_net", net, "reset")


def collect_reset_modules(net: nn.Module) -> tuple[nn.Module, ...]:
    """The modules in ``net`` that :func:`reset_net` resets, for :func:`reset_collected_modules`.

    :raises TypeError: if ``net`` is no module
    """
    _check_net("collect_reset_modules", net)
    return tuple(module for module in net.modules() if _has(module, "reset"))


def reset_collected_modules(modules: Iterable[nn.Module]) -> None:
    """Reset ``modules`` as :func:`reset_net` does, without the search for them.

    :param modules: from :func:`collect_reset_modules`
    """
    for module in modules:
        module.reset()  # type: ignore[operator]


def invalidate_reset_cache(net: nn.Module) -> None:
    """What the 2.0 releases need between a change of ``net`` and :func:`reset_net`, which remembers modules there. Here
    it looks for them at each call, so that nothing is left to forget.

    :raises TypeError: if ``net`` is no module
    """
    _check_net("invalidate_reset_cache", net)


def detach_net(net: nn.Module) -> None:
    """Cut all state in ``net`` from the autograd graph; the values stay. Gradients then end here (truncated BPTT).

    Every module in ``net`` that has a method ``detach()`` is detached, also those that are no
    :class:`~spikingjelly.activation_based.base.MemoryModule`; of those the log tells.

    :raises TypeError: if ``net`` is no module
    """
    _call_everywhere("detach_net", net, "detach")


def set_step_mode(net: nn.Module, step_mode: str) -> None:
    """Set ``step_mode`` of all modules in ``net`` that have one.

    Containers that do the time dimension for their children (``layer.StepModeContainer``,
    ``layer.ElementWiseRecurrentContainer``, ``layer.LinearRecurrentContainer``) are set, their children are not. Those
    that only take sequences (``layer.MultiStepContainer``, ``layer.SeqToANNContainer``) stay as they are in both modes.

    :param step_mode: 's' for one time step ``[N, *]`` per call, 'm' for a sequence ``[T, N, *]`` per call
    :raises TypeError: if ``net`` is no module
    :raises ValueError: if ``step_mode`` is neither, or if a module does not support it; then nothing has been set
    """
    _check_net("set_step_mode", net)
    if step_mode not in ("s", "m"):
        raise ValueError(f"set_step_mode: step_mode must be 's' or 'm', but {describe(step_mode)} was given.")
    keepers = [module for module in net.modules() if base.keeps_children_step_mode(module)]
    kept = {id(child) for keeper in keepers for child in keeper.modules() if child is not keeper}
    kept |= {id(keeper) for keeper in keepers if isinstance(keeper, base.MultiStepModule)}
    chosen: list[tuple[str, Any]] = [
        (n, m) for n, m in net.named_modules() if id(m) not in kept and _has(m, "step_mode")
    ]
    for name, module in chosen:
        supported = module.supported_step_mode() if isinstance(module, base.StepModule) else ("s", "m")
        if step_mode not in supported:
            raise ValueError(
                f"set_step_mode: {_place(name, module)} only supports step_mode={' or '.join(map(repr, supported))}, "
                f"but {step_mode!r} was given. Nothing was set."
            )
    for name, module in chosen:
        if not isinstance(module, base.StepModule):
            _logger.warning("set_step_mode: %s is set, but it is not a base.StepModule.", _place(name, module))
        module.step_mode = step_mode


def set_backend(net: nn.Module, backend: str, instance: type | tuple[type, ...] = (nn.Module,)) -> None:
    """Set ``backend`` of all modules in ``net`` that support it; the others keep theirs, and the log names them.

    :param backend: for neurons 'torch', 'cupy', 'triton', 'cpp' or 'auto'
    :param instance: a class or a tuple of classes; only modules of these classes are set
    :raises TypeError: if ``net`` is no module or ``instance`` is no class
    """
    _check_net("set_backend", net)
    classes: tuple[Any, ...] = instance if isinstance(instance, tuple) else (instance,)
    for cls in classes:
        if not isinstance(cls, type):
            raise TypeError(
                f"set_backend: instance must be a class or a tuple of classes, but {describe(cls)} was given."
            )
    for name, module in net.named_modules():
        if isinstance(module, classes) and _has(module, "backend"):
            _set_backend_of(name, module, backend)


def kaiming_normal_conv_linear_weight(net: nn.Module) -> None:
    r"""Draw the weights of all convolutions and linear layers in ``net`` anew, from
    :func:`torch.nn.init.kaiming_normal_` with :math:`a = \sqrt{5}`. Biases stay.

    :raises TypeError: if ``net`` is no module
    """
    _check_net("kaiming_normal_conv_linear_weight", net)
    for module in net.modules():
        if isinstance(module, nn.modules.conv._ConvNd | nn.Linear):
            nn.init.kaiming_normal_(module.weight, a=math.sqrt(5))


def _call_everywhere(owner: str, net: nn.Module, method: str) -> None:
    _check_net(owner, net)
    for name, module in net.named_modules():
        if not _has(module, method) or not callable(getattr(module, method)):
            continue
        if not isinstance(module, base.MemoryModule):
            _logger.warning(
                "%s: %s() of %s is called, but it is not a base.MemoryModule.", owner, method, _place(name, module)
            )
        getattr(module, method)()


def _set_backend_of(name: str, module: Any, backend: str) -> None:
    supported = getattr(module, "supported_backends", ())
    if backend in supported:
        module.backend = backend
        return
    in_mode = f" in step_mode={module.step_mode!r}" if _has(module, "step_mode") else ""
    _logger.warning(
        "set_backend: %s keeps backend=%r, because it does not support %r%s, only %s. "
        "Where that depends on the step mode, call set_step_mode first.",
        *(_place(name, module), module.backend, backend, in_mode, ", ".join(supported) or "none that can be chosen"),
    )


def _has(module: nn.Module, name: str) -> bool:
    """Whether ``module`` itself has the attribute: a compiled module only passes on the one of the module inside."""
    return name in vars(module) or hasattr(type(module), name)


def _place(name: str, module: object) -> str:
    return f"{type(module).__name__} {name!r}" if name else type(module).__name__


def _check_net(owner: str, net: Any) -> None:
    if not isinstance(net, nn.Module):
        raise TypeError(f"{owner}: net must be a torch.nn.Module, but {describe(net)} was given.")
