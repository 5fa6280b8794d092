"""From a network to a folder, and to the Hugging Face hub."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based._before_export import check_network, check_no_state
from spikingjelly.activation_based._checks import ArgumentTypeError, ArgumentValueError, check_number, describe
from spikingjelly.activation_based._write_aside import written_aside
from spikingjelly.activation_based.hub import _weights
from spikingjelly.activation_based.hub._card import model_card
from spikingjelly.activation_based.hub._errors import HubError, first_line
from spikingjelly.activation_based.hub._libraries import library
from spikingjelly.activation_based.hub.config import NetworkConfig
from spikingjelly.activation_based.hub.loading import CONFIG, WEIGHTS, check_shapes, on_meta
from spikingjelly.activation_based.hub.registry import builders

_CARD = "README.md"


def save_pretrained(
    net: nn.Module,
    folder: str | Path,
    config: NetworkConfig,
    metrics: Mapping[str, float] | None = None,
    firing_rates: Mapping[str, float] | None = None,
    licence: str | None = None,
    repo_id: str = "owner/name",
) -> None:
    """Write ``model.safetensors`` (the weights), ``config.json`` (the description) and ``README.md`` (a model card).

    Each file is written whole or not at all.

    :param folder: is made if it isn't there; its parent must be
    :param config: of :func:`make_config`, what ``net`` was made of
    :param metrics: for the card, as ``{"test accuracy": 0.93}``
    :param firing_rates: for the card: layer to the share of time steps in which its neurons fire, in [0, 1]
    :param licence: for the card: an identifier of the hub, as "apache-2.0"
    :param repo_id: for the card: where the network will be found

    :raises ImportError: if safetensors or huggingface_hub is not installed
    :raises TypeError: (also an AssertionError) if ``net`` is no module, ``config`` none of :func:`make_config`, or a
        metric no number
    :raises ValueError: (also an AssertionError) for a state left in ``net``, a firing rate outside of [0, 1], and a
        state dict that holds other things than tensors, or several floating-point dtypes; and where ``config``, of a
        builder in :func:`builders`, makes other layers or shapes than those of ``net``
    :raises OSError: if the files can't be written: a FileNotFoundError if the parent of ``folder`` does not exist
    """
    owner = "save_pretrained"
    check_network(owner, net)
    if not isinstance(config, NetworkConfig):
        raise ArgumentTypeError(f"{owner}: config must come from make_config, but {describe(config)} was given.")
    check_no_state(owner, net, "a saved network")
    if config.builder in builders():
        _check_described(owner, net, config)
    numbers = {name: check_number(owner, f"metrics[{name!r}]", value) for name, value in (metrics or {}).items()}
    rates = {name: check_number(owner, f"firing_rates[{name!r}]", v) for name, v in (firing_rates or {}).items()}
    for name, rate in rates.items():
        if not 0.0 <= rate <= 1.0:
            raise ArgumentValueError(f"{owner}: firing_rates[{name!r}] must be in [0, 1], but {rate} was given.")
    folder = Path(folder)
    if not folder.parent.is_dir():
        raise FileNotFoundError(f"{owner}: the folder {folder.parent} does not exist.")
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"{owner}: {folder} is a file, but the name of a folder is needed.")
    card = model_card(net, config, numbers, rates, licence, repo_id)
    folder.mkdir(exist_ok=True)
    _weights.write_weights(folder / WEIGHTS, net, config.to_text())
    for name, text in ((_CARD, card), (CONFIG, config.to_text())):
        with written_aside(owner, folder / name) as aside:
            aside.write_text(text)


def push_to_hub(
    net: nn.Module,
    repo_id: str,
    config: NetworkConfig,
    metrics: Mapping[str, float] | None = None,
    firing_rates: Mapping[str, float] | None = None,
    licence: str | None = None,
    private: bool = False,
    commit_message: str = "Upload a spiking network",
    api: Any = None,
) -> None:
    """Put the folder of :func:`save_pretrained`, whose parameters and errors these are, on the Hugging Face hub.

    :param repo_id: ``owner/name``; is made if it isn't there
    :param private: whether a repository that is made is private
    :param commit_message: what the history of the repository says
    :param api: a ``huggingface_hub.HfApi``; default: one with the token that is logged in
    :raises ImportError: if huggingface_hub is not installed
    :raises HubError: (a ValueError) if the hub can't be reached or does not take the files
    """
    api = library("huggingface_hub").HfApi() if api is None else api
    with tempfile.TemporaryDirectory() as folder:
        save_pretrained(net, folder, config, metrics, firing_rates, licence, repo_id)
        try:
            api.create_repo(repo_id, private=private, exist_ok=True)
            api.upload_folder(repo_id=repo_id, folder_path=folder, commit_message=commit_message)
        except Exception as error:  # of the network, of the hub, of the token: they have no base of their own
            raise HubError(
                f"push_to_hub: {repo_id} can't be written on the hub: {first_line(error)}. Is there a network, and a "
                "token that may write there (hf auth login)?"
            ) from error


def _check_described(owner: str, net: nn.Module, config: NetworkConfig) -> None:
    """What is saved must be what is loaded: parts without weights are not compared by anyone else."""
    state = {name: tuple(value.shape) for name, value in net.state_dict().items() if isinstance(value, torch.Tensor)}
    try:
        described = on_meta(config, len(state))
        check_shapes(described, state)
    except HubError as error:
        raise ArgumentValueError(
            f"{owner}: net is not what config describes: {str(error).rstrip('.')}. Make it with hub.build(config)."
        ) from error
    kinds = [{name: type(module).__name__ for name, module in part.named_modules()} for part in (net, described)]
    for name in kinds[0] | kinds[1]:
        if kinds[0].get(name) != kinds[1].get(name):
            raise ArgumentValueError(
                f"{owner}: net is not what config describes: {name!r} is a {kinds[0].get(name)}, but "
                f"{kinds[1].get(name)} in the network of {config.builder}. A network that was changed is described by "
                "a class of one's own: make_config(MyNetwork), from_pretrained(folder, builder=MyNetwork)."
            )
