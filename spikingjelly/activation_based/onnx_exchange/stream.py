"""A model of one time step in onnxruntime, fed one frame after the other."""

from pathlib import Path
from typing import Any

import numpy as np

from spikingjelly.activation_based._checks import check_positive_int
from spikingjelly.activation_based.onnx_exchange._libraries import library
from spikingjelly.activation_based.onnx_exchange._metadata import read_metadata

_DTYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}


class ONNXStream:
    """Carries the states of a model that :func:`export_to_onnx` wrote from one call to the next, on the CPU.

    :param path: the file
    :param batch_size: how many samples a call has
    :param threads: that onnxruntime computes an operation with; for small models one is fastest

    :raises ImportError: if onnxruntime is not installed
    :raises FileNotFoundError: if there is no such file
    :raises ValueError: if it is no such model, or damaged
    """

    def __init__(self, path: str | Path, batch_size: int = 1, threads: int = 1) -> None:
        check_positive_int(self, "threads", threads)
        runtime = library("onnxruntime")
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"ONNXStream: there is no file {path}.")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = int(threads)
        options.log_severity_level = 4  # what is wrong is raised
        try:
            # From memory, so that the model can't name other files as places of its weights.
            self._session = runtime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
            texts = self._session.get_modelmeta().custom_metadata_map
            self.step_mode, self._records = read_metadata(texts)
            self._check_inputs()
        except Exception as error:  # onnxruntime has a class for each kind, with no base of their own
            raise ValueError(f"ONNXStream: {path} can't be run: {_one_line(error)}.") from error
        self.states: dict[str, np.ndarray] = {}
        self.reset(batch_size)

    def reset(self, batch_size: int | None = None) -> None:
        """Return to the states before the first input.

        :param batch_size: how many samples a call has from now on; default: as many as before
        """
        if batch_size is not None:
            check_positive_int(self, "batch_size", batch_size)
            self.batch_size = int(batch_size)
        for record in self._records:
            described = self._inputs[record.name]
            shape = list(described.shape)
            if record.batch_dim is not None and not isinstance(shape[record.batch_dim], int):
                shape[record.batch_dim] = self.batch_size
            self.states[record.name] = np.broadcast_to(record.initial, shape).astype(_DTYPES[described.type])

    def __call__(self, x: Any) -> np.ndarray:
        """The output ``[N, *]`` of one call for ``x`` ``[N, *]``, or ``[T, N, *]`` where the model takes sequences.

        :raises ValueError: if ``x`` has another shape than the model takes; the states stay
        """
        described = self._inputs["x"]
        x = np.ascontiguousarray(x, dtype=_DTYPES[described.type])
        batch_dim = 0 if self.step_mode == "s" else 1
        expected = [size if isinstance(size, int) else self.batch_size for size in described.shape]
        if list(x.shape) != expected:
            raise ValueError(
                f"ONNXStream: the model takes x with shape {expected}, but the shape {list(x.shape)} was given. The "
                f"number of samples (dimension {batch_dim}) is set by reset(batch_size)."
            )
        y, *after = self._session.run(None, {"x": x, **self.states})
        self.states = dict(zip(self.states, after, strict=True))
        return y

    def _check_inputs(self) -> None:
        self._inputs = {value.name: value for value in self._session.get_inputs()}
        names = [record.name for record in self._records]
        if list(self._inputs) != ["x", *names]:
            raise ValueError(f"its inputs {list(self._inputs)} are not x and the states {names} that it describes")
        outputs = [value.name for value in self._session.get_outputs()]
        if outputs != ["y", *(f"{name}_next" for name in names)]:
            raise ValueError(f"its outputs {outputs} are not y and the states {names} after it")
        for name, value in self._inputs.items():
            if value.type not in _DTYPES:
                raise ValueError(f"its input {name!r} is a {value.type}, but floating-point tensors are expected")


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return (text if len(text) <= 200 else text[:197] + "...").rstrip(".")
