"""Losses on spike trains."""

from typing import Any

import torch
from torch.nn import functional

from spikingjelly.activation_based._checks import ArgumentValueError, check_floating_tensor, describe

_LOSSES: dict[str, Any] = {"mse": functional.mse_loss, "l1": functional.l1_loss, "bce": functional.binary_cross_entropy}
_KERNEL_PARAMETER = {"linear": None, "polynomial": "d", "sigmoid": "alpha", "gaussian": "sigma"}
_BOUNDED_BY_ONE = ("linear", "sigmoid", "gaussian")


def kernel_dot_product(x: torch.Tensor, y: torch.Tensor, kernel: str = "linear", *args: Any) -> torch.Tensor:
    r"""The dot product of two sets of vectors in the feature space of a kernel.

    .. math::
        \kappa(x_i, y_j) = \begin{cases}
            x_i^T y_j                                            & \text{'linear'} \\
            (x_i^T y_j)^d                                        & \text{'polynomial'} \\
            \operatorname{sigmoid}(\alpha x_i^T y_j)             & \text{'sigmoid'} \\
            \exp(-\frac{\lVert x_i - y_j \rVert^2}{2 \sigma^2})  & \text{'gaussian'}
        \end{cases}

    :param x: ``[N, M]``; further dimensions count as features
    :param y: ``[K, M]``; further dimensions count as features
    :param kernel: 'linear', 'polynomial', 'sigmoid' or 'gaussian'
    :param args: the parameter of the kernel: :math:`d`, :math:`\alpha` or :math:`\sigma`; none for 'linear'
    :return: ``[N, K]``

    :raises NotImplementedError: for any other kernel
    :raises TypeError: if ``x`` or ``y`` is no floating-point tensor, or the parameter of the kernel is missing
    :raises ValueError: (also an AssertionError) if ``x`` and ``y`` differ in their number of features
    """
    _check_kernel("kernel_dot_product", kernel, args)
    x, y = _rows("x", x), _rows("y", y)
    if x.shape[1] != y.shape[1]:
        raise ArgumentValueError(
            "kernel_dot_product: x and y must have equally many features, "
            f"but {x.shape[1]} and {y.shape[1]} were given."
        )
    product = x.mm(y.t())
    if kernel == "polynomial":
        return product.pow(args[0])
    if kernel == "sigmoid":
        return torch.sigmoid(args[0] * product)
    if kernel == "gaussian":
        squared_distance = (x * x).sum(1, keepdim=True) + (y * y).sum(1) - 2.0 * product
        return torch.exp(-squared_distance / (2.0 * args[0] ** 2))
    return product


def spike_similar_loss(
    spikes: torch.Tensor, labels: torch.Tensor, kernel_type: str = "linear", loss_type: str = "mse", *args: Any
) -> torch.Tensor:
    r"""Samples of one class shall have similar spike trains, samples of different classes dissimilar ones.

    .. math::
        L = \ell(\kappa(s_i, s_j), \; y_i^T y_j)

    over all pairs of samples, with the kernel :math:`\kappa` of :func:`kernel_dot_product`; for 'linear' it is the
    cosine :math:`s_i^T s_j / (\lVert s_i \rVert \lVert s_j \rVert + 10^{-8})`.

    :param spikes: spikes of a layer, ``[N, M, T]``; dimensions after the first count as features
    :param labels: one-hot labels ``[N, C]`` of any dtype
    :param kernel_type: 'linear', 'polynomial', 'sigmoid' or 'gaussian'
    :param loss_type: :math:`\ell`: 'mse', 'l1' or 'bce'; the last takes kernels with values in :math:`[0, 1]`
    :param args: the parameter of the kernel
    :return: a scalar

    :raises NotImplementedError: for any other kernel or loss
    :raises TypeError: if ``spikes`` is no floating-point tensor, or the parameter of the kernel is missing
    :raises ValueError: (also an AssertionError) if ``spikes`` and ``labels`` are of different numbers of samples
    """
    _check_kernel("spike_similar_loss", kernel_type, args)
    if loss_type not in _LOSSES:
        raise NotImplementedError(
            f"spike_similar_loss: {describe(loss_type)} is not a loss. Choose one of {', '.join(_LOSSES)}."
        )
    check_floating_tensor("spike_similar_loss", "spikes", spikes)
    if labels.dim() != 2 or labels.shape[0] != spikes.shape[0]:
        raise ArgumentValueError(
            f"spike_similar_loss: labels must be one-hot [N, C] with N = {spikes.shape[0]}, the number of samples in "
            f"spikes, but {describe(labels)} was given."
        )
    similarity = _similarity(spikes.flatten(1), kernel_type, args)
    if loss_type == "bce" and kernel_type in _BOUNDED_BY_ONE:
        similarity = similarity.clamp(max=1.0)  # rounding alone can lift a similarity above its bound
    labels = labels.to(spikes.dtype)
    return _LOSSES[loss_type](similarity, labels.mm(labels.t()))


def temporal_efficient_training_cross_entropy(x_seq: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    r"""Cross entropy at each time step, averaged over time ("Temporal Efficient Training of Spiking Neural Network via
    Gradient Re-weighting", Deng et al., ICLR 2022).

    .. math::
        L = \frac{1}{T} \sum_{t} \operatorname{CE}(x[t], y)

    :param x_seq: logits ``[T, N, C, *]``
    :param target: class indices ``[N, *]`` or class probabilities ``[N, C, *]``, the same at all time steps
    :return: a scalar

    :raises TypeError: if ``x_seq`` is no floating-point tensor
    :raises ValueError: (also an AssertionError) if ``x_seq`` has fewer than three dimensions or ``target`` does not fit
    """
    check_floating_tensor("temporal_efficient_training_cross_entropy", "x_seq", x_seq)
    if x_seq.dim() < 3 or target.shape not in (x_seq.shape[1:], x_seq.shape[1:2] + x_seq.shape[3:]):
        raise ArgumentValueError(
            "temporal_efficient_training_cross_entropy: expected logits x_seq [T, N, C, *] and a target [N, *] or "
            f"[N, C, *], but {describe(x_seq)} and {describe(target)} were given."
        )
    T = x_seq.shape[0]
    # Each time step has equally many terms, so that the mean over all of them is the mean over time.
    return functional.cross_entropy(x_seq.flatten(0, 1), target.expand(T, *target.shape).flatten(0, 1))


def _similarity(x: torch.Tensor, kernel: str, args: tuple[Any, ...]) -> torch.Tensor:
    product = kernel_dot_product(x, x, kernel, *args)
    if kernel != "linear":
        return product
    norm = torch.linalg.vector_norm(x, dim=1)  # unlike a square root, it has a gradient at samples without a spike
    return product / (torch.outer(norm, norm) + 1e-8)


def _check_kernel(owner: str, kernel: str, args: tuple[Any, ...]) -> None:
    if kernel not in _KERNEL_PARAMETER:
        raise NotImplementedError(
            f"{owner}: {describe(kernel)} is not a kernel. Choose one of {', '.join(_KERNEL_PARAMETER)}."
        )
    parameter = _KERNEL_PARAMETER[kernel]
    if parameter is not None and not args:
        raise TypeError(f"{owner}: the {kernel} kernel takes one more argument, its {parameter}, but none was given.")


def _rows(name: str, x: torch.Tensor) -> torch.Tensor:
    check_floating_tensor("kernel_dot_product", name, x)
    if x.dim() < 2:
        raise ArgumentValueError(
            f"kernel_dot_product: {name} must be vectors [N, M], but {describe(x)} was given. "
            "For a single vector write x.unsqueeze(0)."
        )
    return x.flatten(1)
