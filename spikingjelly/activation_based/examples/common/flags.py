"""The flags that all training examples have, and what they must fulfil."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import torch


def parser(
    name: str,
    description: str,
    *,
    b: int,
    lr: float,
    opt: str | None = None,
    epochs: int = 64,
    T: int | None = None,
    out_dir: str = "logs",
    download: bool = True,
    resume: bool = True,
    workers: bool = True,
) -> argparse.ArgumentParser:
    """A parser with the shared flags.

    :param b: default batch size
    :param lr: default learning rate
    :param opt: default optimizer, ``"sgd"`` or ``"adam"``; None for an example with one of its own, which has none of
        the flags ``-opt``, ``-momentum`` and ``-amp``
    :param epochs: default number of epochs
    :param T: default number of time steps; None for an example whose data decide
    :param out_dir: default folder of the results
    :param download: whether the data can be downloaded by the program
    :param resume: whether there is ``-resume``
    :param workers: whether there is ``-j``
    """
    made = argparse.ArgumentParser(
        prog=name, description=description, allow_abbrev=False, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = made.add_argument
    best_device = "cuda:0" if torch.cuda.is_available() else "cpu"
    if T is not None:
        add("-T", type=int, default=T, help="time steps a sample is shown for")
    add("-device", default=best_device, help="where to compute")
    add("-b", type=int, default=b, help="batch size")
    before = ", those before -resume included" if resume else ""
    add("-epochs", type=int, default=epochs, help=f"epochs in all{before}")
    if workers:
        add("-j", type=int, default=0, help="loader processes; 0 is fast for images, which lie in memory")
    add("-data-dir", type=Path, help="folder of the data set; without it, data that need no download are used")
    if download:
        add("-download", action="store_true", help="download the data set to -data-dir if it is not there")
    add("-out-dir", type=Path, default=Path(out_dir), help="where checkpoints, scalars and pictures go")
    if resume:
        add("-resume", type=Path, help="checkpoint to go on from")
    if opt is not None:
        add("-amp", action="store_true", help="automatic mixed precision: float16 on CUDA devices, bfloat16 elsewhere")
        add("-opt", choices=("sgd", "adam"), default=opt, help="optimizer")
        add("-momentum", type=float, default=0.9, help="momentum of SGD")
    add("-lr", type=float, default=lr, help="learning rate")
    add("-seed", type=int, default=2020, help="seed of all random numbers")
    return made


def parse(
    made: argparse.ArgumentParser,
    argv: Sequence[str] | None,
    positive: Sequence[str] = ("T", "b", "epochs"),
    package: str = "spikingjelly.activation_based.examples",
) -> argparse.Namespace:
    """Read and check the command line; ``command`` of what is returned is the line itself.

    :param positive: flags whose values must be at least 1
    :param package: where the example lies
    """
    args = made.parse_args(argv)
    for flag in positive:
        if getattr(args, flag) < 1:
            made.error(f"-{flag} must be at least 1, but {getattr(args, flag)} was given")
    if getattr(args, "j", 0) < 0:
        made.error(f"-j must be at least 0, but {args.j} was given")
    if not args.lr > 0:
        made.error(f"-lr must be greater than 0, but {args.lr} was given")
    if args.device.startswith("cuda") and not torch.cuda.is_available():
        made.error(f"-device {args.device}: this PyTorch finds no CUDA device; use -device cpu")
    if getattr(args, "download", False) and args.data_dir is None:
        made.error("-download needs -data-dir, the folder to download to")
    args.command = command_of(f"{package}.{made.prog}", argv)
    return args


def command_of(module: str, argv: Sequence[str] | None) -> str:
    """The line that starts an example with these words, or with those of this process."""
    return f"python -m {module} {shlex.join(sys.argv[1:] if argv is None else argv)}".rstrip()


def folder_name(args: argparse.Namespace, *parts: str) -> str:
    """The name of a run's folder: the shared flags, then ``parts``."""
    steps = [f"T{args.T}"] if hasattr(args, "T") else []
    return "_".join([*steps, f"b{args.b}", args.opt, f"lr{args.lr}", *parts, *(["amp"] if args.amp else [])])
