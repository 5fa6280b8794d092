"""From a trained ANN to a spiking network."""

from spikingjelly.activation_based.ann2snn.converter import Converter
from spikingjelly.activation_based.ann2snn.modules import VoltageHook, VoltageScaler
from spikingjelly.activation_based.ann2snn.qcfs import QCFS

__all__ = ["QCFS", "Converter", "VoltageHook", "VoltageScaler"]
