"""How images are augmented and scaled, by torchvision."""

from collections.abc import Sequence
from typing import Any

__all__ = ["ClassificationPresetEval", "ClassificationPresetTrain"]

_MEAN = (0.485, 0.456, 0.406)  # of the channels of ImageNet
_STD = (0.229, 0.224, 0.225)


class ClassificationPresetTrain:
    """A random part of a picture, perhaps mirrored and augmented, as a normalised tensor.

    :param crop_size: rows and columns
    :param mean: subtracted from each channel
    :param std: that each channel is divided by
    :param interpolation: name of an interpolation of torchvision, as in 'bilinear'
    :param hflip_prob: probability to mirror it
    :param auto_augment_policy: None, 'ta_wide', 'ra', or another policy of torchvision's AutoAugment
    :param random_erase_prob: probability to erase a box

    :raises ImportError: if torchvision isn't installed
    """

    def __init__(
        self,
        crop_size: int,
        mean: Sequence[float] = _MEAN,
        std: Sequence[float] = _STD,
        interpolation: Any = "bilinear",
        hflip_prob: float = 0.5,
        auto_augment_policy: str | None = None,
        random_erase_prob: float = 0.0,
    ) -> None:
        transforms = torchvision_transforms()
        mode = transforms.InterpolationMode(interpolation)
        steps = [transforms.RandomResizedCrop(crop_size, interpolation=mode)]
        if hflip_prob > 0:
            steps.append(transforms.RandomHorizontalFlip(hflip_prob))
        if auto_augment_policy == "ta_wide":
            steps.append(transforms.TrivialAugmentWide(interpolation=mode))
        elif auto_augment_policy == "ra":
            steps.append(transforms.RandAugment(interpolation=mode))
        elif auto_augment_policy is not None:
            policy = transforms.AutoAugmentPolicy(auto_augment_policy)
            steps.append(transforms.AutoAugment(policy=policy, interpolation=mode))
        steps += [transforms.ToTensor(), transforms.Normalize(mean, std)]
        if random_erase_prob > 0:
            steps.append(transforms.RandomErasing(random_erase_prob))
        self.transforms = transforms.Compose(steps)

    def __call__(self, img: Any) -> Any:
        return self.transforms(img)


class ClassificationPresetEval:
    """The middle of a picture, as a normalised tensor.

    :param crop_size: rows and columns
    :param resize_size: length of the shorter side before
    :param mean: subtracted from each channel
    :param std: that each channel is divided by
    :param interpolation: name of an interpolation of torchvision, as in 'bilinear'

    :raises ImportError: if torchvision isn't installed
    """

    def __init__(
        self,
        crop_size: int,
        resize_size: int = 256,
        mean: Sequence[float] = _MEAN,
        std: Sequence[float] = _STD,
        interpolation: Any = "bilinear",
    ) -> None:
        transforms = torchvision_transforms()
        self.transforms = transforms.Compose(
            [
                transforms.Resize(resize_size, interpolation=transforms.InterpolationMode(interpolation)),
                transforms.CenterCrop(crop_size),
                transforms.ToTensor(),
                transforms.Normalize(mean, std),
            ]
        )

    def __call__(self, img: Any) -> Any:
        return self.transforms(img)


def torchvision_transforms() -> Any:
    """``torchvision.transforms``.

    :raises ImportError: that says what to do without it
    """
    try:
        from torchvision import transforms
    except ImportError as error:
        raise ImportError(
            "Pictures are augmented by torchvision, which isn't installed: pip install torchvision. Data that needs "
            "none, for example frames of events, comes from a Trainer of your own with another load_data."
        ) from error
    return transforms
