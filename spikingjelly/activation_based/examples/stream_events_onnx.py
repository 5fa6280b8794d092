"""A spiking network in onnxruntime that follows an event camera: one frame in, one answer out, the states carried on.

``python -m spikingjelly.activation_based.examples.stream_events_onnx -out-dir logs/stream``

A small network learns on made-up recordings in which direction a bar moves (a minute on a laptop), and is exported as
one time step with explicit states. Then a recording is streamed through the file ``network.onnx``: its events are
collected for ``-window`` microseconds, and the model is called with this frame alone. The latency of a call is printed
(median, 99th percentile) beside that of the same step in PyTorch, and ``stream.png`` shows the events, the evidence
for each direction over time and the latencies. ``-events FILE.npz`` streams a recording of one's own: integer arrays
``t`` in microseconds, ``x``, ``y`` and ``p``, of a sensor of 32 x 32 pixels or more, which is scaled down.

Nothing of PyTorch is needed where the file runs: ``onnx_exchange.ONNXStream`` is a loop over a session of onnxruntime.
"""

import argparse
import itertools
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from tqdm import tqdm

from spikingjelly.activation_based import functional, layer, neuron, onnx_exchange, surrogate
from spikingjelly.activation_based.examples.common import command
from spikingjelly.datasets import DatasetFormatError, integrate_events_segment_to_frame

SIZE = 32
DIRECTIONS = {"right": (1, 0), "left": (-1, 0), "down": (0, 1), "up": (0, -1)}
Recording = dict[str, np.ndarray]


def moving_bar(direction: str, duration: int, rng: np.random.Generator) -> Recording:
    """Events of a bar that crosses the sensor again and again: ON at its front edge, OFF at its rear edge, and noise.

    :param duration: in microseconds
    """
    dx, dy = DIRECTIONS[direction]
    count = duration // 40
    t = np.sort(rng.integers(0, duration, count))
    p = rng.integers(0, 2, count)
    along = (t / rng.integers(800, 1600) + rng.integers(SIZE)).astype(int) - 4 * (1 - p)
    across = rng.integers(4, SIZE - 4, count)
    along = np.mod(along if dx + dy > 0 else -along, SIZE)
    x, y = (along, across) if dx else (across, along)
    noise = rng.random(count) < 0.1
    x, y = (np.where(noise, rng.integers(0, SIZE, count), values) for values in (x, y))
    return {"t": t, "x": x, "y": y, "p": p}


def read_recording(path: Path) -> Recording:
    """Events of a file, scaled down to 32 x 32 pixels.

    :raises FileNotFoundError: if there is none
    :raises DatasetFormatError: if it has not the arrays t, x, y and p
    """
    if not path.is_file():
        raise FileNotFoundError(f"-events {path}: there is no such file")
    try:
        with np.load(path, allow_pickle=False) as file:
            events = {name: file[name].astype(np.int64) for name in ("t", "x", "y", "p")}
    except (ValueError, KeyError, OSError, EOFError) as error:
        raise DatasetFormatError(f"-events {path} is no file with the arrays t, x, y and p: {error}") from error
    if not events["t"].size or len({values.shape for values in events.values()}) > 1:
        raise DatasetFormatError(f"-events {path}: t, x, y and p must have one length, which is not 0")
    for axis in ("x", "y"):
        extent = max(int(events[axis].max()) + 1, SIZE)
        events[axis] = events[axis] * SIZE // extent
    events["t"] = events["t"] - events["t"][0]
    return events


def frames_of(events: Recording, window: int) -> np.ndarray:
    """Numbers of events in each window of ``window`` microseconds ``[T, 2, 32, 32]``, at most 1 for a pixel."""
    bounds = np.searchsorted(events["t"], np.arange(0, events["t"][-1] + 1 + window, window))
    x, y, p = (events[name] for name in ("x", "y", "p"))
    pairs = itertools.pairwise(bounds)
    frames = [integrate_events_segment_to_frame(x, y, p, SIZE, SIZE, int(a), int(b)) for a, b in pairs]
    return np.minimum(np.stack(frames), 1).astype(np.float32)


def make_net(channels: int) -> nn.Sequential:
    """Frames ``[N, 2, 32, 32]`` to evidence for each direction ``[N, 4]``, in step mode 's'."""

    def spiking() -> neuron.ParametricLIFNode:
        return neuron.ParametricLIFNode(surrogate_function=surrogate.ATan(), detach_reset=True)

    return nn.Sequential(
        *(layer.Conv2d(2, channels, 5, 2, 2, bias=False), layer.BatchNorm2d(channels), spiking()),
        *(layer.Conv2d(channels, 2 * channels, 3, 2, 1, bias=False), layer.BatchNorm2d(2 * channels), spiking()),
        layer.SynapseFilter(tau=8.0),
        *(layer.AvgPool2d(2), layer.Flatten(), layer.Linear(2 * channels * 16, len(DIRECTIONS))),
    )


