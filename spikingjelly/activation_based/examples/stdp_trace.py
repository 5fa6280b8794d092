"""The traces of STDP, at one synapse between two neurons that fire at random.

``python -m spikingjelly.activation_based.examples.stdp_trace -T 128 -out-dir logs``

A spike raises the trace of its neuron, which then decays. A postsynaptic spike raises the weight by what is left of the
presynaptic trace, a presynaptic spike lowers it by what is left of the postsynaptic one.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from spikingjelly.activation_based import layer, learning
from spikingjelly.activation_based.examples.common import feature_pictures, pictures


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="stdp_trace", description="Draw the traces of STDP at one synapse.", allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )  # fmt: skip
    parser.add_argument("-T", type=int, default=128, help="time steps")
    parser.add_argument("-rate", type=float, default=0.1, help="spikes per time step of each neuron")
    parser.add_argument("-tau-pre", type=float, default=10.0, help="time constant of the presynaptic trace")
    parser.add_argument("-tau-post", type=float, default=10.0, help="time constant of the postsynaptic trace")
    parser.add_argument("-lr", type=float, default=0.05, help="learning rate")
    parser.add_argument("-out-dir", type=Path, default=Path("logs"), help="where the picture goes")
    parser.add_argument("-seed", type=int, default=2020, help="seed of all random numbers")
    args = parser.parse_args(argv)
    if args.T < 1:
        parser.error(f"-T must be at least 1, but {args.T} was given")
    if not 0 <= args.rate <= 1:
        parser.error(f"-rate must be from 0 to 1, but {args.rate} was given")
    return args


@torch.no_grad()
def main(argv: Sequence[str] | None = None) -> torch.Tensor:
    """Run, draw, and give presynaptic spikes and trace, postsynaptic spikes and trace, and the weight, ``[T, 5]``."""
    args = parse(argv)
    torch.manual_seed(args.seed)
    synapse = layer.Linear(1, 1, bias=False)
    synapse.weight.fill_(0.5)
    spikes = (torch.rand(args.T, 2) < args.rate).float()
    trace_pre, trace_post, course = None, None, []
    for pre, post in tqdm(spikes.view(-1, 2, 1, 1), desc="time steps", leave=False):
        trace_pre, trace_post, change = learning.stdp_linear_single_step(
            synapse, pre, post, trace_pre, trace_post, args.tau_pre, args.tau_post,
            f_pre=torch.ones_like, f_post=torch.ones_like,
        )  # fmt: skip
        synapse.weight.add_(args.lr * change).clamp_(0, 1)
        course.append(torch.cat([pre, trace_pre, post, trace_post, synapse.weight], 1)[0])
    result = torch.stack(course)
    n_pre, n_post = spikes.sum(0).int().tolist()
    print(f"{n_pre} presynaptic and {n_post} postsynaptic spikes: the weight went from 0.5 to {result[-1, 4]:.3f}.")
    if not pictures.matplotlib_is_missing():
        args.out_dir.mkdir(parents=True, exist_ok=True)
        picture = args.out_dir / "stdp_trace.png"
        feature_pictures.draw_time_courses(picture, "STDP at one synapse", [
            ("spikes", "spikes", spikes, ["pre", "post"]),
            ("lines", "traces", result[:, [1, 3]], ["pre", "post"]),
            ("lines", "weight", result[:, 4:], ["w"]),
        ])  # fmt: skip
        print(f"Picture: {picture.resolve()}")
    return result


if __name__ == "__main__":
    main()
