"""Labels for output layers, and what their spikes say."""

from typing import Any

import torch
from torch.nn import functional

from spikingjelly.activation_based._checks import ArgumentValueError, check_positive_int, check_tensor, describe


def set_threshold_margin(
    output_layer: Any,
    label_one_hot: Any,
    eval_threshold: float = 1.0,
    threshold0: float = 0.9,
    threshold1: float = 1.1,
) -> None:
    r"""Set the thresholds of an output layer so that it learns with a margin.

    In training, the neurons of the right class get the higher threshold and the others the lower one, so that the
    right class has to be driven harder and the wrong classes have to be held back further:

    .. math::
        V_{th} = \begin{cases} \text{threshold1}, & \text{where label\_one\_hot is 1} \\
                               \text{threshold0}, & \text{elsewhere} \end{cases}

    In evaluation all neurons have ``eval_threshold``. Which of the two holds is told by ``output_layer.training``.

    :param output_layer: a neuron with ``v_threshold``, its potential is ``[N, C]``
    :param label_one_hot: ``[N, C]`` of any dtype; thresholds have its dtype where that is a floating-point one. In
        evaluation it is not read and may be None.
    :param eval_threshold: threshold of all neurons in evaluation
    :param threshold0: threshold of the wrong classes in training
    :param threshold1: threshold of the right class in training

    :raises TypeError: if ``output_layer`` has no ``v_threshold``, or in training ``label_one_hot`` is no tensor
    """
    if not hasattr(output_layer, "v_threshold"):
        raise TypeError(
            "set_threshold_margin: output_layer must be a neuron with v_threshold, but "
            f"{type(output_layer).__name__} was given."
        )
    if not output_layer.training:
        output_layer.v_threshold = eval_threshold
        return
    check_tensor("set_threshold_margin", "label_one_hot", label_one_hot)
    dtype = label_one_hot.dtype if label_one_hot.is_floating_point() else torch.get_default_dtype()
    low = torch.full_like(label_one_hot, threshold0, dtype=dtype, requires_grad=False)
    output_layer.v_threshold = low.masked_fill(label_one_hot == 1, threshold1)


def redundant_one_hot(labels: torch.Tensor, num_classes: int, n: int) -> torch.Tensor:
    """One-hot labels for an output layer with ``n`` neurons per class: ``n`` ones, for neurons that stand side by side.

    :param labels: class indices ``[N]``
    :return: ``[N, num_classes * n]`` in the default dtype

    :raises TypeError: (also an AssertionError) if ``num_classes`` or ``n`` is no int
    :raises ValueError: (also an AssertionError) if one of them is less than 1, or a label is no class index
    """
    check_positive_int("redundant_one_hot", "num_classes", num_classes)
    check_positive_int("redundant_one_hot", "n", n)
    if labels.dim() != 1 or labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise ArgumentValueError(
            f"redundant_one_hot: labels must be class indices [N], but {describe(labels)} was given."
        )
    if labels.numel():
        smallest, largest = int(labels.min()), int(labels.max())
        if smallest < 0 or largest >= num_classes:
            raise ArgumentValueError(
                f"redundant_one_hot: with num_classes={num_classes} labels must lie in 0..{num_classes - 1}, but they "
                f"lie in {smallest}..{largest}."
            )
    return functional.one_hot(labels.long(), num_classes).repeat_interleave(n, dim=1).to(torch.get_default_dtype())


def first_spike_index(spikes: torch.Tensor) -> torch.Tensor:
    """Where each neuron fires for the first time.

    :param spikes: spikes ``[*, T]`` with time as the last dimension
    :return: bool ``[*, T]``, True at the first spike; all False for neurons that don't fire
    """
    with torch.no_grad():
        # The number of spikes so far is 1 from the first spike on; the sum of that is 1 at the first spike only.
        return spikes.cumsum(-1).cumsum(-1) == 1
