"""The data sets as they are published, in miniature: names and folders as there, a few short recordings per class."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spikingjelly.datasets.asl_dvs import ASLDVS
from spikingjelly.datasets.bullying10k import Bullying10kClassification
from spikingjelly.datasets.cifar10_dvs import CIFAR10DVS
from spikingjelly.datasets.dvs128_gesture import DVS128Gesture
from spikingjelly.datasets.dvs_lip import DVSLip
from spikingjelly.datasets.es_imagenet import ESImageNet
from spikingjelly.datasets.hardvs import HARDVS
from spikingjelly.datasets.n_caltech101 import NCaltech101
from spikingjelly.datasets.n_mnist import NMNIST
from spikingjelly.datasets.nav_gesture import NAVGestureSit, NAVGestureWalk
from tests.datasets.classes import pickles
from tests.datasets.classes.archives import made_up, tarred, zipped
from tests.datasets.formats import writers
from tests.datasets.formats.writers import Event

GESTURES_HEAD = "class,startTime_usec,endTime_usec\n"


@dataclass(frozen=True)
class Sample:
    label: int
    folder: str
    stem: str
    events: list[Event]


@dataclass
class Published:
    """What people download, and what has to come out of it.

    :param files: in ``download``, by name
    :param samples: by the arguments between ``root`` and ``data_type``, in the order of the data set
    """

    cls: type[Any]
    files: Mapping[str, bytes]
    samples: dict[tuple[Any, ...], list[Sample]] = field(default_factory=dict)

    def sort(self) -> "Published":
        for samples in self.samples.values():
            samples.sort(key=lambda sample: (sample.label, sample.stem))
        return self

    @property
    def smallest(self) -> tuple[tuple[Any, ...], list[Sample]]:
        return min(self.samples.items(), key=lambda item: len(item[1]))


def dvs128_gesture() -> Published:
    """Two persons for training, one for the test; class 8 comes twice, as it does in the real recordings."""
    samples: dict[tuple[Any, ...], list[Sample]] = {(True,): [], (False,): []}
    members = {
        "DvsGesture/README.txt": b"about",
        "DvsGesture/trials_to_train.txt": b"user02_led.aedat\r\nuser01_lab.aedat\r\n\r\n",
    }
    members["DvsGesture/trials_to_test.txt"] = b"user24_natural.aedat\n"
    for user in ("user01_lab", "user02_led", "user24_natural"):
        events, rows = [], [GESTURES_HEAD]
        for number, label in enumerate([1, 2, 3, 8, 8, 9, 10, 11]):
            start = 80_000_000 + 200_000 * number
            gesture = made_up(f"{user} {number}", 128, 128, first=start)
            # The last event of a gesture is at its end and so no longer part of it.
            rows.append(f"{label},{start},{gesture[-1].t}\n")
            events += gesture
            samples[user < "user24",].append(
                Sample(
                    ["0", "1", "10", "2", "3", "4", "5", "6", "7", "8", "9"].index(str(label - 1)),
                    str(label - 1),
                    f"{user}_{int(number == 4)}",
                    gesture[:-1],
                )
            )
        members[f"DvsGesture/{user}.aedat"] = writers.aedat3(events, per_packet=64)
        members[f"DvsGesture/{user}_labels.csv"] = "".join(rows).encode()
    return Published(DVS128Gesture, {"DvsGesture.tar.gz": tarred(members)}, samples).sort()


def cifar10_dvs() -> Published:
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    samples = [
        Sample(label, name, f"cifar10_{name}_{k}", made_up(f"{name} {k}", 128, 128))
        for label, name in enumerate(names)
        for k in ((0, 2, 10) if name == "cat" else (7,))
    ]
    files = {
        f"{name}.zip": zipped({f"{name}/{s.stem}.aedat": writers.aedat2(s.events) for s in samples if s.folder == name})
        for name in names
    }
    return Published(CIFAR10DVS, files, {(): samples}).sort()


def n_mnist() -> Published:
    files: dict[str, bytes] = {}
    samples: dict[tuple[Any, ...], list[Sample]] = {}
    for part, train, numbers in (("Train", True, (3, 12)), ("Test", False, (4,))):
        samples[train,] = [
            Sample(digit, str(digit), f"{10 * n + digit:05}", made_up(f"{part} {digit} {n}", 34, 34))
            for digit in range(10)
            for n in numbers
        ]
        files[f"{part}.zip"] = zipped(
            {f"{part}/{s.folder}/{s.stem}.bin": writers.atis_bin(s.events) for s in samples[train,]}
        )
    return Published(NMNIST, files, samples)


def n_caltech101() -> Published:
    """Upper case sorts before lower case; recordings are smaller than the sensor."""
    names = ["BACKGROUND_Google", "Faces_easy", "Leopards", "accordion", "yin_yang"]
    samples = [
        Sample(label, name, f"image_{k:04}", made_up(f"{name} {k}", 180 - 10 * k, 240 - 5 * k))
        for label, name in enumerate(names)
        for k in (0, 1)
    ]
    members = {f"Caltech101/{s.folder}/{s.stem}.bin": writers.atis_bin(s.events) for s in samples}
    members["__MACOSX/Caltech101/accordion/._image_0001.bin"] = b"Mac OS X"
    files = {
        "Caltech101.zip": zipped(members),
        "Caltech101_annotations.zip": zipped({"Caltech101_annotations/accordion/annotation_0001.bin": b"box"}),
    }
    return Published(NCaltech101, files, {(): samples})


def asl_dvs() -> Published:
    """A zip of a zip per letter, with the entry for the root that Dropbox puts into its archives."""
    letters = "abcdefghiklmnopqrstuvwxy"
    samples = [
        Sample(label, letter, f"{letter}_{k:04}", made_up(f"{letter} {k}", 180, 240))
        for label, letter in enumerate(letters)
        for k in ((1, 2) if letter in "ay" else (3,))
    ]
    inner = {
        f"Yin Bi - {letter}.zip": zipped(
            {f"{letter}/{s.stem}.mat": writers.asl_dvs(s.events) for s in samples if s.folder == letter}
        )
        for letter in letters
    }
    return Published(ASLDVS, {"ICCV2019_DVS_dataset.zip": zipped({"/": b"", **inner})}, {(): samples})


def _nav_gesture(cls: type[Any], archive: str) -> Published:
    """A zip of a zip per person; some recordings have a text at their beginning, some have not."""
    inner, samples = {}, []
    for user in ("user09", "user11"):
        members = {}
        for label, code in enumerate(["do", "ho", "le", "ri", "se", "up"]):
            stem = f"{user}_{code}_{label + 3}"
            events = made_up(f"{archive} {stem}", 240, 304, first=500_000)
            members[f"{user}/{stem}.dat"] = writers.dat1(events, text=b"% Data file\n" if label % 2 else b"")
            start = events[0].t
            samples.append(Sample(label, code, stem, [event._replace(t=event.t - start) for event in events]))
        inner[f"{user}.zip"] = zipped(members)
    return Published(cls, {archive: zipped(inner)}, {(): samples}).sort()


def nav_gesture_walk() -> Published:
    return _nav_gesture(NAVGestureWalk, "navgesture-walk.zip")


def nav_gesture_sit() -> Published:
    return _nav_gesture(NAVGestureSit, "navgesture-sit.zip")


def dvs_lip() -> Published:
    samples: dict[tuple[Any, ...], list[Sample]] = {}
    members = {}
    for part, train, count in (("train", True, 3), ("test", False, 1)):
        samples[train,] = [
            Sample(label, word, str(k), made_up(f"{part} {word} {k}", 128, 128))
            for label, word in enumerate(["accused", "action", "young"])
            for k in range(count)
        ]
        members |= {f"DVS-Lip/{part}/{s.folder}/{s.stem}.npy": writers.dvs_lip(s.events) for s in samples[train,]}
    return Published(DVSLip, {"DVS-Lip.zip": zipped(members)}, samples)


def es_imagenet_members() -> tuple[dict[str, bytes], dict[tuple[Any, ...], list[Sample]]]:
    """Class 2 comes before class 10. Times are steps; ON events come first in each."""
    members, lines = {}, []
    samples: dict[tuple[Any, ...], list[Sample]] = {(True,): [], (False,): []}
    number = 0
    for label in (0, 1, 2, 10, 999):
        for train, count in ((True, 2), (False, 1)):
            for k in range(count):
                drawn = made_up(f"{label} {train} {k}", 240, 240)
                events = [event._replace(t=1 + i * 8 // len(drawn)) for i, event in enumerate(drawn)]
                events.sort(key=lambda event: (event.t, -event.p))
                number += 7
                stem = f"class{label}_{k}" if train else f"ILSVRC2012_val_{number:08}"
                place = f"train/class{label}" if train else "val"
                members[f"ES-imagenet-0.18/{place}/{stem}.npz"] = writers.es_imagenet(events)
                samples[train,].append(Sample(label, f"class{label}", stem, events))
                if not train:
                    lines.insert(0, f"{stem}.npz {label} 254 190\r\n")
    members["ES-imagenet-0.18/vallabel.txt"] = ("".join(lines) + "\n").encode()
    members["ES-imagenet-0.18/trainlabel.txt"] = b"not needed"
    return members, samples


def es_imagenet() -> Published:
    """25 volumes, of which the tests' stand-in for the unpacking program reads the first one as a zip."""
    members, samples = es_imagenet_members()
    return Published(ESImageNet, {"ES-imagenet-0.18.part01.rar": zipped(members)}, samples)


