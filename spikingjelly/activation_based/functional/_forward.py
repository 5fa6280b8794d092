"""Run modules over time: step by step, in chunks, or all steps at once as one large batch."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import nn

from spikingjelly.activation_based._checks import check_int, check_positive_int, check_tensor, describe

Runnable = Callable[..., Any] | Sequence[Callable[..., Any]]


def multi_step_forward(x_seq: torch.Tensor, single_step_module: Runnable) -> Any:
    """Run a single-step module on a sequence, one time step after the other.

    :param x_seq: ``[T, *]``
    :param single_step_module: a module, a list or tuple of modules that run one after the other, or a callable
    :return: the outputs of the time steps, stacked: ``[T, *]`` (a tuple of them where each step returns several)

    :raises TypeError: if ``x_seq`` is no tensor or ``single_step_module`` can't be called
    :raises ValueError: if ``x_seq`` has no time step
    """
    _check_sequence("multi_step_forward", x_seq)
    step = _as_callable("multi_step_forward", single_step_module)
    return _stack([step(x) for x in x_seq.unbind(0)], dim=0)


def t_last_multi_step_forward(x_seq: torch.Tensor, single_step_module: Runnable) -> Any:
    """:func:`multi_step_forward` for sequences with time as the last dimension: ``[N, *, T]`` to ``[N, *, T]``."""
    _check_sequence("t_last_multi_step_forward", x_seq, dim=-1)
    step = _as_callable("t_last_multi_step_forward", single_step_module)
    return _stack([step(x) for x in x_seq.unbind(-1)], dim=-1)


def chunk_multi_step_forward(split_size: int, x_seq: torch.Tensor, multi_step_module: Runnable) -> torch.Tensor:
    """Run a multi-step module on ``split_size`` time steps at a time: less memory at once, the same result.

    :param split_size: time steps per chunk, at least 1; the last chunk has the rest
    :param x_seq: ``[T, *]``
    :param multi_step_module: a module, a list or tuple of modules, or a callable, which keeps its state between calls
    :return: ``[T, *]``

    :raises TypeError: if ``x_seq`` is no tensor, ``multi_step_module`` can't be called or ``split_size`` is no int
    :raises ValueError: if ``x_seq`` has no time step or ``split_size < 1``
    """
    check_positive_int("chunk_multi_step_forward", "split_size", split_size)
    _check_sequence("chunk_multi_step_forward", x_seq)
    run = _as_callable("chunk_multi_step_forward", multi_step_module)
    return torch.cat([run(chunk) for chunk in x_seq.split(int(split_size))])


def seq_to_ann_forward(x_seq: torch.Tensor, stateless_module: Runnable) -> Any:
    """Run a stateless module on all time steps at once: time becomes part of the batch.

    :param x_seq: ``[T, N, *]``
    :param stateless_module: a module, a list or tuple of modules that run one after the other, or a callable; it takes
        ``[T * N, *]``
    :return: ``[T, N, *]`` (a tuple of them where the module returns several)

    :raises TypeError: if ``x_seq`` is no tensor or ``stateless_module`` can't be called
    :raises ValueError: if ``x_seq`` has fewer than two dimensions, or if the output has not ``T * N`` rows
    """
    _check_batch_sequence("seq_to_ann_forward", x_seq)
    run = _as_callable("seq_to_ann_forward", stateless_module)
    # Both are views of contiguous and of channels-last sequences: flatten copies only where no view exists.
    return _split_batch(run(x_seq.flatten(0, 1)), x_seq.shape[:2])


def t_last_seq_to_ann_forward(x_seq: torch.Tensor, stateless_module: Runnable) -> Any:
    """:func:`seq_to_ann_forward` for sequences with time as the last dimension: ``[N, *, T]`` to ``[N, *, T]``."""
    _check_batch_sequence("t_last_seq_to_ann_forward", x_seq)
    y_seq = seq_to_ann_forward(x_seq.movedim(-1, 0), stateless_module)
    if isinstance(y_seq, tuple):
        return tuple(part.movedim(0, -1) for part in y_seq)
    return y_seq.movedim(0, -1)


def delay(x_seq: torch.Tensor, delay_steps: int) -> torch.Tensor:
    r"""Shift a sequence in time.

    .. math::
        Y[t] = \begin{cases} 0, & t < d \\ X[t - d], & t \ge d \end{cases}

    :param x_seq: ``[T, *]``
    :param delay_steps: :math:`d` in time steps, at least 0
    :return: ``[T, *]``

    :raises TypeError: if ``x_seq`` is no tensor or ``delay_steps`` is no int
    :raises ValueError: if ``x_seq`` has no time step or ``delay_steps`` is negative
    """
    _check_sequence("delay", x_seq)
    check_int("delay", "delay_steps", delay_steps, at_least=0)
    T = x_seq.shape[0]
    shift = min(int(delay_steps), T)
    return torch.cat([x_seq.new_zeros(shift, *x_seq.shape[1:]), x_seq[: T - shift]])


def _as_callable(owner: str, module: Runnable) -> Callable[..., Any]:
    """A list of modules as one function; everything else as it is, so that a Sequential's hooks and forward count."""
    parts = module if isinstance(module, (list, tuple, nn.ModuleList)) else (module,)
    for part in parts:
        if not callable(part):
            raise TypeError(
                f"{owner}: expected a module, a list or tuple of modules, or a callable, "
                f"but {describe(part)} was given."
            )
    return parts[0] if len(parts) == 1 else lambda x: _chain(parts, x)


def _chain(parts: Iterable[Any], x: Any) -> Any:
    for part in parts:
        x = part(x)
    return x


def _check_sequence(owner: str, x_seq: Any, dim: int = 0) -> None:
    check_tensor(owner, "x_seq", x_seq)
    if x_seq.dim() == 0 or x_seq.shape[dim] == 0:
        layout = "[T, *]" if dim == 0 else "[N, *, T]"
        raise ValueError(f"{owner}: x_seq must be a sequence {layout} with T >= 1, but {describe(x_seq)} was given.")


def _check_batch_sequence(owner: str, x_seq: Any) -> None:
    check_tensor(owner, "x_seq", x_seq)
    if x_seq.dim() < 2:
        layout = "[N, *, T]" if owner.startswith("t_last") else "[T, N, *]"
        raise ValueError(f"{owner}: x_seq must be a sequence {layout} of batches, but {describe(x_seq)} was given.")


def _stack(steps: list[Any], dim: int) -> Any:
    if isinstance(steps[0], (list, tuple)):
        return tuple(torch.stack(parts, dim) for parts in zip(*steps, strict=True))
    return torch.stack(steps, dim)


def _split_batch(y: Any, T_N: Sequence[int]) -> Any:
    if isinstance(y, (list, tuple)):
        return tuple(_split_batch(part, T_N) for part in y)
    T, N = T_N
    if not isinstance(y, torch.Tensor) or y.dim() == 0 or y.shape[0] != T * N:
        raise ValueError(
            f"seq_to_ann_forward: the module was given T * N = {T} * {N} = {T * N} rows and must return as many, but "
            f"it returned {describe(y)}. A module that mixes samples or time steps needs multi_step_forward."
        )
    return y.unflatten(0, (T, N))
