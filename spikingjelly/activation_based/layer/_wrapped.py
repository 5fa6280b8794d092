"""What turns a ``torch.nn`` layer into a layer with step modes."""

from collections.abc import Callable
from typing import Any, NoReturn

import torch
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import check_floating_tensor, check_tensor, name_of
from spikingjelly.activation_based._equal_steps import equal_step
from spikingjelly.activation_based._repeated import one_step, repeat
from spikingjelly.activation_based.functional._forward import seq_to_ann_forward

Layouts = tuple[str, ...]  # what one time step may look like, as in ("N, C, L", "N, C"); "*" stands for any number


class StepLayer(base.StepModule, nn.Module):
    """The first base of a layer whose second base is the ``torch.nn`` class.

    In step mode 's' the layer is the torch layer. In 'm' it takes a sequence of one of the ``_layouts`` with T in
    front, and the torch layer sees the time steps as one batch ``[T * N, *]``.
    """

    _layouts: Layouts
    _needs_floats = True
    _takes_each_step_alone = False  # gives equal outputs for equal time steps
    _compares_steps = False  # looks whether they are equal, for to compute them all takes much longer
    weight: Any

    def __init__(self, *args: Any, step_mode: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.step_mode = step_mode

    def forward(self, input: torch.Tensor) -> Any:
        return self._run(self._torch_layer, input)

    def _torch_layer(self, x: torch.Tensor) -> Any:
        return super().forward(x)  # as a method, for torch.compile can't hand `super().forward` itself around

    def _run(self, torch_layer: Callable[[torch.Tensor], Any], x: torch.Tensor) -> Any:
        if self.step_mode == "m":
            check_sequence_layout(self, x, self._layouts, self._needs_floats)
            step = self._step_of(x) if self._takes_each_step_alone else None
            return seq_to_ann_forward(x, torch_layer) if step is None else repeat(torch_layer(step), x.shape[0], x)
        if self._needs_floats:
            check_no_integers(self, x)
        # Asking for the shape afterwards keeps the layer traceable by torch.fx, and all that torch accepts is accepted.
        try:
            return torch_layer(x)
        except (RuntimeError, ValueError, TypeError, AttributeError) as error:
            explain_refusal(self, x, self._layouts, self._needs_floats, error)

    def _step_of(self, x_seq: torch.Tensor) -> torch.Tensor | None:
        """The step to compute for all, if there is one. A user's class may do something else at each time step."""
        ours = type(self).__module__.startswith("spikingjelly.")
        step = one_step(x_seq, self if ours else None)
        return equal_step(x_seq, self.weight, self) if step is None and ours and self._compares_steps else step

    def extra_repr(self) -> str:
        return ", ".join(filter(None, [super().extra_repr(), f"step_mode={self.step_mode}"]))


def check_sequence_layout(owner: Any, x_seq: Any, layouts: Layouts, needs_floats: bool = True) -> None:
    """``x_seq`` must be a sequence: one of ``layouts`` with T in front.

    :raises TypeError: for what is no tensor, or has an integer dtype where the layer computes with weights or means
    :raises ValueError: for a wrong number of dimensions
    """
    check_tensor(owner, "the input", x_seq)
    if needs_floats:
        check_no_integers(owner, x_seq)
    sequences = tuple(f"T, {layout}" for layout in layouts)
    if not _fits(x_seq, sequences):
        raise ValueError(
            f"{name_of(owner)}: expected x with shape {_text(sequences)}, but got x with shape {list(x_seq.shape)}. "
            f"step_mode='m' takes a sequence; for a single time step {_text(layouts)} use step_mode='s', or add the "
            "time dimension with x.unsqueeze(0)."
        )


def explain_refusal(owner: Any, x: Any, layouts: Layouts, needs_floats: bool, error: Exception) -> NoReturn:
    """Raise what torch raised for one time step ``x``, or a clearer error where the reason is known."""
    if not isinstance(x, torch.Tensor) and isinstance(error, (RuntimeError, ValueError)):
        raise error  # torch.fx explains itself why it can't trace with its stand-in for a tensor
    check_tensor(owner, "the input", x)
    if needs_floats:
        check_no_integers(owner, x)
    sequences = tuple(f"T, {layout}" for layout in layouts)
    if _fits(x, sequences) and not _fits(x, layouts):
        raise ValueError(
            f"{name_of(owner)}: expected x with shape {_text(layouts)} in step_mode='s', but got x with shape "
            f"{list(x.shape)}. For a sequence {_text(sequences)} use step_mode='m', for example with "
            "functional.set_step_mode(net, 'm')."
        ) from error
    raise error


def check_no_integers(owner: Any, x: Any) -> None:
    """Where ``x`` is a tensor, it must not be one of integers, whose means torch rounds in silence."""
    if isinstance(x, torch.Tensor) and not x.is_complex():
        check_floating_tensor(owner, "the input", x)


def _fits(x: torch.Tensor, layouts: Layouts) -> bool:
    return any(
        x.dim() >= layout.count(",") if layout.endswith("*") else x.dim() == layout.count(",") + 1 for layout in layouts
    )


def _text(layouts: Layouts) -> str:
    return " or ".join(f"[{layout}]" for layout in layouts)
