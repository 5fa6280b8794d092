"""Lists and label files: what they say is done, and nothing is guessed where they are wrong."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from spikingjelly.datasets import DatasetFormatError, DatasetNotFoundError, PreparationError
from spikingjelly.datasets.asl_dvs import ASLDVS
from spikingjelly.datasets.bullying10k import Bullying10kClassification
from spikingjelly.datasets.dvs128_gesture import DVS128Gesture
from spikingjelly.datasets.es_imagenet import ESImageNet
from spikingjelly.datasets.hardvs import HARDVS
from spikingjelly.datasets.nav_gesture import NAVGestureWalk
from tests.datasets.classes.archives import believe, made_up, open_quietly, place, tarred, zipped
from tests.datasets.classes.published import GESTURES_HEAD, es_imagenet_members
from tests.datasets.formats import writers
from tests.datasets.formats.writers import Event

LISTS = {"DvsGesture/trials_to_train.txt": b"user01_lab.aedat\n", "DvsGesture/trials_to_test.txt": b""}
RECORDING = [Event(100, 5, 6, 1), Event(200, 7, 8, 0), Event(300, 9, 10, 1), Event(400, 11, 12, 0)]


def gestures(
    monkeypatch: pytest.MonkeyPatch, root: Path, rows: str, head: str = GESTURES_HEAD, **members: bytes
) -> None:
    files = {
        **LISTS,
        "DvsGesture/user01_lab.aedat": writers.aedat3(RECORDING),
        "DvsGesture/user01_lab_labels.csv": (head + rows).encode(),
        **members,
    }
    place(monkeypatch, root, DVS128Gesture, {"DvsGesture.tar.gz": tarred(files)})


def test_gestures_may_overlap_and_hold_no_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row is cut for itself, from its start on until before its end, whatever the order of the rows."""
    gestures(monkeypatch, tmp_path, "9,150,400\n10,300,500\n\n9,100,300\n9,500,600\n")
    dataset = open_quietly(DVS128Gesture, tmp_path, True)
    assert [(events["t"].tolist(), label) for events, label in dataset] == [
        ([200, 300], 9),
        ([100, 200], 9),
        ([], 9),
        ([300, 400], 10),
    ]
    frames, _ = open_quietly(DVS128Gesture, tmp_path, True, "frame", 4, "time")[2]
    assert frames.shape == (4, 2, 128, 128)
    assert not frames.any()


@pytest.mark.parametrize(
    ("rows", "head", "complaint"),
    [
        ("12,100,200\n", GESTURES_HEAD, "line 2: class 12"),
        ("1,100,200\n\n0,100,200\n", GESTURES_HEAD, "line 4: class 0"),
        ("1,300,200\n", GESTURES_HEAD, "from 300 to 200"),
        ("1,100\n", GESTURES_HEAD, "line 2: 1,100 is not"),
        ("1,100,200,300\n", GESTURES_HEAD, "line 2: 1,100,200,300 is not"),
        ("1,1.5,200\n", GESTURES_HEAD, "line 2: 1,1.5,200 is not"),
        ("1,100,200\n", "", "does not begin with the line"),
        ("", "", "does not begin with the line"),
    ],
)
def test_malformed_gestures_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: str, head: str, complaint: str
) -> None:
    gestures(monkeypatch, tmp_path, rows, head)
    with pytest.raises(PreparationError, match="user01_lab") as caught:
        open_quietly(DVS128Gesture, tmp_path, True)
    assert "user01_lab_labels.csv" in str(caught.value)
    assert complaint in str(caught.value)
    assert not (tmp_path / "events_np").exists()


def test_a_listed_gesture_recording_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lists = {"DvsGesture/trials_to_test.txt": b"user24_led.aedat\n"}
    gestures(monkeypatch, tmp_path, "1,100,200\n", **lists)
    with pytest.raises(DatasetNotFoundError, match=r"trials_to_test\.txt lists 1 .* user24_led\.aedat"):
        open_quietly(DVS128Gesture, tmp_path, True)


def images(root: Path, changes: Mapping[str, bytes | None]) -> None:
    """ES-ImageNet unpacked by hand."""
    for name, content in {**es_imagenet_members()[0], **changes}.items():
        if content is not None:
            path = root / "extract" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


VALIDATION = "ES-imagenet-0.18/vallabel.txt"


