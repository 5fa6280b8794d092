"""The options of a training."""

import argparse

import torch

from spikingjelly.activation_based.model._training.precision import half_precision
from spikingjelly.activation_based.model._training.processes import processes_were_started

_NUMBERS = (
    ("--epochs", int, 90, "number of epochs"),
    ("--lr", float, 0.1, "learning rate"),
    ("--momentum", float, 0.9, "of SGD and RMSprop"),
    ("--norm-weight-decay", float, None, "weight decay of normalisations; that of the others where it is not given"),
    ("--label-smoothing", float, 0.1, "share of the class that all classes get"),
    ("--mixup-alpha", float, 0.2, "of mixup; 0 for none"),
    ("--cutmix-alpha", float, 1.0, "of cutmix; 0 for none"),
    ("--lr-warmup-epochs", int, 5, "epochs in which the learning rate grows"),
    ("--lr-warmup-decay", float, 0.01, "part of the learning rate that it grows from"),
    ("--lr-step-size", int, 30, "epochs of a step, with --lr-scheduler step"),
    ("--lr-gamma", float, 0.1, "factor of a step or an epoch, with --lr-scheduler step or exp"),
    ("--accumulation-steps", int, 1, "batches of one update of the weights; batch normalisations see them one by one"),
    ("--print-freq", int, 256, "updates between two lines"),
    ("--start-epoch", int, 0, "first epoch"),
    ("--random-erase", float, 0.1, "probability to erase a box of a picture"),
    ("--clip-grad-norm", float, None, "greatest norm of the gradient"),
    ("--ra-reps", int, 4, "views of a picture, with --ra-sampler"),
    ("--model-ema-steps", int, 32, "updates of the weights between two of the moving average"),
    ("--model-ema-decay", float, 0.99998, "of the moving average"),
    ("--val-resize-size", int, 232, "shorter side of a test picture"),
    ("--val-crop-size", int, 224, "rows and columns of a test picture"),
    ("--train-crop-size", int, 176, "rows and columns of a training picture"),
    ("--seed", int, 2020, "of all random numbers"),
    ("--world-size", int, 1, "number of processes; torchrun sets it"),
    ("--local_rank", int, 0, "number of this process; torchrun sets it"),
)
_TEXTS = (
    ("--data-path", None, "folder with the folders train and val, each with one folder of pictures for each class"),
    ("--model", "resnet18", "name of the network"),
    ("--opt", "sgd", "sgd, sgd_nesterov, rmsprop, adam or adamw"),
    ("--lr-scheduler", "cosa", "cosa, step or exp"),
    ("--lr-warmup-method", "linear", "linear or constant"),
    ("--output-dir", "./logs", "where the folder of the training is made"),
    ("--resume", None, "a checkpoint to go on from; 'latest' for that in the folder of the training, if there is one"),
    ("--auto-augment", "ta_wide", "ta_wide, ra or a policy of torchvision"),
    ("--interpolation", "bilinear", "of pictures"),
    ("--dist-url", "env://", "where processes meet"),
    ("--amp-dtype", None, "float16 or bfloat16, of mixed precision; if not given, float16 on GPUs, none on CPUs"),
    ("--weights", None, "name of weights, for a load_model of your own"),
)
_SWITCHES = (
    ("--sync-bn", "batch normalisation over the batches of all processes"),
    ("--test-only", "test the checkpoint of --resume, and train nothing"),
    ("--pretrained", "start from the weights of a network without spikes, where the network knows some"),
    ("--ra-sampler", "repeated augmentation"),
    ("--model-ema", "test a moving average of the weights as well"),
    ("--print-logdir", "print the folder of the training, and stop"),
    ("--clean", "delete the folder of the training before"),
    ("--disable-pinmemory", "do not pin the memory of batches"),
    ("--disable-amp", "no mixed precision, which is used on GPUs"),
    ("--fsdp", "spread weights, gradients and the optimizer's states over the processes"),
    ("--cache-dataset", "has no effect: the folders of pictures are listed at each start"),
    ("--prototype", "has no effect: torchvision has no prototype models any more"),
    ("--disable-uda", "no torch.use_deterministic_algorithms"),
)


_WITHOUT_EFFECT = ("cache_dataset", "prototype")


def check(args: argparse.Namespace) -> None:
    """Say which options have no effect.

    :raises ValueError: if options do not go together, or ``--fsdp`` has no processes
    """
    for name in _WITHOUT_EFFECT:
        if getattr(args, name, False):
            text = dict(_SWITCHES)[f"--{name.replace('_', '-')}"]
            print(f"--{name.replace('_', '-')} {text}.")
    half_precision(args, torch.device(args.device))
    if getattr(args, "fsdp", False) and not processes_were_started():
        raise ValueError(
            "--fsdp spreads the weights over processes, but there is only one: start the training with torchrun "
            "--standalone --nproc-per-node N, or leave --fsdp out."
        )


def make_parser(add_help: bool, default_device: str) -> argparse.ArgumentParser:
    """The parser of all options."""
    parser = argparse.ArgumentParser(description="Train an image classifier.", add_help=add_help)
    for flag, kind, default, text in _NUMBERS:
        parser.add_argument(flag, type=kind, default=default, help=f"{text} (default: {default})")
    for flag, value, text in _TEXTS:
        parser.add_argument(flag, default=value, help=f"{text} (default: {value})".replace("%", "%%"))
    for flag, text in _SWITCHES:
        parser.add_argument(flag, action="store_true", help=text)
    parser.add_argument("--device", default=default_device, help=f"cuda or cpu (default: {default_device})")
    parser.add_argument("-b", "--batch-size", type=int, default=32, help="samples of a batch in each process")
    parser.add_argument("-j", "--workers", type=int, default=16, help="processes that load data, for each process")
    parser.add_argument("--wd", "--weight-decay", dest="weight_decay", type=float, default=0.0, help="weight decay")
    return parser
