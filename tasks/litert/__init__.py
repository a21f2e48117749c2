"""The one place that runs LiteRT models: nothing else in slimline makes an interpreter.

Some networks keep variables in the interpreter from one run to the next: an LSTM has its state there. Every run begins
with fresh ones (:func:`run`), so that an answer never depends on the samples before. The runtime can set back the
variables that belong to tensors; a file that writes resource variables, which nothing sets back, is refused.

One door: other packages import from here.
"""

from tasks.litert.interpreter import Interpreter, load, run
from tasks.litert.machine import cpu_name, runtime_name
from tasks.litert.model import LiteRTModel
from tasks.litert.reading import State, input_names, signature_of, state_of
from tasks.litert.tensor import Scores, Tensor, tensor_of

__all__ = [
    "Interpreter",
    "LiteRTModel",
    "Scores",
    "State",
    "Tensor",
    "cpu_name",
    "input_names",
    "load",
    "run",
    "runtime_name",
    "signature_of",
    "state_of",
    "tensor_of",
]
