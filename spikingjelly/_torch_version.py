"""What an older PyTorch does not have is said in one way."""

import torch


def is_older_than(version: str) -> bool:
    """Whether the PyTorch that runs here is older than ``version``, as in ``"2.8"``."""
    return torch.__version__ < version


def needs(what: str, version: str) -> str:
    """The beginning of a message: ``what`` is there from ``version`` on."""
    return f"{what} needs PyTorch >= {version}, and this is {torch.__version__}"
