"""The commands: what they are called with, and what they print."""

import time
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from spikingjelly._command_line import faults_as_text
from spikingjelly.datasets._command import checks, opening, pictures, registry, texts
from spikingjelly.datasets._errors import DatasetFormatError

app = typer.Typer(
    help="Data sets of event cameras and spoken spikes: what there are, and what becomes of their files.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

# What goes wrong outside of the program: files, disk, network, options, libraries that are not there.
_WRONG_OPTIONS = (opening.WrongOptionError,)
_EXPECTED = (OSError, RuntimeError, ImportError, DatasetFormatError, registry.UnknownDatasetError)

_Name = Annotated[str, typer.Argument(help="The data set; case, '-' and '_' don't matter.")]
_Root = Annotated[Path, typer.Option(help="The folder of the data set.", file_okay=False)]
_Train = Annotated[bool | None, typer.Option("--train/--test", help="Only this part; default: all.")]


class SplitBy(str, Enum):
    """How a fixed number of frames is cut."""

    number = "number"
    time = "time"


class OnError(str, Enum):
    """What becomes of damaged files."""

    stop = "raise"
    skip = "skip"


@app.command("list")
def list_datasets() -> None:
    """A table of all data sets."""
    typer.echo(texts.table())


@app.command()
def info(name: _Name) -> None:
    """What a data set is, where its files come from, and how to read it."""
    with faults_as_text(_EXPECTED, _WRONG_OPTIONS):
        typer.echo(texts.about(registry.find(name)))


@app.command()
def prepare(
    name: _Name,
    root: _Root,
    frames_number: Annotated[int | None, typer.Option(min=1, help="Make so many frames of each sample.")] = None,
    split_by: Annotated[SplitBy | None, typer.Option(help="Frames of equal number of events, or duration.")] = None,
    duration: Annotated[int | None, typer.Option(min=1, help="Make frames of this duration, in microseconds.")] = None,
    train: _Train = None,
    download: Annotated[bool, typer.Option(help="Whether missing files may be downloaded.")] = True,
    on_error: Annotated[OnError, typer.Option(help="Whether a damaged file ends it or is left out.")] = OnError.stop,
    num_workers: Annotated[int | None, typer.Option(min=1, help="Threads or processes; default: one per core.")] = None,
    processes: Annotated[bool, typer.Option("--processes", help="Convert in processes, not threads.")] = False,
) -> None:
    """Download, unpack and convert a data set, and say what is there then."""
    with faults_as_text(_EXPECTED, _WRONG_OPTIONS):
        entry = registry.find(name)
        options = _frame_options(frames_number, split_by, duration)
        if opening.is_folder(entry):
            options |= {"on_error": on_error.value, "num_workers": num_workers, "processes": processes}
        elif options:
            why = "holds pictures" if opening.is_images(entry) else "makes its frames when they are read"
            raise opening.WrongOptionError(f"{entry.name} {why}: no options for frames.")
        start = time.monotonic()
        datasets = {
            split: opening.build(entry, root, split, download=download, **options)
            for split in opening.splits(entry, train)
        }
        seconds = time.monotonic() - start
        typer.echo(f"{entry.name} is ready in {root.absolute()} after {seconds:.1f} s")
        typer.echo(opening.census(datasets))
        typer.echo(opening.inventory(root))


def _frame_options(frames_number: int | None, split_by: SplitBy | None, duration: int | None) -> dict[str, Any]:
    if frames_number is not None and duration is not None:
        raise opening.WrongOptionError("Give --frames-number or --duration, not both.")
    if frames_number is None and split_by is not None:
        raise opening.WrongOptionError("--split-by needs --frames-number.")
    if frames_number is not None:
        by = split_by or SplitBy.number
        return {"data_type": "frame", "frames_number": frames_number, "split_by": by.value}
    return {} if duration is None else {"data_type": "frame", "duration": duration}


@app.command()
def verify(
    name: _Name,
    root: _Root,
    every: Annotated[int, typer.Option(min=1, help="Open every so many-th file.")] = 10,
) -> None:
    """Check hashes, manifests, numbers of samples and the content of files. Ends with 1 if something is wrong."""
    with faults_as_text(_EXPECTED, _WRONG_OPTIONS):
        entry = registry.find(name)
        findings = checks.verify(entry, root, every)
    if findings.notes:
        typer.echo(f"Notes:\n{opening.listed(findings.notes)}")
    if findings.problems:
        typer.echo(
            f"{entry.name}: {opening.counted(len(findings.problems), 'problem')}:\n{opening.listed(findings.problems)}"
        )
        raise typer.Exit(1)
    typer.echo(f"{entry.name}: no fault was found in {root.absolute()}")


@app.command()
def show(
    name: _Name,
    index: Annotated[int, typer.Argument(min=0, help="The number of the sample.")],
    root: _Root,
    out: Annotated[Path, typer.Option(help="The picture: a *.gif, or a *.png with frames and a cloud of events.")],
    frames_number: Annotated[int, typer.Option(min=1, help="Frames, of equal duration.")] = 20,
    train: _Train = None,
) -> None:
    """Draw one sample of a prepared data set; of its first part if none is chosen."""
    with faults_as_text(_EXPECTED, _WRONG_OPTIONS):
        entry = registry.find(name)
        pictures.check_kind(out)
        split = opening.splits(entry, train)[0]
        dataset = opening.prepared(entry, root, split)
        if index >= len(dataset):
            raise opening.WrongOptionError(f"{split or 'the data set'} has the samples 0 to {len(dataset) - 1}.")
        sample, label = dataset[index]
        if opening.is_images(entry):
            pictures.draw_image(sample, out)
        elif opening.is_folder(entry):
            pictures.draw_sample(sample, dataset.get_H_W(), frames_number, out)
        else:
            pictures.draw_channels(sample, dataset.get_W(), out)
        name_of_class = opening.class_names(dataset).get(label, str(label))
        count = "" if opening.is_images(entry) else f", {len(sample['t']):,} events"
        typer.echo(f"{out}: sample {index} of {split or 'all'}, class {name_of_class}{count}")
