"""Loihi's current-based neuron in plain integers, from the published equations: no floats, no PyTorch.

Davies et al., "Loihi", IEEE Micro 2018: 12-bit decays, states of 24 bits, a synapse adds 64 times its weight, a spike
where the potential exceeds 64 times the threshold's mantissa. Decays round towards 0, as in Intel's Lava.
"""

import numpy as np

LIMIT = 2**23 - 1


def towards_zero(products: np.ndarray) -> np.ndarray:
    return np.where(products < 0, -(-products >> 12), products >> 12)


class Compartments:
    """A layer of neurons; integers in, spikes out."""

    def __init__(self, current_decay: int, voltage_decay: int, threshold: int) -> None:
        self.kept_current, self.kept_voltage = 4096 - current_decay, 4096 - voltage_decay
        self.threshold = 64 * threshold
        self.current = self.voltage = np.int64(0)

    def step(self, weighted: np.ndarray) -> np.ndarray:
        """``weighted``: 64 times the sum of the integer weights of the spikes."""
        self.current = np.clip(towards_zero(self.current * self.kept_current) + weighted, -LIMIT, LIMIT)
        charged = np.clip(towards_zero(self.voltage * self.kept_voltage) + self.current, -LIMIT, LIMIT)
        spikes = charged > self.threshold
        self.voltage = np.where(spikes, 0, charged)
        return spikes.astype(np.int64)


def convolved(x: np.ndarray, weight: np.ndarray, stride: tuple, padding: tuple, dilation: tuple, groups: int):
    """``x`` ``[C, H, W]`` with ``weight`` ``[out, C / groups, kH, kW]``, in integers."""
    (pad_h, pad_w), (step_h, step_w), (gap_h, gap_w) = padding, stride, dilation
    x = np.pad(x, ((0, 0), (pad_h, pad_h), (pad_w, pad_w)))
    out, inside, k_h, k_w = weight.shape
    height = (x.shape[1] - gap_h * (k_h - 1) - 1) // step_h + 1
    width = (x.shape[2] - gap_w * (k_w - 1) - 1) // step_w + 1
    y = np.zeros((out, height, width), dtype=np.int64)
    for o in range(out):
        group = x[o // (out // groups) * inside :][:inside]
        for h in range(height):
            for w in range(width):
                rows = group[:, h * step_h :, :][:, : gap_h * k_h : gap_h][:, :k_h]
                window = rows[:, :, w * step_w :][:, :, : gap_w * k_w : gap_w][:, :, :k_w]
                y[o, h, w] = (window * weight[o]).sum()
    return y


def run_file(file, spikes: np.ndarray) -> np.ndarray:
    """What the network in an open HDF5 file answers to ``spikes`` ``[T, *]``, from nothing but the file."""
    layers = [file[f"layer/{number}"] for number in range(len(file["layer"]))]
    neurons = [
        Compartments(*(int(layer["neuron"][name][()]) for name in ("iDecay", "vDecay", "vThMant")))
        if "neuron" in layer
        else None
        for layer in layers
    ]
    outputs = []
    for x in spikes.astype(np.int64):
        for layer, compartments in zip(layers, neurons, strict=True):
            x = _weighted(layer, x)
            if compartments is not None:
                x = compartments.step(64 * x)
        outputs.append(x)
    return np.stack(outputs)


def _weighted(layer, x: np.ndarray) -> np.ndarray:
    kind = layer["type"][0].decode()
    if kind == "flatten":
        return x.reshape(-1)
    weight = layer["weight"][()].astype(np.int64)
    if kind == "dense":
        return weight @ x
    geometry = [tuple(layer[name][()]) for name in ("stride", "padding", "dilation")]
    if kind == "conv":
        return convolved(x, weight, *geometry, int(layer["groups"][()]))
    channels = x.shape[0]
    windows = np.full((channels, 1, *layer["kernelSize"][()]), int(weight[0]))
    return convolved(x, windows, *geometry, channels)
