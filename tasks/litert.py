"""The one place that runs LiteRT models: nothing else in slimline makes an interpreter.

Some networks keep variables in the interpreter from one run to the next: an LSTM has its state there. Every run begins
with fresh ones (:func:`run`), so that an answer never depends on the samples before. The runtime can set back the
variables that belong to tensors; a file that writes resource variables, which nothing sets back, is refused.
"""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.errors import EvaluationError
from tasks.samples import Inputs, as_inputs

Scores = NDArray[np.float32]
Interpreter = Any  # ai_edge_litert has no types

BATCH_ERROR = 0.01  # of the largest score: kernels round batches otherwise, but do not mix their samples


@dataclass(frozen=True)
class Tensor:
    """An input or an output, as far as a device must know it.

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

    def check(self, name: str, real: NDArray[Any]) -> None:
        """Refuse samples of another shape, or of numbers that the stored type cannot mean.

        Raises:
            EvaluationError: says what is expected of the input ``name``.
        """
        if real.shape[1:] != self.shape[1:]:
            raise EvaluationError(f"Expected {name} of shape {self.shape[1:]}. Received: {real.shape[1:]}.")
        if not self.scale and not np.can_cast(real.dtype, self.dtype):
            raise EvaluationError(f"Expected {name} as {self.dtype}. Received: {real.dtype.name}.")

    def decode(self, stored: NDArray[Any]) -> Scores:
        """Stored values to real ones."""
        values = stored.astype(np.float32)
        return (values - self.zero_point) * np.float32(self.scale) if self.scale else values


def cpu_name() -> str:
    """Return what the processor calls itself."""
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


def load(flatbuffer: bytes, threads: int = 1, delegate: bool = True, keep_all: bool = False) -> Interpreter:
    """Make an interpreter with its tensors allocated.

    Args:
        flatbuffer: the file's content.
        threads: threads that the runtime may use.
        delegate: use XNNPACK's kernels, as a device does; without it the reference kernels run.
        keep_all: keep the values of all tensors after a run, to be read.

    Raises:
        ValueError, RuntimeError: the runtime does not load it.
    """
    from ai_edge_litert import interpreter as runtime

    resolvers = runtime.OpResolverType
    interpreter = runtime.Interpreter(
        model_content=flatbuffer,
        num_threads=threads,
        experimental_op_resolver_type=resolvers.AUTO if delegate else resolvers.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=keep_all,
    )
    interpreter.allocate_tensors()
    return interpreter


def run(interpreter: Interpreter) -> None:
    """Run once, from a fresh state, on what is in the input tensors. Setting variables back takes 0.3 µs."""
    interpreter.reset_all_variables()
    interpreter.invoke()


@dataclass(frozen=True)
class State:
    """A file's memory in an interpreter between runs.

    ``tensors``: variables that :func:`run` sets back; ``resources``: does it write others, which nothing sets back?
    """

    tensors: int
    resources: bool


def state_of(flatbuffer: bytes) -> State:
    """Read from a file what it keeps between runs."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(flatbuffer)
    graphs = [model.Subgraphs(index) for index in range(model.SubgraphsLength())]
    tensors = sum(graph.Tensors(index).IsVariable() for graph in graphs for index in range(graph.TensorsLength()))
    # a graph that CALL_ONCE names gives variables their first values; only the others run each time
    once = {index for graph in graphs for index in _called_once(model, graph)}
    written = {
        model.OperatorCodes(graph.Operators(index).OpcodeIndex()).BuiltinCode()
        for number, graph in enumerate(graphs)
        if number not in once
        for index in range(graph.OperatorsLength())
    }
    return State(tensors, schema.BuiltinOperator.ASSIGN_VARIABLE in written)


def _called_once(model: Any, graph: Any) -> list[int]:
    from ai_edge_litert import schema_py_generated as schema

    found = []
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        if model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode() == schema.BuiltinOperator.CALL_ONCE:
            options = schema.CallOnceOptions()
            options.Init(operator.BuiltinOptions().Bytes, operator.BuiltinOptions().Pos)
            found.append(int(options.InitSubgraphIndex()))
    return found


def signature_of(flatbuffer: bytes) -> tuple[dict[str, int], dict[str, int]]:
    """Read the names of a file's inputs and outputs, each with the number of its tensor.

    They are those of the first signature; both are empty where a file has none.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(flatbuffer)
    if not model.SignatureDefsLength():
        return {}, {}
    first = model.SignatureDefs(0)
    inputs = [first.Inputs(index) for index in range(first.InputsLength())]
    outputs = [first.Outputs(index) for index in range(first.OutputsLength())]
    return _numbers(inputs), _numbers(outputs)


def input_names(flatbuffer: bytes) -> list[str]:
    """Read the names of a file's inputs in the order in which its first graph takes them."""
    from ai_edge_litert import schema_py_generated as schema

    graph, (entries, _) = schema.Model.GetRootAs(flatbuffer).Subgraphs(0), signature_of(flatbuffer)
    names = {number: name for name, number in entries.items()}
    return [names[int(graph.Inputs(index))] for index in range(graph.InputsLength())]


def _numbers(entries: Sequence[Any]) -> dict[str, int]:
    return {(entry.Name() or b"").decode(errors="replace"): int(entry.TensorIndex()) for entry in entries}


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


class LiteRTModel:
    """A ``.tflite`` file loaded for inference.

    ``inputs``: what a device must know of each, by the name that the file's signature has for it; ``output``: the
    same of the only output.

    Args:
        source: the file, or its content.
        threads: threads that the runtime may use.
        delegate: use XNNPACK's kernels; see :func:`load`.
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
        self.inputs = {known_as: describe(each, known_as) for known_as, each in inputs.items()}
        self._entries = {known_as: int(each["index"]) for known_as, each in inputs.items()}
        self.output = describe(outputs[0], next(iter(ends), ""))
        self._fixed = self._batch = next(iter(self.inputs.values())).shape[0]

    def tensor_of(self, name: str) -> Tensor:
        """Return what a device must know of an input; an only one goes by any name."""
        return next(iter(self.inputs.values())) if len(self.inputs) == 1 else self.inputs[name]

    def resize(self, batch: int) -> None:
        """Make the model take ``batch`` samples at once."""
        if self._batch != batch:
            for name, tensor in self.inputs.items():
                self.interpreter.resize_tensor_input(self._entries[name], [batch, *tensor.shape[1:]])
            self.interpreter.allocate_tensors()
            self._batch = batch

    def fit(self, samples: Inputs | Array) -> Inputs:
        """Return samples by the names of this model's inputs; a model of one takes one of any name, or an array.

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
        """Put a batch of samples, as :meth:`fit` gives them, where the model reads them."""
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
