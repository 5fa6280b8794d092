"""What learners share: the records of a synapse and its neurons, traces, and where a change of weights goes."""

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based import base, monitor
from spikingjelly.activation_based._checks import check_floating_tensor, describe
from spikingjelly.activation_based.learning._correlation import WeightFunction, check_synapse, weigh
from spikingjelly.activation_based.learning._stdp import checked_spikes
from spikingjelly.activation_based.learning._traces import check_tau


class Learner(base.MemoryModule):
    """Watches a synapse and the neurons it drives, and turns what they did into a change of the weights.

    A subclass writes ``_change(pre, post, *arguments)``, which gives the change for the spikes ``[T, N, *]`` that were
    recorded since the last call, and updates the memories.
    """

    trace_pre: Any
    trace_post: Any
    _smallest_tau: float | None = None

    def __init__(
        self,
        step_mode: str,
        synapse: nn.Module,
        sn: nn.Module,
        tau_pre: float,
        tau_post: float,
        f_pre: WeightFunction,
        f_post: WeightFunction,
    ) -> None:
        super().__init__()
        check_synapse(self, synapse)
        if not isinstance(sn, nn.Module):
            raise TypeError(
                f"{type(self).__name__}: sn must be the module of the neurons behind the synapse, but {describe(sn)} "
                "was given."
            )
        check_tau(self, "tau_pre", tau_pre, self._smallest_tau)
        check_tau(self, "tau_post", tau_post, self._smallest_tau)
        for name, function in (("f_pre", f_pre), ("f_post", f_post)):
            if not callable(function):
                raise TypeError(
                    f"{type(self).__name__}: {name} must be a function of the weights, but {describe(function)} was "
                    "given. For a constant c write lambda w: c * torch.ones_like(w)."
                )
        self.step_mode = step_mode
        self.synapse: Any = synapse
        self.neurons: Any = sn
        self.tau_pre, self.tau_post = tau_pre, tau_post
        self.f_pre: Callable[..., Any] = f_pre
        self.f_post: Callable[..., Any] = f_post
        self.in_spike_monitor = _Inputs(synapse)
        self.out_spike_monitor = _Outputs(sn)
        self.register_memory("trace_pre", None)
        self.register_memory("trace_post", None)

    def single_step_forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        """A learner is not called.

        :raises NotImplementedError: always
        """
        raise NotImplementedError(
            f"{type(self).__name__} is no layer: run the network, then call step() on the learner."
        )

    def reset(self) -> None:
        """Forget the traces and all records."""
        super().reset()
        self.in_spike_monitor.clear_recorded_data()
        self.out_spike_monitor.clear_recorded_data()

    def enable(self) -> None:
        """Record from now on, as a new learner does."""
        self.in_spike_monitor.enable()
        self.out_spike_monitor.enable()

    def disable(self) -> None:
        """Record nothing until :meth:`enable`, for example during a test."""
        self.in_spike_monitor.disable()
        self.out_spike_monitor.disable()

    def close(self) -> None:
        """Let go of the synapse and the neurons: nothing is recorded any more, and :meth:`step` can't be called."""
        self.in_spike_monitor.close()
        self.out_spike_monitor.close()

    @torch.no_grad()
    def _learn(self, on_grad: bool, scale: float, *arguments: Any) -> torch.Tensor | None:
        pre, post = checked_spikes(self, self.synapse, *self._records(), self.trace_pre, self.trace_post)
        change = self._change(pre, post, *arguments) * scale
        self.in_spike_monitor.clear_recorded_data()
        self.out_spike_monitor.clear_recorded_data()
        if not on_grad:
            return change
        weight = self.synapse.weight
        weight.grad = -change if weight.grad is None else weight.grad - change
        return None

    def _change(self, pre: torch.Tensor, post: torch.Tensor, *arguments: Any) -> torch.Tensor:
        raise NotImplementedError(f"{type(self).__name__} does not define _change(pre, post)")

    def _weighted(self, potentiation: torch.Tensor, depression: torch.Tensor) -> torch.Tensor:
        """The correlations, each times its function of the weights."""
        return weigh(self.synapse, self.f_pre, self.f_post, potentiation, depression)

    def _records(self) -> tuple[torch.Tensor, torch.Tensor]:
        """What was recorded, as sequences ``[T, N, *]``."""
        inputs, outputs = self.in_spike_monitor.records, self.out_spike_monitor.records
        if not inputs or len(inputs) != len(outputs):
            raise RuntimeError(
                f"{type(self).__name__}: since the last step() or reset() the synapse has run {len(inputs)} times and "
                f"the neurons {len(outputs)} times, but step() needs both to have run equally often, at least once. "
                "Run the network first, call enable() if the learner was disabled, and call reset() after runs that "
                "were not meant for learning or failed half-way."
            )
        self._check_step_modes()
        join = torch.stack if self.step_mode == "s" else torch.cat
        if self.step_mode == "m":
            inputs = [_with_time(x, y) for x, y in zip(inputs, outputs, strict=True)]
        pre, post = _of_one_shape(self, inputs, join), _of_one_shape(self, outputs, join)
        if isinstance(self.synapse, nn.Linear) and pre.dim() == post.dim() == 2:
            return pre.unsqueeze(1), post.unsqueeze(1)  # one sample without a dimension of samples
        return pre, post

    def _check_step_modes(self) -> None:
        """What a sequence is to one of them must be one to the others."""
        neurons = getattr(self.neurons, "step_mode", self.step_mode)
        synapse = getattr(self.synapse, "step_mode", "s")
        if neurons != self.step_mode or (synapse == "m" and self.step_mode == "s"):
            raise ValueError(
                f"{type(self).__name__}: step_mode is {self.step_mode!r}, but the synapse is in "
                f"step_mode={synapse!r} and the neurons are in step_mode={neurons!r}. Set step_mode of all of them "
                "alike: 's' for one time step per call, 'm' for a sequence."
            )

    def extra_repr(self) -> str:
        return f"step_mode={self.step_mode}, tau_pre={self.tau_pre}, tau_post={self.tau_post}"


