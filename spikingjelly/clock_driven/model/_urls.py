"""Where the weights of networks without spikes are."""

from spikingjelly.activation_based.model._pretrained import FILES, SERVER


def urls(*prefixes: str) -> dict[str, str]:
    """For each network whose name begins with one of ``prefixes``, the address of its weights."""
    return {name: SERVER + file for name, file in FILES.items() if name.startswith(prefixes)}
