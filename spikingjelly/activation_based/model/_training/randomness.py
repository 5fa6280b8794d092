"""Where random numbers start."""

import os
import random

import numpy as np
import torch


def seed_worker(worker_id: int) -> None:
    """The ``worker_init_fn`` of a DataLoader: Python's and NumPy's random numbers follow PyTorch's seed."""
    seed = torch.initial_seed() % 2**32
    np.random.seed(seed)
    random.seed(seed)


def set_deterministic(_seed_: int = 2020, disable_uda: bool = False) -> None:
    """Make a training repeatable.

    :param _seed_: of Python's, NumPy's and PyTorch's random numbers
    :param disable_uda: whether PyTorch may use algorithms whose result is not the same each time
    """
    seed_everything(_seed_)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    if not disable_uda:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)


def seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def seed_epoch(seed: int, epoch: int, rank: int) -> None:
    """So that an epoch has its random numbers, whether the training went on or was resumed before it."""
    seed_everything(int(np.random.SeedSequence((seed, epoch, rank)).generate_state(1)[0]))