class _Inputs(monitor.InputMonitor):
    """Of one module, not of modules of its class inside it."""

    def __init__(self, module: nn.Module) -> None:
        self.module = weakref.ref(module)
        super().__init__(module, function_on_input=_cut_from_graph)

    def create_hook(self, name: str) -> Callable[..., None]:
        return _only_of(self.module, super().create_hook(name))


class _Outputs(monitor.OutputMonitor):
    """Of one module, not of modules of its class inside it."""

    def __init__(self, module: nn.Module) -> None:
        self.module = weakref.ref(module)
        super().__init__(module, function_on_output=_cut_from_graph)

    def create_hook(self, name: str) -> Callable[..., None]:
        return _only_of(self.module, super().create_hook(name))


def _only_of(watched: weakref.ref[nn.Module], hook: Callable[..., None]) -> Callable[..., None]:
    """A copy of a network carries the hooks of the original along: what the copy does must not be learned from."""

    def on_call(module: nn.Module, *call: Any) -> None:
        if module is watched():
            hook(module, *call)

    return on_call


def _cut_from_graph(x: Any) -> Any:
    return x.detach() if isinstance(x, torch.Tensor) else x


def _with_time(x: Any, y: Any) -> Any:
    """``x`` as ``[T, N, *]`` where the synapse saw the time steps of ``y`` as one batch ``[T * N, *]``."""
    if isinstance(x, torch.Tensor) and isinstance(y, torch.Tensor) and x.dim() == y.dim() - 1 > 0:
        T, N = y.shape[:2]
        if x.shape[0] == T * N:
            return x.unflatten(0, (T, N))
    return x


def _of_one_shape(
    owner: Learner, records: list[Any], join: Callable[[list[torch.Tensor]], torch.Tensor]
) -> torch.Tensor:
    for record in records:
        check_floating_tensor(owner, "what was recorded", record)
    shapes = {tuple(record.shape[owner.step_mode == "m" :]) for record in records}
    if len(shapes) > 1:
        raise RuntimeError(
            f"{type(owner).__name__}: since the last step() or reset() time steps of different shapes were recorded: "
            f"{' and '.join(str(list(shape)) for shape in sorted(shapes))}. Call step(), or reset() on the learner, "
            "before the batch changes."
        )
    return join(records)
