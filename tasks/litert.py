"""A LiteRT model that takes raw pixels: the one way in which slimline runs what it deploys."""

import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import EvaluationError

Pixels = NDArray[np.uint8]
Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Tensor:
    """What a device must know of an input or an output.

    ``real = (stored - zero_point) * scale`` where ``scale`` is not 0; else values are stored as they are.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int

    def encode(self, real: NDArray[Any]) -> NDArray[Any]:
        """Real values to stored ones, rounded to the nearest and clipped to the type."""
        dtype = np.dtype(self.dtype)
        if not self.scale:
            return real.astype(dtype, copy=False)
        if real.dtype == dtype and self.scale == 1.0 and self.zero_point == 0:
            return real
        limits = np.iinfo(dtype)
        stored = np.rint(real.astype(np.float32) / self.scale) + self.zero_point
        return np.asarray(np.clip(stored, limits.min, limits.max), dtype)

    def decode(self, stored: NDArray[Any]) -> Scores:
        """Stored values to real ones."""
        values = stored.astype(np.float32)
        return (values - self.zero_point) * np.float32(self.scale) if self.scale else values


def cpu_name() -> str:
    """What the processor calls itself."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def runtime_name() -> str:
    """The runtime and its version."""
    return f"ai-edge-litert {version('ai-edge-litert')}"


def describe(details: dict[str, Any], known_as: str = "") -> Tensor:
    """Read an interpreter's description of a tensor, which is ``known_as`` where it has no name of its own."""
    scale, zero_point = details["quantization"]
    return Tensor(
        name=details["name"] or known_as,
        shape=tuple(int(size) for size in details["shape"]),
        dtype=np.dtype(details["dtype"]).name,
        scale=float(scale),
        zero_point=int(zero_point),
    )


class Model:
    """A ``.tflite`` file loaded for inference.

    Args:
        path: the flatbuffer.
        threads: threads that the runtime may use.

    Raises:
        EvaluationError: the file is not a model that this runtime loads, or has not one input and one output.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        from ai_edge_litert.interpreter import Interpreter

        try:
            self.interpreter = Interpreter(model_content=path.read_bytes(), num_threads=threads)
            self.interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise EvaluationError(f"Expected {path} to be a model that LiteRT loads. Received: {error}") from None
        inputs, outputs = self.interpreter.get_input_details(), self.interpreter.get_output_details()
        if len(inputs) != 1 or len(outputs) != 1:
            raise EvaluationError(
                f"Expected {path} to have one input and one output. "
                f"Received: {len(inputs)} inputs, {len(outputs)} outputs."
            )
        self._input, self._output = inputs[0]["index"], outputs[0]["index"]
        names = next(iter(self.interpreter.get_signature_list().values()), {"inputs": [""], "outputs": [""]})
        self.input, self.output = describe(inputs[0], names["inputs"][0]), describe(outputs[0], names["outputs"][0])
        self._batch = self.input.shape[0]

    def resize(self, batch: int) -> None:
        """Make the model take ``batch`` samples at once."""
        if self._batch != batch:
            self.interpreter.resize_tensor_input(self._input, [batch, *self.input.shape[1:]])
            self.interpreter.allocate_tensors()
            self._batch = batch

    def set_input(self, samples: Pixels) -> None:
        """Put ``samples`` (uint8 ``[batch, height, width, channels]``) where the model reads them."""
        self.interpreter.set_tensor(self._input, self.input.encode(samples))

    def invoke(self) -> None:
        """Run the model once on what :meth:`set_input` put there."""
        self.interpreter.invoke()

    def scores(self) -> Scores:
        """What the last run gave: float32 ``[batch, classes]``, dequantized."""
        return self.output.decode(self.interpreter.get_tensor(self._output))

    def predict(self, samples: Pixels, batch: int = 1) -> Scores:
        """Scores (logits) of samples.

        Args:
            samples: uint8 ``[n, height, width, channels]``.
            batch: how many samples go through at once; 1 is what a device does.

        Returns:
            float32 ``[n, classes]``.
        """
        if samples.shape[1:] != self.input.shape[1:]:
            raise EvaluationError(
                f"Expected samples of shape {self.input.shape[1:]} (height, width, channels). "
                f"Received: {samples.shape[1:]}."
            )
        parts = []
        for start in range(0, len(samples), batch):
            part = samples[start : start + batch]
            self.resize(len(part))
            self.set_input(part)
            self.invoke()
            parts.append(self.scores())
        return np.concatenate(parts) if parts else np.zeros((0, self.output.shape[-1]), np.float32)
