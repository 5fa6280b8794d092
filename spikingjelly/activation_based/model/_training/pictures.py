"""Data sets of torchvision for a training and its test."""

from pathlib import Path
from typing import Any

from spikingjelly.activation_based.model.tv_ref_classify import presets

# Mean and standard deviation of the channels of CIFAR-10's training images.
CIFAR10_NORM = ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))


def image_folders(args: Any) -> tuple[Any, Any]:
    """The folders train and val in ``args.data_path``."""
    folders = [Path(args.data_path or "", name) for name in ("train", "val")]
    for folder in folders:
        if args.data_path is None or not folder.is_dir():
            raise FileNotFoundError(
                f"--data-path={args.data_path} must be a folder with the folders train and val, each with one "
                f"folder of pictures for each class, but {folder} isn't there."
            )
    train = presets.ClassificationPresetTrain(args.train_crop_size, **_augmentation(args))
    test = presets.ClassificationPresetEval(args.val_crop_size, args.val_resize_size, interpolation=args.interpolation)
    from torchvision.datasets import ImageFolder

    return ImageFolder(str(folders[0]), train), ImageFolder(str(folders[1]), test)


def cifar10(args: Any) -> tuple[Any, Any]:
    """CIFAR-10 in ``args.data_path``, its test images as they are."""
    if args.data_path is None or not Path(args.data_path).is_dir():
        raise FileNotFoundError(
            f"--data-path={args.data_path} must be the folder with cifar-10-batches-py, but it isn't there."
        )
    mean, std = CIFAR10_NORM
    train = presets.ClassificationPresetTrain(args.train_crop_size, mean=mean, std=std, **_augmentation(args))
    transforms = presets.torchvision_transforms()
    test = transforms.Compose([transforms.ToTensor(), transforms.Normalize(mean, std)])
    from torchvision.datasets import CIFAR10

    return CIFAR10(root=args.data_path, train=True, transform=train), CIFAR10(
        root=args.data_path, train=False, transform=test
    )


def _augmentation(args: Any) -> dict[str, Any]:
    return {
        "interpolation": args.interpolation,
        "auto_augment_policy": args.auto_augment,
        "random_erase_prob": args.random_erase,
    }
