"""Containers that give single-step modules the dimension of time."""

from collections import OrderedDict
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import base
from spikingjelly.activation_based._checks import check_bool
from spikingjelly.activation_based.functional._forward import (
    multi_step_forward,
    seq_to_ann_forward,
    t_last_multi_step_forward,
    t_last_seq_to_ann_forward,
)
from spikingjelly.activation_based.layer._arguments import check_single_step_children


class _TimeContainer(nn.Sequential):
    """A Sequential of modules in step mode 's'. They may be set to 'm' at any time, so that each call looks again."""

    _keeps_children_step_mode = True

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        check_single_step_children(self)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        # Until 0.0.0.0.6 a container held its module, or the Sequential of several, as the child "module".
        if "module" not in self._modules:
            now = f"{prefix}0." if len(self) == 1 else prefix
            for key in [key for key in state_dict if key.startswith(f"{prefix}module.")]:
                state_dict[now + key.removeprefix(f"{prefix}module.")] = state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _run_children(self, x: torch.Tensor) -> torch.Tensor:
        """The modules one after the other, as in :class:`torch.nn.Sequential`."""
        return super().forward(x)

    def _check_children(self) -> None:
        if not torch.compiler.is_compiling():
            check_single_step_children(self)


class MultiStepContainer(_TimeContainer, base.MultiStepModule):
    """Runs modules on a sequence, one time step after the other: ``[T, N, *]`` to ``[T, N, *]``.

    For modules with state, such as neurons. Only step mode 'm'; the modules in it stay in 's', also where
    ``functional.set_step_mode`` sets a network around them.

    :param args: the modules, as for :class:`torch.nn.Sequential`

    :raises ValueError: (also an AssertionError) if a module is in step mode 'm'
    """

    def forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        self._check_children()
        return multi_step_forward(x_seq, self._run_children)


class SeqToANNContainer(_TimeContainer, base.MultiStepModule):
    """Runs modules on all time steps at once: ``[T, N, *]`` is ``[T * N, *]`` inside and ``[T, N, *]`` again outside.

    For modules without state, such as convolutions. Only step mode 'm'; the modules in it stay in 's', also where
    ``functional.set_step_mode`` sets a network around them.

    :param args: the modules, as for :class:`torch.nn.Sequential`

    :raises ValueError: (also an AssertionError) if a module is in step mode 'm'
    """

    def forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        self._check_children()
        return seq_to_ann_forward(x_seq, self._run_children)


class TLastMultiStepContainer(_TimeContainer, base.MultiStepModule):
    """:class:`MultiStepContainer` for sequences with time as the last dimension: ``[N, *, T]`` to ``[N, *, T]``."""

    def forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        self._check_children()
        return t_last_multi_step_forward(x_seq, self._run_children)


class TLastSeqToANNContainer(_TimeContainer, base.MultiStepModule):
    """:class:`SeqToANNContainer` for sequences with time as the last dimension: ``[N, *, T]`` to ``[N, *, T]``."""

    def forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        self._check_children()
        return t_last_seq_to_ann_forward(x_seq, self._run_children)


class StepModeContainer(_TimeContainer, base.StepModule):
    """Modules that follow the step mode of the container: a Sequential on ``[N, *]`` in 's'; in 'm' on ``[T, N, *]``
    a :class:`MultiStepContainer` where ``stateful``, else a :class:`SeqToANNContainer`.

    ``functional.set_step_mode`` sets the container and leaves the modules in it in 's'.

    :param stateful: whether a module in the container has state
    :param args: the modules, as for :class:`torch.nn.Sequential`; the step mode may stand before them
    :param step_mode: 's' or 'm'

    :raises TypeError: (also an AssertionError) if ``stateful`` is no bool
    :raises ValueError: (also an AssertionError) if a module is in step mode 'm'; also for another step mode
    """

    def __init__(self, stateful: bool, *args: Any, step_mode: str = "s") -> None:
        check_bool(self, "stateful", stateful)
        if args and isinstance(args[0], str):
            step_mode, *args = args  # type: ignore[assignment]
        super().__init__(*args)
        self.stateful = stateful
        self.step_mode = step_mode

    def __getitem__(self, idx: Any) -> Any:
        if not isinstance(idx, slice):
            return super().__getitem__(idx)
        part = type(self)(self.stateful, OrderedDict(list(self._modules.items())[idx]))
        part.step_mode = self.step_mode
        return part

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self._check_children()
        if self.step_mode == "s":
            return self._run_children(x)
        run_sequence = multi_step_forward if self.stateful else seq_to_ann_forward
        return run_sequence(x, self._run_children)

    def extra_repr(self) -> str:
        return f"stateful={self.stateful}, step_mode={self.step_mode}"
