"""An example as a command: what its user can mend is said in a line, not in a traceback."""

import sys
from collections.abc import Callable

from spikingjelly.activation_based.examples.common import run_folder
from spikingjelly.datasets import DatasetFormatError, DatasetNotFoundError, DownloadError

MENDABLE = (FileNotFoundError, run_folder.CheckpointError, DatasetFormatError, DownloadError, FloatingPointError)


def run(name: str, main: Callable[[], object]) -> None:
    """Call ``main``; missing or damaged files and a diverging loss end the process with a message and status 1."""
    try:
        main()
    except DatasetNotFoundError as error:
        sys.exit(f"{name}: {error}\nHere, download=True is the flag -download.")
    except (
        FileNotFoundError,
        run_folder.CheckpointError,
        DatasetFormatError,
        DownloadError,
        FloatingPointError,
    ) as error:
        sys.exit(f"{name}: {error}")
