"""Linear, Flatten and Upsample with step modes."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from spikingjelly import packing, products
from spikingjelly.activation_based._checks import name_of
from spikingjelly.activation_based._repeated import one_step, repeat
from spikingjelly.activation_based.layer._wrapped import StepLayer, check_sequence_layout, explain_refusal


class Linear(StepLayer, nn.Linear):
    """:class:`torch.nn.Linear`, over the last dimension in both step modes: ``[*, in_features]``.

    :param step_mode: 's' or 'm'; the other parameters are those of the torch class, as are the names in ``state_dict``

    :raises TypeError: for inputs that are no floating-point tensors
    """

    _layouts = ("*",)
    _compares_steps = True

    @property
    def _packs_what_it_saves(self) -> bool:
        return packing.worth_packing(self.out_features)

    def __init__(self, in_features: int, out_features: int, bias: bool = True, step_mode: str = "s") -> None:
        super().__init__(in_features, out_features, bias=bias, step_mode=step_mode)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        step = self._step_of(input) if self.step_mode == "m" else None
        try:
            if step is not None and step.dim() > 1:
                return repeat(self._apply_weight(step), input.shape[0], input)
            return self._apply_weight(input)  # time is one more leading dimension
        except (RuntimeError, TypeError, AttributeError) as error:
            self._explain_features(input, error)
            explain_refusal(self, input, self._layouts, True, error)

    def _explain_features(self, x: Any, error: Exception) -> None:
        """Add to torch's message what mostly is the reason for a wrong number of features."""
        if type(error) is not RuntimeError or not isinstance(x, torch.Tensor) or not x.dim():
            return
        if x.shape[-1] == self.in_features or not x.is_floating_point():
            return
        if self.step_mode == "s":
            hint = "For a sequence [T, N, *] use step_mode='m', for example with functional.set_step_mode(net, 'm')."
        else:
            hint = "Where nn.Flatten joined N with the other dimensions, take layer.Flatten, which keeps T and N."
        raise RuntimeError(
            f"{error}. {name_of(self)}: expected x with shape [*, {self.in_features}] in step_mode={self.step_mode!r}, "
            f"but got x with shape {list(x.shape)}. {hint}"
        ) from error

    def _apply_weight(self, x: torch.Tensor) -> torch.Tensor:
        weight, bias = (
            self.weight,
            self.bias,
        )  # read once: spectral_norm steps at each reading
        y = products.linear(x, weight, bias)
        if y is None:
            y = F.linear(x, weight, bias)
            if self._packs_what_it_saves:
                packing.pack_saved(y, "mat1", "self")
        return y


class Flatten(StepLayer, nn.Flatten):
    """:class:`torch.nn.Flatten`, with the dimensions counted in one time step ``[N, *]``.

    The default ``start_dim=1`` flattens ``[N, C, H, W]`` to ``[N, C * H * W]`` and in step mode 'm'
    ``[T, N, C, H, W]`` to ``[T, N, C * H * W]``.

    :param start_dim: first dimension to flatten
    :param end_dim: last dimension to flatten
    :param step_mode: 's' or 'm'

    :raises IndexError: if a time step has no such dimension
    :raises ValueError: in step mode 'm', for an input that has not the dimensions T and N
    """

    _layouts = ("N, *",)
    _needs_floats = False

    def __init__(self, start_dim: int = 1, end_dim: int = -1, step_mode: str = "s") -> None:
        super().__init__(start_dim, end_dim, step_mode=step_mode)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        if self.step_mode == "s":
            return super().forward(input)
        check_sequence_layout(self, input, self._layouts, needs_floats=False)
        step = one_step(input)
        if step is not None:
            return repeat(nn.Flatten.forward(self, step), input.shape[0], input)
        start_dim, end_dim = (self._dim_in_sequence(dim, input) for dim in (self.start_dim, self.end_dim))
        return input.flatten(start_dim, end_dim)

    def _dim_in_sequence(self, dim: int, x_seq: torch.Tensor) -> int:
        rank = x_seq.dim() - 1
        if not -rank <= dim < rank:
            raise IndexError(
                f"Flatten: a time step of the sequence {list(x_seq.shape)} has dimensions {-rank} to {rank - 1}, but "
                f"start_dim={self.start_dim} and end_dim={self.end_dim}."
            )
        return dim % rank + 1


class Upsample(StepLayer, nn.Upsample):
    """:class:`torch.nn.Upsample` on ``[N, C, *]`` in step mode 's' and ``[T, N, C, *]`` in 'm'.

    :param step_mode: 's' or 'm'; the other parameters are those of the torch class

    :raises ValueError: in step mode 'm', for an input without spatial dimensions
    """

    _layouts = ("N, C, L", "N, C, H, W", "N, C, D, H, W")
    _needs_floats = False
    _takes_each_step_alone = True

    def __init__(
        self,
        size: int | tuple[int, ...] | None = None,
        scale_factor: float | tuple[float, ...] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
        step_mode: str = "s",
    ) -> None:
        arguments: dict[str, Any] = {
            "size": size,
            "scale_factor": scale_factor,
            "mode": mode,
            "align_corners": align_corners,
            "recompute_scale_factor": recompute_scale_factor,
        }
        super().__init__(**arguments, step_mode=step_mode)
