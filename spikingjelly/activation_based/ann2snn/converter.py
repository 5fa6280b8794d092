"""The published conversion of an ANN with ReLUs to a spiking network."""

import copy
from collections.abc import Iterable
from typing import Any

import torch
from torch import fx, nn

from spikingjelly.activation_based.ann2snn import _assembly, _measurement, _module_swap
from spikingjelly.activation_based.ann2snn._fusion import fuse_graph
from spikingjelly.activation_based.ann2snn._preparation import separate
from spikingjelly.activation_based.ann2snn._scale_mode import Mode, check_mode, is_mode
from spikingjelly.activation_based.ann2snn.modules import VoltageHook, VoltageScaler
from spikingjelly.activation_based.ann2snn.recipes import RateCodingRecipe

# Published programs take the two modules from here.
__all__ = ["Converter", "FXConverter", "VoltageHook", "VoltageScaler"]


class Converter(nn.Module):
    r"""Converts an ANN to a spiking network: ``snn = Converter(dataloader)(ann)``.

    Batch norms are folded into the layers before them, the activations are measured on the images of ``dataloader``,
    and each ReLU becomes an integrate-and-fire neuron with soft reset. With :math:`s` the scale of its activations,

    .. math::
        x \to \frac{x}{s} \to \mathrm{IF}(V_{th} = 1) \to s x ,

    so that the mean output over T steps is the ReLU's, in steps of :math:`s / T` and clipped at :math:`s`. ReLUs are
    seen as modules (``nn.ReLU``, ``nn.ReLU6``, and :class:`QCFS`, whose threshold is :math:`s`) and as functions
    (``F.relu``, ``torch.relu``, ``x.relu()``); each call of a shared module gets a neuron of its own. Max pooling after
    a neuron pools the spikes of each time step, as published: its mean output is at least the largest rate, and more if
    the spikes of a window come at different times. :func:`convert` pools rates. Where torch.fx can't follow the
    network's ``forward``, modules are exchanged in place.

    The network is in step mode 's'. Average its output over T calls, and reset it before the next images::

        from spikingjelly.activation_based import ann2snn

        ann = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
        images = torch.rand(32, 8)
        snn = ann2snn.Converter([images], mode="99.9%")(ann)
        mean = sum(snn(images) for t in range(50)) / 50
        functional.reset_net(snn)

    With ``functional.set_step_mode(snn, 'm')`` it takes ``[T, N, *]`` at once. The batch must be the first dimension
    throughout the network. ``ann`` itself is left as it is.

    The orders ``(dataloader, mode)`` and ``(device, dataloader, mode)`` of former releases are accepted.

    :param dataloader: an iterable of ``(images, labels)`` or of images; all of it is run once. A
        :class:`RateCodingRecipe` stands for all arguments but ``device``
    :param device: where to compute, default None: where the ANN is
    :param mode: how :math:`s` is taken from the activations of a batch: 'max' (in any case) for the largest; a
        percentile of all, such as '99.9%'; or a float in (0, 1], the part of the largest
    :param momentum: of the moving average over batches, see :class:`VoltageHook`
    :param fuse_flag: whether to fold batch norms

    State dict: that of the ANN, and ``{path}.scaler0.scale`` and ``{path}.scaler1.scale`` of each activation. One with
    the keys of other releases (``snn tailor.0.0.scale``, ``{path}.0.scale``, ``spiking_0.scaler0.scale`` and so on) can
    be loaded too.

    Source: Rueckauer et al., "Conversion of Continuous-Valued Deep Networks to Efficient Event-Driven Networks for
    Image Classification", Frontiers in Neuroscience, 2017.

    :raises NotImplementedError: for another ``mode``
    :raises TypeError: if ``ann`` is no module, or the dataloader gives no images
    :raises ValueError: if there is no activation or no batch, or something in the network can't be converted
    """

    def __init__(
        self,
        dataloader: Iterable[Any] | RateCodingRecipe,
        device: torch.device | str | None = None,
        mode: Mode = "Max",
        momentum: float = 0.1,
        fuse_flag: bool = True,
    ) -> None:
        super().__init__()
        if isinstance(dataloader, RateCodingRecipe):
            recipe = dataloader
            dataloader, mode, momentum, fuse_flag = recipe.dataloader, recipe.mode, recipe.momentum, recipe.fuse_flag
        elif isinstance(dataloader, str | torch.device):  # (device, dataloader, mode) in an earlier release
            dataloader, device = device, dataloader  # type: ignore[assignment]
        elif is_mode(device):  # (dataloader, mode) in a later one
            device, mode = None, device  # type: ignore[assignment]
        check_mode("Converter", mode)
        _check_device(device)
        self.dataloader = dataloader
        self.device = device
        self.mode = mode
        self.momentum = momentum
        self.fuse_flag = fuse_flag

    def forward(self, ann: nn.Module) -> nn.Module:
        """The spiking network, in evaluation mode, on ``device``."""
        if not isinstance(ann, nn.Module):
            raise TypeError(f"Converter: expected a torch.nn.Module to convert, but a {type(ann).__name__} was given.")
        device = torch.device(self.device) if self.device is not None else _measurement.device_of(ann)
        net = copy.deepcopy(ann).to(device).eval()
        traced = _module_swap.trace_or_explain(net)
        if traced is None:
            return _module_swap.convert(net, self.dataloader, device, self.mode, self.momentum, self.fuse_flag)
        hooked = self.set_voltagehook(self.fuse(traced, self.fuse_flag), self.mode, self.momentum).to(device)
        _measurement.run_through("Converter", hooked, self.dataloader, device, "measuring activations")
        return self.replace_by_ifnode(hooked).to(device)

    def convert(self, ann: nn.Module) -> nn.Module:
        """As the call of the converter."""
        return self(ann)

    @staticmethod
    def fuse(fx_model: fx.GraphModule, fuse_flag: bool = True) -> fx.GraphModule:
        """Fold batch norms into convolutions and linear layers before them, if ``fuse_flag``. Changes ``fx_model``."""
        return fuse_graph(fx_model) if fuse_flag else fx_model

    @staticmethod
    def set_voltagehook(fx_model: fx.GraphModule, mode: Mode = "Max", momentum: float = 0.1) -> fx.GraphModule:
        """Put a :class:`VoltageHook` after each activation, as ``{path}.voltage_hook_i``. Changes ``fx_model``."""
        return _measurement.insert_hooks(separate(fx_model), mode, momentum)

    @staticmethod
    def replace_by_ifnode(fx_model: fx.GraphModule) -> fx.GraphModule:
        """Replace each activation with a hook by ``{path}.scaler0``, ``.if_node``, ``.scaler1``. Changes ``fx_model``.

        :raises ValueError: if there is no hook
        """
        hooks = _measurement.hooks_of(fx_model)
        if not hooks:
            raise ValueError(
                "ann2snn: there is no activation to convert. ReLU, ReLU6 and QCFS are converted, as modules and as "
                "functions; call set_voltagehook before replace_by_ifnode."
            )
        scales = {
            path: _assembly.usable_scale(path, _assembly.own_scale(fx_model.get_submodule(path), hook.scale))
            for path, hook in hooks.items()
        }
        _measurement.remove_hooks(fx_model)
        return _assembly.assemble(fx_model, scales.__getitem__)


def _check_device(device: Any) -> None:
    """A string at the place of the device may be a mode that is not known, as programs for other releases have it."""
    try:
        torch.device("cpu" if device is None else device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"Converter: the second argument must be a device such as 'cuda:0', a mode such as 'max' or '99.9%', or "
            f"None, but {device!r} was given."
        ) from error


FXConverter = Converter  # its name in the 2.0 releases
