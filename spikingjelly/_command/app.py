"""The commands: what they are called with, and what they print."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from spikingjelly._command import exporting, inspecting
from spikingjelly._command_line import faults_as_text

app = typer.Typer(
    help="Networks in files: export them to other formats, and look into files.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

# What goes wrong outside of the program: files, layers that a format does not have, libraries that are not there.
_EXPECTED = (OSError, ValueError, TypeError, NotImplementedError, ImportError)


class Target(str, Enum):
    """The formats."""

    nir = "nir"
    onnx = "onnx"
    lava = "lava"


class Form(str, Enum):
    """What an ONNX model computes at a call."""

    step = "step"
    sequence = "sequence"


@app.command()
def export(
    source: Annotated[
        str, typer.Argument(help="A folder of hub.save_pretrained, its .safetensors file, or owner/name.")
    ],
    to: Annotated[Target, typer.Option(help="The format.")],
    out: Annotated[Path, typer.Option(help="The file to write.", dir_okay=False)],
    input_shape: Annotated[
        str | None, typer.Option(help="Of one sample at one time step, as 1,28,28; default: the description's.")
    ] = None,
    form: Annotated[Form, typer.Option(help="onnx: one time step, or a sequence.")] = Form.step,
    steps: Annotated[int | None, typer.Option(min=1, help="onnx: time steps of a sequence.")] = None,
    dt: Annotated[float | None, typer.Option(help="nir: duration of a time step in seconds; default 1e-4.")] = None,
) -> None:
    """Write a network in another format. OUT is written whole or not at all."""
    _check_options(to, form, steps, dt)
    shape = None if input_shape is None else _shape(input_shape)
    with faults_as_text(_EXPECTED, one_line=True):
        exporting.export(source, to.value, out, shape, form.value, steps, dt)
        typer.echo(f"{out}: {to.value}, {out.stat().st_size:,} bytes")


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="A .safetensors, ONNX, NIR or netx file, or a folder of a network.")],
) -> None:
    """What a file holds: its kind, layers, parameters, states, time step and size."""
    with faults_as_text(_EXPECTED, one_line=True):
        found = inspecting.inspect(file)
        typer.echo(inspecting.text_of(found))
        if found.contents.fault is not None:
            raise ValueError(f"inspect: {found.path} is no network: {found.contents.fault}")


def _check_options(to: Target, form: Form, steps: int | None, dt: float | None) -> None:
    if dt is not None and to is not Target.nir:
        raise typer.BadParameter("--dt is for --to nir.")
    if to is not Target.onnx and (steps is not None or form is not Form.step):
        raise typer.BadParameter("--form and --steps are for --to onnx.")
    if (form is Form.sequence) != (steps is not None):
        raise typer.BadParameter("--form sequence and --steps belong together.")


def _shape(text: str) -> tuple[int, ...]:
    try:
        shape = tuple(int(part) for part in text.split(","))
    except ValueError:
        shape = ()
    if not shape or min(shape) < 1:
        raise typer.BadParameter(f"--input-shape must be sizes with commas between, as 1,28,28, but got {text!r}.")
    return shape