def hardvs() -> Published:
    """A zip of a zip per action, with the recordings right inside; one recording is in no list."""
    parts = {"train": (0, 3), "val": (1,), "test": (2,)}
    samples: dict[tuple[Any, ...], list[Sample]] = {(part,): [] for part in parts}
    inner, lists = {}, dict.fromkeys(parts, "")
    for label in range(3):
        action = f"action_{label + 1:03}"
        members = {"dvSave-2021_10_15_09_00_00.npz": writers.hardvs(made_up("unlisted", 260, 346))}
        for part, numbers in parts.items():
            for k in numbers:
                stem = f"dvSave-2021_10_15_19_1{label}_{k:02}"
                events = made_up(f"{action} {stem}", 260, 346)
                members[f"{stem}.npz"] = writers.hardvs(events, packed=k % 2 == 0)
                samples[part,].append(Sample(label, action, stem, events))
                lists[part] += f"{action}/{stem} {label} 0 90\n"
        inner[f"MINI_HARDVS_files/{action}.zip"] = zipped(members)
    files = {f"{part}_label.txt": text.encode() for part, text in lists.items()}
    return Published(HARDVS, {"MINI_HARDVS_files.zip": zipped(inner), **files}, samples)


def bullying10k() -> Published:
    """One of six recordings of a class is for the test; the labels are not in alphabetical order."""
    names = [
        "handshake",
        "slapping",
        "punching",
        "walking",
        "fingerguess",
        "strangling",
        "greeting",
        "pushing",
        "hairgrabs",
        "kicking",
    ]
    samples: dict[tuple[Any, ...], list[Sample]] = {(True,): [], (False,): []}
    files = {}
    for label, name in enumerate(names):
        members = {}
        for k in range(6):
            events = made_up(f"{name} {k}", 260, 346)
            members[f"{name}/{name}_{k:03}.npy"] = pickles.bullying10k(events)
            samples[k % 5 != 4,].append(Sample(label, name, f"{name}_{k:03}", events))
        # The order in the archive is not the order of the names.
        files[f"{name}.zip"] = zipped(dict(reversed(members.items())))
    return Published(Bullying10kClassification, files, samples)


ALL: Sequence[Callable[[], Published]] = (
    dvs128_gesture, cifar10_dvs, n_mnist, n_caltech101, asl_dvs, nav_gesture_walk, nav_gesture_sit, dvs_lip,
    es_imagenet, hardvs, bullying10k,
)  # fmt: skip
