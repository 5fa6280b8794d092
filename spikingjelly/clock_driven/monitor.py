"""How often the neurons of a network fire."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import neuron
from spikingjelly.activation_based._checks import describe

__all__ = ["Monitor"]


class Monitor:
    """Counts the spikes of every node in a network between :meth:`enable` and :meth:`disable`.

    :param net: a network with nodes of :mod:`spikingjelly.clock_driven.neuron` or ``activation_based.neuron``
    :param device: where the counts are kept, default where the spikes are
    :param backend: 'numpy' for rates that are numpy float32, 'torch' for 0-dimensional tensors

    :raises ValueError: for another ``backend``
    """

    def __init__(self, net: nn.Module, device: str | torch.device | None = None, backend: str = "numpy") -> None:
        if backend not in ("numpy", "torch"):
            raise ValueError(f"Monitor: backend must be 'numpy' or 'torch', but {describe(backend)} was given.")
        self.module_dict = {name: m for name, m in net.named_modules() if isinstance(m, neuron.BaseNode)}
        self.device = device
        self.backend = backend
        self.handle: dict[str, Any] = {}
        self.reset()

    def enable(self) -> None:
        """Start counting anew."""
        self.disable()
        self.reset()
        self.handle = {name: m.register_forward_hook(self._counting(name)) for name, m in self.module_dict.items()}

    def disable(self) -> None:
        """Stop counting; the counts stay."""
        for handle in self.handle.values():
            handle.remove()
        self.handle = {}

    def reset(self) -> None:
        """Forget all counts."""
        self.firing_time: dict[str, torch.Tensor] = {}
        self.steps = dict.fromkeys(self.module_dict, 0)

    def get_avg_firing_rate(self, all: bool = True, module_name: str | None = None) -> Any:
        """Spikes per neuron, sample and time step.

        :param all: of all nodes, else of the one at ``module_name``
        :raises ValueError: for a name that no node has, and for nodes that have not run
        """
        names = self._names(all, module_name)
        spikes = sum(self.firing_time[name].sum() for name in names)
        return self._result(spikes / sum(self.firing_time[name].numel() * self.steps[name] for name in names))

    def get_nonfire_ratio(self, all: bool = True, module_name: str | None = None) -> Any:
        """The part of the neurons that did not fire for any sample.

        Parameters and errors as in :meth:`get_avg_firing_rate`.
        """
        names = self._names(all, module_name)
        silent = sum((self.firing_time[name] == 0).sum() for name in names)
        return self._result(silent / sum(self.firing_time[name].numel() for name in names))

    def _counting(self, name: str) -> Callable[[nn.Module, Any, torch.Tensor], None]:
        def count(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
            steps = output.detach() if getattr(module, "step_mode", "s") == "s" else output.detach().flatten(0, 1)
            fired = steps.sum(0, dtype=torch.float64).to(self.device or output.device)
            self.firing_time[name] = self.firing_time[name] + fired if name in self.firing_time else fired
            self.steps[name] += steps.shape[0]

        return count

    def _names(self, all: bool, module_name: str | None) -> list[str]:
        names = list(self.module_dict) if all else [name for name in self.module_dict if name == module_name]
        if not names:
            known = ", ".join(map(repr, self.module_dict)) or "none"
            raise ValueError(f"Monitor: there is no node {module_name!r} in the network. Its nodes: {known}.")
        idle = [name for name in names if name not in self.firing_time]
        if idle:
            raise ValueError(f"Monitor: no spikes of {idle[0]!r} were counted. Call enable() and then the network.")
        return names

    def _result(self, value: Any) -> Any:
        return value.float() if self.backend == "torch" else value.float().cpu().numpy()[()]
