"""A whole data set as pictures."""

import os
from pathlib import Path
from typing import Any

from spikingjelly.datasets._folder import NeuromorphicDatasetFolder
from spikingjelly.datasets._pictures import save_as_pic
from spikingjelly.datasets._preparation.workers import Settings, map_files, settings


def save_every_frame_of_an_entire_DVS_dataset(
    dataset: str,
    dataset_path: str | os.PathLike[str],
    time_steps: int,
    save_pic_to: str | os.PathLike[str] = "./",
    number_of_threads: int = 4,
) -> None:
    """Write every frame of every sample of a data set to a picture, coloured as :func:`play_frame` shows them.

    The pictures are ``<save_pic_to>/<class name>/[<part>/]<class>/<sample>_<t>.png``, as in
    ``DVS128Gesture/train/0/user01_led_0_3.png``. The frames have equal numbers of events; what is missing of them is
    made in ``dataset_path`` first.

    :param dataset: name of a data set of pixels, such as ``"DVS128Gesture"`` or ``"CIFAR10DVS"``; case and hyphens
        don't matter, and ``python -m spikingjelly.datasets list`` knows all
    :param dataset_path: the folder of the data set
    :param time_steps: frames per sample
    :param save_pic_to: the folder of the pictures; made if missing
    :param number_of_threads: how many pictures are drawn at a time
    :raises LookupError: if there is no data set of that name; tells which look alike
    :raises ValueError: if it is none of events of pixels, or ``time_steps`` is not a positive int
    :raises ImportError: if Pillow is missing
    """
    from spikingjelly.datasets._command.registry import find

    entry = find(dataset)
    cls = entry.load()
    if not issubclass(cls, NeuromorphicDatasetFolder):
        raise ValueError(f"{entry.name} has no events of pixels, so there are no pictures of its frames.")
    for split, chosen in entry.splits.items():
        samples: Any = cls(
            dataset_path, **chosen.arguments, data_type="frame", frames_number=time_steps, split_by="number"
        )
        target = Path(save_pic_to) / cls.__name__ / split

        def draw(path: Path, samples: Any = samples, target: Path = target) -> None:
            save_as_pic(samples.loader(str(path)), target / path.relative_to(samples.root).parent, path.stem)

        with settings(Settings(num_workers=number_of_threads)):
            map_files(draw, [path for path, _ in samples.samples], f"Drawing {split or cls.__name__}")
