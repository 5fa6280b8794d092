"""Weights of trained networks without spikes, as start values."""

import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

_SERVER = "https://download.pytorch.org/models/"

# torchvision's file of the network of the same shape; the eight digits are the beginning of its SHA-256.
_FILES = {
    "resnet18": "resnet18-f37072fd.pth",
    "resnet34": "resnet34-b627a593.pth",
    "resnet50": "resnet50-0676ba61.pth",
    "resnet101": "resnet101-63fe2227.pth",
    "resnet152": "resnet152-394f9c45.pth",
    "resnext50_32x4d": "resnext50_32x4d-7cdf4587.pth",
    "resnext101_32x8d": "resnext101_32x8d-8ba56ff5.pth",
    "wide_resnet50_2": "wide_resnet50_2-95faca4d.pth",
    "wide_resnet101_2": "wide_resnet101_2-32ee1156.pth",
    "vgg11": "vgg11-8a719046.pth",
    "vgg13": "vgg13-19584684.pth",
    "vgg16": "vgg16-397923af.pth",
    "vgg19": "vgg19-dcbb9e9d.pth",
    "vgg11_bn": "vgg11_bn-6002323d.pth",
    "vgg13_bn": "vgg13_bn-abd245e5.pth",
    "vgg16_bn": "vgg16_bn-6c64b313.pth",
    "vgg19_bn": "vgg19_bn-c79401a0.pth",
}


def urls(kind: str) -> dict[str, str]:
    """Where the weights of torchvision's networks of one kind, "res" or "vgg", can be downloaded."""
    return {name: _SERVER + file for name, file in _FILES.items() if kind in name}


def load_pretrained(net: nn.Module, pretrained: bool | str | os.PathLike[str], name: str, progress: bool) -> None:
    """Load the weights that ``pretrained`` names into ``net``.

    :param pretrained: False for none; a path of a file with a state dict; True for torchvision's weights of the network
        without spikes, trained on ImageNet, which are downloaded (and kept as :mod:`torch.hub` keeps them)
    :param name: of the network without spikes
    :param progress: whether the download shows a bar
    :raises FileNotFoundError: if there is no such file
    :raises ValueError: for True, if torchvision has no weights of that ``name``
    :raises RuntimeError: if the download fails, or if the weights do not fit
    """
    if pretrained is False:
        return
    state = _download(name, progress) if pretrained is True else _read(Path(pretrained))
    if not isinstance(state, dict):
        raise RuntimeError(f"{pretrained} must hold a state dict, but holds {type(state).__name__}.")
    _check_classes(net, state)
    net.load_state_dict(state)


def _download(name: str, progress: bool) -> Any:
    if name not in _FILES:
        raise ValueError(
            f"pretrained=True: torchvision has no weights of a network {name!r}. Choose one of {', '.join(_FILES)}, "
            "or give the path of a file with a state dict."
        )
    url = _SERVER + _FILES[name]
    try:
        return torch.hub.load_state_dict_from_url(url, progress=progress, map_location="cpu", check_hash=True)
    except OSError as error:
        raise RuntimeError(
            f"pretrained=True downloads {url}, which failed: {error}. Get the file by other means and give its path: "
            f'pretrained="{_FILES[name]}".'
        ) from error


def _read(path: Path) -> Any:
    if not path.is_file():
        raise FileNotFoundError(f"pretrained={str(path)!r}: there is no such file. It takes a file with a state dict.")
    return torch.load(path, map_location="cpu", weights_only=True)


def _check_classes(net: nn.Module, state: dict[str, Any]) -> None:
    """Say what is wrong where the last layers differ, which is what goes wrong most."""
    last = [key for key in net.state_dict() if key.endswith(("fc.weight", "classifier.6.weight"))]
    for key in last:
        given, own = state.get(key), net.state_dict()[key]
        if isinstance(given, torch.Tensor) and given.shape != own.shape:
            raise RuntimeError(
                f"the weights are for {given.shape[0]} classes, the network has {own.shape[0]}. Make it with "
                f"num_classes={given.shape[0]} and replace its last layer afterwards."
            )
