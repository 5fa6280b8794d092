"""An example as a command: what its user can mend is said in a line, not in a traceback."""

import sys
from collections.abc import Callable

from spikingjelly.activation_based.examples.common import batches, run_folder
from spikingjelly.datasets import (
    DatasetFormatError,
    DatasetNotFoundError,
    DiskSpaceError,
    DownloadError,
    PreparationError,
)

MENDABLE = (
    FileNotFoundError,
    DatasetFormatError,
    DiskSpaceError,
    DownloadError,
    PreparationError,
    FloatingPointError,
    batches.TooFewSamplesError,
    run_folder.CheckpointError,
)


def run(name: str, main: Callable[[], object]) -> None:
    """Call ``main``; missing or damaged files and a diverging loss end the process with a message and status 1."""
    try:
        main()
    except DatasetNotFoundError as error:
        flag = "\nHere, download=True is the flag -download." if "download=True" in str(error) else ""
        sys.exit(f"{name}: {error}{flag}")
    except MENDABLE as error:
        sys.exit(f"{name}: {error}")
