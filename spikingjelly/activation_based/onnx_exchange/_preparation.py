"""A copy of a network that can be exported: evaluation mode, one step mode, plain operations, no hidden state."""

import copy

from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._before_export import (
    check_network,
    check_no_state,
    modules_with_step_mode,
    step_mode_of,
)


def prepared_copy(owner: str, net: nn.Module, step_mode: str) -> nn.Module:
    """A copy of ``net`` in evaluation mode and in ``step_mode``, without a state, run by operations of PyTorch.

    :raises TypeError: (also an AssertionError) if ``net`` is no module
    :raises ValueError: (also an AssertionError) for mixed step modes and for a state that is left in ``net``
    :raises NotImplementedError: for a layer without that step mode, and for a state that is no memory
    """
    check_network(owner, net)
    step_mode_of(owner, net)
    check_no_state(owner, net, "an exported network")
    _check_no_hidden_state(owner, net)
    replica = copy.deepcopy(net).eval()
    for name, module in modules_with_step_mode(replica):
        if step_mode not in module.supported_step_mode():
            form = "a whole sequence" if step_mode == "s" else "one step"
            raise NotImplementedError(
                f"{owner}: the layer {name!r} ({type(module).__name__}) has no step_mode={step_mode!r}. Export {form}."
            )
        module.step_mode = step_mode
    for part in replica.modules():
        if isinstance(part, base.MemoryModule):
            _make_plain(part)
    return replica


def _make_plain(module: base.MemoryModule) -> None:
    """Kernels of the engine are no operations of an exported program; what is only kept to be looked at is no state."""
    if "torch" in module.supported_backends:
        module.backend = "torch"
    for name in ("store_v_seq", "store_i_seq"):
        if getattr(module, name, False):
            setattr(module, name, False)
    module.reset()


def _check_no_hidden_state(owner: str, net: nn.Module) -> None:
    for name, module in net.named_modules():
        if not isinstance(module, base.MemoryModule) and callable(getattr(type(module), "reset", None)):
            raise NotImplementedError(
                f"{owner}: the layer {name!r} ({type(module).__name__}) has a method reset(), but is no "
                "base.MemoryModule, so that its state can't be found. Make it one, and its state a memory "
                "(register_memory)."
            )
