"""The processes of a training: who is who, and sums over all of them."""

import builtins
import os
from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed as dist


def is_dist_avail_and_initialized() -> bool:
    """Whether this process belongs to a group of processes."""
    return dist.is_available() and dist.is_initialized()


def get_world_size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if is_dist_avail_and_initialized() else 1


def get_rank() -> int:
    """The number of this process among them."""
    return dist.get_rank() if is_dist_avail_and_initialized() else 0


def is_main_process() -> bool:
    """Whether this is process 0, which prints and saves."""
    return get_rank() == 0


def reduce_across_processes(val: Any) -> torch.Tensor:
    """The sum of ``val``, a number or a tensor, over all processes."""
    if not is_dist_avail_and_initialized():
        return torch.as_tensor(val)
    device = "cuda" if dist.get_backend() == "nccl" else "cpu"
    total = torch.as_tensor(val).detach().to(device, copy=True)
    dist.barrier()
    dist.all_reduce(total)
    return total


@torch.no_grad()
def share_values(tensors: Iterable[torch.Tensor]) -> None:
    """Give all processes the values that the tensors have in the main process."""
    if is_dist_avail_and_initialized():
        for tensor in tensors:
            dist.broadcast(tensor, 0)


def setup_for_distributed(is_master: bool) -> None:
    """From now on ``print`` is silent in this process unless it is the main one; ``print(..., force=True)`` is not."""
    loud = getattr(builtins.print, "_of_all_processes", builtins.print)

    def print_of_master(*args: Any, force: bool = False, **kwargs: Any) -> None:
        if is_master or force:
            loud(*args, **kwargs)

    print_of_master._of_all_processes = loud  # type: ignore[attr-defined]
    builtins.print = print_of_master  # type: ignore[assignment]


def _places() -> tuple[int, int, int] | None:
    """The number of this process, how many there are, and its number on this machine, by ``torchrun`` or SLURM."""
    environment = os.environ
    if "RANK" in environment and "WORLD_SIZE" in environment:
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    elif "SLURM_PROCID" in environment and int(environment.get("SLURM_NTASKS", 1)) > 1:
        names = ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID")
    else:
        return None
    return int(environment[names[0]]), int(environment[names[1]]), int(environment.get(names[2], 0))


def processes_were_started() -> bool:
    """Whether ``torchrun`` or SLURM started this process as one of a group."""
    return _places() is not None


def init_distributed_mode(args: Any) -> None:
    """Join the group of processes that ``torchrun`` or SLURM started, if one did, and tell so in ``args``.

    Sets ``args.distributed``, and in a group ``args.rank``, ``args.world_size``, ``args.gpu`` and
    ``args.dist_backend``: 'nccl' on GPUs, 'gloo' where ``args.device`` is a CPU. ``args.dist_url`` may say where the
    processes meet, 'env://' by default.

    :raises RuntimeError: if there are more processes than GPUs on this machine
    """
    places = _places()
    args.distributed = places is not None
    if places is None:
        return
    args.rank, args.world_size, args.gpu = places
    on_gpu = str(getattr(args, "device", "cuda")).startswith("cuda")
    args.dist_backend = "nccl" if on_gpu else "gloo"
    if on_gpu:
        if args.gpu >= torch.cuda.device_count():
            raise RuntimeError(
                f"init_distributed_mode: process {args.gpu} of this machine needs a GPU of its own, but there are "
                f"{torch.cuda.device_count()}. Start fewer processes, or train with --device cpu."
            )
        torch.cuda.set_device(args.gpu)
    dist.init_process_group(
        args.dist_backend, init_method=getattr(args, "dist_url", "env://"), world_size=args.world_size, rank=args.rank
    )
    dist.barrier()
    setup_for_distributed(args.rank == 0)
