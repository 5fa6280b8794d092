"""From a folder to a network."""

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_module_registration_hook

from spikingjelly.activation_based import functional
from spikingjelly.activation_based._checks import describe
from spikingjelly.activation_based.hub import _weights
from spikingjelly.activation_based.hub._errors import HubError, first_line
from spikingjelly.activation_based.hub._libraries import library
from spikingjelly.activation_based.hub._values import from_json
from spikingjelly.activation_based.hub.config import NetworkConfig
from spikingjelly.activation_based.hub.registry import builders

WEIGHTS, CONFIG = "model.safetensors", "config.json"
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_MOST_CONFIG_BYTES = 2**20
_MODULES_PER_TENSOR = 100


def build(config: NetworkConfig, builder: Callable[..., nn.Module] | None = None) -> nn.Module:
    """The network that ``config`` describes, with new weights.

    :param builder: the class of the network, where it is none of :func:`builders`
    :raises HubError: (a ValueError) for an unknown builder and for arguments that it does not take
    """
    make = builder if builder is not None else builders().get(config.builder)
    if make is None:
        raise HubError(
            f"the description names the builder {config.builder[:60]!r}, which is no network of activation_based.model."
            " If it is a class of your own, pass it: builder=..."
        )
    if builder is not None and config.builder != getattr(builder, "__name__", None):
        raise HubError(f"the description is of {config.builder[:60]!r}, but builder={describe(builder)} was given")
    arguments = {name: from_json(name, value) for name, value in config.arguments.items()}
    try:
        net = make(**arguments)
        if config.step_mode is not None:
            functional.set_step_mode(net, config.step_mode)
    except HubError:
        raise
    except Exception as error:  # whatever a constructor may raise for arguments that come from anyone
        raise HubError(f"{config.builder} can't be made with the arguments of the description: {error}") from error
    return net


def on_meta(config: NetworkConfig, tensors: int, builder: Callable[..., nn.Module] | None = None) -> nn.Module:
    """The network that ``config`` describes, on the device 'meta': shapes without memory.

    :param tensors: how many its weights have, which bounds the number of modules
    :param builder: as of :func:`build`, whose errors it raises
    """
    with torch.device("meta"), _limited_modules(_MODULES_PER_TENSOR * (tensors + 10)):
        return build(config, builder)


def from_pretrained(
    source: str | Path, builder: Callable[..., nn.Module] | None = None, revision: str | None = None
) -> nn.Module:
    """The network of :func:`load`, whose parameters and errors these are."""
    return load(source, builder, revision)[0]


def load(
    source: str | Path, builder: Callable[..., nn.Module] | None = None, revision: str | None = None
) -> tuple[nn.Module, NetworkConfig]:
    """The network in a folder that :func:`save_pretrained` wrote, in evaluation mode, on the CPU, in the dtype of
    the weights, and its description.

    Nothing from the files is executed. Before memory is taken for the network, its shapes are compared with those of
    the file, so that a description can't ask for more than the weights have.

    :param source: a folder, a ``.safetensors`` file, or ``owner/name`` on the Hugging Face hub (extra ``hub``)
    :param builder: the class of the network, where it is none of :func:`builders`
    :param revision: branch, tag or commit on the hub

    :raises ImportError: if safetensors, or for the hub huggingface_hub, is not installed
    :raises FileNotFoundError: if there is no such folder
    :raises HubError: (a ValueError) if it can't be loaded
    """
    weights = _weights_file(source, revision)
    shapes, _ = _weights.read_header(weights)
    config = read_config(weights)
    try:
        check_shapes(on_meta(config, len(shapes), builder), shapes)
        net = build(config, builder)
        state = _weights.read_weights(weights)
        dtypes = _weights.floating_dtypes(state)
        if len(dtypes) > 1:
            raise HubError(f"the weights mix {', '.join(sorted(map(str, dtypes)))}, but one dtype is expected")
        for dtype in dtypes:
            net.to(dtype)
        net.load_state_dict(state)
    except HubError as error:
        raise HubError(f"from_pretrained: {source}: {str(error).rstrip('.')}.") from error
    except RuntimeError as error:
        raise HubError(f"from_pretrained: {source}: the weights do not fit: {error}") from error
    return net.eval(), config


def read_config(weights: Path) -> NetworkConfig:
    """The description beside a ``.safetensors`` file, or in its metadata.

    :raises HubError: (a ValueError) if there is none, or if it is none
    """
    beside = weights.parent / CONFIG
    if beside.is_file() and weights.name == WEIGHTS:
        if beside.stat().st_size > _MOST_CONFIG_BYTES:
            raise HubError(f"{beside} has {beside.stat().st_size:,} bytes, but a description has at most 1 MiB.")
        text, place = beside.read_text(errors="replace"), str(beside)
    else:
        _, metadata = _weights.read_header(weights)
        text, place = metadata.get(_weights.CONFIG, ""), f"the metadata of {weights}"
        if not text:
            raise HubError(f"{weights} has no description of its network, and there is no {CONFIG} beside it.")
    try:
        return NetworkConfig.from_text(text)
    except HubError as error:
        raise HubError(f"{place} can't be read: {error}.") from error


def _weights_file(source: str | Path, revision: str | None) -> Path:
    path = Path(source)
    if path.is_file():
        return path
    if path.is_dir():
        if not (path / WEIGHTS).is_file():
            raise FileNotFoundError(f"from_pretrained: the folder {path} has no {WEIGHTS}.")
        return path / WEIGHTS
    if isinstance(source, Path) or not _REPOSITORY.fullmatch(source) or ".." in source or source.startswith("."):
        raise FileNotFoundError(
            f"from_pretrained: there is no folder or file {str(source)!r}, and it is no 'owner/name' on the hub."
        )
    hub = library("huggingface_hub")
    try:
        folder = hub.snapshot_download(source, revision=revision, allow_patterns=[WEIGHTS, CONFIG])
    except Exception as error:  # of the network, of the hub, of the token: they have no base of their own
        raise HubError(
            f"from_pretrained: {source} is no folder here, and can't be fetched from the hub: {first_line(error)}."
        ) from error
    return _weights_file(Path(folder), None)


def check_shapes(net: nn.Module, given: dict[str, tuple[int, ...]]) -> None:
    """The tensors of a state dict must be those of ``net``.

    :param given: their shapes by name
    :raises HubError: if they aren't
    """
    expected = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    for name, shape in expected.items():
        if name not in given:
            raise HubError(f"the weights lack {name!r}, of shape {list(shape)}")
        if given[name] != shape:
            raise HubError(
                f"{name!r} has the shape {list(given[name])} in the weights, but {list(shape)} in the network"
            )
    unknown = sorted(given.keys() - expected.keys())
    if unknown:
        raise HubError(f"the weights hold {unknown[0]!r}, which the network does not have")


class _limited_modules:
    """Inside the block, a network of more than ``most`` modules is an error."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0

    def __enter__(self) -> None:
        self._handle: Any = register_module_module_registration_hook(functools.partial(_limited_modules._add, self))

    def __exit__(self, *exception: object) -> None:
        self._handle.remove()

    def _add(self, parent: nn.Module, name: str, child: nn.Module) -> None:
        self._count += 1
        if self._count > self._most:
            raise HubError(f"the description makes more than {self._most:,} modules for the tensors of the weights")
