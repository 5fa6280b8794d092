"""Where a module hands its time steps to the engine and takes its states back."""

import functools
from collections.abc import Sequence
from typing import Any

import torch

from spikingjelly.activation_based import base
from spikingjelly.activation_based.neuron._lift import step_of
from spikingjelly.fusion import dispatch


def run_sequence(module: Any, x_seq: torch.Tensor, keep: str | None = None) -> torch.Tensor | None:
    """The outputs ``[T, *]`` of ``module`` for ``x_seq``, or None where its own loop has to run.

    :param keep: a memory whose values after each time step become the memory ``v_seq``
    """
    if module.backend == "torch":
        return None
    refusal = dispatch.too_small(module.backend, x_seq, dispatch.SMALLEST_SEQUENCE)
    results = refusal or _run(module, x_seq, keep)
    if isinstance(results, dispatch.Refusal):
        dispatch.announce(module.backend, results)
        return None
    return results


def run_step(module: Any, x: torch.Tensor) -> torch.Tensor | None:
    """The output ``[N, *]`` of ``module`` for one time step, or None where its own methods have to run."""
    if module.backend == "torch" or not isinstance(x, torch.Tensor) or not x.is_floating_point():
        return None
    if dispatch.too_small(module.backend, x, dispatch.SMALLEST_STEP):
        return None
    results = _run(module, x.unsqueeze(0), None)
    if isinstance(results, dispatch.Refusal):
        dispatch.announce(module.backend, results)
        return None
    return results.squeeze(0)


def source_of(module: Any, dtype: torch.dtype, shape: Sequence[int]) -> str:
    """The source text of the module's kernel; the module is left as it is."""
    x = torch.zeros(1, *shape, dtype=dtype)
    kept = dict(module._memories)
    try:
        module.reset()
        names = _prepare(module, x)
        source = dispatch.source(module.backend, step_of(module, names), x, len(names))
    finally:
        module._memories.update(kept)
        module._forget_calls()
    if isinstance(source, dispatch.Refusal):
        raise RuntimeError(source.reason)
    return source


def _run(module: Any, x_seq: torch.Tensor, keep: str | None) -> torch.Tensor | dispatch.Refusal:
    names = _prepare(module, x_seq)
    runner = dispatch.find_runner(module.backend, functools.partial(step_of, module, names), x_seq, len(names))
    states = [getattr(module, name) for name in names]
    if isinstance(runner, dispatch.Refusal):
        for name, value in zip(names, states, strict=True):
            if value.numel() > 1 and not any(value.stride()):
                setattr(module, name, value.contiguous())
        return runner
    output, *after = runner(x_seq, states, [] if keep is None else [names.index(keep)])
    for name, value in zip(names, after[: len(names)], strict=True):
        setattr(module, name, value)
    if keep is not None:
        module.v_seq = after[-1]
    return output


def _prepare(module: Any, x_seq: torch.Tensor) -> list[str]:
    """Make the memories tensors that fit the input; those that are states of a time step."""
    module.__dict__[base._EXPANDED] = True
    try:
        module.v_float_to_tensor(x_seq[0])
    finally:
        del module.__dict__[base._EXPANDED]
    return [n for n, value in module.named_memories() if n != "v_seq" and isinstance(value, torch.Tensor)]
