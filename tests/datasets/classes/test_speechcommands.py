"""Spoken words from the archive to waveforms; the archive and its sounds are made up."""

import contextlib
import hashlib
import inspect
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader

from spikingjelly.datasets import DatasetFormatError, DatasetNotFoundError, speechcommands
from spikingjelly.datasets.formats.wav import read_wav
from spikingjelly.datasets.speechcommands import SPEECHCOMMANDS, load_speechcommands_item
from tests.datasets.classes.archives import tarred
from tests.datasets.conftest import Mirror

NAME = "speech_commands_v0.02"
LABELS = {"bed": 3, "cat": 5, "_silence_": 9}
FILES = {
    "bed/0a_nohash_0.wav": [0, 1, -1, 32767, -32768],
    "bed/0a_nohash_1.wav": [5, 6],
    "bed/0b_nohash_0.wav": [7],
    "cat/0a_nohash_0.wav": [8, 9, 10],
    "cat/0c_nohash_12.wav": [11],
    "cat/0d_nohash_0.wav": [-12, -13],
}
NOISE = {"hum.wav": list(range(100, 130)), "rain.wav": list(range(300, 310)), "tick.wav": [500]}
PARTS = {
    "train": ["bed/0a_nohash_1.wav", "bed/0b_nohash_0.wav", "cat/0d_nohash_0.wav"],
    "val": ["bed/0a_nohash_0.wav", "cat/0c_nohash_12.wav"],
    "test": ["cat/0a_nohash_0.wav"],
}


def wav(samples: list[int], channels: int = 1, bits: int = 16, kind: int = 1, announced: int | None = None) -> bytes:
    data = struct.pack(f"<{len(samples)}h", *samples)
    size = len(data) if announced is None else announced
    width = bits // 8
    facts = struct.pack("<HHIIHH", kind, channels, 16_000, 16_000 * width * channels, width * channels, bits)
    chunks = b"WAVE" + b"fmt " + struct.pack("<I", len(facts)) + facts + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def members() -> dict[str, bytes]:
    made = {f"./{name}": wav(samples) for name, samples in FILES.items()}
    made |= {f"./_background_noise_/{name}": wav(samples) for name, samples in NOISE.items()}
    made["./_background_noise_/README.md"] = b"about the noise"
    made["./validation_list.txt"] = "\n".join(reversed(PARTS["val"])).encode()
    made["./testing_list.txt"] = "\n".join([*PARTS["test"], ""]).encode()
    return made


def publish(monkeypatch: pytest.MonkeyPatch, archive: bytes) -> None:
    monkeypatch.setitem(speechcommands._MD5, NAME, hashlib.md5(archive).hexdigest())


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    archive = tarred(members())
    publish(monkeypatch, archive)
    (tmp_path / "download").mkdir()
    (tmp_path / "download" / f"{NAME}.tar.gz").write_bytes(archive)
    return tmp_path


def values(waveform: torch.Tensor) -> list[int]:
    assert waveform.dtype == torch.float32
    assert waveform.shape[0] == 1
    return (waveform[0] * 2**15).tolist()


def test_arguments_of_published_code() -> None:
    defaults = {name: p.default for name, p in inspect.signature(SPEECHCOMMANDS).parameters.items()}
    assert list(defaults.items())[2:] == [
        ("silence_cnt", 0), ("silence_size", 16_000), ("transform", None), ("url", NAME), ("split", "train"),
        ("folder_in_archive", "SpeechCommands"), ("download", False),
    ]  # fmt: skip
    assert list(defaults)[:2] == ["label_dict", "root"]


