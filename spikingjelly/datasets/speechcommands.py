"""Speech Commands: spoken English words as sound, without torchaudio."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch.utils.data import Dataset

from spikingjelly.datasets._errors import DatasetFormatError, DatasetNotFoundError
from spikingjelly.datasets._preparation import archives
from spikingjelly.datasets._preparation.lock import locked
from spikingjelly.datasets._preparation.resources import Resource, find, obtain
from spikingjelly.datasets._preparation.stages import Stage, require_space
from spikingjelly.datasets.formats.wav import read_wav

__all__ = ["SPEECHCOMMANDS", "SpeechCommands", "load_speechcommands_item"]

_URL = "https://storage.googleapis.com/download.tensorflow.org/data/{name}.tar.gz"
_MD5 = {
    "speech_commands_v0.01": "3cd23799cb2bbdec517f1cc028f8d43c",
    "speech_commands_v0.02": "6b74f3901214cb2c2934e98196829835",
}
_LISTS = {"val": "validation_list.txt", "test": "testing_list.txt"}
_NOISE = "_background_noise_"
_SILENCE, _UNKNOWN = "_silence_", "_unknown_"
_NAME = re.compile(r"(?P<speaker>[^/\\]+)_nohash_(?P<number>\d+)\.wav")


def load_speechcommands_item(relpath: str, path: str | os.PathLike[str]) -> tuple[torch.Tensor, int, str, str, int]:
    """One recording.

    :param relpath: ``<word>/<speaker>_nohash_<number>.wav``
    :param path: the folder that this is relative to
    :return: the waveform, float32 ``[1, L]`` in [-1, 1), samples a second, the word, the speaker, and the number of the
        recording among those of speaker and word
    :raises DatasetFormatError: (a ValueError) if the name is another one or the file is damaged
    """
    relative = Path(relpath)
    match = _NAME.fullmatch(relative.name)
    if match is None:
        raise DatasetFormatError(f"{relpath}: expected a name such as bed/00176480_nohash_0.wav.")
    waveform, rate = _waveform(Path(path) / relative)
    return waveform, rate, relative.parent.name, match["speaker"], int(match["number"])


class SPEECHCOMMANDS(Dataset[tuple[Any, int]]):
    """Speech Commands [Warden, "Speech commands: a dataset for limited-vocabulary speech recognition",
    arXiv:1804.03209, 2018].

    105 829 recordings (version 0.02) of 35 words at 16 kHz, one second or less. ``dataset[i]`` is ``(x, label)`` with
    ``x`` the waveform, float32 ``[1, L]`` in [-1, 1), or what ``transform`` makes of it. ``silence_cnt`` items of
    silence follow the words: pieces of the recordings of noise in the archive, cut at random once, when the data set
    is built; ``torch.manual_seed`` repeats them.

    The files are those of torchaudio's data set, ``<root>/<folder_in_archive>/<url>/<word>/*.wav``, unpacked from
    ``<root>/<url>.tar.gz`` or ``<root>/download/<url>.tar.gz``.

    :param label_dict: the label of each word. ``"_unknown_"`` in it is the label of words that are not, ``"_silence_"``
        that of silence
    :param root: the folder of the data set
    :param silence_cnt: how many items of silence there are
    :param silence_size: their length in samples
    :param transform: a function of the waveform
    :param url: ``"speech_commands_v0.02"`` or ``"speech_commands_v0.01"``, or the whole URL of one of these archives
    :param split: ``"train"``, ``"val"`` or ``"test"``: the archive lists the recordings of the last two, the first has
        the rest
    :param folder_in_archive: the folder in ``root`` that holds the unpacked one
    :param download: whether to fetch the archive (2.3 GB) if it is missing
    :raises ValueError: if an argument is none of these, or there is a word or silence without a label
    :raises DatasetNotFoundError: (a FileNotFoundError and a RuntimeError) if files are missing
    :raises DatasetFormatError: (a ValueError) if a file is damaged or another one than expected
    """

    def __init__(
        self,
        label_dict: Mapping[str, int],
        root: str | os.PathLike[str],
        silence_cnt: int = 0,
        silence_size: int = 16000,
        transform: Callable[[torch.Tensor], Any] | None = None,
        url: str = "speech_commands_v0.02",
        split: Literal["train", "val", "test"] = "train",
        folder_in_archive: str = "SpeechCommands",
        download: bool = False,
    ) -> None:
        if split not in ("train", *_LISTS):
            raise ValueError(f'SPEECHCOMMANDS: split must be "train", "val" or "test", but {split!r} was given.')
        for name, value, least in (("silence_cnt", silence_cnt, 0), ("silence_size", silence_size, 1)):
            if not isinstance(value, int) or value < least:
                raise ValueError(f"SPEECHCOMMANDS: {name} must be an int from {least} on, but {value!r} was given.")
        if silence_cnt and _SILENCE not in label_dict:
            raise ValueError(f'SPEECHCOMMANDS: silence_cnt is {silence_cnt}, but label_dict has no "{_SILENCE}".')
        self.label_dict, self.transform, self.split = dict(label_dict), transform, split
        self.silence_cnt, self.silence_size = silence_cnt, silence_size
        base = Path(root).absolute()
        self.folder = _prepared(base, base / folder_in_archive, url, download)
        self._recordings = _recordings_of(self.folder, split)
        self._silence = self._cut_silence() if silence_cnt else []
        words = [recording.split("/")[0] for recording in self._recordings]
        labels = {word: self._label_of(word) for word in sorted(set(words))}
        self.targets = [labels[word] for word in words] + [label_dict[_SILENCE] for _ in self._silence]

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"SPEECHCOMMANDS has {len(self)} items, but number {index} was asked for.")
        index %= len(self)
        if index < len(self._recordings):
            waveform = load_speechcommands_item(self._recordings[index], self.folder)[0]
        else:
            path, start = self._silence[index - len(self._recordings)]
            waveform = _waveform(path)[0][:, start : start + self.silence_size]
        return (waveform if self.transform is None else self.transform(waveform)), self.targets[index]

    def _label_of(self, word: str) -> int:
        label = self.label_dict.get(word, self.label_dict.get(_UNKNOWN))
        if label is None:
            raise ValueError(
                f'SPEECHCOMMANDS: label_dict has no "{word}", of which there are recordings. Give it a label, or one '
                f'for all words that are not in label_dict as "{_UNKNOWN}".'
            )
        return label

    def _cut_silence(self) -> list[tuple[Path, int]]:
        """File and first sample of each piece; every place in all the noise is as likely as any other."""
        files = sorted((self.folder / _NOISE).glob("*.wav"))
        places = [max(0, _waveform(file)[0].shape[1] - self.silence_size + 1) for file in files]
        if not sum(places):
            raise DatasetNotFoundError(
                f"SPEECHCOMMANDS: no recording in {self.folder / _NOISE} has "
                f"silence_size = {self.silence_size} samples."
            )
        pieces = []
        for place in torch.randint(sum(places), (self.silence_cnt,)).tolist():
            number = 0
            while place >= places[number]:
                place -= places[number]
                number += 1
            pieces.append((files[number], place))
        return pieces


def _waveform(path: Path) -> tuple[torch.Tensor, int]:
    sound = read_wav(path)
    return torch.from_numpy(sound.samples.copy()).float() / 2**15, sound.rate


def _resource(url: str) -> Resource:
    name = url.rsplit("/", 1)[-1].removesuffix(".tar.gz")
    if name not in _MD5:
        raise ValueError(f"SPEECHCOMMANDS: url must be one of {', '.join(_MD5)}, but {url!r} was given.")
    return Resource(f"{name}.tar.gz", (url if "/" in url else _URL.format(name=name),), _MD5[name])


def _prepared(root: Path, place: Path, url: str, download: bool) -> Path:
    """The unpacked archive."""
    resource = _resource(url)
    folder = place / resource.name.removesuffix(".tar.gz")
    stage = Stage(folder, source={resource.name: resource.md5}, beside=True, complaint=_complaint)
    if not stage.is_there():
        with locked(root):
            if not stage.is_there():
                at = root if find(root, resource.name) else root / "download"
                (archive,) = obtain([resource], at, download, "SPEECHCOMMANDS")
                require_space(root, archives.unpacked_size(archive), "SPEECHCOMMANDS: unpacking")
                place.mkdir(parents=True, exist_ok=True)
                stage.ensure(lambda building: archives.extract(archive, building))
    return folder


def _complaint(folder: Path) -> str | None:
    missing = [name for name in (*_LISTS.values(), _NOISE) if not (folder / name).exists()]
    return f"it has no {' and no '.join(missing)}" if missing else None


def _recordings_of(folder: Path, split: str) -> list[str]:
    """``<word>/<name>.wav`` of each recording of a part, sorted."""
    present = {
        f"{word.name}/{file.name}"
        for word in os.scandir(folder)
        if word.is_dir() and word.name[0] not in "_."
        for file in os.scandir(word.path)
        if _NAME.fullmatch(file.name)
    }
    listed = {part: set((folder / name).read_text().split()) for part, name in _LISTS.items()}
    for part, names in listed.items():
        if missing := sorted(names - present):
            raise DatasetNotFoundError(
                f"SPEECHCOMMANDS: {folder / _LISTS[part]} lists {len(missing)} recordings that are not there, such as "
                f"{missing[0]}."
            )
    return sorted(present - listed["val"] - listed["test"] if split == "train" else listed[split])


SpeechCommands = SPEECHCOMMANDS  # the name in the 2.0 releases
