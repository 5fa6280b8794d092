"""Batch normalisation in evaluation mode is an affine map: folded into the layer before it, or a node of its own."""

from typing import Any

import numpy as np
import torch

from spikingjelly.activation_based.nir_exchange._library import nir_library
from spikingjelly.activation_based.nir_exchange._neuron_arrays import NotExpressible
from spikingjelly.activation_based.nir_exchange._nodes_to import Place


def folded(node: Any, norm: Any, place: Place) -> Any:
    """``node``, a linear map or a convolution, with ``norm`` behind it as one node."""
    nir = nir_library()
    factor, shift = _factor_and_shift(norm)
    bias = getattr(node, "bias", 0.0) * factor + shift
    weight = node.weight * factor.reshape(-1, *[1] * (node.weight.ndim - 1))
    weight, bias = weight.astype(place.dtype), bias.astype(place.dtype)
    if isinstance(node, nir.Affine | nir.Linear):
        return nir.Affine(weight=weight, bias=bias)
    kept = {name: getattr(node, name) for name in ("input_shape", "stride", "padding", "dilation", "groups")}
    return type(node)(weight=weight, bias=bias, **kept)


def alone(norm: Any, place: Place) -> Any:
    """``norm`` as a diagonal map: on features ``[C]`` an Affine, on ``[C, L]`` and ``[C, H, W]`` a 1 x 1 convolution.

    The diagonal is written out because a convolution with groups does not pass the type check of ``nir``.
    """
    nir = nir_library()
    factor, shift = (values.astype(place.dtype) for values in _factor_and_shift(norm))
    weight = np.diag(factor)
    if len(place.given) == 1:
        return nir.Affine(weight=weight, bias=shift)
    if len(place.given) == 2:
        return nir.Conv1d(int(place.given[1]), weight[:, :, None], 1, 0, 1, 1, shift)
    return nir.Conv2d(tuple(place.given[1:]), weight[:, :, None, None], 1, 0, 1, 1, shift)


def _factor_and_shift(norm: Any) -> tuple[np.ndarray, np.ndarray]:
    """y = factor * x + shift, in float64."""
    if norm.running_var is None:
        raise NotExpressible(
            "has no running statistics (track_running_stats=False), so that its output depends on the batch. Use "
            "track_running_stats=True"
        )
    with torch.no_grad():
        one = torch.ones_like(norm.running_var)
        weight = (one if norm.weight is None else norm.weight).double()
        bias = (torch.zeros_like(one) if norm.bias is None else norm.bias).double()
        factor = weight / (norm.running_var.double() + norm.eps).sqrt()
        return factor.cpu().numpy(), (bias - norm.running_mean.double() * factor).cpu().numpy()
