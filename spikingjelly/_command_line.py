"""What the commands of the package share: how they start, and how faults are told."""

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from spikingjelly._extras import imported


def run(program: str, home: str) -> None:
    """Run the commands of ``python -m program``, or say what has to be installed for them.

    :param home: the module with their ``app``
    """
    try:
        imported("typer", f"python -m {program}", "cli")
    except ImportError as error:
        sys.exit(str(error))
    importlib.import_module(home).app(prog_name=f"python -m {program}")


@contextmanager
def faults_as_text(
    expected: Sequence[type[Exception]], wrong_options: Sequence[type[Exception]] = (), one_line: bool = False
) -> Iterator[None]:
    """What is not the program's fault is said without a traceback, and the command ends with 1, or 2 for its options.

    :param expected: what may go wrong
    :param wrong_options: which of it the options are to blame for
    :param one_line: whether the message loses its line breaks
    """
    import typer

    try:
        yield
    except tuple(wrong_options) as error:
        raise typer.BadParameter(str(error)) from None
    except tuple(expected) as error:
        text = " ".join(str(error).split()) if one_line else str(error)
        typer.echo(text or type(error).__name__, err=True)
        raise typer.Exit(1) from None
