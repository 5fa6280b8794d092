"""One function for all ways to convert."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import fx, nn

from spikingjelly.activation_based import base, functional, neuron
from spikingjelly.activation_based.ann2snn import _assembly, _calibration, _linear, _module_swap, _twin
from spikingjelly.activation_based.ann2snn._neurons import DelayedIFNode, SignedIFNode
from spikingjelly.activation_based.ann2snn._thresholds import find_scales
from spikingjelly.activation_based.ann2snn.folding import fold_scales
from spikingjelly.activation_based.ann2snn.methods import METHODS, Method

__all__ = ["convert"]


def convert(
    model: nn.Module,
    dataloader: Iterable[Any] | None = None,
    method: str | Method = "opi",
    T: int | None = None,
    device: torch.device | str | None = None,
    fuse: bool = True,
    fold: bool = True,
) -> nn.Module:
    r"""Convert an ANN to a spiking network that runs on whole sequences, in step mode 'm'.

    What is converted, and how the result is laid out, is as for :class:`Converter`, but for max pooling: here it pools
    rates (``max_pool`` of :class:`Method`). And the factors of the neurons are folded into the weights, which makes the
    network several times faster; ``fold=False`` keeps them as modules, as :class:`Converter` does. ::

        from spikingjelly.activation_based import ann2snn

        model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
        images = torch.rand(32, 8)
        snn = ann2snn.convert(model, [images], method="opi")
        outputs = ann2snn.simulate(snn, images, T=16)  # [T, N, 4]
        print(ann2snn.report(model, snn, images, T=16))

    :param model: the ANN; it is left as it is
    :param dataloader: an iterable of ``(images, labels)`` or of images; run once for each quantity that is measured.
        Networks whose activations are all :class:`QCFS` need none, if the method has no calibration
    :param method: a name in :data:`METHODS`, or a :class:`Method`
    :param T: the time steps that the network will run for; needed by methods that fit something to it, default None
    :param device: where to compute, default None: where the model is
    :param fuse: whether to fold batch norms into the layers before them, default True
    :param fold: whether to fold the neurons' factors into the layers around them, see :func:`fold_scales`, and to let
        linear layers skip the zeros of spikes, see :func:`functional.skip_zeros`; default True. Networks that torch.fx
        can't follow stay as they are

    :return: the network in step mode 'm' and evaluation mode; 's' with ``functional.set_step_mode(snn, 's')``, except
        where neurons are delayed

    :raises TypeError: if ``model`` is no module, or the dataloader gives no images
    :raises ValueError: for an unknown method, a missing ``T`` or dataloader, and for what can't be converted
    """
    chosen = _method(method)
    _check(model, chosen, T, dataloader)
    net = _twin.twin_of(model, device, fuse)
    device = net.device
    _raise_if_unconvertible(net, dataloader)
    scales = find_scales(net.ann, net.paths, dataloader, chosen, T, device)
    usable = {path: _assembly.usable_scale(path, scale) for path, scale in scales.items()}
    snn = _build(net.copy_of_ann(), usable.__getitem__, chosen).to(device)
    functional.set_step_mode(snn, "m")
    if chosen.calibrate is not None:
        _calibration.calibrate(net.ann, snn, dataloader or (), chosen, T or 1, device)
    if isinstance(snn, fx.GraphModule):
        if fold:
            fold_scales(snn)
            _linear.skip_zeros(snn)
        _put_channels_last(snn)  # a view in networks without a graph may need the usual layout
    return snn


def _method(method: str | Method) -> Method:
    if isinstance(method, Method):
        return method
    if method not in METHODS:
        raise ValueError(
            f"convert: method must be one of {', '.join(map(repr, METHODS))}, or a Method, but {method!r} was given."
        )
    return METHODS[method]


def _check(model: Any, method: Method, T: Any, dataloader: Any) -> None:
    if not isinstance(model, nn.Module):
        raise TypeError(f"convert: model must be a torch.nn.Module, but a {type(model).__name__} was given.")
    if T is not None and (isinstance(T, bool) or not isinstance(T, int) or T < 1):
        raise ValueError(f"convert: T must be an int of at least 1, or None, but {T!r} was given.")
    if T is None and method.needs_T:
        raise ValueError("convert: this method fits the network to its number of time steps; give T, such as T=16.")
    if dataloader is None and method.calibrate is not None:
        raise ValueError(f"convert: calibrate={method.calibrate!r} needs a dataloader with images.")
    if isinstance(dataloader, Iterator):
        raise TypeError(
            "convert: the dataloader is run several times, but a generator can be run only once. "
            "Give a DataLoader, or a list of batches."
        )


def _build(ann: nn.Module, scale_at: Callable[[str], Any], method: Method) -> nn.Module:
    make_node, pool_rates = _maker(method), method.max_pool == "rates"
    if isinstance(ann, fx.GraphModule):
        return _assembly.assemble(ann, scale_at, make_node, pool_rates)
    return _module_swap.swap(ann, scale_at, make_node, pool_rates)


def _put_channels_last(snn: nn.Module) -> None:
    """The layout in which convolutions over two dimensions are fastest."""
    for module in snn.modules():
        if isinstance(module, nn.Conv2d):
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _maker(method: Method) -> Callable[[], base.MemoryModule]:
    def make() -> base.MemoryModule:
        node: base.MemoryModule
        if method.neuron == "delayed":
            node = DelayedIFNode()
        else:
            kind = SignedIFNode if method.neuron == "signed" else neuron.IFNode
            node = kind(v_threshold=1.0, v_reset=None)
        node.v = method.v_init
        node.set_reset_value("v", method.v_init)
        return node

    return make


def _raise_if_unconvertible(net: _twin.Twin, dataloader: Iterable[Any] | None) -> None:
    """A network that torch.fx can't follow shows only when it runs what its forward calls."""
    if not isinstance(net.ann, fx.GraphModule):
        if dataloader is None:
            raise ValueError("convert: this network can't be followed by torch.fx; give a dataloader to look at it.")
        _module_swap.check(net.ann, dataloader, net.device)
