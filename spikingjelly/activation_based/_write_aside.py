"""Files that are written whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_aside(owner: str, path: str | os.PathLike[str]) -> Iterator[Path]:
    """A file beside ``path`` to write to, which becomes ``path`` when the block ends, and vanishes if it raises.

    :raises FileNotFoundError: if there is no such folder
    """
    path = Path(path)
    check_folder(owner, path)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    try:
        yield Path(name)
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def check_folder(owner: str, path: Path) -> None:
    """The folder that ``path`` is to be written to must be there; called before what takes long.

    :raises FileNotFoundError: if it isn't
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{owner}: the folder {path.parent} of {path.name} does not exist.")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
