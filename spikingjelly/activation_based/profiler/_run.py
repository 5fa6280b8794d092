"""Shows data to a network, and leaves the network as it was."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import nn
from tqdm import tqdm

from spikingjelly.activation_based import base, rnn
from spikingjelly.activation_based._checks import (
    ArgumentTypeError,
    ArgumentValueError,
    check_positive_int,
    describe,
)
from spikingjelly.activation_based.functional import reset_net

Run = Callable[[nn.Module, torch.Tensor], Any] | None


class Layout(NamedTuple):
    """How a tensor inside the network holds samples: its time steps, and how many dimensions come before one sample."""

    steps: int
    leading: int


class Batch(NamedTuple):
    """A sequence ``[T, N, *]``, or a step ``[N, *]`` that is shown T times."""

    x: torch.Tensor
    target: Any
    T: int
    N: int

    def layout_of(self, x: torch.Tensor, module: nn.Module, stepwise: bool) -> Layout:
        """``[T, N, *]`` and ``[T * N, *]`` hold T time steps, ``[N, *]`` and what ``stepwise`` runs see hold 1."""
        if stepwise or (isinstance(module, base.MemoryModule) and module.step_mode == "s"):
            return Layout(1, 1)
        if tuple(x.shape[:2]) == (self.T, self.N):
            return Layout(self.T, 2)
        return Layout(self.T if x.shape[:1] == (self.T * self.N,) else 1, 1)


def checked_net(owner: str, net: Any) -> nn.Module:
    if not isinstance(net, nn.Module):
        raise ArgumentTypeError(f"{owner}: net must be a torch.nn.Module, but {describe(net)} was given.")
    return net


def batches(owner: str, data: Any, T: int | None, batch_first: bool, progress: bool) -> Iterator[Batch]:
    """The batches of a tensor or a loader.

    :raises TypeError: for data that holds no tensors
    :raises ValueError: for a tensor without the dimensions, or no data at all
    """
    if T is not None:
        check_positive_int(owner, "T", T)
    if not isinstance(data, torch.Tensor) and (isinstance(data, tuple | str) or not isinstance(data, Iterable)):
        raise ArgumentTypeError(
            f"{owner}: data must be a tensor or an iterable of batches (tensors, or pairs of a tensor and a target), "
            f"but {describe(data)} was given. A single pair goes into a list: [(x, target)]."
        )
    items = [data] if isinstance(data, torch.Tensor) else tqdm(data, desc=owner, disable=not progress)
    empty = True
    for item in items:
        empty = False
        x, target = item[:2] if isinstance(item, tuple | list) and len(item) > 1 else (item, None)
        yield _checked_batch(owner, x, target, T, batch_first)
    if empty:
        raise ArgumentValueError(f"{owner}: data must hold at least one batch, but it is empty.")


def _checked_batch(owner: str, x: Any, target: Any, T: int | None, batch_first: bool) -> Batch:
    x = x[0] if isinstance(x, tuple | list) and len(x) == 1 else x
    if not isinstance(x, torch.Tensor):
        raise ArgumentTypeError(f"{owner}: a batch must hold a tensor, but {describe(x)} was given.")
    expected = "a sequence [T, N, *]" if T is None else "a step [N, *]"
    if x.dim() < (2 if T is None else 1) or x.numel() == 0:
        raise ArgumentValueError(
            f"{owner}: T={T} expects {expected}, but {describe(x)} was given. Without T the data is a sequence; with T "
            "it is one step, which is shown T times."
        )
    if T is not None:
        return Batch(x, target, T, x.shape[0])
    sequence = x.transpose(0, 1) if batch_first else x
    return Batch(sequence, target, sequence.shape[0], sequence.shape[1])


def show(net: nn.Module, batch: Batch, run: Run, repeated: bool) -> Any:
    """The output of the network for a batch: what ``run`` returns, or ``[T, N, *]`` where the outputs are tensors."""
    x = _on_device_of(net, batch.x)
    if run is not None:
        return run(net, x)
    sequence = x.unsqueeze(0).repeat(batch.T, *(1 for _ in x.shape)) if repeated else x
    if takes_sequences(net):
        return net(sequence)
    outputs = [net(step) for step in sequence]
    return torch.stack(outputs) if isinstance(outputs[0], torch.Tensor) else outputs


def is_stepwise(net: nn.Module, run: Run) -> bool:
    """Whether :func:`show` calls the network once for each time step."""
    return run is None and not takes_sequences(net)


def takes_sequences(net: nn.Module) -> bool:
    """Whether a call of the network takes a sequence: a module in it is in step mode 'm', or in ``rnn``."""
    if isinstance(net, base.StepModule):
        return net.step_mode == "m"
    return any(
        module.step_mode == "m" if isinstance(module, base.StepModule) else isinstance(module, rnn.SpikingRNNBase)
        for module in net.modules()
    )


def _on_device_of(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    parameter = next(net.parameters(), None)
    return x if parameter is None else x.to(parameter.device)


def uncompiled() -> AbstractContextManager[Any]:
    """Compiled modules run as they were written, so that their operations can be seen."""
    if "torch._dynamo" not in sys.modules:  # nothing is compiled, and importing it takes seconds
        return nullcontext()
    return torch.compiler.set_stance("force_eager")


@contextmanager
def evaluation(net: nn.Module) -> Iterator[None]:
    """In ``eval`` mode; afterwards each module is in its own mode, and reset."""
    training = {module: module.training for module in net.modules()}
    try:
        net.eval()
        yield
    finally:
        for module, mode in training.items():
            module.training = mode
        reset_net(net)
