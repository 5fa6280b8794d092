"""Weights, gradients and states of an optimizer that are spread over the processes (FSDP2).

Each process keeps a part of each weight, and the whole only while a block of the network computes. Parameters without
dimensions, such as the time constant of a PLIF neuron, stay whole in every process, and so do buffers and memories,
which belong to the samples of a process.

Source: Zhao et al., "PyTorch FSDP: Experiences on Scaling Fully Sharded Data Parallel", VLDB 2023.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from spikingjelly._torch_version import needs


def blocks_of(net: nn.Module) -> list[nn.Module]:
    """The parts of a network that hold at most half of its weights each, or cannot be divided."""
    limit = sum(p.numel() for p in net.parameters()) // 2
    return _blocks_below(net, limit)


def _blocks_below(module: nn.Module, limit: int) -> list[nn.Module]:
    found = []
    for child in module.children():
        own = [p for p in child.parameters() if p.dim() > 0]
        divisible = any(True for grandchild in child.children() for _ in grandchild.parameters())
        if isinstance(child, nn.ModuleList | nn.ModuleDict) or (divisible and sum(p.numel() for p in own) > limit):
            found += _blocks_below(child, limit)
        elif own:
            found.append(child)
    return found


def shard(net: nn.Module, blocks: list[nn.Module], device: torch.device) -> None:
    """Spread the weights of ``net`` over all processes, those of a block together.

    :raises RuntimeError: if PyTorch is too old
    """
    from torch.distributed.device_mesh import init_device_mesh

    try:
        from torch.distributed.fsdp import fully_shard

        whole = {p for p in net.parameters() if p.dim() == 0}
        options: dict[str, Any] = {
            "mesh": init_device_mesh(device.type, (dist.get_world_size(),)), "ignored_params": whole,
        }  # fmt: skip
        for module in (*blocks, net):
            module.register_forward_hook(_own_memory)
            fully_shard(module, **options)
    except (ImportError, TypeError) as error:
        raise RuntimeError(f"{needs('--fsdp', '2.8')}: {error}") from error
    for parameter in whole:
        if parameter.requires_grad:
            parameter.register_post_accumulate_grad_hook(_average_gradient)


def _average_gradient(parameter: torch.Tensor) -> None:
    """Over all processes. What earlier batches of an update left is the same in all of them and stays as it is."""
    grad = parameter.grad
    if grad is not None:
        dist.all_reduce(grad)
        grad /= dist.get_world_size()


def _own_memory(module: nn.Module, inputs: Any, output: Any) -> Any:
    """An in-place operation on a view, as step mode 'm' returns it, would lose the hook that gathers the weights for
    the backward pass."""
    is_view = isinstance(output, torch.Tensor) and output._is_view() and torch.is_grad_enabled()
    return output.clone() if is_view else output


def _is_part(value: Any) -> bool:
    from torch.distributed.tensor import DTensor

    return isinstance(value, DTensor)


def is_sharded(net: nn.Module) -> bool:
    """Whether :func:`shard` was called for it."""
    return hasattr(net, "set_requires_gradient_sync")


@contextmanager
def whole_weights(*nets: nn.Module) -> Iterator[None]:
    """Each process has all weights inside, and can compute without the others: a test may have another number of
    batches in each."""
    modules = [m for net in nets for m in net.modules() if is_sharded(m)]
    for module in modules:
        _set_resharding(module, False)
    try:
        yield
    finally:
        for module in modules:
            _set_resharding(module, True)


def _set_resharding(module: Any, wanted: bool) -> None:
    module.set_reshard_after_forward(wanted, recurse=False)
    if wanted:
        module.reshard()
    else:
        module.unshard()


def gathered(value: Any) -> Any:
    """``value``, a state of a network or an optimizer, with whole tensors on the CPU. All processes have to call it."""
    if isinstance(value, dict):
        return {name: gathered(part) for name, part in value.items()}
    if isinstance(value, list):
        return [gathered(part) for part in value]
    return value.full_tensor().cpu() if _is_part(value) else value


def scattered(value: Any, like: Any) -> Any:
    """This process's part of a whole tensor, if ``like`` is such a part and the shapes agree."""
    from torch.distributed.tensor import distribute_tensor

    if not _is_part(like) or not isinstance(value, torch.Tensor) or value.shape != like.shape:
        return value
    return distribute_tensor(value.to(like.device), like.device_mesh, like.placements)


def load_weights(net: nn.Module, state: dict[str, Any]) -> None:
    """``load_state_dict`` of a sharded network, from whole tensors."""
    own = net.state_dict()
    net.load_state_dict({name: scattered(value, own.get(name)) for name, value in state.items()})


def load_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """``load_state_dict`` of the optimizer of a sharded network, from whole tensors."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    parts = {
        number: {name: scattered(value, parameters[number]) for name, value in values.items()}
        for number, values in state["state"].items()
    }
    optimizer.load_state_dict({**state, "state": parts})
    step_one_by_one(optimizer)


def step_one_by_one(optimizer: torch.optim.Optimizer) -> None:
    """A group of whole tensors and parts of tensors cannot be stepped by one operation."""
    for group in optimizer.param_groups:
        if len({_is_part(p) for p in group["params"]}) > 1:
            group.update({name: False for name in ("foreach", "fused") if name in group})


@torch.no_grad()
def clip_gradients(net: nn.Module, limit: float) -> None:
    """Scale the gradients of a sharded network down to a norm of at most ``limit``."""
    grads = [p.grad for p in net.parameters() if p.grad is not None]
    parts = [_own_part(grad) for grad in grads if _is_part(grad)]
    whole = [grad for grad in grads if not _is_part(grad)]
    squares = torch.stack([part.square().sum() for part in parts]).sum()
    dist.all_reduce(squares)
    norm = (squares + sum(grad.square() for grad in whole)).sqrt()
    factor = (limit / (norm + 1e-6)).clamp(max=1.0)
    for grad in (*parts, *whole):
        grad.mul_(factor)


def _own_part(value: Any) -> torch.Tensor:
    return value.to_local()
