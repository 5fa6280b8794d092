"""Where a module hands its time steps to the engine and takes its states back."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch

from spikingjelly.activation_based import base
from spikingjelly.activation_based._repeated import is_taken, one_step
from spikingjelly.activation_based.neuron import _compiled
from spikingjelly.activation_based.neuron._lift import OtherStates, changes_itself, states_of, step_of
from spikingjelly.fusion import dispatch

_Answer = TypeVar("_Answer")
_more_states: dict[type, tuple[str, ...]] = {}


def run_sequence(module: Any, x_seq: torch.Tensor, keep: str | None = None) -> torch.Tensor | None:
    """The outputs ``[T, *]`` of ``module`` for ``x_seq``, or None where its own loop has to run.

    :param keep: a memory whose values after each time step become the memory ``v_seq``
    """
    if module.backend == "torch" or changes_itself(module):
        return None
    if torch.compiler.is_compiling():
        return _compiled.run_sequence(module, x_seq, keep)
    T = x_seq.shape[0]
    if torch.jit.is_tracing() or dispatch.too_small(module.backend, T, x_seq.numel()):
        return None
    step = one_step(x_seq, module, shows_output=False)
    if step is None:
        return _run_or_announce(module, x_seq, x_seq[0], keep, T)
    output = _run_or_announce(module, step.unsqueeze(0), step, keep, T)
    if output is not None:
        is_taken(x_seq)
    return output


def run_step(module: Any, x: torch.Tensor) -> torch.Tensor | None:
    """The output ``[N, *]`` of ``module`` for one time step, or None where its own methods have to run."""
    if module.backend == "torch" or changes_itself(module):
        return None
    if not isinstance(x, torch.Tensor) or not x.is_floating_point():
        return None
    if torch.compiler.is_compiling():
        output = _compiled.run_sequence(module, x.unsqueeze(0), None)
        return None if output is None else output.squeeze(0)
    if torch.jit.is_tracing() or dispatch.too_small(module.backend, 1, x.numel()):
        return None
    return _run_or_announce(module, x, x, None, 0)


def source_of(module: Any, dtype: torch.dtype, shape: Sequence[int]) -> str:
    """The source text of the module's kernel; the module is left as it is."""
    x = torch.zeros(*shape, dtype=dtype)
    kept = dict(module._memories)
    try:
        module.reset()
        source = _with_states(module, x, lambda names, lift: dispatch.source(module.backend, lift, x, len(names)))[1]
    finally:
        module._memories.update(kept)
        module._forget_calls()
    if isinstance(source, dispatch.Refusal):
        reason = source.reason
        if tuple(shape) == (1,) and any(parameter.numel() > 1 for parameter in module.parameters()):
            reason += ". For parameters of several values give the shape of a sample: fused_source(shape=...)"
        raise RuntimeError(reason)
    return source


def _run_or_announce(
    module: Any, x_seq: torch.Tensor, x: torch.Tensor, keep: str | None, T: int
) -> torch.Tensor | None:
    """``x`` is the input of the first time step; T = 0 if that is all of ``x_seq``."""
    output = _run(module, x_seq, x, keep, T)
    if isinstance(output, dispatch.Refusal):
        dispatch.announce(module.backend, output)
        return None
    return output


def _run(
    module: Any, x_seq: torch.Tensor, x: torch.Tensor, keep: str | None, T: int
) -> torch.Tensor | dispatch.Refusal:
    names, runner = _with_states(
        module, x, lambda names, lift: dispatch.find_runner(module.backend, lift, x, len(names))
    )
    states = [_usable(module, getattr(module, name)) for name in names]
    if isinstance(runner, dispatch.Refusal):
        for name, value in zip(names, states, strict=True):
            if value.numel() > 1 and not any(value.stride()):
                setattr(module, name, value.contiguous())
        return runner
    output, *after = runner(x_seq, states, [] if keep is None else [names.index(keep)], T)
    for name, value in zip(names, after[: len(names)], strict=True):
        setattr(module, name, value)
    if keep is not None:
        module.v_seq = after[-1]
    return output


def _usable(module: Any, state: torch.Tensor) -> torch.Tensor:
    """A state that was left in inference mode can't be saved for a backward pass; its copy can."""
    if torch._C._functorch.is_functorch_wrapped_tensor(state) and not torch._C._are_functorch_transforms_active():
        raise RuntimeError(
            f"{type(module).__name__} still carries the state of a call inside a transform of torch.func, which ends "
            "with it. Call functional.reset_net(net) behind the transform."
        )
    return state.clone() if state.is_inference() and not torch.is_inference_mode_enabled() else state


def _with_states(
    module: Any, x: torch.Tensor, ask: Callable[[list[str], Callable[[], Any]], _Answer]
) -> tuple[list[str], _Answer]:
    """The memories that are states, and what the engine answers for them.

    Memories that a user's neuron registers as numbers show in the step itself whether they become tensors.
    """
    _make_tensors(module, x, _more_states.get(type(module), ()))
    while True:
        names = states_of(module)
        try:
            return names, ask(names, functools.partial(step_of, module, names))
        except OtherStates as other:
            _more_states[type(module)] = (*_more_states.get(type(module), ()), *other.numbers)
            _make_tensors(module, x, other.numbers)


def _make_tensors(module: Any, x: torch.Tensor, more: Sequence[str]) -> None:
    """Memories that are still numbers become tensors that fit the input, without memory of their own."""
    module.__dict__[base._EXPANDED] = True
    try:
        if hasattr(module, "v_float_to_tensor"):
            module.v_float_to_tensor(x)
        for name in more:
            if isinstance(getattr(module, name), float):
                module._give_shape(name, x)
    finally:
        del module.__dict__[base._EXPANDED]
