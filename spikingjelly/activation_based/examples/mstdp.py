"""Reward-modulated STDP: a neuron learns to fire for pattern A and to be silent for pattern B.

``python -m spikingjelly.activation_based.examples.mstdp -trials 40 -out-dir logs``

Each output spike is followed by a reward of 1 if pattern A is shown and of -1 if pattern B is. The reward is multiplied
with the eligibility, which is what STDP would have changed.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from spikingjelly.activation_based import learning
from spikingjelly.activation_based.examples.common import pictures, reward_task


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="mstdp", description="Reward-modulated STDP with two patterns.", allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )  # fmt: skip
    parser.add_argument("-trials", type=int, default=40, help="number of trials of 10 time steps")
    parser.add_argument("-tau-pre", type=float, default=2.0, help="time constant of the presynaptic trace")
    parser.add_argument("-tau-post", type=float, default=2.0, help="time constant of the postsynaptic trace")
    parser.add_argument("-lr", type=float, default=0.02, help="learning rate")
    parser.add_argument("-out-dir", type=Path, default=Path("logs"), help="where the picture goes")
    parser.add_argument("-seed", type=int, default=2020, help="seed of all random numbers")
    args = parser.parse_args(argv)
    if args.trials < 2:
        parser.error(f"-trials must be at least 2, but {args.trials} was given")
    return args


def main(argv: Sequence[str] | None = None) -> tuple[float, float]:
    """Learn, draw, and give the firing rates for A and B in the second half of the trials."""
    args = parse(argv)
    torch.manual_seed(args.seed)
    course = reward_task.teach(
        lambda synapse, node: learning.MSTDPLearner(
            "s", 1, synapse, node, args.tau_pre, args.tau_post, f_pre=torch.zeros_like, f_post=torch.ones_like
        ),
        args.trials, delay=0, lr=args.lr, trace_of=lambda learner: learner.eligibility,
    )  # fmt: skip
    rates = course.rates()
    print(f"In the second half of the trials it fires {rates[0]:.2f} times a step for A and {rates[1]:.2f} for B.")
    if not pictures.matplotlib_is_missing():
        args.out_dir.mkdir(parents=True, exist_ok=True)
        picture = args.out_dir / "mstdp.png"
        course.draw(picture, "Reward-modulated STDP: 1 for a spike on A, -1 for one on B", "eligibility")
        print(f"Picture: {picture.resolve()}")
    return rates


if __name__ == "__main__":
    main()
