"""Data sets of events: what the files of any of them go through, from the archive to the item."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from torch.utils.data import Dataset

from spikingjelly.datasets._early_calls import also_called_early
from spikingjelly.datasets._errors import DatasetFormatError, DatasetNotFoundError
from spikingjelly.datasets._events import Events
from spikingjelly.datasets._preparation import archives, frames, npz
from spikingjelly.datasets._preparation.lock import locked
from spikingjelly.datasets._preparation.resources import Resource, obtain
from spikingjelly.datasets._preparation.stages import Stage, counts, has_entries, identity, require_space
from spikingjelly.datasets._preparation.workers import Settings, settings
from spikingjelly.datasets._way_to_frames import way_to_frames

_SPLITS = {"train", "test", "val", "valid"}


class NeuromorphicDatasetFolder(Dataset[tuple[Any, Any]]):
    """A classification data set of events, as events or as frames.

    ``dataset[i]`` is ``(x, label)``. With ``data_type="event"``, ``x`` is a dict of arrays of one length: ``t`` int64,
    ``x`` and ``y`` int32 (column and row), ``p`` int8 (0 OFF, 1 ON). With ``data_type="frame"``, ``x`` is a float32
    array ``[T, 2, H, W]`` of counts, the second axis being the polarity.

    What is not there yet is made on the way, in folders below ``root``:

    .. code-block:: text

        download/                                      the files as they are published
        extract/                                       unpacked
        events_np/[train|test/]<class>/<sample>.npz    t, x, y, p
        frames_number_<N>_split_by_<number|time>/[train|test/]<class>/<sample>.npz    frames
        duration_<D>/[train|test/]<class>/<sample>_<T>.npz                            frames
        <custom name>/[train|test/]<class>/<sample>.npz                               frames

    Each of these folders is built under a hidden name, gets its own when it is complete, and then holds a
    ``manifest.json`` of what it was made from and with. What a killed run leaves is continued or built anew. Of
    several processes that want the same, one does the work and the others wait. A folder without a manifest, as
    earlier versions built them, is read as it is. Neither such folders nor files in ``download`` are ever deleted or
    overwritten; ``download`` and ``extract`` may be deleted when the events are there, and ``events_np`` when the
    frames are.

    A subclass defines the static methods :meth:`resource_url_md5`, :meth:`downloadable`,
    :meth:`extract_downloaded_files`, :meth:`create_events_np_files` and :meth:`get_H_W`.

    :param root: the folder of the data set
    :param train: whether to use the training samples (folder ``train``) or the test samples (``test``); None if the
        data set is not split
    :param data_type: ``"event"`` or ``"frame"``
    :param frames_number: frames per sample, cut as ``split_by`` says
    :param split_by: ``"time"``: frames of equal duration; ``"number"``: frames of equal number of events
    :param duration: the duration of each frame, in the unit of ``t``
    :param custom_integrate_function: ``(events, H, W) -> frames``; called in the workers
    :param custom_integrated_frames_dir_name: the folder for its frames; default: the function's name
    :param transform: a function of ``x``
    :param target_transform: a function of the label
    :param download: whether missing files may be downloaded
    :param on_error: ``"raise"``: a bad file ends the preparation with its name; ``"skip"``: it is left out, counted,
        and put down in the manifest
    :param num_workers: how many threads or processes convert files; None: one per core, at most
        ``spikingjelly.configure.max_threads_number_for_datasets_preprocess``
    :param processes: whether processes do it, which helps a ``custom_integrate_function`` that spends its time in
        Python; outside of Linux this needs the guard ``if __name__ == "__main__"``
    :param progress: whether to show progress bars
    :raises ValueError: if arguments don't fit together
    :raises DatasetNotFoundError: (a FileNotFoundError and a RuntimeError) if files are missing that must be got by
        hand; says which, from where and to where
    :raises DatasetFormatError: (a ValueError) if a file or folder is not what it has to be
    :raises DownloadError: (a RuntimeError) if no mirror gave a file
    :raises DiskSpaceError: (an OSError) if the disk has too little room
    :raises PreparationError: (a RuntimeError) if a file can't be converted
    """

    events_growth: ClassVar[float] = 1.5  # bytes of events per unpacked byte, to see whether the disk has room

    @also_called_early(train=...)
    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool | None = None,
        data_type: Literal["event", "frame"] = "event",
        frames_number: int | None = None,
        split_by: Literal["time", "number"] | None = None,
        duration: int | None = None,
        custom_integrate_function: Callable[[Events, int, int], Any] | None = None,
        custom_integrated_frames_dir_name: str | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        *,
        download: bool = True,
        on_error: Literal["raise", "skip"] = "raise",
        num_workers: int | None = None,
        processes: bool = False,
        progress: bool = True,
    ) -> None:
        if train is not None and not isinstance(train, bool):
            raise TypeError(f"{self._name}: train must be True, False or None, but {train!r} was given.")
        self.train = train
        self.transform = transform
        self.target_transform = target_transform
        self._download = download
        self._base = Path(root).absolute()
        self._recipe = self._recipe_of(
            data_type,
            frames_number,
            split_by,
            duration,
            custom_integrate_function,
            custom_integrated_frames_dir_name,
        )
        with settings(Settings(num_workers, processes, on_error, progress)):
            self._prepare()
        self.loader: Callable[[str], Any] = npz.read_frames if self._recipe else self.load_events_np
        self.root = self._root_of_samples()
        if not os.path.isdir(self.root):
            raise DatasetNotFoundError(f"{self._name}: there is no folder {self.root}.")
        self.classes, self.class_to_idx = self.find_classes(self.root)
        self.samples = self._find_samples()
        self.targets = [label for _, label in self.samples]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, label = self.samples[index]
        sample, target = self.loader(path), label
        if self.transform is not None:
            sample = self.transform(sample)
        return sample, (target if self.target_transform is None else self.target_transform(target))

    def __repr__(self) -> str:
        return f"{self._name}({len(self)} samples of {len(self.classes)} classes in {self.root})"

    @staticmethod
    def resource_url_md5() -> Sequence[Any]:
        """The files of the data set: ``(file name, url, md5)`` each, or :class:`Resource`. Where :meth:`downloadable`
        is False, the URL is the page from which people get the file."""
        raise NotImplementedError

    @staticmethod
    def downloadable() -> bool:
        """Whether the URLs give the files without hands."""
        raise NotImplementedError

    @staticmethod
    def extract_downloaded_files(download_root: str, extract_root: str) -> None:
        """Unpack the checked files in ``download_root`` into the empty folder ``extract_root``."""
        raise NotImplementedError

    @staticmethod
    def create_events_np_files(extract_root: str, events_np_root: str) -> None:
        """Write an npz file with ``t``, ``x``, ``y`` and ``p`` per sample into the empty folder ``events_np_root``, in
        ``[train|test/]<class>/``."""
        raise NotImplementedError

    @staticmethod
    def get_H_W() -> tuple[int, int]:
        """Height and width of the sensor."""
        raise NotImplementedError

    @staticmethod
    def load_events_np(fname: str) -> Events:
        """The events of one file of :meth:`create_events_np_files`."""
        return npz.read_events(fname)

    def set_root_when_train_is_none(self, _root: str) -> str:
        """The folder with the classes if ``train`` is None, given the folder of all events or frames."""
        return _root

    def early_label(self, label: int) -> int:
        """The label in the first releases."""
        return label

    @classmethod
    def resources(cls) -> list[Resource]:
        """The files of the data set."""
        downloadable = cls.downloadable()
        return [Resource.of(entry, downloadable) for entry in cls.resource_url_md5()]

    @staticmethod
    def find_classes(directory: str) -> tuple[list[str], dict[str, int]]:
        """The folders in ``directory``, sorted as plain strings, and the label of each."""
        classes = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir() and entry.name[0] != ".")
        return classes, {name: label for label, name in enumerate(classes)}

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _recipe_of(
        self, data_type: str, number: Any, split_by: Any, duration: Any, function: Any, name: Any
    ) -> frames.Recipe | None:
        way = way_to_frames(
            self._name, data_type, frames_number=number, duration=duration, custom_integrate_function=function
        )
        if way is None:
            return None
        H, W = self.get_H_W()
        if way == "frames_number":
            return frames.by_number(number, split_by, H, W)
        if way == "duration":
            return frames.by_duration(duration, H, W)
        return frames.by_function(function, name, H, W)

    def _prepare(self) -> None:
        """Only what has to be built takes the lock, so a complete data set can be read from a disk without write
        access."""
        if self._recipe is None:
            if not self._events_stage().is_there():
                with locked(self._base):
                    self._ensure_events()
        elif not self._frames_stage(self._recipe).is_there():
            with locked(self._base):
                self._ensure_frames(self._recipe)

    @property
    def _events_root(self) -> Path:
        return self._base / "events_np"

    def _ensure_frames(self, recipe: frames.Recipe) -> None:
        if self._frames_stage(recipe).is_there():
            return
        self._ensure_events()
        self._frames_stage(recipe).ensure(
            lambda folder: frames.convert_folder(recipe, self.load_events_np, self._events_root, folder)
        )

    def _frames_stage(self, recipe: frames.Recipe) -> Stage:
        source = identity(self._events_root, counted=True)
        return Stage(self._base / recipe.folder, recipe.parameters, source, True, complaint=self._frames_complaint)

    def _ensure_events(self) -> None:
        if self._events_stage().is_there():
            return
        extract_root = self._ensure_extracted()
        size = sum(path.stat().st_size for path in extract_root.rglob("*") if path.is_file())
        require_space(self._base, int(self.events_growth * size), f"{self._name}: making events")
        self._events_stage().ensure(lambda folder: self.create_events_np_files(str(extract_root), str(folder)))

    def _events_stage(self) -> Stage:
        source = identity(self._base / "extract", counted=False)
        return Stage(self._events_root, {}, source, complaint=self._tree_complaint)

    def _ensure_extracted(self) -> Path:
        resources = self.resources()
        hashes = {resource.name: resource.sha256 or resource.md5 for resource in resources}
        stage = Stage(self._base / "extract", source=hashes, beside=True, may_be_empty=True)
        if not stage.is_there():
            download_root = self._base / "download"
            fetch = self._download and self.downloadable()
            for resource in resources:
                archives.require_program(resource.name)
            paths = obtain(resources, download_root, fetch, self._name)
            size = sum(archives.unpacked_size(path) for path in paths)
            require_space(self._base, size, f"{self._name}: unpacking")
            stage.ensure(lambda folder: self.extract_downloaded_files(str(download_root), str(folder)))
        return stage.folder

    def _tree_complaint(self, folder: Path) -> str | None:
        """What a folder that an interrupted run of an earlier version left would lack."""
        if self.train is not None:
            folder = folder / ("train" if self.train else "test")
            if not folder.is_dir():
                return f"there is no folder {folder.name}"
        empty = [path.name for path in sorted(folder.iterdir()) if path.is_dir() and not has_entries(path)]
        return f"folder {empty[0]} is empty" if empty else None

    def _frames_complaint(self, folder: Path) -> str | None:
        if has_entries(self._events_root):
            wanted, found = counts(self._events_root), counts(folder)
            off = sorted(place for place in wanted | found if wanted.get(place) != found.get(place))
            if off:
                return (
                    f"in {off[0]} it has {found.get(off[0], 0)} files, and {self._events_root.name} has "
                    f"{wanted.get(off[0], 0)}"
                )
        return self._tree_complaint(folder)

    def _root_of_samples(self) -> str:
        folder = self._base / self._recipe.folder if self._recipe else self._events_root
        if self.train is None:
            root = str(self.set_root_when_train_is_none(str(folder)))
            # Not by the subclass, which may see none but the folders of its own classes.
            here = NeuromorphicDatasetFolder.find_classes
            if root == str(folder) and (splits := set(here(root)[0])) and splits <= _SPLITS:
                raise ValueError(
                    f"{self._name} is split into {' and '.join(sorted(splits))}: give train=True or False."
                )
            return root
        return str(folder / ("train" if self.train else "test"))

    def _find_samples(self) -> list[tuple[str, int]]:
        samples = []
        for name in self.classes:
            found, label = [], self.class_to_idx[name]
            for path, folders, files in os.walk(os.path.join(self.root, name), followlinks=True):
                folders.sort()
                found += [(os.path.join(path, f), label) for f in sorted(files) if f.endswith(".npz") and f[0] != "."]
            if not found:
                raise DatasetFormatError(f"{self._name}: class {name} in {self.root} has no samples.")
            samples += found
        return samples
