"""Networks to convert: a small one for MNIST, and residual networks for CIFAR-10."""

from spikingjelly.activation_based.ann2snn.sample_models import cifar10_resnet, mnist_cnn

__all__ = ["cifar10_resnet", "mnist_cnn"]
