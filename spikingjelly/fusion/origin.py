"""An input that need not be kept, for it can be computed again from a tensor that is kept anyway.

The gradient of a time step asks for its input. Behind a batch normalisation that is ``scale * x + shift`` of the tensor
``x`` that the normalisation keeps for its own gradient. So autograd keeps ``x`` once and the input not at all. The
graph stays as it is: the gradient at the input is computed, shown to hooks and given on to the normalisation as ever.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import torch

from spikingjelly import normalization
from spikingjelly._rounding import rounds_once, scaled
from spikingjelly._saved_tensors import hooks_in_force

_Hook = TypeVar("_Hook", bound=Callable[..., Any])

SMALLEST = 1 << 16  # elements; what fewer take is less than what asking for their origin costs
_MAY_BE_ASKED = "_may_be_asked"


class Origin(NamedTuple):
    """The input is ``scale * tensor + shift``, with one rounding or with two.

    :param tensor: with the shape and the layout of the input ``[T, N, C, *]``
    :param scale: for each channel, of a shape that broadcasts to ``[N, C, *]``
    :param shift: the same
    :param tie: stands for the input in its graph, with its shape and no memory of its own
    """

    tensor: torch.Tensor
    scale: torch.Tensor
    shift: torch.Tensor
    tie: torch.Tensor
    rounds_once: bool

    def input(self) -> torch.Tensor:
        """What it is the origin of."""
        return scaled(self.tensor, self.scale, self.shift, self.rounds_once)


class _Tie(torch.autograd.Function):
    """Takes the gradient of what is computed from the origin to where the input comes from."""

    @staticmethod
    def forward(ctx: Any, x_seq: torch.Tensor) -> torch.Tensor:
        return x_seq.new_zeros(()).expand(x_seq.shape)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        return grad


def may_be_asked(pack: _Hook) -> _Hook:
    """Marks a hook for saved tensors: what it packs can be unpacked at any time, and whole tensors stay themselves."""
    setattr(pack, _MAY_BE_ASKED, True)
    return pack


def origin_of(x_seq: torch.Tensor) -> Origin | None:
    """The origin of ``x_seq`` ``[T, N, C, *]``, if it is the unchanged output of a batch normalisation in float32."""
    if not may_have_origin(x_seq):
        return None
    normalised = x_seq._base if x_seq._is_view() else x_seq
    if normalised is None or not _is_output(normalised) or not _is_sequence_of(normalised, x_seq):
        return None
    node: Any = normalised.grad_fn
    try:
        kept, weight, mean, deviation = _saved_by(node)
    except (AttributeError, RuntimeError):  # another version of PyTorch; freed, or changed in place
        return None
    if kept is None or kept.dtype != torch.float32 or kept.stride() != normalised.stride():
        return None
    once = rounds_once()
    if mean is None or once is None:
        return None
    with torch.no_grad():
        scale = deviation if weight is None else deviation * weight
        shift = scaled(-mean, scale, _bias_of(node, mean), once)
        if not _agrees(normalised, kept, scale, shift, once):
            return None
    channels = (-1, *[1] * (kept.dim() - 2))
    tensor = kept.detach().as_strided(x_seq.shape, x_seq.stride())
    return Origin(tensor, scale.view(channels), shift.view(channels), _Tie.apply(x_seq), once)


def may_have_origin(x_seq: torch.Tensor) -> bool:
    """Whether :func:`origin_of` looks where ``x_seq`` comes from."""
    return x_seq.numel() >= SMALLEST and x_seq.dtype == torch.float32 and x_seq.device.type == "cpu"


def _is_output(tensor: torch.Tensor) -> bool:
    """Whether a batch normalisation on the CPU has made ``tensor``, and nobody has written to it since."""
    return (
        type(tensor) is torch.Tensor
        and tensor.grad_fn is not None
        and tensor.grad_fn.name() in ("NativeBatchNormBackward0", normalization.NODE)
        and tensor._version == 0
        and _may_ask_what_is_saved()
        and not torch._C._are_functorch_transforms_active()
    )


def _is_sequence_of(normalised: torch.Tensor, x_seq: torch.Tensor) -> bool:
    """Whether ``x_seq`` ``[T, N, *]`` is ``normalised`` ``[T * N, *]``, all of it in the same order."""
    steps, samples = x_seq.shape[:2]
    return (
        x_seq.shape[1:] == (samples, *normalised.shape[1:])
        and steps * samples == normalised.shape[0]
        and x_seq.stride()[1:] == normalised.stride()
        and (steps == 1 or x_seq.stride(0) == samples * normalised.stride(0))
        and x_seq.storage_offset() == normalised.storage_offset()
    )


def _may_ask_what_is_saved() -> bool:
    """Hooks on saved tensors decide themselves what is kept, and may not be meant to be called before the backward."""
    hooks = hooks_in_force()
    return hooks is None or getattr(hooks[0], _MAY_BE_ASKED, False)


def _saved_by(node: Any) -> Any:
    """Input and weight, and mean and 1 / standard deviation with which the normalisation has computed."""
    if node.name() == normalization.NODE:
        return tuple(node.saved_tensors)
    kept, weight = node._saved_input, node._saved_weight
    if node._saved_training:
        return kept, weight, node._saved_result1, node._saved_result2
    variance = node._saved_running_var
    return kept, weight, node._saved_running_mean, (variance + node._saved_eps).rsqrt()


def _bias_of(node: Any, like: torch.Tensor) -> torch.Tensor:
    """The bias, which the node does not keep, as long as it is learned; one that isn't counts as 0 until looked at."""
    accumulator = node.next_functions[2][0]
    bias = getattr(accumulator, "variable", None)
    return torch.zeros_like(like) if bias is None else bias.detach()


def _agrees(
    normalised: torch.Tensor, kept: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor, rounds_once: bool
) -> bool:
    """Whether an entry of each channel is what it is held for, to the last bit."""
    middle = [size // 2 for size in normalised.shape]
    entry: Any = (middle[0], slice(None), *middle[2:])
    return torch.equal(scaled(kept[entry], scale, shift, rounds_once), normalised[entry])
