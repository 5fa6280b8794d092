"""What tells the ResNets of the papers apart: the kind of block, its number in each stage, groups and width."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """A ResNet.

    :param bottleneck: whether its blocks are bottlenecks
    :param layers: number of blocks in each stage
    :param groups: groups of the 3x3 convolutions
    :param width_per_group: their width
    """

    bottleneck: bool
    layers: tuple[int, int, int, int]
    groups: int = 1
    width_per_group: int = 64


SHAPES = {
    "resnet18": Shape(False, (2, 2, 2, 2)),
    "resnet34": Shape(False, (3, 4, 6, 3)),
    "resnet50": Shape(True, (3, 4, 6, 3)),
    "resnet101": Shape(True, (3, 4, 23, 3)),
    "resnet152": Shape(True, (3, 8, 36, 3)),
    "resnext50_32x4d": Shape(True, (3, 4, 6, 3), groups=32, width_per_group=4),
    "resnext101_32x8d": Shape(True, (3, 4, 23, 3), groups=32, width_per_group=8),
    "wide_resnet50_2": Shape(True, (3, 4, 6, 3), width_per_group=128),
    "wide_resnet101_2": Shape(True, (3, 4, 23, 3), width_per_group=128),
}