@pytest.mark.parametrize("split", PARTS)
def test_parts(root: Path, split: Any) -> None:
    """As the lists in the archive say, the training part being the rest."""
    dataset = SPEECHCOMMANDS(LABELS, root, split=split)
    assert len(dataset) == len(PARTS[split])
    for (waveform, label), name in zip(dataset, PARTS[split], strict=True):
        assert values(waveform) == FILES[name]
        assert label == LABELS[name.split("/")[0]]
    assert dataset.targets == [label for _, label in dataset]
    assert values(dataset[-1][0]) == FILES[PARTS[split][-1]]
    with pytest.raises(IndexError, match=f"has {len(dataset)} items, but number {len(dataset)}"):
        dataset[len(dataset)]


def test_it_is_unpacked_once(root: Path) -> None:
    folder = SPEECHCOMMANDS(LABELS, root, folder_in_archive="words").folder
    assert folder == root / "words" / NAME
    shutil.rmtree(root / "download")
    assert len(SPEECHCOMMANDS(LABELS, root, folder_in_archive="words", split="test")) == 1


def test_what_torchaudio_left_is_read(root: Path) -> None:
    """Its folder as it is, or its archive, which lies in the root."""
    (root / "download" / f"{NAME}.tar.gz").rename(root / f"{NAME}.tar.gz")
    folder = SPEECHCOMMANDS(LABELS, root).folder
    assert folder == root / "SpeechCommands" / NAME
    other = root / "other" / "SpeechCommands"
    shutil.copytree(folder, other / NAME)
    assert len(SPEECHCOMMANDS(LABELS, root / "other")) == 3
    (other / NAME / "testing_list.txt").unlink()
    with pytest.raises(DatasetFormatError, match=r"looks incomplete: it has no testing_list\.txt"):
        SPEECHCOMMANDS(LABELS, root / "other")


def test_silence_is_cut_from_noise(root: Path) -> None:
    """Behind the words; every place in the long enough recordings, none across two of them; repeated by a seed."""
    torch.manual_seed(1)
    dataset = SPEECHCOMMANDS(LABELS, root, 400, 8)
    assert dataset.targets[3:] == [9] * 400
    pieces = [values(dataset[i][0]) for i in range(3, 403)]
    possible = [list(range(a, a + 8)) for a in (*range(100, 123), *range(300, 303))]
    assert all(piece in possible for piece in pieces)
    assert all(piece in pieces for piece in possible)
    assert [values(dataset[i][0]) for i in range(3, 403)] == pieces
    torch.manual_seed(1)
    again = SPEECHCOMMANDS(LABELS, root, 400, 8)
    assert [values(again[i][0]) for i in range(3, 403)] == pieces
    other = SPEECHCOMMANDS(LABELS, root, 400, 8)
    assert [values(other[i][0]) for i in range(3, 403)] != pieces


def test_silence_longer_than_all_noise(root: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match=r"no recording in .*_background_noise_ has silence_size = 16000"):
        SPEECHCOMMANDS(LABELS, root, 1)


def test_transform_and_batches(root: Path) -> None:
    """In workers too."""
    dataset = SPEECHCOMMANDS(LABELS, root, 2, 8, lambda waveform: waveform.abs().max(), split="test")
    ((x, y),) = DataLoader(dataset, batch_size=3, num_workers=1)
    assert y.tolist() == [5, 9, 9]
    assert x[0].item() == 10 / 2**15


def test_words_without_a_label(root: Path) -> None:
    with pytest.raises(ValueError, match='label_dict has no "cat", of which there are recordings.*"_unknown_"'):
        SPEECHCOMMANDS({"bed": 0}, root)
    assert SPEECHCOMMANDS({"bed": 0, "_unknown_": 7}, root).targets == [0, 0, 7]
    with pytest.raises(ValueError, match='silence_cnt is 2, but label_dict has no "_silence_"'):
        SPEECHCOMMANDS({"bed": 0, "_unknown_": 7}, root, 2)


def test_one_recording(root: Path) -> None:
    folder = SPEECHCOMMANDS(LABELS, root).folder
    waveform, *facts = load_speechcommands_item("cat/0c_nohash_12.wav", folder)
    assert values(waveform) == [11]
    assert facts == [16_000, "cat", "0c", 12]
    with pytest.raises(DatasetFormatError, match="expected a name such as"):
        load_speechcommands_item("cat/0c.wav", str(folder))


