"""NIR files: written whole or not at all, and read without trust."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spikingjelly.activation_based.nir_exchange._library import nir_library
from spikingjelly.activation_based.nir_exchange._plan import GraphError

MOST_BYTES = 2**32
_MOST_OBJECTS = 100_000
_DEEPEST = 32
_FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset", 32000: "lzf"}


def write_graph(path: str | Path, graph: Any) -> None:
    """Write ``graph`` to a file beside ``path`` and rename it, so that no half-written file bears the name."""
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"export_to_nir: the folder {path.parent} of save_path does not exist.")
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    try:
        nir_library().write(name, graph)
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read_graph(path: str | Path, most_bytes: int = MOST_BYTES) -> Any:
    """The graph in the file ``path``, which may come from anyone.

    Nothing outside of the file is read (links and external storage are refused), no filter plug-in is loaded, and the
    declared sizes are added up before anything is unpacked.

    :param most_bytes: how much the arrays may take, default 4 GiB
    :raises FileNotFoundError: if there is no file
    :raises GraphError: (a ValueError) for anything that is no NIR graph
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"import_from_nir: there is no file {path}.")
    with _opened(path) as file:
        if "node" not in file:
            raise GraphError("it is an HDF5 file, but has no group 'node', so it is no NIR graph")
        content = _Reader(most_bytes).read(file, "node", 0)
    if not isinstance(content, dict):
        raise GraphError("its 'node' is an array instead of a group")
    return graph_from(content, "the graph")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, KeyError, RuntimeError, UnicodeDecodeError) as error:
        raise GraphError(f"it is no readable HDF5 file; it may be truncated or damaged ({error})") from error


class _Reader:
    """Groups as dicts and datasets as arrays, numbers and strings, within limits."""

    def __init__(self, most_bytes: int) -> None:
        self.bytes_left = most_bytes
        self.objects_left = _MOST_OBJECTS

    def read(self, group: Any, name: str, depth: int) -> Any:
        import h5py

        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise GraphError(f"{group.name}/{name} is a {type(link).__name__}; links to elsewhere are not followed")
        self.objects_left -= 1
        if depth > _DEEPEST or self.objects_left < 0:
            raise GraphError(f"it has groups inside each other deeper than {_DEEPEST}, or over {_MOST_OBJECTS} objects")
        item = group[name]
        if isinstance(item, h5py.Group):
            return {key: self.read(item, key, depth + 1) for key in item}
        if isinstance(item, h5py.Dataset):
            return self._array(item)
        raise GraphError(f"{item.name} is a {type(item).__name__}, which a NIR graph does not have")

    def _array(self, item: Any) -> Any:
        import h5py

        self._check_storage(item)
        text = h5py.check_string_dtype(item.dtype)
        if text is None and item.dtype.kind not in "biufS":
            raise GraphError(f"{item.name} has the type {item.dtype}, neither numbers nor text")
        self.bytes_left -= item.size * item.dtype.itemsize if item.size else 0
        if self.bytes_left < 0:
            raise GraphError(
                f"its arrays take more than max_bytes; {item.name} alone has the shape {list(item.shape)}. If you "
                "trust the file, import with a larger max_bytes"
            )
        value = item[()]
        return value.decode() if isinstance(value, bytes) else value

    def _check_storage(self, item: Any) -> None:
        if item.shape is None:
            raise GraphError(f"{item.name} is empty")
        if item.external or item.is_virtual:
            raise GraphError(f"{item.name} keeps its values in another file, which is not read")
        properties = item.id.get_create_plist()
        used = [properties.get_filter(position)[0] for position in range(properties.get_nfilters())]
        unknown = [number for number in used if number not in _FILTERS]
        if unknown:
            raise GraphError(f"{item.name} is packed with the filter {unknown[0]}, not one of {_FILTERS}")


def graph_from(content: dict[str, Any], place: str) -> Any:
    """The ``nir.NIRGraph`` for what a file holds. Its types are not checked yet."""
    nir = nir_library()
    nodes, edges = content.get("nodes"), content.get("edges", ())
    if content.get("type") != "NIRGraph" or not isinstance(nodes, dict):
        raise GraphError(f"{place} is no NIRGraph with nodes, but of type {content.get('type')!r}")
    made = {name: _node_from(name, value) for name, value in nodes.items()}
    pairs = [_edge_from(edge) for edge in edges]
    metadata = content.get("metadata", {})
    if not isinstance(metadata, dict):
        raise GraphError(f"the metadata of {place} are no group")
    return nir.NIRGraph(nodes=made, edges=pairs, metadata=metadata, type_check=False)


def _edge_from(edge: Any) -> tuple[str, str]:
    try:
        source, target = (end.decode() if isinstance(end, bytes) else end for end in edge)
    except (TypeError, ValueError) as error:
        raise GraphError(f"an edge must be two names of nodes, but {edge!r} is given") from error
    if not (isinstance(source, str) and isinstance(target, str)):
        raise GraphError(f"an edge must be two names of nodes, but {edge!r} is given")
    return source, target


def _node_from(name: str, content: Any) -> Any:
    nir = nir_library()
    kind = content.get("type") if isinstance(content, dict) else None
    if kind == "NIRGraph":
        return graph_from(content, f"the sub-graph {name!r}")
    known = [key for key in nir.ir.__all__ if isinstance(getattr(nir, key), type) and key != "NIRNode"]
    if kind not in known:
        raise GraphError(f"the node {name!r} is of type {kind!r}. NIR has {', '.join(known)}")
    try:
        return nir.dict2NIRNode(dict(content))
    except (AssertionError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise GraphError(f"the node {name!r} ({kind}) can't be made of what the file says: {reason}") from error
