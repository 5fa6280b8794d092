"""Which layer an error came from, and what it says."""

from torch import nn


def innermost_layer(net: nn.Module, error: BaseException) -> str:
    """The layer whose lines were running when ``error`` was raised."""
    names = {id(module): name for name, module in net.named_modules()}
    found = f"the network ({type(net).__name__})"
    trace = error.__traceback__
    while trace is not None:
        module = trace.tb_frame.f_locals.get("self")
        if isinstance(module, nn.Module) and names.get(id(module)):
            found = f"the layer {names[id(module)]!r} ({type(module).__name__})"
        trace = trace.tb_next
    return found


def first_line(error: BaseException) -> str:
    """What went wrong, without the advice that follows."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