def test_a_listed_recording_is_missing(root: Path) -> None:
    folder = SPEECHCOMMANDS(LABELS, root).folder
    torchs = root / "other" / "SpeechCommands" / NAME
    shutil.copytree(folder, torchs)
    (torchs / "cat" / "0a_nohash_0.wav").unlink()
    with pytest.raises(DatasetNotFoundError, match=r"testing_list\.txt lists 1 recordings .* cat/0a_nohash_0\.wav"):
        SPEECHCOMMANDS(LABELS, root / "other", split="train")


def test_download(root: Path, mirror: Mirror, tmp_path_factory: pytest.TempPathFactory) -> None:
    """From the URL that is given; a missing file is asked for with source and sum."""
    mirror.files[f"{NAME}.tar.gz"] = (root / "download" / f"{NAME}.tar.gz").read_bytes()
    new = tmp_path_factory.mktemp("new")
    with pytest.raises(DatasetNotFoundError, match=r"download=False.*\n.*md5 [0-9a-f]{32}.*storage\.googleapis\.com"):
        SPEECHCOMMANDS(LABELS, new)
    assert len(SPEECHCOMMANDS(LABELS, new, url=f"{mirror.url}{NAME}.tar.gz", download=True)) == 3
    assert mirror.asked == [f"{NAME}.tar.gz"]


def test_another_archive_is_refused(root: Path) -> None:
    path = root / "download" / f"{NAME}.tar.gz"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DatasetFormatError, match="its md5 is"):
        SPEECHCOMMANDS(LABELS, root)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"split": "training"}, 'split must be "train", "val" or "test", but \'training\''),
        ({"silence_cnt": -1}, "silence_cnt must be an int from 0 on, but -1"),
        ({"silence_size": 0}, "silence_size must be an int from 1 on, but 0"),
        ({"url": "speech_commands_v0.03"}, "url must be one of speech_commands_v0.01, speech_commands_v0.02, but"),
    ],
)
def test_arguments_that_make_no_sense(tmp_path: Path, arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        SPEECHCOMMANDS(LABELS, tmp_path, **arguments)
    assert not any(tmp_path.iterdir())


def test_stereo() -> None:
    sound = read_wav(wav([1, 2, 3, 4, 5, 6], channels=2))
    assert sound.samples.tolist() == [[1, 3, 5], [2, 4, 6]]
    assert sound.rate == 16_000


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not a sound WAV file of PCM samples"),
        (b"not a wav file at all, but long enough to be looked at", "not a sound WAV file"),
        (wav([1, 2, 3])[:20], "not a sound WAV file"),
        (wav([1, 2, 3], channels=0), "not a sound WAV file"),
        (wav([1, 2, 3], kind=3), "not a sound WAV file"),
        (wav([1, 2, 3, 4], bits=8), "its samples have 8 bits, expected 16"),
        (wav([]), "0 samples are announced, 0 are there"),
        (wav([1, 2, 3], announced=2_000_000_000), "1000000000 samples are announced, 3 are there"),
    ],
)
def test_hostile_sounds_are_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(content)
    with pytest.raises(DatasetFormatError, match=f"sound.wav, offset .*{complaint}"):
        read_wav(path)


def test_every_cut_and_every_flipped_bit_ends_in_an_error_or_in_samples() -> None:
    """Never in another exception."""
    whole = wav(list(range(-10, 10)))
    damaged = [whole[:length] for length in range(len(whole))]
    damaged += [
        whole[: i // 8] + bytes([whole[i // 8] ^ 1 << i % 8]) + whole[i // 8 + 1 :] for i in range(8 * len(whole))
    ]
    for content in damaged:
        with contextlib.suppress(DatasetFormatError):
            assert read_wav(content).samples.size
