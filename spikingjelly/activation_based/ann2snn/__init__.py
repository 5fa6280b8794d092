"""From a trained ANN to a spiking network.

:class:`Converter` is the published conversion. :func:`convert` knows more methods, and its networks run on whole
sequences.
"""

from typing import Any

from spikingjelly.activation_based.ann2snn import sample_models, utils
from spikingjelly.activation_based.ann2snn._report import LayerReport, Report, report
from spikingjelly.activation_based.ann2snn.conversion import convert
from spikingjelly.activation_based.ann2snn.converter import Converter, FXConverter
from spikingjelly.activation_based.ann2snn.folding import fold_scales
from spikingjelly.activation_based.ann2snn.methods import METHODS, Method
from spikingjelly.activation_based.ann2snn.modules import VoltageHook, VoltageScaler
from spikingjelly.activation_based.ann2snn.qcfs import QCFS
from spikingjelly.activation_based.ann2snn.quantised import replace_activations
from spikingjelly.activation_based.ann2snn.recipes import RateCodingRecipe
from spikingjelly.activation_based.ann2snn.simulation import accuracy_over_time, running_mean, simulate
from spikingjelly.activation_based.ann2snn.utils import download_url

__all__ = [
    "METHODS",
    "QCFS",
    "Converter",
    "FXConverter",
    "LayerReport",
    "Method",
    "RateCodingRecipe",
    "Report",
    "VoltageHook",
    "VoltageScaler",
    "accuracy_over_time",
    "convert",
    "download_url",
    "fold_scales",
    "replace_activations",
    "report",
    "running_mean",
    "sample_models",
    "simulate",
    "utils",
]

_OF_TRANSFORMERS = (
    "ConversionRecipe",
    "FXConversionRecipe",
    "LocalThresholdBalancingRecipe",
    "ModuleConversionRecipe",
    "ModuleConverter",
    "Qwen2SNNCalibration",
    "Qwen2SNNConfig",
    "Qwen2SNNModel",
    "Qwen2SNNRecipe",
    "STATransformerRecipe",
    "SignedQCFSSequenceEncoder",
    "SpikeZIPTFQANNRecipe",
    "TransformerTDEquivalentRecipe",
    "calibrate_qwen2_snn",
)

_CONVERTER = "ann2snn.Converter, or ann2snn.convert with one of its methods"
# of releases before 0.0.0.0.10
_REPLACED = dict.fromkeys(
    ("classify_simulator", "onnx2pytorch", "parser", "simulator", "z_norm_integration"), _CONVERTER
)


def __getattr__(name: str) -> Any:
    if name in _REPLACED:
        raise ImportError(f"{__name__}.{name} does not exist. Use {_REPLACED[name]}.")
    if name in _OF_TRANSFORMERS:
        raise ImportError(
            f"spikingjelly.activation_based.ann2snn.{name} of the 2.0 releases does not exist here. Use "
            "ann2snn.convert(ann, images, method=...) for networks with ReLUs; transformers are not converted."
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
