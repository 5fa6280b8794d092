"""Modules whose step mode is also that of the modules which they run."""

from collections.abc import Iterable
from typing import Any

from spikingjelly.activation_based import base


class LeadingStepMode(base.StepModule):
    """Sets the step mode of others with its own; comes before :class:`torch.nn.Module` among the bases."""

    def _led(self) -> Iterable[Any]:
        """The modules whose step mode follows; none before they are there."""
        raise NotImplementedError

    @property
    def step_mode(self) -> str:
        return self._step_mode

    @step_mode.setter
    def step_mode(self, value: str) -> None:
        base.StepModule.step_mode.fset(self, value)  # type: ignore[attr-defined]
        for module in self._led():
            module.step_mode = value
