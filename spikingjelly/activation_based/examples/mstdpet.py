"""Reward-modulated STDP with eligibility trace: a neuron learns from a reward that comes late.

``python -m spikingjelly.activation_based.examples.mstdpet -trials 60 -delay 10 -out-dir logs``

Pattern A or B is shown, then nothing for some time steps, and the last of them brings the reward: the number of output
spikes for A, minus that number for B. When it comes, the spikes are long over. The trace of the eligibility remembers
them; without it, as ``-without-trace`` shows, nothing is learned.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from spikingjelly.activation_based import learning
from spikingjelly.activation_based.examples.common import pictures, reward_task


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="mstdpet", description="Reward-modulated STDP with eligibility trace.", allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )  # fmt: skip
    parser.add_argument("-trials", type=int, default=60, help="number of trials of 10 + delay time steps")
    parser.add_argument("-delay", type=int, default=10, help="silent time steps, the last of which brings the reward")
    parser.add_argument("-without-trace", action="store_true", help="learn by MSTDP, without eligibility trace")
    parser.add_argument("-tau-pre", type=float, default=2.0, help="time constant of the presynaptic trace")
    parser.add_argument("-tau-post", type=float, default=2.0, help="time constant of the postsynaptic trace")
    parser.add_argument("-tau-trace", type=float, default=10.0, help="time constant of the trace of the eligibility")
    parser.add_argument("-lr", type=float, default=0.05, help="learning rate")
    parser.add_argument("-out-dir", type=Path, default=Path("logs"), help="where the picture goes")
    parser.add_argument("-seed", type=int, default=2020, help="seed of all random numbers")
    args = parser.parse_args(argv)
    for flag, least in (("trials", 2), ("delay", 1)):
        if getattr(args, flag) < least:
            parser.error(f"-{flag} must be at least {least}, but {getattr(args, flag)} was given")
    return args


def make_learner(args: argparse.Namespace, synapse: nn.Module, node: nn.Module) -> reward_task.RewardLearner:
    """The learner that the command line asks for."""
    strengths = {"f_pre": torch.zeros_like, "f_post": torch.ones_like}
    if args.without_trace:
        return learning.MSTDPLearner("s", 1, synapse, node, args.tau_pre, args.tau_post, **strengths)
    return learning.MSTDPETLearner("s", synapse, node, args.tau_pre, args.tau_post, args.tau_trace, **strengths)


def main(argv: Sequence[str] | None = None) -> tuple[float, float]:
    """Learn, draw, and give the firing rates for A and B in the second half of the trials."""
    args = parse(argv)
    torch.manual_seed(args.seed)
    trace_name = "eligibility" if args.without_trace else "trace of the eligibility"
    course = reward_task.teach(
        lambda synapse, node: make_learner(args, synapse, node), args.trials, args.delay, args.lr,
        trace_of=lambda learner: learner.eligibility if args.without_trace else learner.trace_e,
    )  # fmt: skip
    rates = course.rates()
    print(f"In the second half of the trials it fires {rates[0]:.2f} times a step for A and {rates[1]:.2f} for B.")
    if not pictures.matplotlib_is_missing():
        args.out_dir.mkdir(parents=True, exist_ok=True)
        picture = args.out_dir / ("mstdpet_without_trace.png" if args.without_trace else "mstdpet.png")
        course.draw(picture, f"A reward {args.delay} time steps late: spikes on A, minus spikes on B", trace_name)
        print(f"Picture: {picture.resolve()}")
    return rates


if __name__ == "__main__":
    main()
