"""A file loaded for inference."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tasks.arrays import Array
from tasks.errors import EvaluationError
from tasks.litert.interpreter import load
from tasks.litert.reading import signature_of, state_of
from tasks.litert.tensor import Scores, Tensor, tensor_of
from tasks.samples import Inputs, as_inputs

BATCH_ERROR = 0.01  # of the largest score: kernels round batches otherwise, but do not mix their samples


class LiteRTModel:
    """A ``.tflite`` file loaded for inference.

    ``inputs``: what a device must know of each, by the name that the file's signature has for it; ``output``: the
    same of the only output.

    Args:
        source: the file, or its content.
        threads: threads that the runtime may use.
        delegate: use XNNPACK's kernels; see :func:`tasks.litert.load`.
        keep_all: keep the values of all tensors, which :attr:`interpreter` then gives.

    Raises:
        EvaluationError: the file is not a model that this runtime loads, has no names for several inputs, has not one
            output, or keeps variables between samples that nothing sets back.
    """

    def __init__(
        self, source: Path | bytes, threads: int = 1, *, delegate: bool = True, keep_all: bool = False
    ) -> None:
        flatbuffer = source if isinstance(source, bytes) else source.read_bytes()
        self._load = partial(load, flatbuffer, threads, delegate, keep_all)
        name = "the file" if isinstance(source, bytes) else str(source)
        try:
            self.interpreter = self._load()
        except (ValueError, RuntimeError) as error:
            raise EvaluationError(f"Expected {name} to be a model that LiteRT loads. Received: {error}") from None
        outputs, (_, ends) = self.interpreter.get_output_details(), signature_of(flatbuffer)
        if len(outputs) != 1:
            raise EvaluationError(
                f"Expected {name} to have one output. Received: {len(outputs)} outputs. Join them to one."
            )
        inputs = _named_inputs(name, flatbuffer, self.interpreter.get_input_details())
        state = state_of(flatbuffer)
        if state.resources:
            raise EvaluationError(
                f"Expected {name} to answer for each sample alone. Received: a model that writes variables "
                f"(ASSIGN_VARIABLE), so that an answer depends on the samples before. Leave stateful layers out."
            )
        self.stateful = state.tensors > 0
        self._output = int(outputs[0]["index"])
        self.inputs = {known_as: tensor_of(each, known_as) for known_as, each in inputs.items()}
        self._entries = {known_as: int(each["index"]) for known_as, each in inputs.items()}
        self.output = tensor_of(outputs[0], next(iter(ends), ""))
        self._fixed = self._batch = next(iter(self.inputs.values())).shape[0]

    def tensor_of(self, name: str) -> Tensor:
        """Return what a device must know of an input; an only one goes by any name.

        Args:
            name: of the input, as the signature has it.
        """
        return next(iter(self.inputs.values())) if len(self.inputs) == 1 else self.inputs[name]

    def resize(self, batch: int) -> None:
        """Make the model take ``batch`` samples at once.

        Args:
            batch: samples, at least 1.
        """
        if self._batch != batch:
            for name, tensor in self.inputs.items():
                self.interpreter.resize_tensor_input(self._entries[name], [batch, *tensor.shape[1:]])
            self.interpreter.allocate_tensors()
            self._batch = batch

    def fit(self, samples: Inputs | Array) -> Inputs:
        """Return samples by the names of this model's inputs; a model of one takes one of any name, or an array.

        Args:
            samples: ``[n, *shape]`` of each input.

        Raises:
            EvaluationError: the model has other inputs, or takes them in other shapes or as another kind of numbers.
        """
        given = as_inputs(samples)
        if len(self.inputs) == len(given.arrays) == 1:
            given = Inputs({next(iter(self.inputs)): next(iter(given.arrays.values()))})
        if set(given.arrays) != set(self.inputs):
            raise EvaluationError(
                f"Expected samples with the inputs {', '.join(self.inputs)}. Received: {', '.join(given.arrays)}."
            )
        for name, tensor in self.inputs.items():
            tensor.check(name, given.arrays[name])
        return given

    def set_inputs(self, samples: Inputs) -> None:
        """Put a batch of samples, as :meth:`fit` gives them, where the model reads them.

        Args:
            samples: as many as the model takes at once, see :meth:`resize`.
        """
        for name, tensor in self.inputs.items():
            self.interpreter.set_tensor(self._entries[name], tensor.encode(samples.arrays[name]))

    def invoke(self) -> None:
        """Run the model once, from a fresh state, on what :meth:`set_inputs` put there."""
        if self.stateful:
            self.interpreter.reset_all_variables()
        self.interpreter.invoke()

    def scores(self) -> Scores:
        """Return what the last run gave: float32 ``[batch, classes]``, dequantized."""
        return self.output.decode(self.interpreter.get_tensor(self._output))

    def predict(self, samples: Inputs | Array, batch: int = 1) -> Scores:
        """Scores (logits) of samples.

        Args:
            samples: the inputs; an array is that of the only one.
            batch: how many samples may go through at once; 1 is what a device does. A model that does not give for a
                batch what it gives for samples alone gets one sample after the other.

        Returns:
            float32 ``[n, outputs]``.

        Raises:
            EvaluationError: they do not fit the model, see :meth:`fit`.
        """
        given = self.fit(samples)
        if batch > 1 and len(given) > 1 and not self._takes_batches(given[:batch]):
            batch = 1
        parts = [self._answer(given[start : start + batch]) for start in range(0, len(given), batch)]
        return np.concatenate(parts) if parts else np.zeros((0, self.output.shape[-1]), np.float32)

    def _answer(self, part: Inputs) -> Scores:
        self.resize(len(part))
        self.set_inputs(part)
        self.invoke()
        return self.scores()

    def _takes_batches(self, samples: Inputs) -> bool:
        """Return whether a batch gets the answers of its first and last sample alone.

        A graph may be made for one sample: it then fails, gives one answer, or mixes samples without an error.
        """
        if self.stateful:
            return False
        alone = np.concatenate([self._answer(end) for end in (samples[:1], samples[-1:])])
        try:
            together = self._answer(samples)
        except (ValueError, RuntimeError):
            self.interpreter = self._load()  # what could not be resized cannot be used any more
            self._batch = self._fixed
            return False
        if len(together) != len(samples):
            return False
        error = max(BATCH_ERROR * float(np.abs(alone).max()), self.output.scale)
        return bool(np.all(np.abs(together[[0, -1]] - alone) <= error))


def _named_inputs(file: str, flatbuffer: bytes, inputs: Sequence[Any]) -> dict[str, Any]:
    """Return an interpreter's descriptions of inputs by the names that the signature has for them.

    An only one without a name there has that of its tensor.

    Raises:
        EvaluationError: there is none, several have no names, or they do not take as many samples each.
    """
    names = {number: name for name, number in signature_of(flatbuffer)[0].items()}
    if not inputs or len({tuple(each["shape"][:1]) for each in inputs} | {()}) != 2:
        shapes = ", ".join(str(tuple(map(int, each["shape"]))) for each in inputs)
        raise EvaluationError(
            f"Expected {file} to take as many samples in each input. Received: {shapes or 'no input'}. "
            f"Give each a first axis for samples."
        )
    if len(inputs) > 1 and {int(each["index"]) for each in inputs} != set(names):
        raise EvaluationError(
            f"Expected {file} to have a signature with a name for each of its {len(inputs)} inputs. "
            f"Received: {', '.join(names.values()) or 'none'}. Convert the model with its signature."
        )
    found = {names.get(int(each["index"]), str(each["name"])): each for each in inputs}
    return dict(sorted(found.items()))
