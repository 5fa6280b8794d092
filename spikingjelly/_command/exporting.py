"""From a folder of a network to a file in another format."""

from pathlib import Path

import torch

from spikingjelly.activation_based import functional, hub, lava_exchange, nir_exchange, onnx_exchange


def export(
    source: str,
    to: str,
    out: Path,
    input_shape: tuple[int, ...] | None,
    form: str,
    steps: int | None,
    dt: float | None,
) -> None:
    """Write the network of ``source`` to ``out``.

    :param input_shape: of one sample at one time step; None for that of the description
    :param form: 'step' or 'sequence', of ONNX
    :param steps: of a sequence
    :param dt: in seconds, of NIR; None for its default
    """
    net, config = hub.load(source)
    shape = input_shape or config.input_shape
    if shape is None:
        raise ValueError(f"{source} does not say what its network takes. Give --input-shape, as 1,28,28.")
    if to == "onnx":
        x = torch.zeros(1, *shape) if steps is None else torch.zeros(steps, 1, *shape)
        onnx_exchange.export_to_onnx(net, x, out, form)
    elif to == "nir":
        functional.set_step_mode(net, "s")
        nir_exchange.export_to_nir(net, torch.zeros(1, *shape), out, dt)
    else:
        functional.set_step_mode(net, "m")
        lava_exchange.export_hdf5(net, out, shape)
