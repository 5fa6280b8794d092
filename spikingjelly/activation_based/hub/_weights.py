"""Weights in safetensors files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based._checks import ArgumentValueError
from spikingjelly.activation_based._write_aside import written_aside
from spikingjelly.activation_based.hub._errors import HubError
from spikingjelly.activation_based.hub._libraries import library

CONFIG = "spikingjelly_config"  # the key of the description in the metadata


def write_weights(path: Path, net: nn.Module, config_text: str) -> None:
    """Write the state dict of ``net``, and the description beside it."""
    tensors = {}
    for name, value in net.state_dict().items():
        if not isinstance(value, torch.Tensor):
            raise ArgumentValueError(
                f"save_pretrained: {name!r} of the state dict is a {type(value).__name__}, but only tensors are saved."
            )
        tensors[name] = value.detach().cpu().clone(memory_format=torch.contiguous_format)
    if len(floating_dtypes(tensors)) > 1:
        raise ArgumentValueError(
            f"save_pretrained: the state dict mixes {', '.join(sorted(map(str, floating_dtypes(tensors))))}, but a "
            "network is loaded in one dtype. Call net.float() first."
        )
    with written_aside("save_pretrained", path) as aside:
        library("safetensors.torch").save_file(tensors, aside, metadata={"format": "pt", CONFIG: config_text})


def floating_dtypes(tensors: Mapping[str, torch.Tensor]) -> set[torch.dtype]:
    """Those of the floating-point tensors."""
    return {tensor.dtype for tensor in tensors.values() if tensor.is_floating_point()}


def read_header(path: Path) -> tuple[dict[str, tuple[int, ...]], Mapping[str, str]]:
    """Names and shapes of the tensors, and the metadata; no tensor is read.

    :raises HubError: if it is no whole safetensors file
    """
    try:
        with library("safetensors").safe_open(str(path), framework="pt") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
            return shapes, file.metadata() or {}
    except ImportError:
        raise
    except Exception as error:  # the library has a class of its own, and raises others
        raise HubError(f"{path} is no safetensors file, or it is truncated or damaged ({error}).") from error


def read_weights(path: Path) -> dict[str, Any]:
    """The state dict."""
    try:
        return library("safetensors.torch").load_file(str(path))
    except ImportError:
        raise
    except Exception as error:  # as above
        raise HubError(f"{path} can't be read ({error}).") from error
