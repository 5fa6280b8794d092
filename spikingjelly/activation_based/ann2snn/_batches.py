"""The images of a dataloader, whatever else it yields."""

from collections.abc import Iterable, Iterator, Sized
from typing import Any

import torch
from tqdm import tqdm

ACCEPTED = "(images, labels), or images alone"


def image_batches(
    owner: str, dataloader: Iterable[Any], device: torch.device, title: str | None
) -> Iterator[torch.Tensor]:
    """The images of each batch on ``device``, with a progress bar if it has a ``title``.

    :raises TypeError: if a batch holds no images where they are expected, or there is no dataloader
    :raises ValueError: if there is no batch
    """
    if not isinstance(dataloader, Iterable) and not hasattr(dataloader, "__getitem__"):
        raise TypeError(
            f"{owner}: activations are measured on images, so the dataloader must be a DataLoader or a list of "
            f"batches, but a {type(dataloader).__name__} was given."
        )
    count = 0
    total = len(dataloader) if isinstance(dataloader, Sized) else None
    shown = dataloader if title is None else tqdm(dataloader, desc=title, total=total, unit="batch", leave=False)
    for batch in shown:
        count += 1
        yield _images_of(owner, batch).to(device)
    if count == 0:
        raise ValueError(f"{owner}: the dataloader gave no batch; activations can't be measured without images.")


def _images_of(owner: str, batch: Any) -> torch.Tensor:
    images = batch[0] if isinstance(batch, list | tuple) and batch else batch
    if isinstance(images, torch.Tensor):
        return images
    keys = f" with the keys {', '.join(map(repr, batch))}" if isinstance(batch, dict) else ""
    raise TypeError(
        f"{owner}: each batch of the dataloader must be {ACCEPTED}, but it is a {type(batch).__name__}{keys}. "
        "Take the images out first: [batch['images'] for batch in dataloader]."
    )
