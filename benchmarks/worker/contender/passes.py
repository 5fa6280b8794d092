"""Work that can be timed: forward and backward of a neuron over a sequence."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import nn

SAMPLED_NEURONS = 1024


class Pass(ABC):
    """One forward and backward pass over fixed inputs, the same in every framework for the same settings."""

    net: nn.Module
    firing: type[nn.Module]  # the class of the framework's layers that put out spikes

    def __init__(self, framework: ModuleType, **settings: Any) -> None:
        self.firing = framework.FIRING

    @abstractmethod
    def run(self) -> None:
        """What is timed."""

    @abstractmethod
    def gradients(self) -> dict[str, torch.Tensor]:
        """One more pass, and the gradients that it gave."""

    def evidence(self) -> dict[str, np.ndarray]:
        """The spikes of all layers, eight to a byte, and the gradients."""
        with self._spikes() as spikes:
            gradients = self.gradients()
        return {
            "shapes": np.array([str(list(layer.shape)) for layer in spikes]),
            "rates": np.array([layer.float().mean().item() for layer in spikes]),
            "spikes": np.packbits(np.concatenate([layer.cpu().numpy().ravel() for layer in spikes])),
            **{f"gradient of {name}": value.detach().cpu().float().numpy() for name, value in gradients.items()},
        }

    @contextmanager
    def _spikes(self) -> Iterator[list[torch.Tensor]]:
        seen: list[torch.Tensor] = []

        def look(layer: nn.Module, inputs: object, spikes: torch.Tensor) -> None:
            if torch._C._current_graph_task_id() == -1:  # not once more within a backward pass
                seen.append(spikes != 0)

        layers = [module for module in self.net.modules() if isinstance(module, self.firing)]
        handles = [layer.register_forward_hook(look) for layer in layers]
        try:
            yield seen
        finally:
            for handle in handles:
                handle.remove()


class SequencePass(Pass):
    """A layer of N neurons over T steps ``[T, N]``, and the gradient of its spikes times a fixed random tensor."""

    def __init__(
        self,
        framework: ModuleType,
        kind: str,
        T: int,
        N: int,
        device: str = "cpu",
        dtype: str = "float32",
        **options: Any,
    ) -> None:
        super().__init__(framework)
        self.net = framework.neurons(kind, **options).to(device)
        # In place and in float32: the same numbers for everyone, and no temporary that raises the peak of the memory.
        generator = torch.Generator(device).manual_seed(0)
        x = torch.empty(T, N, device=device).uniform_(0.0, 2.0, generator=generator)
        cotangent = torch.empty(T, N, device=device).normal_(generator=generator)
        self.x = x.to(getattr(torch, dtype)).requires_grad_()
        self.cotangent = cotangent.to(getattr(torch, dtype))

    def run(self) -> None:
        self.x.grad = None
        self.net.zero_grad(set_to_none=True)
        self.net(self.x).backward(self.cotangent)

    def gradients(self) -> dict[str, torch.Tensor]:
        self.run()
        parameters = {name: p.grad for name, p in self.net.named_parameters() if p.grad is not None}
        assert self.x.grad is not None
        return {"x": self.x.grad[:, :SAMPLED_NEURONS], **parameters}
