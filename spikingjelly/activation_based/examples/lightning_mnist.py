"""The shipped part of MNIST with a training loop of Lightning, which needs ``pip install "spikingjelly[lightning]"``.

``python -m spikingjelly.activation_based.examples.lightning_mnist -T 4 -b 64 -epochs 4 -lr 2e-3``

Nothing here replaces a part of Lightning: the network is a plain module in a LightningModule, and a callback logs the
firing rates of its neurons. What a spiking network asks for is one line: it is reset before each batch. Not behind the
forward pass of a training step, because Lightning runs the backward pass after that, through the states of the neurons.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from spikingjelly.activation_based import functional, layer, monitor, neuron, surrogate
from spikingjelly.datasets import MNISTSubset

CLASSES = 10


class CSNN(nn.Module):
    """Convolution, batch norm, LIF, pooling and a linear layer: images ``[N, 1, 28, 28]`` to scores ``[N, 10]``.

    :param T: time steps that each image is shown for
    :param channels: of the convolution
    """

    def __init__(self, T: int, channels: int = 16) -> None:
        super().__init__()
        self.T = T
        self.layers = nn.Sequential(
            layer.Conv2d(1, channels, 3, padding=1, bias=False),
            layer.BatchNorm2d(channels),
            neuron.LIFNode(surrogate_function=surrogate.ATan(), detach_reset=True),
            layer.MaxPool2d(2),
            layer.Flatten(),
            layer.Linear(channels * 14 * 14, 64),
            neuron.LIFNode(surrogate_function=surrogate.ATan(), detach_reset=True),
            layer.Linear(64, CLASSES),
        )
        functional.set_step_mode(self, "m")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x.expand(self.T, *x.shape)).mean(0)


def make_classifier(net: nn.Module, learning_rate: float) -> Any:
    """A LightningModule that trains ``net`` by cross-entropy and AdamW."""
    import lightning

    class SpikingClassifier(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            functional.reset_net(self.net)
            return self.net(x)

        def _log(self, part: str, batch: Any) -> torch.Tensor:
            x, labels = batch
            scores = self(x)
            loss = F.cross_entropy(scores, labels)
            accuracy = (scores.argmax(1) == labels).float().mean()
            self.log_dict(
                {f"{part}_loss": loss, f"{part}_accuracy": accuracy}, on_step=False, on_epoch=True, prog_bar=True,
                batch_size=len(x), sync_dist=True,
            )  # fmt: skip
            return loss

        def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
            return self._log("train", batch)

        def validation_step(self, batch: Any, batch_idx: int) -> None:
            self._log("test", batch)

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.AdamW(self.parameters(), lr=learning_rate)

    return SpikingClassifier()


def make_rate_logger() -> Any:
    """A Lightning callback that logs the mean firing rate of each layer of neurons over the validation data, as
    ``rate/NAME``, in spikes per neuron and time step."""
    import lightning

    class FiringRates(lightning.Callback):
        def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
            self.monitor = monitor.OutputMonitor(pl_module, neuron.BaseNode, lambda spikes: spikes.detach().mean())
            self.monitor.disable()

        def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
            self.monitor.enable()

        def on_validation_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, *_: Any) -> None:
            for name in self.monitor.monitored_layers:
                rate = torch.stack(self.monitor[name]).mean()
                pl_module.log(f"rate/{name}", rate, batch_size=len(batch[0]), sync_dist=True)
            self.monitor.clear_recorded_data()

        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            self.monitor.disable()

        def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
            self.monitor.remove_hooks()

    return FiringRates()


def load_data(batch_size: int, workers: int = 0) -> tuple[DataLoader, DataLoader]:
    """The loaders of the training and the test images."""
    parts = [MNISTSubset(train) for train in (True, False)]
    datasets = [TensorDataset(part.images(), torch.as_tensor(part.targets)) for part in parts]
    options: dict[str, Any] = {
        "batch_size": batch_size, "num_workers": workers, "persistent_workers": workers > 0,
    }  # fmt: skip
    return DataLoader(datasets[0], shuffle=True, **options), DataLoader(datasets[1], **options)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser("lightning_mnist", description="Classify digits with Lightning's training loop.")
    for flag, default, text in (
        ("-T", 4, "time steps of an image"),
        ("-b", 64, "batch size"),
        ("-epochs", 4, "epochs in all"),
        ("-channels", 16, "channels of the convolution"),
        ("-devices", 1, "processes, with a GPU each where there are some"),
        ("-j", 0, "loader processes"),
        ("-seed", 2020, "seed of all random numbers"),
    ):
        parser.add_argument(flag, type=int, default=default, help=f"{text} (default: {default})")
    parser.add_argument("-lr", type=float, default=2e-3, help="learning rate (default: 0.002)")
    parser.add_argument("-accelerator", default="auto", help="cpu, gpu, ... (default: auto)")
    parser.add_argument("-precision", default="32-true", help="of Lightning, as bf16-mixed (default: 32-true)")
    parser.add_argument("-out-dir", type=Path, default=Path("logs"), help="where checkpoints and scalars go")
    parser.add_argument("-resume", type=Path, help="checkpoint of Lightning to go on from")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Train and test; gives what was logged last."""
    args = parse(argv)
    try:
        import lightning
        from lightning.pytorch.loggers import CSVLogger
    except ImportError as error:
        raise SystemExit('lightning_mnist: Lightning is missing: pip install "spikingjelly[lightning]"') from error
    lightning.seed_everything(args.seed, workers=True)
    trainer = lightning.Trainer(
        max_epochs=args.epochs, accelerator=args.accelerator, devices=args.devices, precision=args.precision,
        logger=CSVLogger(args.out_dir, name="lightning_mnist"), callbacks=[make_rate_logger()],
    )  # fmt: skip
    classifier = make_classifier(CSNN(args.T, args.channels), args.lr)
    trainer.fit(classifier, *load_data(args.b, args.j), ckpt_path=args.resume)
    results = {name: float(value) for name, value in trainer.callback_metrics.items()}
    print("\n".join(f"{name}: {value:.4f}" for name, value in sorted(results.items())))
    print(f"Scalars and checkpoints: {Path(trainer.log_dir or args.out_dir).resolve()}")
    return results


if __name__ == "__main__":
    main()
