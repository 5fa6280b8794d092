"""The page that people read: what the network is, how good it is, how much its neurons fire."""

from collections.abc import Iterable, Mapping

from torch import nn

import spikingjelly
from spikingjelly.activation_based.hub._libraries import library
from spikingjelly.activation_based.hub.config import NetworkConfig
from spikingjelly.activation_based.hub.registry import builders


def model_card(
    net: nn.Module,
    config: NetworkConfig,
    metrics: Mapping[str, float],
    firing_rates: Mapping[str, float],
    licence: str | None,
    repo_id: str,
) -> str:
    """Markdown with the data in front that the hub reads."""
    hub = library("huggingface_hub")
    data = hub.ModelCardData(
        library_name="spikingjelly", tags=["spiking-neural-network", "safetensors"], license=licence
    )
    parameters = sum(parameter.numel() for parameter in net.parameters())
    own_class = "" if config.builder in builders() else f", builder={config.builder}"
    parts = [
        f"---\n{data.to_yaml()}\n---",
        f"# {config.builder}",
        f"A spiking neural network with {parameters:,} parameters, for SpikingJelly {spikingjelly.__version__}.",
        "```python\nfrom spikingjelly.activation_based import hub\n\n"
        f'net = hub.from_pretrained("{repo_id}"{own_class})\n```',
    ]
    if metrics:
        parts += ["## Results", _table(("metric", "value"), ((k, f"{v:.6g}") for k, v in metrics.items()))]
    if firing_rates:
        parts += [
            "## Firing rates",
            "The share of time steps in which the neurons of a layer fire.",
            _table(("layer", "rate"), ((k, f"{v:.4f}") for k, v in firing_rates.items())),
        ]
    parts += ["## Description", f"```json\n{config.to_text().strip()}\n```"]
    return "\n\n".join(parts) + "\n"


def _table(head: tuple[str, str], rows: Iterable[tuple[str, str]]) -> str:
    lines = ["| {} | {} |".format(*head), "|---|---|"]
    lines += [f"| {_escaped(name)} | {value} |" for name, value in rows]
    return "\n".join(lines)


def _escaped(name: str) -> str:
    return name.replace("|", "\\|").replace("\n", " ")
