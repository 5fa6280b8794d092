"""Wrong flags are named, and what users can mend ends a command without a traceback."""

from collections.abc import Callable

import pytest
import torch

from spikingjelly.activation_based.examples import (
    classify_dvsg,
    conv_fashion_mnist,
    rsnn_sequential_fmnist,
    spiking_lstm_sequential_mnist,
)
from spikingjelly.activation_based.examples.common import batches, command, flags, run_folder
from spikingjelly.datasets import DatasetNotFoundError, DiskSpaceError, PreparationError


@pytest.mark.parametrize(
    ("parse", "flags", "message"),
    [
        (conv_fashion_mnist.parse, ["-channels", "0"], "-channels must be at least 1, but 0 was given"),
        (conv_fashion_mnist.parse, ["-shift", "-1"], "-shift must be at least 0, but -1 was given"),
        (conv_fashion_mnist.parse, ["-T", "0"], "-T must be at least 1"),
        (conv_fashion_mnist.parse, ["-j", "-2"], "-j must be at least 0, but -2 was given"),
        (conv_fashion_mnist.parse, ["-lr", "0"], "-lr must be greater than 0, but 0.0 was given"),
        (rsnn_sequential_fmnist.parse, ["-model", "lstm"], "invalid choice: 'lstm'"),
        (rsnn_sequential_fmnist.parse, ["-T", "3"], "unrecognized arguments: -T"),
        (classify_dvsg.parse, ["-channels", "-4"], "-channels must be at least 1, but -4 was given"),
        (classify_dvsg.parse, ["-download"], "unrecognized arguments: -download"),
        (spiking_lstm_sequential_mnist.parse, ["-hidden", "0"], "-hidden must be at least 1"),
        (spiking_lstm_sequential_mnist.parse, ["-layers", "0"], "-layers must be at least 1"),
    ],
)
def test_wrong_flags(
    parse: Callable[[list[str]], object], flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse(flags)
    assert message in capsys.readouterr().err


def test_published_commands_are_understood() -> None:
    """The lines of published tutorials, but for their folders and devices."""
    conv = (
        "-T 4 -b 128 -epochs 64 -data-dir d -cupy -opt sgd -lr 0.1 -j 8 -amp -resume r.pth -save-es logs -channels 64"
    )
    args = conv_fashion_mnist.parse(conv.split())
    assert (args.T, args.b, args.channels, args.cupy, str(args.save_es)) == (4, 128, 64, True, "logs")
    dvsg = classify_dvsg.parse(
        [
            "-T",
            "16",
            "-b",
            "16",
            "-epochs",
            "64",
            "-data-dir",
            "d",
            "-amp",
            "-cupy",
            "-opt",
            "adam",
            "-lr",
            "0.001",
            "-j",
            "8",
        ]
    )
    assert (dvsg.T, dvsg.opt, dvsg.channels) == (16, "adam", 128)
    rows = rsnn_sequential_fmnist.parse(
        ["-data-dir", "d", "-amp", "-cupy", "-opt", "sgd", "-lr", "0.1", "-j", "8", "-model", "fb", "-epochs", "64"]
    )
    assert (rows.model, rows.b) == ("fb", 256)
    assert rows.command.endswith(
        "rsnn_sequential_fmnist -data-dir d -amp -cupy -opt sgd -lr 0.1 -j 8 -model fb -epochs 64"
    )


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (DatasetNotFoundError("no files; pass download=True"), "download=True is the flag -download"),
        (DatasetNotFoundError("fetch it by hand"), "fetch it by hand"),
        (run_folder.CheckpointError("no checkpoint"), "example: no checkpoint"),
        (batches.TooFewSamplesError("has 3"), "example: has 3"),
        (FloatingPointError("the loss became nan"), "example: the loss became nan"),
        (PreparationError("odd file"), "odd file"),
        (DiskSpaceError("full"), "full"),
    ],
)
def test_what_can_be_mended_is_said_in_a_line(error: Exception, message: str) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(SystemExit) as caught:
        command.run("example", fail)
    assert message in str(caught.value.code)
    assert ("-download" in str(caught.value.code)) == ("download=True" in str(error))


def test_a_mistake_in_the_program_keeps_its_traceback() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        command.run("example", fail)


def test_too_few_samples() -> None:
    data = torch.utils.data.TensorDataset(torch.zeros(3, 2), torch.zeros(3))
    with pytest.raises(batches.TooFewSamplesError, match="has 3 samples, fewer than one batch of 4"):
        batches.collated(data, 4, train=True)
    assert [len(labels) for _, labels in batches.collated(data, 2, train=True)] == [2]
    assert [len(labels) for _, labels in batches.collated(data, 2, train=False)] == [2, 1]


def test_examples_with_flags_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    made = flags.parser("some", "Something.", b=3, lr=0.5, resume=False, workers=False)
    args = flags.parse(made, ["-epochs", "4"], ("b", "epochs"), package="some.package")
    assert (args.b, args.lr, args.epochs) == (3, 0.5, 4)
    assert args.command == "python -m some.package.some -epochs 4"
    assert not {"j", "resume", "opt", "momentum", "amp", "T"} & vars(args).keys()
    for flag in ("-resume", "-j", "-opt", "-momentum", "-amp"):
        with pytest.raises(SystemExit):
            flags.parse(made, [flag], ())
    assert capsys.readouterr().err.count("unrecognized arguments") == 5
