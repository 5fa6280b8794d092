"""What holds for any spikes, weights and time constants."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from spikingjelly.activation_based import learning

TAUS = st.floats(1.0, 20.0)
SIZES = st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 4), st.integers(1, 4))


def run(seed: int, sizes: tuple[int, int, int, int], *args) -> tuple[torch.Tensor, ...]:
    T, N, n_in, n_out = sizes
    generator = torch.Generator().manual_seed(seed)
    fc = nn.Linear(n_in, n_out).double()
    with torch.no_grad():
        fc.weight.copy_(torch.randn(n_out, n_in, generator=generator))
    pre, post = ((torch.rand(T, N, n, generator=generator) > 0.5).double() for n in (n_in, n_out))
    return (fc, pre, post, *learning.stdp_multi_step(fc, pre, post, None, None, *args))


@settings(max_examples=40)
@given(st.integers(0, 10**6), SIZES, TAUS, TAUS)
def test_samples_and_sequences_add_up(seed: int, sizes: tuple, tau_pre: float, tau_post: float) -> None:
    fc, pre, post, _, _, change = run(seed, sizes, tau_pre, tau_post)
    alone = [
        learning.stdp_multi_step(fc, pre[:, n : n + 1], post[:, n : n + 1], None, None, tau_pre, tau_post)[2]
        for n in range(pre.shape[1])
    ]
    torch.testing.assert_close(sum(alone), change)
    cut = pre.shape[0] // 2
    if cut:
        x, y, first = learning.stdp_multi_step(fc, pre[:cut], post[:cut], None, None, tau_pre, tau_post)
        *_, second = learning.stdp_multi_step(fc, pre[cut:], post[cut:], x, y, tau_pre, tau_post)
        torch.testing.assert_close(first + second, change)


@settings(max_examples=40)
@given(st.integers(0, 10**6), SIZES, TAUS, TAUS)
def test_one_sided_rules_have_a_sign_and_silence_changes_nothing(
    seed: int, sizes: tuple, tau_pre: float, tau_post: float
) -> None:
    only_up = run(seed, sizes, tau_pre, tau_post, torch.zeros_like, torch.ones_like)[-1]
    only_down = run(seed, sizes, tau_pre, tau_post, torch.ones_like, torch.zeros_like)[-1]
    assert (only_up >= 0).all()
    assert (only_down <= 0).all()
    fc, pre, post, *_ = run(seed, sizes, tau_pre, tau_post)
    for silent in ((pre * 0, post), (pre, post * 0)):
        *_, change = learning.stdp_multi_step(fc, *silent, None, None, tau_pre, tau_post)
        assert not change.any()


@settings(max_examples=40)
@given(st.integers(0, 10**6), SIZES, TAUS)
def test_turning_time_round_turns_the_sign(seed: int, sizes: tuple, tau: float) -> None:
    """With equal time constants and strengths STDP only knows which came first."""
    fc, pre, post, _, _, change = run(seed, sizes, tau, tau, torch.ones_like, torch.ones_like)
    args = None, None, tau, tau, torch.ones_like, torch.ones_like
    *_, backwards = learning.stdp_multi_step(fc, pre.flip(0), post.flip(0), *args)
    torch.testing.assert_close(backwards, -change)


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 40), TAUS)
def test_traces_stay_below_tau(seed: int, T: int, tau: float) -> None:
    _, _, _, x, y, _ = run(seed, (T, 1, 3, 2), tau, tau)
    assert (x >= 0).all()
    assert max(x.max(), y.max()) <= tau * (1 + 1e-12)