def test_es_imagenet_unpacked_by_hand(tmp_path: Path) -> None:
    """Needs neither the volumes nor a program to unpack them; the files of events are linked, not copied."""
    images(tmp_path, {})
    for train in (True, False):
        dataset = open_quietly(ESImageNet, tmp_path, train)
        assert dataset.classes == ["class0", "class1", "class2", "class10", "class999"]
        samples = es_imagenet_members()[1][train,]
        assert dataset.targets == [sample.label for sample in samples]
        assert [len(events["t"]) for events, _ in dataset] == [len(sample.events) for sample in samples]
        assert all(os.stat(path).st_nlink == 2 for path, _ in dataset.samples)


@pytest.mark.parametrize(
    "line", ["ILSVRC2012_val_00000021.npz", "a.npz x 1 1", "a.npz ² 1 1", "a.npz 1000 1 1", "a.npz -1"]
)
def test_a_malformed_list_of_images_is_refused(tmp_path: Path, line: str) -> None:
    images(tmp_path, {VALIDATION: f"\n{line}\n".encode()})
    with pytest.raises(DatasetFormatError, match=r"vallabel\.txt, line 2: .* is not '<name> <label"):
        open_quietly(ESImageNet, tmp_path, False)


def test_a_listed_image_that_is_missing_is_named(tmp_path: Path) -> None:
    images(tmp_path, {VALIDATION: b"ILSVRC2012_val_00000999.npz 3 1 1\n"})
    with pytest.raises(DatasetNotFoundError, match=r"vallabel\.txt, line 1 lists ILSVRC2012_val_00000999\.npz"):
        open_quietly(ESImageNet, tmp_path, False)


def test_a_folder_that_is_no_class_of_es_imagenet_is_refused(tmp_path: Path) -> None:
    images(tmp_path, {"ES-imagenet-0.18/train/n01440764/a.npz": writers.es_imagenet([Event(1, 20, 20, 1)])})
    with pytest.raises(DatasetFormatError, match="n01440764 is not named class<number>"):
        open_quietly(ESImageNet, tmp_path, True)


def test_a_program_that_unpacks_rar_is_asked_for_before_the_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not after 100 GB of it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="unrar, 7z, 7zz"):
        open_quietly(ESImageNet, tmp_path, True)
    assert not (tmp_path / "download").exists()


def actions(monkeypatch: pytest.MonkeyPatch, root: Path, lists: Mapping[str, str], nested: bool = False) -> None:
    member = ("action_001/" if nested else "") + "dvSave-1.npz"
    inner = zipped({member: writers.hardvs(made_up("action", 260, 346))})
    files = {"MINI_HARDVS_files.zip": zipped({"MINI_HARDVS_files/action_001.zip": inner})}
    files |= {f"{part}_label.txt": lists.get(part, "").encode() for part in ("train", "val", "test")}
    place(monkeypatch, root, HARDVS, files)


def test_a_listed_action_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    actions(monkeypatch, tmp_path, {"train": "action_001/dvSave-1 0\n", "val": "action_001/dvSave-2 0\n"})
    with pytest.raises(DatasetNotFoundError, match=r"val_label\.txt lists action_001/dvSave-2"):
        open_quietly(HARDVS, tmp_path, "train")


def test_an_action_in_two_parts_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be tested on what it was trained with, or be lost in one of them."""
    actions(monkeypatch, tmp_path, {"train": "action_001/dvSave-1 0\n", "test": "action_001/dvSave-1 0\n"})
    with pytest.raises(DatasetFormatError, match=r"test_label\.txt lists action_001/dvSave-1"):
        open_quietly(HARDVS, tmp_path, "train")


def test_actions_may_lie_one_folder_deeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    actions(monkeypatch, tmp_path, {"train": "action_001/dvSave-1.npz 0 7\r\n\r\n"}, nested=True)
    dataset = open_quietly(HARDVS, tmp_path, "train")
    assert [Path(path).name for path, _ in dataset.samples] == ["dvSave-1.npz"]
    with pytest.raises(DatasetNotFoundError, match="val"):
        open_quietly(HARDVS, tmp_path, "val")


def test_a_letter_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The archive has no checksum, and without a letter all labels behind it would be others."""
    inner = {
        f"Yin Bi - {letter}.zip": zipped({f"{letter}/{letter}_0001.mat": writers.asl_dvs(RECORDING)})
        for letter in "abcdefghilmnopqrstuvwxy"
    }
    place(monkeypatch, tmp_path, ASLDVS, {"ICCV2019_DVS_dataset.zip": zipped(inner)})
    with pytest.raises(DatasetNotFoundError, match="has no recordings of k; fetch it again"):
        open_quietly(ASLDVS, tmp_path)


