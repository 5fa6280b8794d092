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
    :raises IsADirectoryError: if ``path`` is a folder
    :raises OSError: if nothing may be written there
    """
    path = Path(path)
    check_target(owner, path)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise type(error)(
            f"{owner}: {path} can't be written, for no file can be made in the folder {path.parent.absolute()} "
            f"({error.strerror}). Choose another folder."
        ) from error
    os.close(handle)
    try:
        yield Path(name)
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def check_target(owner: str, path: Path) -> None:
    """``path`` must be a place for a file; called before what takes long.

    :raises FileNotFoundError: if its folder isn't there
    :raises IsADirectoryError: if it is a folder itself
    :raises PermissionError: if nothing may be written to its folder
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{owner}: the folder {path.parent} of {path.name} does not exist.")
    if path.is_dir():
        raise IsADirectoryError(f"{owner}: {path} is a folder, but the name of a file is needed.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise PermissionError(
            f"{owner}: {path} can't be written, for the folder {path.parent.absolute()} may not be changed. Choose "
            "another folder."
        )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
