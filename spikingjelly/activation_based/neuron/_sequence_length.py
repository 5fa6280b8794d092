"""The check of nodes that are built for sequences of a fixed number of time steps."""

from typing import Any

from spikingjelly.activation_based._checks import check_floating_tensor, describe, name_of


def check_length(owner: Any, x_seq: Any, T: int | None = None) -> None:
    """``x_seq`` must be a floating-point sequence ``[T, N, *]``, of exactly ``T`` time steps where ``T`` is given."""
    check_floating_tensor(owner, "the input", x_seq)
    if x_seq.dim() < 2 or x_seq.shape[0] == 0:
        raise ValueError(
            f"{name_of(owner)} expects a sequence [T, N, *] with T >= 1 in step_mode='m', but {describe(x_seq)} was "
            "given."
        )
    if T is not None and x_seq.shape[0] != T:
        raise ValueError(
            f"{name_of(owner)} was built for T={T} time steps and expects an input [{T}, N, *], but {describe(x_seq)} "
            f"was given. Build it with T={x_seq.shape[0]}, or give it sequences of {T} time steps."
        )