@pytest.mark.parametrize("name", ["user09_xx_1.dat", "user09.dat"])
def test_a_recording_of_no_gesture_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    inner = zipped({f"user09/{name}": writers.dat1(RECORDING), "user09/user09_do_1.dat": writers.dat1(RECORDING)})
    place(monkeypatch, tmp_path, NAVGestureWalk, {"navgesture-walk.zip": zipped({"user09.zip": inner})})
    with pytest.raises(DatasetFormatError, match=f"{name}: expected a name such as"):
        open_quietly(NAVGestureWalk, tmp_path)


def test_two_recordings_never_become_one_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = {f"user0{k}.zip": zipped({f"user0{k}/user01_do_1.dat": writers.dat1(RECORDING)}) for k in (1, 2)}
    place(monkeypatch, tmp_path, NAVGestureWalk, {"navgesture-walk.zip": zipped(inner)})
    with pytest.raises(DatasetFormatError, match="would become the same sample user01_do_1"):
        open_quietly(NAVGestureWalk, tmp_path)


def test_gestures_that_step_back_in_time_lose_these_events_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And with a warning that says how many."""
    events = [*RECORDING[:2], Event(150, 1, 1, 1), *RECORDING[2:]]
    inner = zipped({"user09/user09_do_1.dat": writers.dat1(events)})
    place(monkeypatch, tmp_path, NAVGestureWalk, {"navgesture-walk.zip": zipped({"user09.zip": inner})})
    with pytest.warns(UserWarning, match="1 of 5 events step back"):
        dataset = open_quietly(NAVGestureWalk, tmp_path)
    assert dataset[0][0]["t"].tolist() == [0, 100, 200, 300]


def test_bullying10k_recordings_in_folders_of_one_name_stay_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How deep the recordings lie in the archives is not documented."""
    from tests.datasets.classes import pickles

    names = [entry[0] for entry in Bullying10kClassification.resource_url_md5()]
    members = {f"{{}}/pair{k}/0.npy": pickles.bullying10k([Event(k, k, k, 1)]) for k in range(1, 6)}
    files = {name: zipped({key.format(name[:-4]): value for key, value in members.items()}) for name in names}
    place(monkeypatch, tmp_path, Bullying10kClassification, files)
    train, test = (open_quietly(Bullying10kClassification, tmp_path, part) for part in (True, False))
    assert [events["x"].tolist() for events, label in train if label == 9] == [[1], [2], [3], [4]]
    assert [events["x"].tolist() for events, label in test if label == 9] == [[5]]


def test_a_class_keeps_its_label_where_others_are_missing(tmp_path: Path) -> None:
    """In folders of events that somebody made smaller."""
    made = {
        DVS128Gesture: ["10", "2"],
        Bullying10kClassification: ["slapping", "kicking"],
        ESImageNet: ["class3", "class20"],
    }
    expected = {DVS128Gesture: [2, 3], Bullying10kClassification: [1, 9], ESImageNet: [3, 20]}
    for cls, names in made.items():
        for name in names:
            folder = tmp_path / cls.__name__ / "events_np" / "train" / name
            folder.mkdir(parents=True)
            (folder / "0.npz").write_bytes(writers.hardvs(RECORDING))
        assert open_quietly(cls, tmp_path / cls.__name__, True).targets == expected[cls]


def test_n_mnist_under_other_spellings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirror offers train.zip and test.zip."""
    from spikingjelly.datasets.n_mnist import NMNIST

    files = {
        f"{part}.zip": zipped({f"{part.lower()}/{k}/0000{k + 1}.bin": writers.atis_bin(RECORDING) for k in range(10)})
        for part in ("Train", "Test")
    }
    believe(monkeypatch, NMNIST, files)
    (tmp_path / "download").mkdir()
    for name, content in files.items():
        (tmp_path / "download" / name.lower()).write_bytes(content)
    for train in (True, False):
        dataset = open_quietly(NMNIST, tmp_path, train)
        assert dataset.targets == list(range(10))
        assert dataset[3][0]["x"].tolist() == [event.x for event in RECORDING]