def train(net: nn.Module, args: argparse.Namespace, rng: np.random.Generator) -> float:
    """Learn on new recordings at each update; the accuracy of the last ten updates."""
    functional.set_step_mode(net, "m")
    optimizer = torch.optim.Adam(net.parameters(), lr=args.lr)
    names, accuracies = list(DIRECTIONS), []
    for _ in tqdm(range(args.updates), desc="training", unit="update"):
        labels = torch.from_numpy(rng.integers(0, len(names), args.b))
        recordings = [moving_bar(names[label], args.T * args.window, rng) for label in labels.tolist()]
        frames = torch.from_numpy(np.stack([frames_of(r, args.window)[: args.T] for r in recordings], 1))
        evidence = net(frames)[args.T // 2 :].mean(0)
        loss = F.cross_entropy(evidence, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        functional.reset_net(net)
        accuracies.append(float((evidence.argmax(1) == labels).float().mean()))
    functional.set_step_mode(net, "s")
    return float(np.mean(accuracies[-10:]))


def stream(call: Any, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The answers ``[T, 4]`` to one frame after the other, and the seconds that each took."""
    answers, seconds = [], []
    for frame in frames:
        start = time.perf_counter()
        answers.append(call(frame[None])[0])
        seconds.append(time.perf_counter() - start)
    return np.stack(answers), np.array(seconds)


def report(name: str, seconds: np.ndarray) -> str:
    """Median and 99th percentile, without the first calls, which prepare what later ones use."""
    later = 1e3 * seconds[min(5, len(seconds) - 1) :]
    return f"{name}: {np.median(later):.3f} ms median, {np.percentile(later, 99):.3f} ms at the 99th percentile"


def draw(path: Path, frames: np.ndarray, answers: np.ndarray, seconds: dict[str, np.ndarray], window: int) -> None:
    """Save the frames, the evidence over time, and the latencies."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 7), layout="constrained")
    grid = figure.add_gridspec(3, 6)
    for column, index in enumerate(np.linspace(0, len(frames) - 1, 6).astype(int)):
        axes = figure.add_subplot(grid[0, column])
        axes.imshow(frames[index, 1] - frames[index, 0], cmap="bwr", vmin=-1, vmax=1)
        axes.set(title=f"{index * window / 1e3:.0f} ms", xticks=[], yticks=[])
    times = np.arange(len(frames)) * window / 1e3
    axes = figure.add_subplot(grid[1, :])
    for number, name in enumerate(DIRECTIONS):
        axes.plot(times, answers[:, number], label=name)
    axes.set(ylabel="evidence", xlabel="time (ms)")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    axes = figure.add_subplot(grid[2, :])
    for name, values in seconds.items():
        axes.plot(times, 1e3 * values, ".", markersize=3, label=name)
    axes.set(ylabel="latency (ms)", xlabel="time (ms)", yscale="log")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path, dpi=120)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="stream_events_onnx", allow_abbrev=False, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    made.add_argument("-events", type=Path, help="a recording *.npz; without it, a bar that turns is made up")
    made.add_argument("-window", type=int, default=5000, help="microseconds of events in a frame")
    made.add_argument("-T", type=int, default=16, help="frames of a training sample")
    made.add_argument("-b", type=int, default=16, help="batch size")
    made.add_argument("-updates", type=int, default=80, help="updates of the training")
    made.add_argument("-channels", type=int, default=8, help="of the first convolution")
    made.add_argument("-lr", type=float, default=5e-3, help="learning rate")
    made.add_argument("-threads", type=int, default=1, help="threads of onnxruntime")
    made.add_argument("-seed", type=int, default=2020, help="seed of all random numbers")
    made.add_argument("-out-dir", type=Path, default=Path("logs"), help="where network.onnx and stream.png go")
    args = made.parse_args(argv)
    for flag in ("window", "T", "b", "updates", "channels", "threads"):
        if getattr(args, flag) < 1:
            made.error(f"-{flag} must be at least 1, but {getattr(args, flag)} was given")
    return args


def main(argv: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Train, export, stream. Returns the seconds of each call, in onnxruntime and in PyTorch."""
    args = parse(argv)
    rng = np.random.default_rng(args.seed)
    torch.manual_seed(args.seed)
    turning = [moving_bar(name, 40 * args.window, rng) for name in DIRECTIONS]
    frames = (
        frames_of(read_recording(args.events), args.window)
        if args.events is not None
        else np.concatenate([frames_of(part, args.window)[:40] for part in turning])
    )
    net = make_net(args.channels)
    print(f"accuracy of the last updates: {train(net, args, rng):.1%}")
    args.out_dir.mkdir(parents=True, exist_ok=True)
    path = args.out_dir / "network.onnx"
    onnx_exchange.export_to_onnx(net, torch.zeros(1, 2, SIZE, SIZE), path)

    net.eval()
    with torch.no_grad():
        expected, in_torch = stream(lambda frame: net(torch.from_numpy(frame)).numpy(), frames)
    answers, in_runtime = stream(onnx_exchange.ONNXStream(path, threads=args.threads), frames)
    seconds = {"onnxruntime": in_runtime, "PyTorch": in_torch}
    for name, values in seconds.items():
        print(report(f"{len(frames)} frames in {name}", values))
    print(f"largest difference of the evidence: {np.abs(answers - expected).max():.2g}")
    draw(args.out_dir / "stream.png", frames, answers, seconds, args.window)
    print(f"{path} and {args.out_dir / 'stream.png'} are written")
    return seconds


if __name__ == "__main__":
    command.run("stream_events_onnx", main)
