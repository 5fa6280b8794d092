"""Classes for single steps and for sequences, from those that serve both."""

from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import functional, layer
from spikingjelly.activation_based._checks import ArgumentValueError
from spikingjelly.activation_based.model.spiking_vgg import start_values
from spikingjelly.clock_driven.model._over_time import let_children_take_sequences, let_layers_take_images
from spikingjelly.clock_driven.model._signatures import MULTI_STEP, SINGLE_STEP, former_signature, todays_arguments


class SingleStep:
    """A first base of a block or a network that takes ``single_step_neuron`` for ``spiking_neuron``."""

    _neuron = SINGLE_STEP
    _takes_T = False
    _today: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        signature = former_signature(self._today, self._neuron, self._takes_T)
        named = todays_arguments(signature, self._neuron, args, kwargs)
        T = named.pop("T") if self._takes_T and "T" in named else None
        super().__init__(**named)
        if self._takes_T:
            self.T = T

    def _make_layer(self, *args: Any, spiking_neuron: Any, **keywords: Any) -> Any:
        return super()._make_layer(*args, **keywords, **{self._neuron: spiking_neuron})  # type: ignore[misc]


class MultiStep(SingleStep):
    """A first base of a block that takes ``multi_step_neuron``, and sequences."""

    _neuron = MULTI_STEP

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        functional.set_step_mode(self, "m")  # type: ignore[arg-type]
        let_layers_take_images(self)  # type: ignore[arg-type]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        let_children_take_sequences(self)  # type: ignore[arg-type]
        return super().__call__(*args, **kwargs)  # type: ignore[misc]


class ImagesToo(MultiStep):
    """A first base of a network that also takes images ``[N, C, H, W]``, the same in all of its ``T`` time steps."""

    _takes_T = True
    T: int | None

    def _over_time(self, x: torch.Tensor) -> torch.Tensor:
        """``[1, N, *]`` at each time step.

        :raises ValueError: (also an AssertionError) if there is no T
        """
        if self.T is None:
            raise ArgumentValueError(
                f"{type(self).__name__}: images [N, C, H, W] need the number of time steps, but T is None. Give T to "
                "the constructor, or a sequence [T, N, C, H, W]."
            )
        return x.expand(self.T, *x.shape[1:])


def drop_anew(parts: nn.Sequential) -> None:
    """Exchange the dropouts that keep their mask for those that do not."""
    for place, part in enumerate(parts):
        if isinstance(part, layer.Dropout):
            parts[place] = nn.Dropout(part.p)


class MultiStepResNet(ImagesToo):
    """A first base of a ResNet; images pass the first convolution once."""

    def _forward_impl(self, x: torch.Tensor) -> torch.Tensor:
        net: Any = self
        if x.dim() == 4:
            return net._from_currents(self._over_time(net.bn1(net.conv1(x.unsqueeze(0)))))
        return super()._forward_impl(x)  # type: ignore[misc]


class SingleStepVGG(SingleStep):
    """A first base of a VGG; its dropouts draw anew at each time step."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        drop_anew(self.classifier)  # type: ignore[attr-defined]

    def _initialize_weights(self) -> None:
        """The start values, once more: programs call it after they have replaced layers."""
        start_values(self)  # type: ignore[arg-type]


class MultiStepVGG(ImagesToo):
    """A first base of a VGG; its dropouts draw anew for each time step."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        drop_anew(self.classifier)  # type: ignore[attr-defined]

    _initialize_weights = SingleStepVGG._initialize_weights

    def _forward_impl(self, x: torch.Tensor) -> torch.Tensor:
        x = self._over_time(x.unsqueeze(0)) if x.dim() == 4 else x
        return super().forward(x)  # type: ignore[misc]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._forward_impl(x)


def former_class(first: type[SingleStep], today: type, module: str) -> Any:
    """The class ``today`` with the first base ``first``, as a class of ``module``."""
    name = f"MultiStep{today.__name__}" if issubclass(first, MultiStep) else today.__name__
    signature = former_signature(today, first._neuron, first._takes_T)
    attributes = {"__doc__": today.__doc__, "__module__": module, "__signature__": signature, "_today": today}
    return type(name, (first, today), attributes)
