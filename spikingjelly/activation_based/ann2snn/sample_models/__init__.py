"""Networks to convert: a small one for MNIST, and residual networks for CIFAR-10."""

from spikingjelly.activation_based.ann2snn.sample_models import cifar10_resnet, mnist_cnn
from spikingjelly.activation_based.ann2snn.sample_models.cifar10_resnet import (
    BasicBlock,
    Bottleneck,
    ResNet,
    ResNet18,
    ResNet34,
    ResNet50,
    ResNet101,
    ResNet152,
)
from spikingjelly.activation_based.ann2snn.sample_models.mnist_cnn import CNN

__all__ = [
    "CNN",
    "BasicBlock",
    "Bottleneck",
    "ResNet",
    "ResNet18",
    "ResNet34",
    "ResNet50",
    "ResNet101",
    "ResNet152",
    "cifar10_resnet",
    "mnist_cnn",
]
